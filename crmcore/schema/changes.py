"""`changes`: the feed by which a client keeps a copy of what its user may see."""

from __future__ import annotations

from typing import Final

from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped

_OPS: Final = {
    "UPSERT": "Put the record into the copy, in the place of what is there: it is new, changed, or came into view.",
    "DELETE": "Take the record out of the copy, if it is there: it is deleted, or the user may not see it any more.",
}

_AFTER: Final = "The cursor of the page before, from a feed of the same types; without it the feed begins from empty."

_FIRST: Final = "How many records at most, from 1. 50 unless given. A page may have fewer, or none, and more follow."


def make_changes(shapes: Shapes) -> None:
    """`SyncOperation`, `ChangePage` and `RecordChange`."""
    shapes.names("SyncOperation", "What a client does with a record of the feed.", _OPS)
    said = "What happened to a record that the caller sees, or saw: what a client does with its copy of it."
    shapes.object("RecordChange", said, lambda: _change(shapes))
    shapes.object("ChangePage", "A page of the feed of changes.", lambda: _page(shapes))


def changes_root(shapes: Shapes) -> Field:
    """The root field."""
    arguments = [
        argument("after", optional(str), _AFTER),
        argument("types", optional(listed(shapes["RecordTypeName"])), "Only records of these kinds; all unless given."),
        argument("first", optional(int), _FIRST),
    ]
    said = (
        "What a client needs to keep a copy of all that its user may see: from empty everything there is, then "
        "everything that changed since, however long ago that was. Apply each page, keep its cursor, and ask for the "
        "next one while hasMore; later go on from there. The copy is then equal to the database."
    )
    return shaped("changes", optional(shapes["ChangePage"]), said, arguments=arguments)


def _page(shapes: Shapes) -> list[Field]:
    resync = (
        "The copy cannot be brought up to date: what the user may see has changed as a whole (their team, their "
        "rights), the cursor is of a feed of other types, or too old. Throw the copy away and begin without a cursor."
    )
    return [
        shaped("nodes", listed(shapes["RecordChange"]), "What to do with the copy. No record is named twice."),
        shaped("cursor", str, "Where the feed goes on: hand it to after, now or in a month."),
        shaped("hasMore", bool, "Whether there is more already; if not, ask again later."),
        shaped("resyncRequired", bool, resync),
    ]


def _change(shapes: Shapes) -> list[Field]:
    node = (
        "The record as it is now, which may be newer than the change; null for DELETE. Select what you need of each "
        "kind with inline fragments."
    )
    return [
        shaped("op", shapes["SyncOperation"], "What to do with the record."),
        shaped("type", shapes["RecordTypeName"], "The kind of record."),
        shaped("id", ID, "The record's global id."),
        shaped("version", optional(int), "The record's version now; null for DELETE."),
        shaped("node", optional(shapes["Node"]), node),
    ]
