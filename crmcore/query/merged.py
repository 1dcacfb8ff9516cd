"""Records of several types in one list.

Each type gives the rows that its own index finds beyond the cursor, one more than the page at most; of all of them
together the page is taken. Only its rows are looked at again, for what is selected on their type. The last two keys of
the order are the record's id and the name of its table: so it is total, and within one type without the latter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Sql, all_of, any_of, join
from crmcore.query.arguments import Argument
from crmcore.query.counting import exact_count
from crmcore.query.cursors import Binding, Cursors
from crmcore.query.dialects import Expression
from crmcore.query.keyset import Keyset
from crmcore.query.mapping import RecordType
from crmcore.query.pages import NUMBER, Pages, View
from crmcore.query.paging import Order, Page, key_column, page_of
from crmcore.query.scope import EACH, Named, Place, Scope
from crmcore.query.selection import TYPENAME, Selected, inner_type

ROW: Final = "v"
"""What a row of the page is called, as Dialect.list_of wants it."""


class RecordOfTypes(Protocol):
    """What compiles the selection on the records of the list."""

    def one_of(
        self, types: Iterable[RecordType], ref: Named, nodes: Sequence[Any], place: Place, *, reached: bool
    ) -> Expression: ...


@dataclass(frozen=True, slots=True)
class Side:
    """The rows of one type: what stands after FROM, the conditions (which guard them), and the list's order on them."""

    record: RecordType
    source: Sql
    conditions: Sequence[Sql | str]
    order: Order

    def rows(self, more: Sequence[Sql], reverse: bool, limit: int) -> Sql:
        """What stands after SELECT: the first rows that fulfil `more` conditions, as the type's index has them."""
        order = replace(self.order, keys=self.order.keys[:-1]).sql(reverse)
        return Sql(" FROM ", self.source, " WHERE ", all_of([*self.conditions, *more]), f"{order} LIMIT {limit}")

    def empty(self) -> Side:
        """The same without any row: a list must know its order even if no type is asked for."""
        return replace(self, conditions=["1 = 0"])


@dataclass(frozen=True, slots=True)
class _Merged:
    """One list being compiled; `name` is its CTE's."""

    name: str
    sides: Sequence[Side]
    page: Page
    binding: Binding
    keyset: Keyset | None

    @property
    def order(self) -> Order:
        """What is the same on all sides: the keys' kinds and their direction."""
        return self.sides[0].order


class MergedLists:
    """Compiles lists of several types within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors, records: RecordOfTypes) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.cursors = cursors
        self.pages = Pages(scope, cursors)
        self.records = records

    def compile(
        self,
        sides: Sequence[Side],
        binding: Binding,
        given: Mapping[str, Argument],
        type_: GraphQLObjectType,
        nodes: Sequence[Any],
        place: Place,
        of_edge: Mapping[str, Expression] | None = None,
    ) -> Sql:
        """A scalar subquery: the page of the sides' rows that `given` asks for. `of_edge` are the fields of an edge
        beside `cursor` and `node`, on a row of the page."""
        page = page_of(self.scope, given)
        order = sides[0].order
        keyset = Keyset(self.scope, order, page.cursor, self.cursors, binding) if page.cursor else None
        found = _Merged(self.scope.alias("p"), sides, page, binding, keyset)
        parts = self.scope.selection.of(nodes, type_)
        pairs = [(part.key, self._part(found, type_, part, place, of_edge or {})) for part in parts]
        rows = self._page(found)
        return Sql(f"(WITH {found.name} AS MATERIALIZED (", rows, ") SELECT ", self.dialect.object(pairs), ")")

    # ------------------------------------------------------------ what is selected

    def _part(
        self, found: _Merged, type_: GraphQLObjectType, part: Selected, place: Place, of_edge: Mapping[str, Expression]
    ) -> Expression:
        if part.name == TYPENAME:
            return self.dialect.text(type_.name)
        if part.name == "totalCount":
            given = self.scope.selection.arguments(part, type_.fields[part.name])
            rows = [Sql("SELECT 1 FROM ", side.source, " WHERE ", all_of(side.conditions)) for side in found.sides]
            return exact_count(Sql("(", join(" UNION ALL ", rows), ') "~a"'), given)
        if part.name == "nodes":
            return self._rows(found, self._item(found, part.nodes, (*place, part.key, EACH)))
        inner = inner_type(type_.fields[part.name])
        view = View(found.name, ROW, found.order, found.page, found.binding, partial(self._passed, found))
        if part.name == "pageInfo":
            return self.pages.info(view, inner, part)
        item = partial(self._item, found)
        pairs = self.pages.edge(view, inner, part, (*place, part.key, EACH), item, of_edge)
        return self._rows(found, self.dialect.object(pairs))

    def _item(self, found: _Merged, nodes: Sequence[Any], place: Place) -> Expression:
        """The record of a row; the page has guarded it."""
        last = len(found.order.keys) - 1
        named = Named(f"{ROW}.{key_column(last)}", f"{ROW}.{key_column(last - 1)}")
        return self.records.one_of([side.record for side in found.sides], named, nodes, place, reached=True)

    def _rows(self, found: _Merged, element: Expression) -> Sql:
        """The page's rows as a JSON array, in the list's order."""
        source = f'{found.name} {ROW} WHERE {ROW}.{NUMBER} <= {found.page.size} ORDER BY {ROW}."n"'
        return self.dialect.list_of(element, Sql(source), nulls=False)

    # ------------------------------------------------------------ the rows of a page

    def _page(self, found: _Merged) -> Sql:
        """The CTE: the sort keys of the page's rows. Numbered as View wants it, and in the list's order."""
        backward, limit = found.page.backward, found.page.size + 1
        sides = [Sql("SELECT * FROM (", self._select(found, side, limit), ') "~h"') for side in found.sides]
        order = found.order.sql(backward, '"~u"')
        rows = Sql('SELECT "~u".* FROM (', join(" UNION ALL ", sides), f') "~u"{order} LIMIT {limit}')
        number = "row_number() OVER ()"
        return Sql(f'SELECT "~p".*, {number} AS {NUMBER}, {"-" * backward}{number} AS "n" FROM (', rows, ') "~p"')

    def _select(self, found: _Merged, side: Side, limit: int) -> Sql:
        keys = ", ".join(f"{key.ref} AS {key_column(i)}" for i, key in enumerate(side.order.keys))
        beyond = found.keyset.within(side.order).beyond(reverse=found.page.backward) if found.keyset else EMPTY
        return Sql(f"SELECT {keys}", side.rows([beyond], found.page.backward, limit))

    def _passed(self, found: _Merged) -> Sql:
        """Whether there are rows on the side of the cursor that this page does not look at: mostly its own row is. The
        nearest of each type is asked for: EXISTS would let PostgreSQL forget the order, and with it the index."""
        if found.keyset is None:
            return Sql("1 = 0")
        back = not found.page.backward
        cursors = [(side, found.keyset.within(side.order)) for side in found.sides]
        looks = [side.rows([cursor.own()], back, 1) for side, cursor in cursors]
        looks += [side.rows([cursor.beyond(reverse=back)], back, 1) for side, cursor in cursors]
        return any_of(Sql("(SELECT 1", look, ") IS NOT NULL") for look in looks)
