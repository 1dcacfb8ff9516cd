"""Figures over records: count, sum, avg, min and max, as a whole or by group, in one statement.

Two steps of grouping: the parts are the groups divided by currency wherever money is asked for, so amounts of different
currencies never meet; the groups add the parts up. Sums and averages are whole-number arithmetic and therefore exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Sql, all_of, ident, join
from crmcore.query.arguments import Argument
from crmcore.query.compile import Records
from crmcore.query.dialects import Expression, Pair
from crmcore.query.mapping import MoneyField, OneField, RecordType, ValueField
from crmcore.query.paging import join_one
from crmcore.query.scope import EACH, Place, Scope, Table
from crmcore.query.selection import TYPENAME, Selected, inner_type, object_type
from crmcore.query.values import Value
from crmcore.query.vocabulary import AGGREGATES, comparable, enum_name, groupable, one_step, summable

_MOST_CURRENCIES: Final = 200


@dataclass(frozen=True, slots=True)
class _Key:
    """What groups are made by: `name` is the API's, `target` the record type where the key is a record."""

    name: str
    field: ValueField | OneField
    value: Value
    target: RecordType | None = None


@dataclass(slots=True)
class _Groups:
    """One aggregate being compiled. `parts` and `figures` are the columns of the two steps, by name."""

    table: Table
    keys: list[_Key]
    joins: list[Sql]
    where: Sql
    parts_name: str
    groups_name: str
    parts: dict[str, Expression] = field(default_factory=lambda: {"n": "count(*)"})
    currencies: dict[str, Value] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)


class Aggregates:
    """Compiles aggregate roots within one compilation."""

    def __init__(self, scope: Scope, records: Records) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.records = records
        self.values = records.filters.values

    def compile(
        self, record: RecordType, given: Mapping[str, Argument], type_: GraphQLObjectType, nodes: Sequence[Any]
    ) -> Sql:
        """A scalar subquery: the JSON array of groups."""
        table = self.scope.record_table(record)
        joins: list[Sql] = []
        keys = self._keys(table, given.get("groupBy"), joins)
        where = self.records.filters.where(table, given.get("where"))
        names = self.scope.alias("parts"), self.scope.alias("groups")
        groups = _Groups(table, keys, joins, where, *names)
        pairs = [(part.key, self._part(groups, record, type_, part)) for part in self.scope.selection.of(nodes, type_)]
        order = self._order(groups, record, given.get("orderBy"))
        size = self._size(given.get("first"))
        name = groups.groups_name
        body = Sql(f" FROM {name} LIMIT {size}")
        rows = self.dialect.array(pairs, f"{name}.*", body, name)
        return Sql(
            f"(WITH {groups.parts_name} AS MATERIALIZED (",
            self._parts_sql(groups),
            f"), {name} AS MATERIALIZED (",
            self._groups_sql(groups, order, size),
            ") SELECT ",
            rows,
            ")",
        )

    def _keys(self, table: Table, given: Argument | None, pieces: list[Sql]) -> list[_Key]:
        joins: dict[tuple[str, ...], Table] = {}
        if given is None or given.is_null():
            return []
        return [self._key(table, item, (), joins, pieces) for item in given.items()]

    def _key(
        self,
        table: Table,
        item: Argument,
        path: tuple[str, ...],
        joins: dict[tuple[str, ...], Table],
        pieces: list[Sql],
    ) -> _Key:
        record = self.scope.registry.by_model[table.model]
        parts = {name: part for name, part in item.fields().items() if not part.is_null()}
        if len(parts) != 1:
            raise item.fail(one_step(record))
        ((name, part),) = parts.items()
        if name != "field":
            if len(path) >= self.scope.limits.filter_depth:
                raise part.fail(f"groups may go through {self.scope.limits.filter_depth} relations, not more.")
            target = join_one(self.scope, table, name, (*path, name), joins, pieces)
            return self._key(target, part, (*path, name), joins, pieces)
        found = groupable(record)[part.exact()]
        told = ".".join((*path, found.name))
        if isinstance(found, OneField):
            target = join_one(self.scope, table, found.name, (*path, found.name), joins, pieces)
            return _Key(told, found, self.values.id(target), self.scope.registry.records[found.target])
        return _Key(told, found, self.values.of(table, found))

    def _size(self, given: Argument | None) -> int:
        if given is None or given.is_null():
            return self.scope.limits.groups_default
        size: int = given.exact()
        if not 0 <= size <= self.scope.limits.groups_max:
            raise given.fail(f"must be from 0 to {self.scope.limits.groups_max}.")
        return size

    # ------------------------------------------------------------ what is selected of a group

    def _part(self, groups: _Groups, record: RecordType, type_: GraphQLObjectType, part: Selected) -> Expression:
        if part.name == TYPENAME:
            return self.dialect.text(type_.name)
        if part.name == "count":
            return f'{groups.groups_name}."n"'
        inner = inner_type(type_.fields[part.name])
        if part.name == "keys":
            places: list[Place] = [(EACH, part.key, i) for i in range(len(groups.keys))]
            made = [self._shown_key(groups, i, inner, part, place) for i, place in enumerate(places)]
            return self.dialect.tuple_of(made)
        known = summable(record) if part.name in ("sum", "avg") else comparable(record)
        pairs: list[Pair] = []
        for selected in self.scope.selection.of(part.nodes, inner):
            if selected.name == TYPENAME:
                pairs.append((selected.key, self.dialect.text(inner.name)))
            else:
                below = inner.fields[selected.name]
                pairs.append((selected.key, self._figure(groups, part.name, known[selected.name], below, selected)))
        return self.dialect.object(pairs)

    def _shown_key(self, groups: _Groups, number: int, type_: GraphQLObjectType, keys: Selected, place: Place) -> Sql:
        key, column = groups.keys[number], f'{groups.groups_name}."k{number}"'
        pairs: list[Pair] = []
        for part in self.scope.selection.of(keys.nodes, type_):
            shown: Expression = self.dialect.null
            if part.name == TYPENAME:
                shown = self.dialect.text(type_.name)
            elif part.name == "field":
                shown = self.dialect.text(key.name)
            elif part.name == "value":
                shown = self.dialect.key_text(key.value.kind, column, key.value.record)
            elif key.target is not None:
                target = self.scope.record_table(key.target)
                inner = object_type(self.scope.schema, key.target.name)
                tie = Sql(f"{target.ref('id')} = {column}")
                shown = self.records.one(target, inner, part.nodes, (*place, part.key), tie)
            pairs.append((part.key, shown))
        return self.dialect.object(pairs)

    def _figure(
        self, groups: _Groups, function: str, found: ValueField | MoneyField, below: Any, selected: Selected
    ) -> Expression:
        if isinstance(found, MoneyField):
            return self._money(groups, function, found, inner_type(below), selected)
        name = f"{function}_{found.name}"
        groups.figures[name] = self._added(groups, function, found)
        shown = f"{groups.groups_name}.{ident(name)}"
        return self.dialect.show("decimal" if function in ("sum", "avg") else found.kind, shown)

    def _added(self, groups: _Groups, function: str, found: ValueField) -> str:
        """A figure of a group from its parts: whole ten-thousandths for sums and averages, else as the column is."""
        value, parts = self.values.of(groups.table, found).sql, groups.parts_name
        if function in ("min", "max"):
            groups.parts[f"{function}_{found.name}"] = Sql(f"{function}(", value, ")")
            return f"{function}({parts}.{ident(f'{function}_{found.name}')})"
        groups.parts[f"sum_{found.name}"] = Sql("sum(", value, ")")
        groups.parts[f"count_{found.name}"] = Sql("count(", value, ")")
        total = f"sum({parts}.{ident(f'sum_{found.name}')})"
        if found.kind == "int":
            total = f"({total} * 10000)"
        if function == "sum":
            return total
        return self.dialect.average(total, f"sum({parts}.{ident(f'count_{found.name}')})")

    def _money(
        self, groups: _Groups, function: str, found: MoneyField, type_: GraphQLObjectType, selected: Selected
    ) -> Sql:
        """One amount for each currency of the group."""
        figure = self._added(groups, function, found.amount)
        groups.parts[f"count_{found.name}"] = Sql("count(", self.values.of(groups.table, found.amount).sql, ")")
        currency = self._currency(groups, found)
        parts, money = groups.parts_name, self.scope.alias("m")
        same = [f'{parts}."k{i}" IS NOT DISTINCT FROM {groups.groups_name}."k{i}"' for i in range(len(groups.keys))]
        inner = (
            f'SELECT {parts}.{ident(currency)} AS "currency", {figure} AS "amount" FROM {parts} '
            f"WHERE {' AND '.join([*same, f'{parts}.{ident(currency)} IS NOT NULL'])} "
            f"GROUP BY {parts}.{ident(currency)} "
            f"HAVING sum({parts}.{ident(f'count_{found.name}')}) > 0"
        )
        shown: dict[str, Expression] = {
            "amount": self.dialect.show("decimal", f'{money}."amount"'),
            "currencyCode": f'{money}."currency"',
        }
        pairs = self.records.plain(type_, selected, shown)
        body = Sql(f' FROM ({inner}) {money} ORDER BY {money}."currency" LIMIT {_MOST_CURRENCIES}')
        return self.dialect.array(pairs, f"{money}.*", body, money)

    def _currency(self, groups: _Groups, found: MoneyField) -> str:
        """The column of the parts that has the currency of this money."""
        value = self.values.of(groups.table, found.currency)
        for name, known in groups.currencies.items():
            if known.name == value.name:
                return name
        name = f"c{len(groups.currencies)}"
        groups.currencies[name] = value
        return name

    # ------------------------------------------------------------ the order of groups

    def _order(self, groups: _Groups, record: RecordType, given: Argument | None) -> list[str]:
        items = [] if given is None or given.is_null() else given.items()
        order = [self._order_key(groups, record, item, number) for number, item in enumerate(items)]
        return [*order, *(f'"k{i}" NULLS LAST' for i in range(len(groups.keys)))]

    def _order_key(self, groups: _Groups, record: RecordType, item: Argument, number: int) -> str:
        parts = {name: part for name, part in item.fields().items() if not part.is_null()}
        wanted = [name for name in parts if name in AGGREGATES or (name == "count" and parts[name].exact())]
        if len(wanted) != 1:
            raise item.fail(f"give exactly one of count, {', '.join(AGGREGATES)}.")
        (function,) = wanted
        descending = "direction" in parts and parts["direction"].exact() == "DESC"
        nulls = "FIRST" if "nulls" in parts and parts["nulls"].exact() == "FIRST" else "LAST"
        if function == "count":
            name = "n"
        else:
            known = summable(record) if function in ("sum", "avg") else comparable(record)
            by_name = {enum_name(api): found for api, found in known.items()}
            found = by_name[parts[function].exact()]
            if isinstance(found, MoneyField):
                self._one_currency(groups, found, parts[function])
                found = found.amount
            name = f"order_{number}"
            groups.figures[name] = self._added(groups, function, found)
        return f"{ident(name)}{' DESC' if descending else ''} NULLS {nulls}"

    def _one_currency(self, groups: _Groups, found: MoneyField, part: Argument) -> None:
        if all(key.value.table is not groups.table or key.field.name != found.currency.name for key in groups.keys):
            name = enum_name(found.currency.name)
            raise part.fail(f"amounts of several currencies cannot be compared. Add {{field: {name}}} to groupBy.")

    # ------------------------------------------------------------ the two steps

    def _parts_sql(self, groups: _Groups) -> Sql:
        keys = {f"k{i}": key.value.sql for i, key in enumerate(groups.keys)}
        keys |= {name: value.sql for name, value in groups.currencies.items()}
        columns = join(", ", (Sql(made, f" AS {ident(name)}") for name, made in (keys | groups.parts).items()))
        grouped = Sql(" GROUP BY ", join(", ", keys.values())) if keys else EMPTY
        conditions = all_of([self.scope.guard(groups.table), groups.where])
        source = f" FROM {groups.table.source}"
        return Sql("SELECT ", columns, source, *groups.joins, " WHERE ", conditions, grouped)

    def _groups_sql(self, groups: _Groups, order: Sequence[str], size: int) -> Sql:
        parts = groups.parts_name
        keys = [f'{parts}."k{i}"' for i in range(len(groups.keys))]
        count = self.dialect.whole(f'coalesce(sum({parts}."n"), 0)')
        made = {**{f"k{i}": key for i, key in enumerate(keys)}, "n": count, **groups.figures}
        columns = ", ".join(f"{expression} AS {ident(name)}" for name, expression in made.items())
        grouped = f" GROUP BY {', '.join(keys)}" if keys else ""
        ordered = f" ORDER BY {', '.join(order)}" if order else ""
        return Sql(f"SELECT {columns} FROM {parts}{grouped}{ordered} LIMIT {size}")
