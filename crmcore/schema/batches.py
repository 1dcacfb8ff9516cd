"""Mutations of many records: a result for each item, in the order of the items."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLResolveInfo

from crmcore.errors import Limit
from crmcore.kit.choices import Choices
from crmcore.kit.text import article
from crmcore.query import RecordType
from crmcore.records import IfDeleted, Item, OnConflict
from crmcore.schema.errors import user_error
from crmcore.schema.inputs import RECORD_VERSION
from crmcore.schema.payloads import batch_payload
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Argument, Shapes, argument, listed, optional, shaped
from crmcore.schema.writing import Payload, Writing

MOST_ITEMS: Final = 1000

VERSION: Final = (
    "The version you read. If the record has changed since, nothing is done and a ConflictError says what changed."
)

Read = Callable[..., Item]


class BatchMode(Choices):
    """What is to be done of a batch when some of its items are refused."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING", "Nothing: the other items are answered NOT_DONE."
    PARTIAL = "PARTIAL", "The other items."


def make_batches(shapes: Shapes) -> None:
    """What the batches of all records share."""
    for enum in (BatchMode, OnConflict, IfDeleted):
        shapes.choice(enum)
    shapes.input(
        RECORD_VERSION,
        "A record, and the version in which it is known.",
        lambda: [
            shaped("id", ID, "The record's global id."),
            shaped("expectedVersion", optional(int), VERSION),
        ],
    )


def make_update_item(shapes: Shapes, record: RecordType) -> None:
    """`<Record>UpdateItem`."""
    shapes.input(
        f"{record.name}UpdateItem",
        f"What changes of {article(record.name)}.",
        lambda: [
            shaped("id", ID, f"The global id of the {record.name}."),
            shaped("input", shapes[f"{record.name}UpdateInput"], "What changes."),
            shaped("expectedVersion", optional(int), VERSION),
        ],
        plugin=record.plugin,
    )


_SAID: Final = {
    "create": "Create up to 1,000 {name} records.",
    "update": "Change up to 1,000 {name} records, each in its own way. Of two that change one record, the second comes "
    "after the first.",
    "delete": "Delete up to 1,000 {name} records, each with everything that is part of it.",
    "restore": "Bring up to 1,000 deleted {name} records back, each with what was deleted with it.",
}


def batch_mutation(writing: Writing, shapes: Shapes, record: RecordType, operation: str) -> RootField:
    """`customersCreate` and its sisters."""
    if operation == "update":
        make_update_item(shapes, record)
    kinds = {"create": f"{record.name}CreateInput", "update": f"{record.name}UpdateItem"}
    items = shapes[kinds.get(operation, RECORD_VERSION)]
    read: Read = getattr(writing.of[record.written], operation)

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        return await answer_batch(writing, info, record, read, given)

    said = _SAID[operation].format(name=record.name)
    return batch_field(shapes, record, operation.capitalize(), said, batch_arguments(shapes, items), resolve)


def batch_arguments(shapes: Shapes, items: Any) -> list[Argument]:
    """`items` and `mode`."""
    return [
        argument("items", listed(items), f"At most {MOST_ITEMS:,}."),
        argument("mode", optional(shapes["BatchMode"]), "ALL_OR_NOTHING unless given."),
    ]


def batch_field(
    shapes: Shapes, record: RecordType, verb: str, said: str, arguments: list[Argument], resolve: Callable[..., Any]
) -> RootField:
    """A root field that answers with a result for each item."""
    payload = optional(shapes[batch_payload(record)])
    name = f"{record.root_plural}{verb}"
    return RootField(shaped(name, payload, said, arguments=arguments, plugin=record.plugin), resolve)


async def answer_batch(
    writing: Writing, info: GraphQLResolveInfo[Any], record: RecordType, read: Read, given: dict[str, Any]
) -> Payload:
    """Read the items, make the changes, answer. LIMIT for too many."""
    items = given["items"]
    if len(items) > MOST_ITEMS:
        said = f"At most {MOST_ITEMS} items at once, not {len(items)}: send the rest in another request."
        info.context.refused = True
        return {"results": [], "errors": [user_error(Limit(said), ["items"], record.table)]}
    changes = [read(item, "items", str(number)) for number, item in enumerate(items)]
    partial = given.get("mode") is BatchMode.PARTIAL
    return await writing.each(info.context, record, changes, partial=partial)


__all__ = [
    "MOST_ITEMS", "VERSION", "BatchMode", "answer_batch", "batch_arguments", "batch_field", "batch_mutation",
    "make_batches",
]  # fmt: skip
