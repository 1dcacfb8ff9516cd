"""Beginning exports, and calling them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from crmcore.domain.files import Export, ExportState, FileFormat
from crmcore.errors import ErrorCode, Forbidden, Invalid, NotFound, WrongState
from crmcore.kit.ids import new_id
from crmcore.platform.context import Context
from crmcore.platform.jobs import enqueue
from crmcore.records import Create, Update, load, write
from crmcore.schema.errors import BAD_USER_INPUT
from crmcore.schema.exporting.jobs import EXPORT, PASSING
from crmcore.schema.exporting.listing import AFTER, COUNT, FIRST, list_query

if TYPE_CHECKING:
    from crmcore.schema.running import Runner


async def start_export(
    ctx: Context,
    runner: Runner,
    *,
    query: str,
    variables: Mapping[str, Any],
    format: FileFormat,
    columns: Sequence[str] | None,
) -> UUID:
    """Have a list written to a file; the export's id. What could never be exported is refused here."""
    await _try(ctx, runner, list_query(runner.documents, query, columns).text, variables)
    key = new_id()
    options = {"query": query, "variables": dict(variables), "columns": list(columns or ())}
    async with ctx.db.transaction() as tx:
        job = await enqueue(ctx, tx, EXPORT, {"export": str(key)})
        await write(ctx, [Create(Export, {"format": format, "options": options, "job_id": job}, id=key)], tx=tx)
    return key


async def _try(ctx: Context, runner: Runner, text: str, variables: Mapping[str, Any]) -> None:
    """Ask for the first row as the job will: what stands against the document, the variables or the caller's rights
    stands against every page. Trouble that may pass is left to the job, which tries again."""
    answer = await runner.ask(ctx, text, {**variables, FIRST: 1, AFTER: None, COUNT: False})
    for error in answer.errors:
        code, said = error["extensions"]["code"], error["message"]
        if code == ErrorCode.FORBIDDEN:
            raise Forbidden(said, "query")
        if code not in PASSING:
            raise Invalid(said, "variables" if code == BAD_USER_INPUT and not answer.executed else "query")


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
