"""Lists: a connection of the API becomes one subquery with its own filter, order and page.

A list of which only `nodes` is asked for, from its beginning, is a plain select with a LIMIT. Edges, page info, several
views of one page and pages from the end go through a materialised CTE of one row more than the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Sql, all_of, any_of
from crmcore.query.aggregates import Aggregates, Rows
from crmcore.query.arguments import Argument
from crmcore.query.counting import total_count
from crmcore.query.cursors import PAGING, Binding, Cursors, binding_of
from crmcore.query.dialects import Expression, Pair
from crmcore.query.filters import Filters
from crmcore.query.keyset import Half, Keyset, halves, leads_index
from crmcore.query.pages import NUMBER, Pages, View
from crmcore.query.paging import Order, Page, key_column, order_of, page_of
from crmcore.query.scope import EACH, Place, Scope, Table
from crmcore.query.search import Search
from crmcore.query.selection import TYPENAME, Selected, inner_type


class RecordPairs(Protocol):
    """What compiles the selection on the records of a list, and its figures."""

    aggregates: Aggregates

    def pairs(self, table: Table, type_: GraphQLObjectType, nodes: Sequence[Any], place: Place) -> list[Pair]: ...


@dataclass(slots=True)
class _List:
    """One list being compiled."""

    rows: Rows
    table: Table
    conditions: Sequence[Sql | str]
    order: Order
    page: Page
    binding: Binding
    keyset: Keyset | None
    name: str = ""
    """Of the CTE; empty for a plain select."""
    halves: list[Half] = field(default_factory=list)
    """Empty unless the page is read in two parts."""

    def listed(self) -> list[Sql | str]:
        """The conditions that the order's joins do not fulfil already."""
        return [condition for condition in self.conditions if condition is not self.order.fulfils]


class Connections:
    """Compiles connections within one compilation."""

    def __init__(self, scope: Scope, filters: Filters, cursors: Cursors, records: RecordPairs) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.filters = filters
        self.cursors = cursors
        self.pages = Pages(scope, cursors)
        self.records = records

    def compile(
        self,
        name: str,
        table: Table,
        tie: Sql,
        given: Mapping[str, Argument],
        type_: GraphQLObjectType,
        nodes: Sequence[Any],
        place: Place,
    ) -> Sql:
        """A scalar subquery: the list `name`, the rows of `table` that `tie` admits (which guards them too)."""
        where = self.filters.where(table, given.get("where"))
        finds, order = self._searched(table, given)
        page = page_of(self.scope, given)
        depends = {".".join(part.trail): part for part in order.given}
        binding = binding_of(name, order.signature, {**given, **depends})
        keyset = Keyset(self.scope, order, page.cursor, self.cursors, binding) if page.cursor else None
        rows = Rows(name, table, [tie, where, finds], {key: part for key, part in given.items() if key not in PAGING})
        found = _List(rows, table, rows.conditions, order, page, binding, keyset)
        parts = self.scope.selection.of(nodes, type_)
        if self._splits(found, place):
            found.halves = list(halves(order, keyset, page.backward))
        if page.backward or found.halves or _needs_page(parts):
            found.name = self.scope.alias("p")
        pairs = [(part.key, self._part(found, type_, part, place)) for part in parts]
        made = self.dialect.object(pairs)
        if not found.name:
            return made
        return Sql(f"(WITH {found.name} AS MATERIALIZED (", self._page(found), ") SELECT ", made, ")")

    def _searched(self, table: Table, given: Mapping[str, Argument]) -> tuple[Sql, Order]:
        """The condition of `search`, and the list's order: as `orderBy` says, else the best first, else by id."""
        asked, order_by = given.get("search"), given.get("orderBy")
        order = order_of(self.filters.values, table, order_by)
        if asked is None or asked.is_null():
            return EMPTY, order
        search = Search(self.scope, asked)
        finds = search.finds(table)
        ordered = order_by is not None and not order_by.is_null() and order_by.items()
        return finds, order if ordered else search.order(table, self.filters.values, finds)

    def _part(self, found: _List, type_: GraphQLObjectType, part: Selected, place: Place) -> Expression:
        if part.name == TYPENAME:
            return self.dialect.text(type_.name)
        if part.name == "totalCount":
            given = self.scope.selection.arguments(part, type_.fields[part.name])
            return total_count(self.scope, found.table, all_of(found.conditions), given, root=not place)
        inner = inner_type(type_.fields[part.name])
        if part.name == "aggregate":
            given = self.scope.selection.arguments(part, type_.fields[part.name])
            below = (*place, part.key, EACH)
            return self.records.aggregates.compile(found.rows, given, inner, part.nodes, below)
        if part.name == "pageInfo":
            return self.pages.info(self._view(found), inner, part)
        if part.name == "nodes":
            pairs = self.records.pairs(found.table, inner, part.nodes, (*place, part.key, EACH))
        else:
            pairs = self._edge(found, inner, part, (*place, part.key, EACH))
        return self._rows(found, pairs)

    def _rows(self, found: _List, pairs: Sequence[Pair]) -> Sql:
        """The page's rows as a JSON array, in the list's order."""
        table, size = found.table, found.page.size
        if not found.name:
            return self.dialect.array(pairs, table.columns, self._select(found, size, reverse=False), table.alias)
        if found.page.backward:
            tail = f" WHERE {table.alias}.{NUMBER} <= {size} ORDER BY {table.alias}.{NUMBER} DESC LIMIT {size}"
        else:
            tail = f" LIMIT {size}"
        body = Sql(f" FROM {found.name} {table.alias}{tail}")
        return self.dialect.array(pairs, f"{table.alias}.*", body, table.alias)

    def _splits(self, found: _List, place: Place) -> bool:
        """Whether an index serves the page if it is read in two parts. A first page below a record is short anyway."""
        key, table = found.order.keys[0], found.table
        if found.order.computed or (place and not found.keyset):
            return False
        if key.own_id:
            return True
        own = key.value.table is table
        if not key.nullable or not (own or (key.tie and self.dialect.limits_joins)):
            return False
        served = own and self.dialect.index_order(key.descending, key.nulls_first)
        return (found.keyset is not None or not served) and leads_index(key.value.table.model, key.value.column)

    def _select(self, found: _List, limit: int, reverse: bool, half: Half | None = None) -> Sql:
        """FROM to LIMIT: rows of the list beyond the cursor, or of a half of it, in the order or in its reverse."""
        beyond, order = EMPTY, found.order.sql(reverse)
        if half is not None:
            beyond, order = half.condition, half.order
        elif found.keyset is not None:
            beyond = found.keyset.beyond(reverse)
        rows = found.order.rows(self.dialect, found.table, found.listed(), beyond)
        return Sql(rows, f"{order} LIMIT {limit}")

    def _page(self, found: _List) -> Sql:
        """The CTE: the columns that are wanted, the sort keys, and the rows' numbers from where reading begins."""
        keys = "".join(f", {key.ref} AS {key_column(i)}" for i, key in enumerate(found.order.keys))
        columns, limit = f"SELECT {found.table.columns}{keys}", found.page.size + 1
        split: Sequence[Half | None] = found.halves or [None]
        if len(split) > 1 and found.order.keys[0].tie:  # no index has the rows without a value: look only if need be
            first, second = found.halves
            enough = f'(SELECT count(*) FROM "~f") < {limit} AND '
            split = [first, replace(second, condition=Sql(enough, second.condition))]
        parts = [Sql(columns, self._select(found, limit, found.page.backward, half)) for half in split]
        inner = parts[0]
        if len(parts) > 1:
            rest = Sql("SELECT * FROM (", parts[1], ') "~h"')
            order = found.order.sql(found.page.backward, '"~u"')
            inner = Sql(
                'WITH "~f" AS MATERIALIZED (', inner, ') SELECT "~u".* FROM (SELECT * FROM "~f" UNION ALL ', rest,
                f') "~u"{order} LIMIT {limit}',
            )  # fmt: skip
        return Sql(f'SELECT "~p".*, row_number() OVER () AS {NUMBER} FROM (', inner, ') "~p"')

    def _view(self, found: _List) -> View:
        alias = found.table.alias
        return View(found.name, alias, found.order, found.page, found.binding, partial(self._passed, found))

    def _edge(self, found: _List, type_: GraphQLObjectType, edges: Selected, place: Place) -> list[Pair]:
        def node(nodes: Sequence[Any], place: Place) -> Expression:
            return self.dialect.object(self.records.pairs(found.table, record, nodes, place))

        record = inner_type(type_.fields["node"])
        return self.pages.edge(self._view(found), type_, edges, place, node)

    def _passed(self, found: _List) -> Sql:
        """Whether there are rows on the side of the cursor that this page does not look at: mostly its own row is."""
        if found.keyset is None:
            return Sql("1 = 0")
        reverse = not found.page.backward
        split: Sequence[Half | None] = list(halves(found.order, found.keyset, reverse)) if found.halves else [None]
        own = found.order.rows(self.dialect, found.table, found.listed(), found.keyset.own())
        there = [Sql("EXISTS (SELECT 1", own, ")")]
        # read in order, because PostgreSQL takes "is there any" for a reason to look through the table
        there += [Sql("(SELECT 1", self._select(found, 1, reverse, half), ") IS NOT NULL") for half in split]
        return any_of(there)


def _needs_page(parts: Sequence[Selected]) -> bool:
    views = [part.name for part in parts if part.name in ("nodes", "edges", "pageInfo")]
    return len(views) > 1 or (bool(views) and views != ["nodes"])
