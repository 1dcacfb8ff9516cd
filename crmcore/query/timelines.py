"""Timelines: records of several types in one list, ordered by time.

Each type gives the rows that its own index finds beyond the cursor, one more than the page at most; of all of them
together the page is taken. Only its rows are looked at again, for what is selected on their type. The order is total:
time, then id, then the name of the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from graphql import GraphQLObjectType

from crmcore.kit.sql import EMPTY, Sql, all_of, any_of, join
from crmcore.platform.predicates import shown_by_parent
from crmcore.query.arguments import Argument
from crmcore.query.counting import exact_count
from crmcore.query.cursors import Binding, Cursors, binding_of
from crmcore.query.dialects import Expression
from crmcore.query.keyset import Keyset
from crmcore.query.mapping import Member, RecordType, TimelineField
from crmcore.query.operands import CASTS, converter
from crmcore.query.pages import NUMBER, Pages, View
from crmcore.query.paging import Key, Order, Page, key_column, page_of
from crmcore.query.scope import EACH, Named, Place, Scope, Table
from crmcore.query.selection import TYPENAME, Selected, inner_type
from crmcore.query.values import Value
from crmcore.query.vocabulary import enum_name

_ROW: Final = "v"
"""What a row of the page is called, as Dialect.list_of wants it."""

_ITEM: Final = Named(f"{_ROW}.{key_column(2)}", f"{_ROW}.{key_column(1)}")


class RecordOfTypes(Protocol):
    """What compiles the selection on the items of a timeline."""

    def one_of(
        self, types: Iterable[RecordType], ref: Named, nodes: Sequence[Any], place: Place, *, reached: bool
    ) -> Expression: ...


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows of one type: what stands after FROM, the conditions, and the timeline's order on them."""

    record: RecordType
    source: str
    conditions: Sequence[Sql | str]
    order: Order

    def rows(self, more: Sequence[Sql], reverse: bool, limit: int) -> Sql:
        """What stands after SELECT: the first rows that fulfil `more` conditions, as the type's index has them. Within
        one type, time and id are an order already."""
        order = replace(self.order, keys=self.order.keys[:2]).sql(reverse)
        return Sql(f" FROM {self.source} WHERE ", all_of([*self.conditions, *more]), f"{order} LIMIT {limit}")


@dataclass(frozen=True, slots=True)
class _Timeline:
    """One timeline being compiled; `name` is its CTE's."""

    name: str
    sides: Sequence[_Side]
    page: Page
    binding: Binding
    keyset: Keyset | None

    @property
    def order(self) -> Order:
        """What is the same on all sides: the keys' kinds and their direction."""
        return self.sides[0].order


class Timelines:
    """Compiles timelines within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors, records: RecordOfTypes) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.cursors = cursors
        self.pages = Pages(scope, cursors)
        self.records = records

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
        page = page_of(self.scope, given)
        sides = self._sides(holder, field, given)
        order = sides[0].order
        binding = binding_of(name, order.signature, {k: part for k, part in given.items() if k != "direction"})
        keyset = Keyset(self.scope, order, page.cursor, self.cursors, binding) if page.cursor else None
        found = _Timeline(self.scope.alias("p"), sides, page, binding, keyset)
        pairs = [(part.key, self._part(found, type_, part, place)) for part in self.scope.selection.of(nodes, type_)]
        rows = self._page(found)
        return Sql(f"(WITH {found.name} AS MATERIALIZED (", rows, ") SELECT ", self.dialect.object(pairs), ")")

    # ------------------------------------------------------------ what is selected

    def _part(self, found: _Timeline, type_: GraphQLObjectType, part: Selected, place: Place) -> Expression:
        if part.name == TYPENAME:
            return self.dialect.text(type_.name)
        if part.name == "totalCount":
            given = self.scope.selection.arguments(part, type_.fields[part.name])
            rows = [Sql(f"SELECT 1 FROM {side.source} WHERE ", all_of(side.conditions)) for side in found.sides]
            return exact_count(Sql("(", join(" UNION ALL ", rows), ') "~a"'), given)
        if part.name == "nodes":
            return self._rows(found, self._item(found, part.nodes, (*place, part.key, EACH)))
        inner = inner_type(type_.fields[part.name])
        view = View(found.name, _ROW, found.order, found.page, found.binding, partial(self._passed, found))
        if part.name == "pageInfo":
            return self.pages.info(view, inner, part)
        pairs = self.pages.edge(view, inner, part, (*place, part.key, EACH), partial(self._item, found))
        return self._rows(found, self.dialect.object(pairs))

    def _item(self, found: _Timeline, nodes: Sequence[Any], place: Place) -> Expression:
        """The record of a row; the page has guarded it."""
        types = [side.record for side in found.sides]
        return self.records.one_of(types, _ITEM, nodes, place, reached=True)

    def _rows(self, found: _Timeline, element: Expression) -> Sql:
        """The page's rows as a JSON array, in the list's order."""
        source = f'{found.name} {_ROW} WHERE {_ROW}.{NUMBER} <= {found.page.size} ORDER BY {_ROW}."n"'
        return self.dialect.list_of(element, Sql(source), nulls=False)

    # ------------------------------------------------------------ the rows of a page

    def _page(self, found: _Timeline) -> Sql:
        """The CTE: time, id and type of the page's rows. Numbered as View wants it, and in the list's order."""
        backward, limit = found.page.backward, found.page.size + 1
        sides = [Sql("SELECT * FROM (", self._select(found, side, limit), ') "~h"') for side in found.sides]
        order = found.order.sql(backward, '"~u"')
        rows = Sql('SELECT "~u".* FROM (', join(" UNION ALL ", sides), f') "~u"{order} LIMIT {limit}')
        number = "row_number() OVER ()"
        return Sql(f'SELECT "~p".*, {number} AS {NUMBER}, {"-" * backward}{number} AS "n" FROM (', rows, ') "~p"')

    def _select(self, found: _Timeline, side: _Side, limit: int) -> Sql:
        keys = ", ".join(f"{key.ref} AS {key_column(i)}" for i, key in enumerate(side.order.keys))
        beyond = found.keyset.within(side.order).beyond(reverse=found.page.backward) if found.keyset else EMPTY
        return Sql(f"SELECT {keys}", side.rows([beyond], found.page.backward, limit))

    def _passed(self, found: _Timeline) -> Sql:
        """Whether there are rows on the side of the cursor that this page does not look at: mostly its own row is. The
        nearest of each type is asked for: EXISTS would let PostgreSQL forget the order, and with it the index."""
        if found.keyset is None:
            return Sql("1 = 0")
        back = not found.page.backward
        cursors = [(side, found.keyset.within(side.order)) for side in found.sides]
        looks = [side.rows([cursor.own()], back, 1) for side, cursor in cursors]
        looks += [side.rows([cursor.beyond(reverse=back)], back, 1) for side, cursor in cursors]
        return any_of(Sql("(SELECT 1", look, ") IS NOT NULL") for look in looks)

    # ------------------------------------------------------------ the types and their rows

    def _sides(self, holder: Table, field: TimelineField, given: Mapping[str, Argument]) -> list[_Side]:
        """The types that `types` asks for, all unless given; without any, one that finds nothing."""
        descending = "direction" not in given or given["direction"].exact() == "DESC"
        members: Sequence[Member] = field.members
        if "types" in given:
            wanted = {item.exact() for item in given["types"].items()}
            members = [member for member in members if enum_name(member.record.name) in wanted]
        within = [self._side(holder, member, given, descending) for member in members or field.members[:1]]
        return within if members else [replace(within[0], conditions=["1 = 0"])]

    def _side(self, holder: Table, member: Member, given: Mapping[str, Argument], descending: bool) -> _Side:
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
        order = self._order(table, at, member.record, descending)
        return _Side(member.record, " CROSS JOIN ".join(sources), conditions, order)  # CROSS: SQLite keeps the order

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
