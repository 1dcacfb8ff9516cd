"""A selection becomes SQL: fields of records, to-one objects, values that are objects, and what batch fields need."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphql import GraphQLObjectType

from crmcore.kit.sql import Sql
from crmcore.query.aggregates import Aggregates
from crmcore.query.connections import Connections
from crmcore.query.cursors import Cursors
from crmcore.query.custom import CustomValues
from crmcore.query.dialects import Expression, Pair
from crmcore.query.filters import Filters
from crmcore.query.mapping import (
    AnyField,
    AnyIdField,
    BatchField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MomentField,
    MoneyField,
    OneField,
    RecordType,
    StampField,
    TimelineField,
    ValueField,
)
from crmcore.query.scope import BatchSpec, Named, Place, Scope, Table
from crmcore.query.selection import TYPENAME, Selected, inner_type, object_type
from crmcore.query.timelines import Timelines

HIDDEN_ID = "~id"


def hidden(mark: int, column: str) -> str:
    """The response key under which a column travels to the batch fields of one selection; no GraphQL name begins so."""
    return f"~{mark}.{column}"


class Records:
    """Compiles selections on record types within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.filters = Filters(scope)
        self.custom = CustomValues(scope, self)
        self.aggregates = Aggregates(scope, self.filters, cursors, self)
        self.connections = Connections(scope, self.filters, cursors, self)
        self.timelines = Timelines(scope, cursors, self)

    def pairs(self, table: Table, type_: GraphQLObjectType, nodes: Sequence[Any], place: Place) -> list[Pair]:
        """Response keys and expressions of everything that the nodes select on a record."""
        record = self.scope.registry.by_model[table.model]
        pairs: list[Pair] = []
        batches: dict[str, list[Selected]] = {}
        for selected in self.scope.selection.of(nodes, type_):
            if selected.name == TYPENAME:
                pairs.append((selected.key, self.dialect.text(type_.name)))
                continue
            field = record.fields.get(selected.name)
            if field is None:
                raise TypeError(f"{type_.name}.{selected.name} is no field that the read engine knows.")
            if isinstance(field, BatchField):
                batches.setdefault(field.name, []).append(selected)
            pairs.append((selected.key, self._field(table, type_, field, selected, place)))
        if batches:
            pairs += self._batches(table, record, batches, place)
        return pairs

    def one(
        self,
        table: Table,
        type_: GraphQLObjectType,
        nodes: Sequence[Any],
        place: Place,
        condition: Sql,
        *,
        reached: bool = False,
    ) -> Sql:
        """A scalar subquery: the one record of `table` for which the condition holds and that the caller may see;
        `reached` as in Scope.guard."""
        pairs = self.pairs(table, type_, nodes, place)
        tail = Sql(f" FROM {table.source} WHERE ", condition, " AND ", self.scope.guard(table, reached=reached))
        return self.dialect.object(pairs, tail)

    def one_of(
        self,
        types: Iterable[RecordType],
        ref: Named,
        nodes: Sequence[Any],
        place: Place,
        *,
        reached: bool = False,
        deleted: bool = False,
    ) -> Expression:
        """The record that `ref` names, of one of these types; null for another type. An interface is answered so: what
        is selected of it differs from type to type."""
        cases: list[Sql | str] = []
        for record in types:
            table, type_ = self.scope.record_table(record), object_type(self.scope.schema, record.name)
            table.deleted = deleted
            named = Sql(f"{table.ref('id')} = {ref.id}")
            made = self.one(table, type_, nodes, place, named, reached=reached)
            cases += (f" WHEN {ref.table} = '{record.table}' THEN ", self.dialect.answer(made))
        return Sql("CASE", *cases, " END") if cases else self.dialect.null

    def _field(
        self, table: Table, type_: GraphQLObjectType, field: FieldMap, selected: Selected, place: Place
    ) -> Expression:
        below = type_.fields[selected.name]
        if isinstance(field, ValueField):
            return self.filters.values.shown(table, field)
        if isinstance(field, OneField):
            target = self.scope.record_table(self.scope.registry.records[field.target])
            tie = Sql(f"{target.ref('id')} = {table.col(field.column)}")
            return self.one(target, inner_type(below), selected.nodes, (*place, selected.key), tie)
        if isinstance(field, ManyField):
            given = self.scope.selection.arguments(selected, below)
            target, tie = self.scope.related(table, field)
            found = (*place, selected.key)
            name = f"{type_.name}.{selected.name}"
            return self.connections.compile(name, target, tie, given, inner_type(below), selected.nodes, found)
        if isinstance(field, AnyField):
            known = [record for record in self.scope.readable_records() if not record.is_log]
            named = Named(table.col(field.kind_column), table.col(field.id_column))
            return self.one_of(known, named, selected.nodes, (*place, selected.key))
        if isinstance(field, AnyIdField):
            return f"{table.col(field.kind_column)} || '_' || {table.col(field.id_column)}"
        if isinstance(field, TimelineField):
            given = self.scope.selection.arguments(selected, below)
            found = (*place, selected.key)
            return self.timelines.compile(
                f"{type_.name}.{selected.name}", table, field, given, inner_type(below), selected.nodes, found
            )
        if isinstance(field, MomentField):
            return self.dialect.show("datetime", table.col(field.column))
        if isinstance(field, MoneyField):
            return self.money(table, field, inner_type(below), selected)
        if isinstance(field, StampField):
            return self._stamp(table, field, inner_type(below), selected)
        if isinstance(field, ExternalRefsField):
            return self._external_refs(table, inner_type(below), selected)
        if isinstance(field, CustomFields):
            keys = self.scope.selection.arguments(selected, below).get("keys")
            return self.custom.compile(table, keys, selected, place)
        assert isinstance(field, BatchField)
        return self.dialect.null

    def money(self, table: Table, field: MoneyField, type_: GraphQLObjectType, selected: Selected) -> Sql:
        """`{ amount currencyCode }`, null without an amount."""
        values = self.filters.values
        shown = {"amount": values.shown(table, field.amount), "currencyCode": values.shown(table, field.currency)}
        return self.value(
            type_, selected, shown, Sql(" WHERE ", values.selected(table, field.amount).sql, " IS NOT NULL")
        )

    def value(
        self, type_: GraphQLObjectType, selected: Selected, shown: Mapping[str, Expression], tail: Expression = ""
    ) -> Sql:
        """An object that is no record, made of expressions by field name."""
        return self.dialect.object(self.plain(type_, selected, shown), tail)

    def plain(self, type_: GraphQLObjectType, selected: Selected, shown: Mapping[str, Expression]) -> list[Pair]:
        """Response keys and expressions of an object that is no record."""
        return [
            (part.key, self.dialect.text(type_.name) if part.name == TYPENAME else shown[part.name])
            for part in self.scope.selection.of(selected.nodes, type_)
        ]

    def _stamp(self, table: Table, field: StampField, type_: GraphQLObjectType, selected: Selected) -> Sql:
        kind, key = table.col(field.kind_column), table.col(field.id_column)
        return self.value(type_, selected, {"kind": kind, "id": f"lower({kind}) || '_' || {key}"})

    def _external_refs(self, table: Table, type_: GraphQLObjectType, selected: Selected) -> Sql:
        ref, rows = self.scope.external_refs(self.scope.registry.by_model[table.model])
        shown = {"system": f'{ref}."system"', "externalId": f'{ref}."external_id"'}
        order = f'ORDER BY {ref}."system", {ref}."external_id" LIMIT {self.scope.limits.page_max}'
        body = Sql(rows, f'{ref}."record_id" = {table.col("id")} {order}')
        pairs = self.plain(type_, selected, shown)
        return self.dialect.array(pairs, f'{ref}."system", {ref}."external_id"', body, ref)

    def _batches(
        self, table: Table, record: RecordType, batches: dict[str, list[Selected]], place: Place
    ) -> list[Pair]:
        """The hidden columns that the batch fields need; each field is noted with the place of its rows."""
        needed: dict[str, None] = {"id": None}
        mark = len(self.scope.batches)
        for name, selected in batches.items():
            field = record.fields[name]
            assert isinstance(field, BatchField)
            needed.update(dict.fromkeys(field.needs))
            self.scope.batches.append(BatchSpec(place, mark, record, field, tuple(selected)))
        columns = table.model._meta.fields_map
        return [
            (hidden(mark, name), self.dialect.raw(getattr(columns[name], "kind", "text"), table.col(name)))
            for name in needed
        ]
