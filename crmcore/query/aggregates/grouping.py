"""What groups are made by: each entry of `groupBy` becomes an expression on the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmcore.kit.periods import Grain, zone_of
from crmcore.kit.sql import Bind, Sql
from crmcore.kit.sql import value as constant
from crmcore.query.arguments import Argument
from crmcore.query.mapping import OneField, RecordType, ValueField
from crmcore.query.operands import text
from crmcore.query.paging import join_one
from crmcore.query.scope import Table
from crmcore.query.values import Value, Values
from crmcore.query.vocabulary import groupable, hops, one_step


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of groupBy as it was given: the relations on the way, the field at their end, and the period."""

    item: Argument
    path: tuple[str, ...]
    field: ValueField | OneField
    grain: Grain | None
    zone: Argument | None

    @property
    def name(self) -> str:
        """`team.parent`: what the answer calls it."""
        return ".".join((*self.path, self.field.name))


@dataclass(frozen=True, slots=True)
class GroupKey:
    """A value that all rows of a group have in common. `target` is the record type where the value is a record."""

    entry: Entry
    value: Value
    target: RecordType | None = None


class Grouping:
    """Reads `groupBy` over the rows of one table. `joins` are what the keys' paths need beside it."""

    def __init__(self, values: Values, table: Table) -> None:
        self.values = values
        self.scope = values.scope
        self.table = table
        self.joins: list[Sql] = []
        self._joined: dict[tuple[str, ...], Table] = {}

    def keys(self, given: Argument | None) -> list[GroupKey]:
        """The keys in the order of groupBy; none without one."""
        items = [] if given is None or given.is_null() else given.items()
        return [self._key(self.entry(item)) for item in items]

    def entry(self, item: Argument, path: tuple[str, ...] = (), record: RecordType | None = None) -> Entry:
        """What an entry says. BadInput if it is not exactly one field at the end of a path."""
        record = record or self.scope.registry.by_model[self.table.model]
        parts = {name: part for name, part in item.fields().items() if not part.is_null()}
        grain, zone = parts.pop("dateGrain", None), parts.pop("timeZone", None)
        if len(parts) != 1:
            raise item.fail(one_step(hops(record)))
        ((name, part),) = parts.items()
        if name == "field":
            return self._checked(
                Entry(item, path, groupable(record)[part.exact()], grain.exact() if grain else None, zone)
            )
        if grain or zone:
            raise (grain or zone or item).fail("dateGrain and timeZone belong beside field, at the end of the path.")
        if len(path) >= self.scope.limits.filter_depth:
            raise part.fail(f"groups may go through {self.scope.limits.filter_depth} relations, not more.")
        hop = record.fields[name]
        assert isinstance(hop, OneField)
        return self.entry(part, (*path, name), self.scope.registry.records[hop.target])

    def _checked(self, entry: Entry) -> Entry:
        """Periods are made of days and instants, zones belong to instants."""
        kind = "" if isinstance(entry.field, OneField) else entry.field.kind
        if entry.grain and kind not in ("date", "datetime"):
            raise entry.item.fail(f"{entry.name} is no date: leave dateGrain out.")
        if entry.grain == "HOUR" and kind == "date":
            raise entry.item.fail(f"{entry.name} is a day and has no hours.")
        if entry.zone and not (entry.grain and kind == "datetime"):
            raise entry.zone.fail("a time zone goes with the dateGrain of a DateTime field. Leave it out.")
        return entry

    def _key(self, entry: Entry) -> GroupKey:
        table, field = self._at(entry.path), entry.field
        if isinstance(field, OneField):
            target = self._at((*entry.path, field.name))
            return GroupKey(entry, self.values.id(target), self.scope.registry.records[field.target])
        value = self.values.of(table, field)
        if not entry.grain:
            return GroupKey(entry, value)
        period = self.scope.dialect.period(value.kind, value.sql, entry.grain, self._zone(entry.zone))
        return GroupKey(entry, Value(table, period, "datetime" if entry.grain == "HOUR" else "date", True, value.name))

    def _at(self, path: Sequence[str]) -> Table:
        """The table at the end of a path of to-one relations, joined once."""
        table = self.table
        for place, name in enumerate(path, 1):
            table = join_one(self.scope, table, name, tuple(path[:place]), self._joined, self.joins)
        return table

    def related(self, field: OneField) -> Table:
        """The records at the other side of a relation, as far as the caller sees them."""
        return self._at((field.name,))

    @staticmethod
    def _zone(given: Argument | None) -> Bind:
        return constant("UTC", "text") if given is None else given.bind(_zone_name, "text")


def _zone_name(given: Any) -> str:
    return zone_of(text(given)).key
