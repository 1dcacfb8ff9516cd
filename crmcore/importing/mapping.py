"""A mapping file: what the columns of a file are in crmcore. docs/import.md shows every key.

This module knows the file's shape and nothing of records; `reading.py` reads one, `binding.py` holds it against them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from crmcore.errors import ConfigError
from crmcore.kit.text import fold

LINE: Final = "line"
"""The `match` of records that are made anew for each row."""

NOTHING: Final = object()
"""No constant was given: null is one that can be."""

_PLACE = re.compile(r"\{([^{}|]+)(\|slug)?\}")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Template:
    """Text with columns in it, `{order_id}-{product_id}`; a bare name is that column alone.

    `{name|slug}` is the column in small letters without accents, hyphens between its words: for emails and codes.
    """

    text: str
    columns: tuple[str, ...]
    alone: bool = False

    @classmethod
    def parse(cls, text: str) -> Template:
        found = tuple(name for name, _filter in _PLACE.findall(text))
        return cls(text, found) if found else cls(text, (text,), alone=True)

    def fill(self, row: Row) -> str:
        """The text for one row, without blanks at its ends; empty when all its columns are."""
        if self.alone:
            return row[self.columns[0]]
        if not any(row[column] for column in self.columns):
            return ""
        filled = _PLACE.sub(lambda place: _slug(row[place[1]]) if place[2] else row[place[1]], self.text)
        return " ".join(filled.split())


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fold(text)).strip("-")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """Where one field's value comes from. Exactly one of source, constant, ref and record is set."""

    name: str
    source: Template | None = None
    constant: Any = NOTHING
    ref: Template | None = None
    record: str = ""
    required: bool = False
    default: Any = NOTHING
    values: Mapping[str, Any] | None = None
    by: str = ""
    within: Mapping[str, str] = field(default_factory=dict)
    system: str = ""
    dates: tuple[str, ...] = ()
    currency: str | Template = ""
    multiply: str = ""
    decimal: str = ""
    thousands: str = ""
    separator: str = ";"

    def columns(self) -> Iterator[str]:
        for template in (self.source, self.ref, self.currency):
            if isinstance(template, Template):
                yield from template.columns


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMapping:
    """One record of a row. `key` is its id in the other system; `shared` records are named by many rows.

    Another `match` than that says what the key is: `id`, a text field of the record, or LINE, which is no record's.
    Then `external` may give a new record its id in the other system. `mode` is CREATE, UPDATE or UPSERT.
    """

    name: str
    type: str
    key: Template | None
    constant_key: str = ""
    when: str = ""
    shared: bool = False
    match: str = ""
    external: Template | None = None
    mode: str = "UPSERT"
    fields: tuple[FieldMapping, ...] = ()

    def columns(self) -> Iterator[str]:
        for template in (self.key, self.external):
            if template:
                yield from template.columns
        if self.when:
            yield self.when
        for mapped in self.fields:
            yield from mapped.columns()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMapping:
    """A whole mapping file."""

    path: Path
    text: str
    system: str
    format: str = ""
    sheet: str = ""
    encoding: str = ""
    delimiter: str = ","
    separator: str = ";"
    decimal: str = "."
    thousands: str = ""
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    time_zone: str = "UTC"
    null_values: frozenset[str] = frozenset()
    only: Mapping[str, frozenset[str]] = field(default_factory=dict)
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    setup: tuple[RecordMapping, ...] = ()
    records: tuple[RecordMapping, ...] = ()

    def columns(self) -> Iterator[str]:
        """Every column that the mapping names."""
        yield from self.only
        yield from self.aliases
        for block in self.records:
            yield from block.columns()

    def wrong(self, message: str, block: str = "", key: str = "") -> ConfigError:
        """The refusal of something in this file, with its line where it can be found."""
        line = line_of(self.text, block, key)
        return ConfigError(f"{self.path}{f', line {line}' if line else ''}: {message}")


def line_of(text: str, block: str, key: str) -> int | None:
    """The line of a key: in the block with that name or type, else anywhere."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.lstrip().startswith(("[[record]]", "[[setup]]"))]
    kind = block[:1].upper() + block[1:]
    named = re.compile(rf"""\s*(name\s*=\s*["']{re.escape(block)}|type\s*=\s*["']{re.escape(kind)})["']""")
    spans = [(a, b) for a, b in pairwise([*starts, len(lines)]) if block and any(map(named.match, lines[a:b]))]
    wanted = re.compile(rf"(^|[\s.{{,\"']){re.escape(key)}[\"']?\s*=|^\s*\[+{re.escape(key)}[\].]")
    for start, end in spans or [(0, len(lines))]:
        for number in range(start, end):
            if key and wanted.search(lines[number]):
                return number + 1
    return spans[0][0] + 1 if spans else None


def nearest(word: str, known: Sequence[str]) -> str:
    """`; did you mean "name"?`, or the known ones when there are few."""
    close = get_close_matches(word, known, 1, 0.6)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; it has {', '.join(sorted(known))}." if len(known) <= 40 else "."
