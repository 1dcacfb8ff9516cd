"""A file of rows: its columns, its rows with their line numbers, in whatever form they are written."""

from __future__ import annotations

import csv
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final

from crmcore.errors import ConfigError
from crmcore.importing.mapping import FileMapping, nearest

BECAUSE: Final = "refused_because"
"""The column that a file of refused rows has more."""

_GUARDED: Final = re.compile(r"'+[=+\-@\t\r]")
_UNSTORABLE: Final = re.compile(r"[\0\ud800-\udfff]")

_BROKEN: Final = "the row holds a character that is no text: NUL, or half of a surrogate pair"


@dataclass(frozen=True, slots=True)
class Line:
    """One row: where it begins in the file, the values as they stand there, and what is wrong with its shape. `absent`
    are the columns of which it says nothing, not even that they are empty."""

    number: int
    values: tuple[str, ...]
    broken: str = ""
    absent: frozenset[str] = frozenset()


class Source(ABC):
    """A file that has been found readable. ConfigError on making one says why it is not."""

    delimiter: str = ","
    encoding: str = "utf-8"
    header: Sequence[str]
    lines_in_all: int

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self.name = name or str(path)

    def lines(self) -> Iterator[Line]:
        """Every row that is not empty. One with a character that no database can hold is broken, and shows U+FFFD in
        its place."""
        for line in self.read():
            if _UNSTORABLE.search("".join(line.values)):
                values = tuple(map(harmless, line.values))
                yield replace(line, values=values, broken=line.broken or _BROKEN)
            else:
                yield line

    @abstractmethod
    def read(self) -> Iterator[Line]:
        """Every row that is not empty, with whatever characters stand in it."""

    def take_header(self, names: Iterable[str]) -> None:
        """The columns, each with a name of its own."""
        self.header = [harmless(name).strip() for name in names]
        if not any(self.header):
            raise ConfigError(f"{self.name} is empty: the first line must name the columns.")
        twice = sorted({name for name in self.header if self.header.count(name) > 1})
        if twice:
            raise ConfigError(f"{self.name} has two columns named {twice[0]!r}: rename one.")
        self.places = {name: place for place, name in enumerate(self.header)}

    def check_columns(self, mapping: FileMapping) -> None:
        """ConfigError if the mapping wants a column that is not there."""
        for column in mapping.columns():
            if column not in self.places:
                hint = nearest(column, self.header)
                if len(self.header) == 1:
                    hint = f"; its header is one column, {self.header[0]!r}: set delimiter in the mapping."
                raise mapping.wrong(f"{self.path.name} has no column {column!r}{hint}", key=column)

    def row(self, line: Line) -> Mapping[str, str]:
        """A row's values by column, without blanks at their ends and without the mark that keeps a spreadsheet from
        taking a text for a formula."""
        return {name: _plain(line.values[place]) for name, place in self.places.items()}

    def refused_header(self) -> list[str]:
        """The columns of a file of refused rows."""
        return [*(name for name in self.header if name != BECAUSE), BECAUSE]

    def refused_row(self, line: Line, reason: str) -> list[str]:
        """A row of it. One whose shape is broken stays so: nobody imports it without a look."""
        if line.broken and len(line.values) != len(self.header):
            return [*line.values, reason]
        return [*(line.values[place] for name, place in self.places.items() if name != BECAUSE), reason]

    def write_refused(self, text: IO[str], refused: Iterable[tuple[Line, str]]) -> None:
        """The refused rows as they stood in the file, with the reason beside them."""
        writer = csv.writer(text, delimiter=self.delimiter)
        writer.writerow(self.refused_header())
        for line, reason in refused:
            writer.writerow(self.refused_row(line, reason))

    def broken(self, values: Sequence[str]) -> str:
        """What is wrong with the number of values; empty if nothing is."""
        if len(values) == len(self.header):
            return ""
        return f"the row has {len(values)} values, the header names {len(self.header)} columns"


def harmless(text: str) -> str:
    """The text with U+FFFD for every character that no database can hold: NUL, and half of a surrogate pair."""
    return _UNSTORABLE.sub("\ufffd", text)


def _plain(value: str) -> str:
    value = value.strip()
    return value[1:] if value[:1] == "'" and _GUARDED.match(value) else value
