"""Figures over a list of records: as a whole or by group, sorted, chosen by `having` and paged, in one statement.

The table of groups (figures.py) is made with the columns that the selection, `having` and the order need. From there
on groups are like the rows of a list: a condition, an order, a cursor and a number of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Bind, Sql, all_of
from crmcore.query.aggregates.figures import Figures, Rows
from crmcore.query.aggregates.grouping import Grouping
from crmcore.query.aggregates.having import Having
from crmcore.query.arguments import Argument
from crmcore.query.cursors import Binding, Cursors, binding_of
from crmcore.query.dialects import Expression, Pair
from crmcore.query.filters import Filters
from crmcore.query.keyset import Keyset
from crmcore.query.mapping import MoneyField
from crmcore.query.paging import Key, Order
from crmcore.query.scope import Place, Scope, Table
from crmcore.query.selection import TYPENAME, Selected, inner_type, object_type
from crmcore.query.values import Value
from crmcore.query.vocabulary import AGGREGATES, COUNT_DISTINCT, enum_name


class RecordParts(Protocol):
    """What compiles the selection on a record that is a key, and on money."""

    def one(
        self, table: Table, type_: GraphQLObjectType, nodes: Sequence[Any], place: Place, condition: Sql
    ) -> Sql: ...

    def plain(self, type_: GraphQLObjectType, selected: Selected, shown: Mapping[str, Expression]) -> list[Pair]: ...


@dataclass(frozen=True, slots=True)
class _Groups:
    """One aggregate being compiled."""

    figures: Figures
    order: Order
    binding: Binding
    place: Place


class Aggregates:
    """Compiles aggregates within one compilation."""

    def __init__(self, scope: Scope, filters: Filters, cursors: Cursors, records: RecordParts) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.filters = filters
        self.cursors = cursors
        self.records = records

    def compile(
        self, rows: Rows, given: Mapping[str, Argument], type_: GraphQLObjectType, nodes: Sequence[Any], place: Place
    ) -> Sql:
        """A scalar subquery: the JSON array of the groups of these rows. `place` is that of a group."""
        grouping = Grouping(self.filters.values, rows.table)
        figures = Figures(rows, grouping, grouping.keys(given.get("groupBy")))
        figures.count()
        order = self._order(figures, grouping, given.get("orderBy"))
        binding = binding_of(rows.name, order.signature, {**{f"list.{k}": v for k, v in rows.given.items()}, **given})
        conditions: list[Sql | str] = [Having(self.filters, figures).condition(given.get("having"))]
        after = given.get("after")
        if after is not None and not after.is_null():
            conditions.append(Keyset(self.scope, order, after, self.cursors, binding).beyond(reverse=False))
        size = self._size(given.get("first"))
        groups = _Groups(figures, order, binding, place)
        pairs = [(part.key, self._part(groups, type_, part)) for part in self.scope.selection.of(nodes, type_)]
        tail = Sql(" WHERE ", all_of(conditions), f"{order.sql(reverse=False)} LIMIT {size}")
        return self.dialect.array(pairs, f"{figures.name}.*", Sql(" FROM ", figures.source(), tail), figures.name)

    def _size(self, given: Argument | None) -> int:
        if given is None or given.is_null():
            return self.scope.limits.groups_default
        size: int = given.exact()
        if not 0 <= size <= self.scope.limits.groups_max:
            raise given.fail(f"must be from 0 to {self.scope.limits.groups_max}.")
        return size

    # ------------------------------------------------------------ what is selected of a group

    def _part(self, groups: _Groups, type_: GraphQLObjectType, part: Selected) -> Expression:
        if part.name == TYPENAME:
            return self.dialect.text(type_.name)
        if part.name == "count":
            return groups.figures.count().sql
        if part.name == "cursor":
            return self._cursor(groups)
        inner = inner_type(type_.fields[part.name])
        if part.name == "keys":
            keys = range(len(groups.figures.keys))
            return self.dialect.tuple_of([self._shown_key(groups, i, inner, part) for i in keys])
        pairs: list[Pair] = []
        for selected in self.scope.selection.of(part.nodes, inner):
            if selected.name == TYPENAME:
                pairs.append((selected.key, self.dialect.text(inner.name)))
            else:
                pairs.append((selected.key, self._figure(groups, part.name, inner, selected)))
        return self.dialect.object(pairs)

    def _shown_key(self, groups: _Groups, number: int, type_: GraphQLObjectType, keys: Selected) -> Sql:
        key, value = groups.figures.keys[number], groups.figures.key(number)
        pairs: list[Pair] = []
        for part in self.scope.selection.of(keys.nodes, type_):
            shown: Expression = self.dialect.null
            if part.name == TYPENAME:
                shown = self.dialect.text(type_.name)
            elif part.name == "field":
                shown = self.dialect.text(key.entry.name)
            elif part.name == "value":
                shown = self.dialect.key_text(value.kind, str(value.sql), key.value.record)
            elif key.target is not None:
                target = self.scope.record_table(key.target)
                inner = object_type(self.scope.schema, key.target.name)
                tie = Sql(f"{target.ref('id')} = ", value.sql)
                place = (*groups.place, keys.key, number, part.key)
                shown = self.records.one(target, inner, part.nodes, place, tie)
            pairs.append((part.key, shown))
        return self.dialect.object(pairs)

    def _figure(self, groups: _Groups, function: str, type_: GraphQLObjectType, part: Selected) -> Expression:
        figures = groups.figures
        found = figures.fields(function)[part.name]
        if isinstance(found, MoneyField):
            money = inner_type(type_.fields[part.name])

            def pairs(amount: Expression, currency: Expression) -> list[Pair]:
                return self.records.plain(money, part, {"amount": amount, "currencyCode": currency})

            return figures.money(function, found, pairs)
        value = figures.value(function, part.name)
        assert value is not None
        return self.dialect.show(value.kind, value.sql)

    def _cursor(self, groups: _Groups) -> Sql:
        """The marker that becomes the cursor of a group."""
        self.scope.cursors.append(groups.binding)
        number = len(self.scope.cursors) - 1
        word = Bind(lambda run: self.cursors.word, "text", "cursor")
        values = [self.dialect.raw(key.value.kind, key.ref) for key in groups.order.keys]
        return Sql(word, f" || '{number}.' || ", self.dialect.hex_array(values))

    # ------------------------------------------------------------ the order of groups

    def _order(self, figures: Figures, grouping: Grouping, given: Argument | None) -> Order:
        """The order asked for, then the keys in theirs: no two groups share them."""
        items = [] if given is None or given.is_null() else given.items()
        keys = [self._order_key(figures, grouping, item) for item in items]
        keys += [_key(figures.key(i)) for i in range(len(figures.keys))]
        keys = keys or [_key(figures.count())]
        told = "|".join(f"{key.name} {key.value.kind} {key.descending} {key.nulls_first}" for key in keys)
        return Order(tuple(keys), EMPTY, told)

    def _order_key(self, figures: Figures, grouping: Grouping, item: Argument) -> Key:
        parts = {name: part for name, part in item.fields().items() if not part.is_null()}
        descending = "direction" in parts and parts.pop("direction").exact() == "DESC"
        nulls_first = "nulls" in parts and parts.pop("nulls").exact() == "FIRST"
        wanted = [name for name, part in parts.items() if name != "count" or part.exact()]
        if len(wanted) != 1:
            raise item.fail(f"give exactly one of key, count, {COUNT_DISTINCT}, {', '.join(AGGREGATES)}.")
        (function,) = wanted
        if function == "count":
            value = figures.count()
        elif function == "key":
            value = self._key_value(figures, grouping, parts["key"])
        else:
            wanted_field = parts[function].exact()
            (name,) = (name for name in figures.fields(function) if enum_name(name) == wanted_field)
            value = figures.compared(function, name, parts[function])
        return _key(value, descending, nulls_first)

    @staticmethod
    def _key_value(figures: Figures, grouping: Grouping, part: Argument) -> Value:
        wanted = grouping.entry(part)
        for place, key in enumerate(figures.keys):
            if key.entry.name == wanted.name and wanted.grain in (None, key.entry.grain):
                return figures.key(place)
        raise part.fail(f"{wanted.name} is not in groupBy.")


def _key(value: Value, descending: bool = False, nulls_first: bool = False) -> Key:
    return Key(value.name, value, str(value.sql), value.nullable, descending, nulls_first)
