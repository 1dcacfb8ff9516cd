"""Reading a CSV file: its encoding, its header, its rows with their line numbers."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from crmcore.errors import ConfigError
from crmcore.importing.mapping import FileMapping
from crmcore.importing.source import Line, Source

_BLOCK: Final = 1 << 20
_WIDER: Final = {"utf-8": "utf-8-sig", "gbk": "gb18030", "gb2312": "gb18030"}
"""What a declared encoding is read as: the same, with all that files which say so may hold."""


class DelimitedSource(Source):
    """A CSV file whose whole text decodes."""

    def __init__(self, path: Path, mapping: FileMapping, name: str = "") -> None:
        super().__init__(path, name)
        self.delimiter = mapping.delimiter
        self.encoding = _encoding(path, mapping, self.name)
        with path.open("rb") as raw:
            self.lines_in_all = sum(block.count(b"\n") for block in iter(lambda: raw.read(_BLOCK), b""))
        self.take_header(self._names())

    def read(self) -> Iterator[Line]:
        with self._open() as text:
            reader = csv.reader(text, delimiter=self.delimiter, strict=True)
            next(reader)
            end = reader.line_num
            while True:
                start = end + 1
                try:
                    values = next(reader, None)
                except csv.Error as error:
                    raise ConfigError(f"{self.name}, line {start}: {error}. Is a quotation mark missing?") from error
                end = reader.line_num
                if values is None:
                    return
                if any(value.strip() for value in values):
                    yield Line(start, tuple(values), self.broken(values))

    def _open(self) -> io.TextIOWrapper:
        return self.path.open(encoding=self.encoding, newline="")

    def _names(self) -> list[str]:
        with self._open() as text:
            try:
                return next(csv.reader(text, delimiter=self.delimiter, strict=True), [])
            except csv.Error as error:
                raise ConfigError(f"{self.name}, line 1: {error}.") from error


def encoding_of(declared: str) -> str:
    """What a declared encoding is read as; empty when there is none so called, or it is none of texts."""
    try:
        io.TextIOWrapper(io.BytesIO(), declared)
    except (LookupError, ValueError):
        return ""
    found = codecs.lookup(declared).name
    return _WIDER.get(found, found)


def no_encoding(mapping: FileMapping) -> ConfigError:
    """The refusal of the encoding that a mapping declares."""
    said = f'there is no encoding {mapping.encoding!r}: write "utf-8", "gbk" or "gb18030".'
    return mapping.wrong(said, key="encoding")


def _encoding(path: Path, mapping: FileMapping, name: str) -> str:
    """The declared encoding, or UTF-8 (with or without a mark), or GB18030: one that the whole file is valid in."""
    declared = mapping.encoding
    if declared:
        found = encoding_of(declared)
        if not found:
            raise no_encoding(mapping)
        problem = _invalid(path, found)
        if problem:
            raise ConfigError(f"{name} is not valid {declared}: {problem}. Correct `encoding` in the mapping.")
        return found
    problem = _invalid(path, "utf-8-sig")
    if not problem:
        return "utf-8-sig"
    if not _invalid(path, "gb18030"):
        return "gb18030"
    raise ConfigError(
        f"{name} is neither UTF-8 ({problem}) nor GB18030: declare its encoding in the mapping, "
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
