"""Timelines: records of several types in one list, ordered by time. The order is total: time, then id, then type."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Sql
from crmcore.platform.predicates import shown_by_parent
from crmcore.query.arguments import Argument
from crmcore.query.cursors import Cursors, binding_of
from crmcore.query.mapping import Member, RecordType, TimelineField
from crmcore.query.merged import MergedLists, RecordOfTypes, Side
from crmcore.query.operands import CASTS, converter
from crmcore.query.paging import Key, Order
from crmcore.query.scope import Place, Scope, Table
from crmcore.query.values import Value
from crmcore.query.vocabulary import enum_name


class Timelines:
    """Compiles timelines within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors, records: RecordOfTypes) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.lists = MergedLists(scope, cursors, records)

    def compile(
        self,
        name: str,
        holder: Table,
        field: TimelineField,
        given: Mapping[str, Argument],
        type_: GraphQLObjectType,
        nodes: Sequence[Any],
        place: Place,
    ) -> Sql:
        """A scalar subquery: the timeline `name` of a row of `holder`, which is guarded where it is read."""
        given = {key: part for key, part in given.items() if not part.is_null()}
        sides = self._sides(holder, field, given)
        bound = {key: part for key, part in given.items() if key != "direction"}  # which the order tells
        binding = binding_of(name, sides[0].order.signature, bound)
        return self.lists.compile(sides, binding, given, type_, nodes, place)

    def _sides(self, holder: Table, field: TimelineField, given: Mapping[str, Argument]) -> list[Side]:
        """The types that `types` asks for, all unless given; without any, one that finds nothing."""
        descending = "direction" not in given or given["direction"].exact() == "DESC"
        may = self.scope.may_read
        members: Sequence[Member] = [m for m in field.members if all(may(model) for model, _ in m.steps)]
        if "types" in given:
            wanted = {item.exact() for item in given["types"].items()}
            members = [member for member in members if enum_name(member.record.name) in wanted]
        sides = [self._side(holder, member, given, descending) for member in members or field.members[:1]]
        return sides if members else [sides[0].empty()]

    def _side(self, holder: Table, member: Member, given: Mapping[str, Argument], descending: bool) -> Side:
        table, key = holder, holder.col("id")
        sources: list[str] = []
        conditions: list[Sql | str] = []
        for model, column in member.steps:
            reached = not table.deleted and shown_by_parent(model, column, table.model)
            table = self.scope.table(model)
            sources.append(table.source)
            conditions += [f"{table.ref(column)} = {key}", self.scope.guard(table, reached=reached)]
            key = table.ref("id")
        at = table.ref(member.column)
        if member.nullable:
            conditions.append(f"{at} IS NOT NULL")
        conditions += self._period(at, given)
        source = Sql(" CROSS JOIN ".join(sources))  # CROSS: SQLite keeps the order
        return Side(member.record, source, conditions, self._order(table, at, member.record, descending))

    def _period(self, at: str, given: Mapping[str, Argument]) -> Iterator[Sql]:
        convert = converter("datetime", self.dialect.name)
        for name, sign in (("since", ">="), ("until", "<")):
            if name in given:
                yield Sql(f"{at} {sign} ", given[name].bind(convert, CASTS["datetime"]))

    def _order(self, table: Table, at: str, record: RecordType, descending: bool) -> Order:
        type_ = self.dialect.constant(record.table)
        parts = (("at", at, "datetime"), ("id", table.ref("id"), "uuid"), ("type", type_, "text"))
        keys = [Key(name, Value(table, ref, kind, False, name), ref, False, descending) for name, ref, kind in parts]
        return Order(tuple(keys), EMPTY, "DESC" if descending else "ASC")
