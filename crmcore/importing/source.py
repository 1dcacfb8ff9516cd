"""Reading a CSV file: its encoding, its header, its rows with their line numbers."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crmcore.errors import ConfigError
from crmcore.importing.mapping import FileMapping, nearest

BECAUSE: Final = "refused_because"
"""The column that a file of refused rows has more."""

_BLOCK: Final = 1 << 20
_WIDER: Final = {"utf-8": "utf-8-sig", "gbk": "gb18030", "gb2312": "gb18030"}
"""What a declared encoding is read as: the same, with all that files which say so may hold."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: where it begins in the file, the values as they stand there, and what is wrong with its shape."""

    number: int
    values: tuple[str, ...]
    broken: str = ""


class Source:
    """A CSV file that has been found readable: its whole text decodes, and it has the columns that are wanted."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self.path = path
        self.delimiter = mapping.delimiter
        self.encoding = _encoding(path, mapping)
        with path.open("rb") as raw:
            self.lines_in_all = sum(block.count(b"\n") for block in iter(lambda: raw.read(_BLOCK), b""))
        self._mapping = mapping
        self.header = self._header()
        self.places = {name: place for place, name in enumerate(self.header)}
        self._check_columns()

    def lines(self) -> Iterator[Line]:
        """Every row that is not empty."""
        with self._open() as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            next(reader)
            end = reader.line_num
            while True:
                start = end + 1
                try:
                    values = next(reader, None)
                except csv.Error as error:
                    raise ConfigError(f"{self.path}, line {start}: {error}. Is a quotation mark missing?") from error
                end = reader.line_num
                if values is None:
                    return
                if any(value.strip() for value in values):
                    yield Line(start, tuple(values), self._broken(values))

    def write_refused(self, target: Path, refused: list[tuple[Line, str]]) -> None:
        """The refused rows as they stood in the file, in its encoding, with the reason beside them."""
        kept = [place for name, place in self.places.items() if name != BECAUSE]
        with target.open("w", encoding=self.encoding, errors="backslashreplace", newline="") as text:
            writer = csv.writer(text, delimiter=self.delimiter)
            writer.writerow([*(self.header[place] for place in kept), BECAUSE])
            for line, reason in refused:
                if line.broken:  # stays broken, so that nobody imports it without a look
                    writer.writerow([*line.values, reason])
                else:
                    writer.writerow([*(line.values[place] for place in kept), reason])

    def row(self, line: Line) -> Mapping[str, str]:
        """A row's values by column, without blanks at their ends."""
        return {name: line.values[place].strip() for name, place in self.places.items()}

    def _broken(self, values: list[str]) -> str:
        if len(values) == len(self.header):
            return ""
        return f"the row has {len(values)} values, the header names {len(self.header)} columns"

    def _open(self) -> io.TextIOWrapper:
        return self.path.open(encoding=self.encoding, newline="")

    def _header(self) -> list[str]:
        with self._open() as text:
            try:
                names = [name.strip() for name in next(csv.reader(text, delimiter=self.delimiter, strict=True), [])]
            except csv.Error as error:
                raise ConfigError(f"{self.path}, line 1: {error}.") from error
        if not any(names):
            raise ConfigError(f"{self.path} is empty: the first line must name the columns.")
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"{self.path} has two columns named {twice[0]!r}: rename one.")
        return names

    def _check_columns(self) -> None:
        for column in self._mapping.columns():
            if column not in self.places:
                hint = nearest(column, self.header)
                if len(self.header) == 1:
                    hint = f"; its header is one column, {self.header[0]!r}: set delimiter in the mapping."
                raise self._mapping.wrong(f"{self.path.name} has no column {column!r}{hint}", key=column)


def _encoding(path: Path, mapping: FileMapping) -> str:
    """The declared encoding, or UTF-8 (with or without a mark), or GB18030: one that the whole file is valid in."""
    declared = mapping.encoding
    if declared:
        try:
            name = codecs.lookup(declared).name
        except LookupError as error:
            raise mapping.wrong(
                f'there is no encoding {declared!r}: write "utf-8", "gbk" or "gb18030".', key="encoding"
            ) from error
        name = _WIDER.get(name, name)
        problem = _invalid(path, name)
        if problem:
            raise ConfigError(f"{path} is not valid {declared}: {problem}. Correct `encoding` in the mapping.")
        return name
    problem = _invalid(path, "utf-8-sig")
    if not problem:
        return "utf-8-sig"
    if not _invalid(path, "gb18030"):
        return "gb18030"
    raise ConfigError(
        f"{path} is neither UTF-8 ({problem}) nor GB18030: declare its encoding in the mapping, "
        'such as encoding = "cp1252".'
    )


def _invalid(path: Path, encoding: str) -> str:
    """Why the file is not valid in an encoding; empty when it is."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    try:
        with path.open("rb") as raw:
            while block := raw.read(_BLOCK):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    line += error.object[: error.start].count(b"\n")
                    return f"{error.reason} in line {line}"
                line += block.count(b"\n")
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return f"it ends within a character, in line {line}"
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from error
    return ""
