"""The mutations that every record has: create, update, delete and restore, of one and of many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import Refusal, Refusals
from crmcore.kit.text import article
from crmcore.platform.context import Context
from crmcore.query import RecordType, Ref
from crmcore.records import WriteOutcome, purge
from crmcore.schema.batches import VERSION, batch_mutation
from crmcore.schema.errors import Paths, user_errors
from crmcore.schema.inputs import make_inputs
from crmcore.schema.payloads import make_batch_payload, make_payload
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Shapes, argument, optional, shaped
from crmcore.schema.upserts import upsert_mutations
from crmcore.schema.writing import Payload, Writing

Command = Callable[[Context], Awaitable[UUID]]


async def answer(record: RecordType, info: GraphQLResolveInfo[Any], command: Command, paths: Paths) -> Payload:
    """Run a command for a payload: the record's Ref, or the refusals."""
    try:
        key = await command(info.context.ctx)
    except (Refusal, Refusals) as refused:
        takes = info.parent_type.fields[info.field_name].args
        info.context.refused = True
        return {
            record.root: None,
            "outcome": WriteOutcome.REFUSED,
            "errors": user_errors(refused, paths, record.table, takes),
        }
    return {record.root: Ref(record.name, key), "outcome": None, "errors": []}


def record_mutations(shapes: Shapes, writing: Writing, record: RecordType) -> list[RootField]:
    """`customerCreate`, `customersCreate` and their sisters, as far as the record's declaration wants them."""
    if record.is_log:
        return []
    writable = writing.of[record.written]
    make_inputs(writable, shapes)
    make_payload(shapes, record)
    if not record.writes:
        return []
    make_batch_payload(shapes, record)
    singles = {"create": _create, "update": _update, "delete": _delete, "restore": _restore}
    made = [singles[operation](writing, shapes, record) for operation in record.writes]
    made += [_purge(shapes, record)] if "delete" in record.writes else []
    made += [batch_mutation(writing, shapes, record, operation) for operation in record.writes]
    return made + (upsert_mutations(writing, shapes, record) if {"create", "update"} <= set(record.writes) else [])


def identity_arguments(record: RecordType) -> list[Any]:
    """`id` and `expectedVersion`; a log has no versions."""
    key = argument("id", ID, f"The global id of the {record.name}.")
    return [key] if record.is_log else [key, argument("expectedVersion", optional(int), VERSION)]


def _create(writing: Writing, shapes: Shapes, record: RecordType) -> RootField:
    read = writing.of[record.written].create

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        return await writing.one(info.context, record, read(given["input"], "input"))

    arguments = [argument("input", shapes[f"{record.name}CreateInput"], f"The new {record.name}.")]
    return _field(record, shapes, "Create", f"Create {article(record.name)}.", arguments, resolve)


def _update(writing: Writing, shapes: Shapes, record: RecordType) -> RootField:
    key, version = identity_arguments(record)
    arguments = [key, argument("input", shapes[f"{record.name}UpdateInput"], "What changes."), version]
    said = f"Change {article(record.name)}. Fields left out stay as they are, null clears a field."
    return _identified(writing, shapes, record, "update", said, arguments)


def _delete(writing: Writing, shapes: Shapes, record: RecordType) -> RootField:
    said = f"Delete the {record.name}, with everything that is part of it. {record.root}Restore brings all of it back."
    return _identified(writing, shapes, record, "delete", said, identity_arguments(record))


def _restore(writing: Writing, shapes: Shapes, record: RecordType) -> RootField:
    said = f"Bring a deleted {record.name} back, with what was deleted with it."
    return _identified(writing, shapes, record, "restore", said, identity_arguments(record))


def _purge(shapes: Shapes, record: RecordType) -> RootField:
    said = (
        f"Delete the {record.name} for good, living or deleted, with everything that is part of it; what the history "
        "says of their content is erased. Refused with POLICY while others still need it. The payload's record is null."
    )

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        key = record_key(given["id"], record.table, "id")

        async def command(ctx: Context) -> UUID:
            return await purge(ctx, record.written, key, given.get("expectedVersion"))

        return await answer(record, info, command, {})

    return _field(record, shapes, "Purge", said, identity_arguments(record), resolve)


def _identified(
    writing: Writing, shapes: Shapes, record: RecordType, operation: str, said: str, arguments: list[Any]
) -> RootField:
    """A mutation of the record that `id` names."""
    read = getattr(writing.of[record.written], operation)

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        return await writing.one(info.context, record, read(given))

    return _field(record, shapes, operation.capitalize(), said, arguments, resolve)


def _field(
    record: RecordType, shapes: Shapes, verb: str, said: str, arguments: list[Any], resolve: Callable[..., Any]
) -> RootField:
    payload = optional(shapes[f"{record.name}Payload"])
    made = shaped(f"{record.root}{verb}", payload, said, arguments=arguments, plugin=record.plugin)
    return RootField(made, resolve)
