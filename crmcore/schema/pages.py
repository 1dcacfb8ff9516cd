"""Connections: a page of records of one type, or of an interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from crmcore.schema.shapes import Argument, Field, Fields, Shapes, argument, listed, optional, shaped

_ESTIMATE: Final = (
    "True may answer with an estimate, which costs little however long the list is: on PostgreSQL, above 10000, for a "
    "list at the root, from a sample of the table, mostly right within a few percent. All other answers are exact."
)


def make_connection(
    shapes: Shapes,
    stem: str,
    node: str,
    said: tuple[str, str],
    more: Fields = list,
    *,
    of_edge: Fields = list,
    plugin: str = "",
) -> None:
    """`<Stem>Connection` and `<Stem>Edge`, with what is said of them, for records of the type `node`. `more` are fields
    of the connection beside those that each has, `of_edge` those of the edge."""
    page, edge = said
    shapes.object(f"{stem}Connection", page, lambda: _connection(shapes, stem, node, more()), plugin=plugin)
    shapes.object(f"{stem}Edge", edge, lambda: [*_edge(shapes, node), *of_edge()], plugin=plugin)


def page_arguments(same: str) -> list[Argument]:
    """What every connection takes; `same` names the arguments with which a cursor goes."""
    return [
        argument("first", optional(int), "How many records from the start, or after the cursor. 50 unless given."),
        argument("after", optional(str), f"A cursor of a page with the same {same}: begin behind it."),
        argument("last", optional(int), "How many records from the end, or before the cursor."),
        argument("before", optional(str), f"A cursor of a page with the same {same}: end in front of it."),
    ]


def _connection(shapes: Shapes, stem: str, node: str, more: Iterable[Field]) -> list[Field]:
    most = "Stop counting here: this number as the answer means so many or more."
    counting = [argument("atMost", optional(int), most), argument("estimate", optional(bool), _ESTIMATE)]
    total = "How many records the whole list has; counted only when asked for."
    return [
        shaped("nodes", listed(shapes[node]), "The records of this page."),
        shaped("edges", listed(shapes[f"{stem}Edge"]), "The records of this page, each with its cursor."),
        shaped("pageInfo", shapes["PageInfo"], "Where this page stands in the list."),
        *more,
        shaped("totalCount", int, total, arguments=counting),
    ]


def _edge(shapes: Shapes, node: str) -> list[Field]:
    return [
        shaped("cursor", str, "The record's place: hand it to after or before."),
        shaped("node", shapes[node], "The record."),
    ]
