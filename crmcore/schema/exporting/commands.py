"""Beginning exports, and calling them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from graphql import GraphQLSchema

from crmcore.domain.files import Export, ExportState, FileFormat
from crmcore.errors import NotFound, WrongState
from crmcore.kit.ids import new_id
from crmcore.platform.context import Context
from crmcore.platform.jobs import enqueue
from crmcore.records import Create, Update, load, write
from crmcore.schema.exporting.jobs import EXPORT
from crmcore.schema.exporting.listing import list_query


async def start_export(
    ctx: Context,
    schema: GraphQLSchema,
    *,
    query: str,
    variables: Mapping[str, Any],
    format: FileFormat,
    columns: Sequence[str] | None,
) -> UUID:
    """Have a list written to a file; the export's id. A document that cannot be exported is refused here."""
    list_query(schema, query, columns)
    key = new_id()
    options = {"query": query, "variables": dict(variables), "columns": list(columns or ())}
    async with ctx.db.transaction() as tx:
        job = await enqueue(ctx, tx, EXPORT, {"export": str(key)})
        await write(ctx, [Create(Export, {"format": format, "options": options, "job_id": job}, id=key)], tx=tx)
    return key


async def cancel_export(ctx: Context, key: UUID, *, expected_version: int | None = None) -> UUID:
    """Call an export off: there will be no file."""
    async with ctx.db.transaction() as tx:
        row = (await load(ctx, tx, Export, [key], "NO KEY UPDATE")).get(key)
        if row is None:
            raise NotFound("There is no export with this id, or you may not see it.", "id")
        if row["state"] not in (ExportState.QUEUED, ExportState.RUNNING):
            said = f"The export is {row['state']}: it cannot be called off now."
            raise WrongState(said, "id", current=row["state"], allowed=[])
        values = {"state": ExportState.CANCELLED, "finished_at": ctx.clock()}
        await write(ctx, [Update(Export, key, values, expected_version)], tx=tx)
    return key
