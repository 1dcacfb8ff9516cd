"""A mapping held against the records of the graph: API names become columns, texts get their converters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from crmcore.importing.mapping import LINE, NOTHING, FieldMapping, FileMapping, RecordMapping, nearest
from crmcore.importing.values import Converter, Notation, constant, converter
from crmcore.kit.periods import zone_of
from crmcore.platform.fields import Column
from crmcore.query import ColumnField, FieldMap, MoneyField, OneField, RecordType, Registry
from crmcore.records import Record

BY_ID: Final = "\x00id"
"""Stands for the system of a key that is an id of ours. No system that a caller names has this character in it."""

BY_LINE: Final = "\x00line"
"""The same of a key that is no record's: what it stands for is made anew."""

ANYTHING = "*"
"""In `values`: every text that has no entry of its own. The empty text stands for an empty value."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """A record found by a unique text: the target and its name in messages, the column, and what else must hold."""

    target: type[Record]
    kind: str
    column: str
    folded: bool
    within: tuple[tuple[str, type[Record], str], ...] = ()
    """Foreign key column, the record it names, and that record's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundField:
    """One field of a record. `kind` says which of the other attributes count."""

    mapping: FieldMapping
    kind: Literal["value", "ref", "lookup", "record"]
    column: str
    once: bool = False
    """Whether the API sets it at creation only; a later change is a move."""
    convert: Converter | None = None
    translate: Mapping[str, Any] | None = None
    constant: Any = NOTHING
    default: Any = NOTHING
    currency_column: str = ""
    target: RecordType | None = None
    lookup: Lookup | None = None

    @property
    def name(self) -> str:
        return self.mapping.name


@dataclass(frozen=True, slots=True)
class BoundRecord:
    """One record that a row becomes. `folded` keys are compared without case and accents."""

    mapping: RecordMapping
    type: RecordType
    fields: tuple[BoundField, ...]
    system: str
    """Whose ids the keys are: a system, BY_ID, BY_LINE, or `\\x00` and the column that they are looked up in."""
    folded: bool = False

    @property
    def name(self) -> str:
        return self.mapping.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that an import may set."""
        own = [f.column for f in self.fields]
        return tuple(dict.fromkeys([*own, *(f.currency_column for f in self.fields if f.currency_column)]))


@dataclass(frozen=True, slots=True)
class Binding:
    """A whole mapping, bound. `records` are in an order in which each comes after those it names."""

    mapping: FileMapping
    setup: tuple[BoundRecord, ...]
    records: tuple[BoundRecord, ...]


def bind(mapping: FileMapping, registry: Registry) -> Binding:
    """ConfigError names the type, field or value that does not fit."""
    binder = _Binder(mapping, registry)
    setup = binder.blocks(mapping.setup)
    return Binding(mapping, setup, binder.blocks(mapping.records, mapping.setup))


@dataclass(slots=True)
class _Binder:
    mapping: FileMapping
    registry: Registry
    zone: ZoneInfo = field(init=False)

    def __post_init__(self) -> None:
        try:
            self.zone = zone_of(self.mapping.time_zone)
        except ValueError as error:
            raise self.mapping.wrong(
                f"there is no time zone {self.mapping.time_zone!r}: write one like Europe/Berlin.", key="time_zone"
            ) from error

    def blocks(self, blocks: Sequence[RecordMapping], known: Sequence[RecordMapping] = ()) -> tuple[BoundRecord, ...]:
        types = {block.name: self._type(block) for block in (*known, *blocks)}
        bound = {block.name: self._block(block, types) for block in blocks}
        return tuple(bound[name] for name in self._order(blocks, {block.name for block in known}))

    def _type(self, block: RecordMapping) -> RecordType:
        found = self.registry.records.get(block.type)
        if found is None or found.is_log:
            hint = nearest(block.type, [name for name, known in self.registry.records.items() if not known.is_log])
            raise self.mapping.wrong(f"there is no record type {block.type!r}{hint}", block.name, "type")
        return found

    def _order(self, blocks: Sequence[RecordMapping], known: set[str]) -> list[str]:
        """Names in an order in which a record comes after the ones it refers to."""
        waiting = {block.name: {f.record for f in block.fields if f.record} - known for block in blocks}
        done: list[str] = []
        while waiting:
            free = [name for name, needs in waiting.items() if needs <= set(done)]
            if not free:
                names = ", ".join(waiting)
                raise self.mapping.wrong(f"these records name each other in a circle: {names}.", next(iter(waiting)))
            done += free
            waiting = {name: needs for name, needs in waiting.items() if name not in free}
        return done

    def _block(self, block: RecordMapping, types: Mapping[str, RecordType]) -> BoundRecord:
        kind = types[block.name]
        fields = tuple(self._field(block, f, kind, types) for f in block.fields)
        if block.match in ("", "id", LINE):
            return BoundRecord(block, kind, fields, {"": self.mapping.system, "id": BY_ID, LINE: BY_LINE}[block.match])
        found = self._text_field(block, block.match, kind, block.match)
        return BoundRecord(block, kind, fields, f"\x00{found.folded or found.column}", found.folded is not None)

    def _field(
        self, block: RecordMapping, given: FieldMapping, kind: RecordType, types: Mapping[str, RecordType]
    ) -> BoundField:
        found = kind.fields.get(given.name)
        settable = [n for n, f in kind.fields.items() if _settable(f)]
        if found is None:
            hint = nearest(given.name, settable)
            raise self.mapping.wrong(f"{kind.name} has no field {given.name!r}{hint}", block.name, given.name)
        if not _settable(found):
            hint = f"{kind.name}.{given.name} cannot be set: crmcore keeps it itself."
            raise self.mapping.wrong(hint, block.name, given.name)
        if isinstance(found, OneField):
            return self._one(block, given, found, types)
        if given.ref is not None or given.record or given.by:
            raise self.mapping.wrong(
                f"{kind.name}.{given.name} is a value, so ref, record and by do not fit.", block.name, given.name
            )
        assert isinstance(found, ColumnField | MoneyField)
        return self._value(block, given, found, kind)

    def _one(
        self, block: RecordMapping, given: FieldMapping, found: OneField, types: Mapping[str, RecordType]
    ) -> BoundField:
        target = self.registry.records[found.target]
        once = found.writable == "create"
        if given.record:
            named = types.get(given.record)
            if named is None:
                hint = nearest(given.record, list(types))
                raise self.mapping.wrong(
                    f"there is no record named {given.record!r} here{hint}", block.name, given.name
                )
            if named is not target:
                raise self.mapping.wrong(
                    f"{block.name}.{given.name} wants a {target.name}, {given.record!r} is a {named.name}.",
                    block.name,
                    given.name,
                )
            return BoundField(mapping=given, kind="record", column=found.column, once=once, target=target)
        if given.ref is not None:
            return BoundField(mapping=given, kind="ref", column=found.column, once=once, target=target)
        if not given.by:
            raise self.mapping.wrong(
                f'{block.name}.{given.name} is a {target.name}: write {{ ref = "column" }} for its id in the other '
                'system, { column = "column", by = "name" } to look it up, or { record = "..." } for one of this row.',
                block.name,
                given.name,
            )
        return BoundField(
            mapping=given,
            kind="lookup",
            column=found.column,
            once=once,
            target=target,
            lookup=self._lookup(block, given, target),
            constant=given.constant,
            translate=given.values,
            default=given.default,
        )

    def _lookup(self, block: RecordMapping, given: FieldMapping, target: RecordType) -> Lookup:
        by = self._text_field(block, given.name, target, given.by)
        within = []
        for name, value in given.within.items():
            inner = target.fields.get(name)
            if not isinstance(inner, OneField) or not isinstance(value, str):
                raise self.mapping.wrong(
                    f'within names a record that {target.name} belongs to, by its name, like {{ pipeline = "Sales" }}.',
                    block.name,
                    given.name,
                )
            within.append((inner.column, self.registry.records[inner.target].written, value))
        return Lookup(target.written, target.root, by.folded or by.column, by.folded is not None, tuple(within))

    def _text_field(self, block: RecordMapping, where: str, target: RecordType, name: str) -> ColumnField:
        found = target.fields.get(name)
        if not isinstance(found, ColumnField) or found.type.kind != "text":
            texts = [n for n, f in target.fields.items() if isinstance(f, ColumnField) and f.type.kind == "text"]
            raise self.mapping.wrong(
                f"{target.name} cannot be looked up by {name!r}{nearest(name, texts)}", block.name, where
            )
        return found

    def _value(
        self, block: RecordMapping, given: FieldMapping, found: ColumnField | MoneyField, kind: RecordType
    ) -> BoundField:
        column: Any = kind.model._meta.fields_map[found.column]
        notation = self._notation(block, given)
        currency = found.currency_column if isinstance(found, MoneyField) else ""
        if currency and not given.currency and not self._has_currency(block, kind, currency):
            raise self.mapping.wrong(
                f'{kind.name}.{given.name} is an amount of money: add currency = "EUR", or '
                'currency = { column = "..." }.',
                block.name,
                given.name,
            )
        return BoundField(
            mapping=given,
            kind="value",
            column=found.column,
            once=found.writable == "create",
            convert=converter(column, notation),
            translate=None
            if given.values is None
            else {text: self._constant(block, given, column, value, notation) for text, value in given.values.items()},
            constant=self._constant(block, given, column, given.constant, notation),
            default=self._constant(block, given, column, given.default, notation),
            currency_column=currency if given.currency else "",
        )

    def _has_currency(self, block: RecordMapping, kind: RecordType, column: str) -> bool:
        """Whether another field of the block gives the currency."""
        names = {n for n, f in kind.fields.items() if isinstance(f, ColumnField) and f.column == column}
        return any(f.name in names or (f.currency and f.name != "") for f in block.fields)

    def _constant(
        self, block: RecordMapping, given: FieldMapping, column: Column, value: Any, notation: Notation
    ) -> Any:
        if value is NOTHING:
            return NOTHING
        if value == "":
            return None
        try:
            return constant(column, value, notation)
        except ValueError as error:
            raise self.mapping.wrong(f"{block.name}.{given.name}: {error}.", block.name, given.name) from error

    def _notation(self, block: RecordMapping, given: FieldMapping) -> Notation:
        whole = self.mapping
        try:
            multiply = Decimal(given.multiply) if given.multiply else None
        except InvalidOperation as error:
            raise whole.wrong(f"multiply = {given.multiply!r} is not a number.", block.name, given.name) from error
        return Notation(
            given.decimal or whole.decimal,
            given.thousands or whole.thousands,
            given.dates or whole.dates,
            self.zone,
            multiply,
            given.separator,
        )


def _settable(found: FieldMap) -> bool:
    return isinstance(found, ColumnField | MoneyField | OneField) and found.writable != "never"


__all__ = ["ANYTHING", "BY_ID", "BY_LINE", "Binding", "BoundField", "BoundRecord", "Lookup", "bind"]
