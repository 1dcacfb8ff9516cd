"""What is kept of a person: asked for and erased, of every record that is somebody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import Refusal
from crmcore.kit.text import article
from crmcore.platform.context import Context
from crmcore.query import FreeData, RecordType, Registry
from crmcore.records import erase_person, personal_data
from crmcore.schema.mutations import answer, identity_arguments
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Shapes, argument, optional, shaped
from crmcore.schema.writing import Payload


def person_queries(registry: Registry) -> list[RootField]:
    """`contactPersonalData` and its sisters."""
    return [_data(record) for record in _persons(registry)]


def person_mutations(registry: Registry, shapes: Shapes) -> list[RootField]:
    """`contactErase` and its sisters."""
    return [_erase(record, shapes) for record in _persons(registry)]


def _persons(registry: Registry) -> Iterable[RecordType]:
    return (record for record in registry.records.values() if not record.is_log and record.rules.person)


def _data(record: RecordType) -> RootField:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Mapping[str, Any] | None:
        ctx: Context = info.context.ctx
        try:
            return await personal_data(ctx, record.written, record_key(given["id"], record.table, "id"))
        except Refusal:
            return None

    said = (
        f"All that is kept of {article(record.name)}, in this CRM and its plugins, to be handed out: lists of records "
        "by their kind, parts and deleted ones included. Null if there is none that you see."
    )
    key = argument("id", ID, f"The global id of the {record.name}.")
    return RootField(shaped(f"{record.root}PersonalData", optional(FreeData), said, arguments=[key]), resolve)


def _erase(record: RecordType, shapes: Shapes) -> RootField:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        key = record_key(given["id"], record.table, "id")

        async def command(ctx: Context) -> UUID:
            return await erase_person(ctx, record.written, key, given.get("expectedVersion"))

        return await answer(record, info, command, {})

    said = (
        f"Purge the {record.name}, and blank what other records say of that person: interactions, and what plugins "
        "keep. Their history loses its content too. The payload's record is null."
    )
    payload = optional(shapes[f"{record.name}Payload"])
    return RootField(shaped(f"{record.root}Erase", payload, said, arguments=identity_arguments(record)), resolve)
