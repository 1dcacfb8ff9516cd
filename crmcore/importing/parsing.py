"""One row of a file as the records it is to become, without asking the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from crmcore.importing.binding import ANYTHING, BY_ID, BY_LINE, Binding, BoundField, BoundRecord, Lookup
from crmcore.importing.mapping import NOTHING, Row, Template
from crmcore.importing.source import Line
from crmcore.kit.ids import from_global
from crmcore.kit.text import fold
from crmcore.records import Record

RefKey = tuple[str, str, str]
"""Table, system and id there; in the place of the system also what BoundRecord.system says."""


@dataclass(frozen=True, slots=True)
class LookupKey:
    """A record to be found by a text."""

    lookup: Lookup
    text: str

    @property
    def compared(self) -> str:
        return fold(self.text) if self.lookup.folded else self.text


@dataclass(slots=True)
class ParsedRecord:
    """One record of a row: its key, its values, and by column the records that it names."""

    bound: BoundRecord
    key: RefKey
    values: dict[str, Any] = field(default_factory=dict)
    refs: dict[str, RefKey] = field(default_factory=dict)
    lookups: dict[str, LookupKey] = field(default_factory=dict)
    external: tuple[str, str] | None = None

    def named(self) -> Iterator[tuple[RefKey, type[Record]]]:
        """The keys of the record itself and of those it names, with their models."""
        yield self.key, self.bound.type.written
        targets = {bound.column: bound.target for bound in self.bound.fields}
        for column, key in self.refs.items():
            target = targets[column]
            assert target is not None
            yield key, target.written

    @property
    def said(self) -> tuple[Any, ...]:
        """All that the row says of the record, for comparing two rows that share it."""
        return (sorted(self.values.items(), key=lambda kv: kv[0]), sorted(self.refs.items()), self.lookups)


@dataclass(slots=True)
class ParsedRow:
    """A row, its records and why it cannot be used, if it cannot."""

    line: Line
    records: list[ParsedRecord] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Parser:
    """Turns rows into parsed rows; counts the aliases that it uses."""

    def __init__(self, binding: Binding) -> None:
        self.mapping = binding.mapping
        self._setup = {b.name: (b.type.table, binding.mapping.system, b.mapping.constant_key) for b in binding.setup}
        self.aliases: Counter[tuple[str, str, str]] = Counter()

    def wanted(self, row: Row) -> bool:
        """Whether the mapping's `only` lets the row in."""
        return all(row[column] in values for column, values in self.mapping.only.items())

    def read(self, line: Line, row: Mapping[str, str], blocks: tuple[BoundRecord, ...]) -> ParsedRow:
        """The row's records. What is wrong with it is collected, not raised."""
        parsed = ParsedRow(line)
        clean = self._clean(row)
        made = dict(self._setup)
        for block in blocks:
            if block.mapping.when and not clean[block.mapping.when]:
                continue
            try:
                key = _key(block, clean, line)
            except ValueError as error:
                parsed.problems.append(f"{block.name} {error}")
                continue
            record = ParsedRecord(block, (block.type.table, block.system, key))
            record.external = self._external(record, clean)
            made[block.name] = record.key
            for bound in block.fields:
                if line.absent and not line.absent.isdisjoint(bound.mapping.columns()):
                    continue
                try:
                    self._field(record, bound, clean, made)
                except ValueError as error:
                    parsed.problems.append(f"{block.name}.{bound.name}: {error}")
            parsed.records.append(record)
        return parsed

    def _external(self, record: ParsedRecord, row: Row) -> tuple[str, str] | None:
        """What a new record is called in the other system."""
        template = record.bound.mapping.external
        if template is None:
            return None if record.key[1].startswith("\x00") else record.key[1:]
        text = template.fill(row)
        return (self.mapping.system, text) if text else None

    def _clean(self, row: Row) -> Row:
        """Nulls emptied, aliases replaced and counted."""
        nulls, clean = self.mapping.null_values, dict(row)
        for column, value in clean.items():
            if value in nulls:
                clean[column] = ""
        for column, table in self.mapping.aliases.items():
            value = clean.get(column, "")
            meant = table.get(value)
            if meant is not None:
                clean[column] = meant
                self.aliases[column, value, meant] += 1
        return clean

    def _field(self, record: ParsedRecord, bound: BoundField, row: Row, made: Mapping[str, RefKey]) -> None:
        if bound.kind == "value":
            self._value(record, bound, row)
            return
        if bound.kind == "record":
            named = made.get(bound.mapping.record)
        elif bound.kind == "ref":
            assert bound.mapping.ref is not None
            assert bound.target is not None
            text = bound.mapping.ref.fill(row)
            if text and bound.mapping.system == BY_ID:
                text = _own_id(bound.target.table, text)
            named = (bound.target.table, bound.mapping.system or self.mapping.system, text) if text else None
        else:
            self._lookup(record, bound, row)
            return
        if named is None and bound.mapping.required:
            raise ValueError(f"{_columns(bound.mapping.ref)} is empty, but a value is required")
        record.values[bound.column] = None
        if named is not None:
            record.refs[bound.column] = named

    def _lookup(self, record: ParsedRecord, bound: BoundField, row: Row) -> None:
        assert bound.lookup is not None
        text = _text(bound, row)
        if bound.translate is not None:
            text = _translate(bound.translate, text)
        record.values[bound.column] = None
        if text:
            record.lookups[bound.column] = LookupKey(bound.lookup, text)
        elif bound.mapping.required:
            raise ValueError(f"{_columns(bound.mapping.source)} is empty, but a value is required")

    def _value(self, record: ParsedRecord, bound: BoundField, row: Row) -> None:
        value = self._converted(bound, row)
        if value is None and bound.mapping.required:
            raise ValueError(f"{_columns(bound.mapping.source)} is empty, but a value is required")
        if bound.currency_column:
            currency = bound.mapping.currency
            code = currency.fill(row) if isinstance(currency, Template) else currency
            record.values[bound.currency_column] = (code or None) if value is not None else None
        record.values[bound.column] = value

    @staticmethod
    def _converted(bound: BoundField, row: Row) -> Any:
        if bound.constant is not NOTHING:
            return bound.constant
        assert bound.mapping.source is not None
        assert bound.convert is not None
        text = bound.mapping.source.fill(row)
        if bound.translate is not None:
            return _translate(bound.translate, text)
        if text:
            return bound.convert(text)
        return None if bound.default is NOTHING else bound.default


def _key(block: BoundRecord, row: Row, line: Line) -> str:
    """The key of a row's record. ValueError ends a sentence that begins with the record's name."""
    if block.system == BY_LINE:
        return str(line.number)
    template = block.mapping.key
    text = template.fill(row) if template else block.mapping.constant_key
    if not text:
        raise ValueError(f"has no id: {_columns(template)} is empty")
    if block.system == BY_ID:
        return _own_id(block.type.table, text)
    return fold(text) if block.folded else text


def _own_id(table: str, text: str) -> str:
    try:
        prefix, key = from_global(text)
    except ValueError:
        prefix, key = "", None
    if prefix != table:
        raise ValueError(f"cannot be found: {text!r} is no id of a {table.replace('_', ' ')}")
    return str(key)


def _text(bound: BoundField, row: Row) -> str:
    if bound.constant is not NOTHING:
        return str(bound.constant)
    assert bound.mapping.source is not None
    text = bound.mapping.source.fill(row)
    return text or ("" if bound.default is NOTHING else str(bound.default))


def _translate(table: Mapping[str, Any], text: str) -> Any:
    """The table's word for a text. An empty text needs no entry."""
    if text in table:
        return table[text]
    if not text:
        return None
    if ANYTHING in table:
        return table[ANYTHING]
    raise ValueError(f"{text!r} has no entry in values ({', '.join(repr(k) for k in table)})")


def _columns(template: Template | None) -> str:
    return " and ".join(template.columns) if template else "the value"
