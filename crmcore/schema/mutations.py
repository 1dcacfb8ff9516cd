"""The mutations that every record has: create, update, delete and restore."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import Refusal, Refusals
from crmcore.kit.text import article
from crmcore.platform.context import Context
from crmcore.query import RecordType, Ref, Registry
from crmcore.records import Change, Create, Delete, Restore, Update, write
from crmcore.schema.errors import Paths, user_errors
from crmcore.schema.inputs import Given, Writable, make_inputs
from crmcore.schema.payloads import make_payload
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Shapes, argument, optional, shaped

Payload = dict[str, Any]
Command = Callable[[Context], Awaitable[UUID]]

_VERSION: Final = (
    "The version you read. If the record has changed since, nothing is done and a ConflictError says what changed."
)


async def answer(
    record: RecordType, info: GraphQLResolveInfo[Any], command: Command, paths: Paths, *, deleted: bool = False
) -> Payload:
    """Run a command for a payload: the record's Ref, or the refusals. The one place where they become errors."""
    try:
        key = await command(info.context.ctx)
    except (Refusal, Refusals) as refused:
        takes = info.parent_type.fields[info.field_name].args
        info.context.refused = True
        return {record.root: None, "errors": user_errors(refused, paths, record.table, takes)}
    return {record.root: Ref(record.name, key, deleted), "errors": []}


def record_mutations(registry: Registry, shapes: Shapes, record: RecordType) -> list[RootField]:
    """`customerCreate` and its sisters, as far as the record's declaration wants them."""
    if record.is_log:
        return []
    writable = Writable(registry, record)
    make_inputs(writable, shapes)
    make_payload(shapes, record)
    made = {"create": _create, "update": _update, "delete": _delete, "restore": _restore}
    return [made[operation](writable, shapes) for operation in record.writes]


def identity_arguments(record: RecordType) -> list[Any]:
    """`id` and `expectedVersion`."""
    return [
        argument("id", ID, f"The global id of the {record.name}."),
        argument("expectedVersion", optional(int), _VERSION),
    ]


def _create(writable: Writable, shapes: Shapes) -> RootField:
    record = writable.record
    paths = {**writable.paths, "id": ("id",)}

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        def change() -> Change:
            sent = writable.read(given["input"])
            return Create(record.written, sent.values, sent.id, sent.external_refs or (), sent.custom_fields)

        return await answer(record, info, partial(_write, change), paths)

    arguments = [argument("input", shapes[f"{record.name}CreateInput"], f"The new {record.name}.")]
    return _field(record, shapes, "Create", f"Create {article(record.name)}.", arguments, resolve)


def _update(writable: Writable, shapes: Shapes) -> RootField:
    record = writable.record

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        key, version = _identity(record, given)

        def change() -> Change:
            sent: Given = writable.read(given["input"])
            return Update(
                record.written, key, sent.values, version, sent.external_refs, custom_fields=sent.custom_fields
            )

        return await answer(record, info, partial(_write, change), writable.paths)

    key, version = identity_arguments(record)
    arguments = [key, argument("input", shapes[f"{record.name}UpdateInput"], "What changes."), version]
    said = f"Change {article(record.name)}. Fields left out stay as they are, null clears a field."
    return _field(record, shapes, "Update", said, arguments, resolve)


def _delete(writable: Writable, shapes: Shapes) -> RootField:
    said = "Delete the {}, with everything that is part of it. {}Restore brings all of it back."
    return _by_id(writable, shapes, "Delete", said, Delete)


def _restore(writable: Writable, shapes: Shapes) -> RootField:
    return _by_id(writable, shapes, "Restore", "Bring a deleted {} back, with what was deleted with it.", Restore)


def _by_id(writable: Writable, shapes: Shapes, verb: str, said: str, kind: type[Delete | Restore]) -> RootField:
    record = writable.record

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        key, version = _identity(record, given)
        command = partial(_write, lambda: kind(record.written, key, version))
        return await answer(record, info, command, writable.paths, deleted=kind is Delete)

    said = said.format(record.name, record.root)
    return _field(record, shapes, verb, said, identity_arguments(record), resolve)


def _field(
    record: RecordType, shapes: Shapes, verb: str, said: str, arguments: list[Any], resolve: Callable[..., Any]
) -> RootField:
    payload = optional(shapes[f"{record.name}Payload"])
    made = shaped(f"{record.root}{verb}", payload, said, arguments=arguments, plugin=record.plugin)
    return RootField(made, resolve)


def _identity(record: RecordType, given: Mapping[str, Any]) -> tuple[UUID, int | None]:
    return record_key(given["id"], record.table, "id"), given.get("expectedVersion")


async def _write(change: Callable[[], Change], ctx: Context) -> UUID:
    [written] = await write(ctx, [change()])
    return written.id
