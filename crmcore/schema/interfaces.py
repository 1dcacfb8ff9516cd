"""The interfaces of records: `Node`, which all are, and `TimelineItem`; and timelines, pages of the latter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from crmcore.query import Registry
from crmcore.query.vocabulary import enum_name
from crmcore.schema.pages import make_connection, page_arguments
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Argument, Field, Shapes, argument, listed, optional, shaped

_AT: Final = "When it happened; null for a record that is on no timeline yet."


More = Callable[[str], Iterable[Field]]
"""The fields that extensions give to all of an interface, by its name."""


def make_node(shapes: Shapes, more: More) -> None:
    """The interface of everything that has a global id."""
    shapes.interface(
        "Node",
        "A record with a global id. Fetch one with node(id:), several with nodes(ids:).",
        lambda: [*_node_fields(), *more("Node")],
        _never,
    )


def _never(value: Any) -> str:
    raise TypeError(f"A {type(value).__name__} is no record: return a Ref or Refs, which the read engine completes.")


def make_timelines(registry: Registry, shapes: Shapes, more: More) -> None:
    """`TimelineItem`, `TimelineType`, `TimelineConnection` and `TimelineEdge`, if any record has a moment."""
    types = {enum_name(r.name): r.description for r in registry.records.values() if r.on_timelines}
    if not types:
        return
    shapes.interface(
        "TimelineItem",
        "A record that stands on timelines. Select what you need of each kind with inline fragments.",
        lambda: [
            *_node_fields(),
            shaped("timelineAt", optional(datetime), _AT),
            *more("Node"),
            *more("TimelineItem"),
        ],
        _never,
        interfaces=(shapes["Node"],),
    )
    brought = {enum_name(r.name): r.plugin for r in registry.records.values()}
    shapes.names("TimelineType", "The kinds of records on timelines.", types, brought=brought)
    said = "A page of a timeline.", "The record with its place on the timeline."
    make_connection(shapes, "Timeline", "TimelineItem", said)


def timeline_arguments(shapes: Shapes) -> list[Argument]:
    """What every timeline takes."""
    return [
        argument("types", optional(listed(shapes["TimelineType"])), "Only records of these kinds; all unless given."),
        argument("since", optional(datetime), "Only what happened at this time or later."),
        argument("until", optional(datetime), "Only what happened before this time."),
        argument("direction", optional(shapes["OrderDirection"]), "DESC, the latest first, unless given."),
        *page_arguments("types, since, until and direction"),
    ]


def _node_fields() -> list[Field]:
    return [shaped("id", ID, "Global id: the kind of record, then a UUID.")]
