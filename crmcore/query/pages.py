"""What a page says of itself: the cursors of its rows, and where it stands in its list.

The page is a materialised CTE of one row more than it shows. Its rows carry the sort keys of the list
(paging.key_column) and are numbered from where reading begins: for a page from the end, from the end of the list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLObjectType

from crmcore.kit.sql import Bind, Sql
from crmcore.query.cursors import Binding, Cursors
from crmcore.query.dialects import Expression, Pair
from crmcore.query.paging import Order, Page, key_column
from crmcore.query.scope import Place, Scope
from crmcore.query.selection import TYPENAME, Selected

NUMBER: Final = '"~n"'

ShowNode = Callable[[Sequence[Any], Place], Expression]
"""The expression of the record in a row of the page: what is selected on it, and its place."""


@dataclass(frozen=True, slots=True)
class View:
    """A page where its rows are seen: the CTE `name`, read as `alias`. `passed` says whether the list has rows on the
    side of the cursor that the page does not look at."""

    name: str
    alias: str
    order: Order
    page: Page
    binding: Binding
    passed: Callable[[], Sql]


class Pages:
    """Compiles edges and page info within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.cursors = cursors

    def edge(
        self,
        view: View,
        type_: GraphQLObjectType,
        edges: Selected,
        place: Place,
        show_node: ShowNode,
        others: Mapping[str, Expression] | None = None,
    ) -> list[Pair]:
        """The row with its cursor; `others` are the edge's other fields by name."""
        pairs: list[Pair] = []
        for part in self.scope.selection.of(edges.nodes, type_):
            if part.name == TYPENAME:
                shown: Expression = self.dialect.text(type_.name)
            elif part.name == "cursor":
                shown = self._cursor(view)
            elif others and part.name in others:
                shown = others[part.name]
            else:
                shown = show_node(part.nodes, (*place, part.key))
            pairs.append((part.key, shown))
        return pairs

    def info(self, view: View, type_: GraphQLObjectType, info: Selected) -> Sql:
        """`pageInfo`."""
        pairs: list[Pair] = []
        for part in self.scope.selection.of(info.nodes, type_):
            if part.name == TYPENAME:
                shown: Expression = self.dialect.text(type_.name)
            elif part.name in ("startCursor", "endCursor"):
                shown = self._end_cursor(view, part.name == "startCursor")
            elif (part.name == "hasNextPage") is not view.page.backward:
                more = Sql(f"(SELECT count(*) FROM {view.name}) > {view.page.size}")
                shown = self.dialect.boolean(more)
            else:
                shown = self.dialect.boolean(view.passed())
            pairs.append((part.key, shown))
        return self.dialect.object(pairs)

    def _cursor(self, view: View) -> Sql:
        """The marker that becomes a cursor."""
        self.scope.cursors.append(view.binding)
        number = len(self.scope.cursors) - 1
        keys = enumerate(view.order.keys)
        values = [self.dialect.raw(key.value.kind, f"{view.alias}.{key_column(i)}") for i, key in keys]
        word = Bind(lambda run: self.cursors.word, "text", "cursor")
        return Sql(word, f" || '{number}.' || ", self.dialect.hex_array(values))

    def _end_cursor(self, view: View, start: bool) -> Sql:
        number = f"{view.alias}.{NUMBER}"
        direction = "" if start is not view.page.backward else " DESC"
        rows = f" FROM {view.name} {view.alias} WHERE {number} <= {view.page.size}"
        return Sql("(SELECT ", self._cursor(view), f"{rows} ORDER BY {number}{direction} LIMIT 1)")
