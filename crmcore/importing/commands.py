"""Beginning, calling off and undoing imports of files that were sent to the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crmcore.domain.files import File, Import, ImportState
from crmcore.errors import ConfigError, Invalid, NotFound, WrongState
from crmcore.importing.asking import check_options, form_of, with_records
from crmcore.importing.binding import bind
from crmcore.importing.delimited import encoding_of, no_encoding
from crmcore.importing.jobs import IMPORT, UNDO
from crmcore.kit.ids import new_id
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.jobs import enqueue
from crmcore.query import Registry
from crmcore.records import Create, Update, load, write


async def start_import(
    ctx: Context, registry: Registry, file: UUID, record_type: str | None, *, dry_run: bool, options: Mapping[str, Any]
) -> UUID:
    """Have a file brought in; the import's id. What can be said against the mapping without the file is said here."""
    record = registry.records[record_type] if record_type else None
    if (record is None) == (not options.get("definition")):
        raise Invalid("Say what the rows become: either as, or definition, a mapping in TOML.", "as")
    check_options(options)
    try:
        form = form_of(options)
        if form.encoding and not encoding_of(form.encoding):
            raise no_encoding(form)
        if form.records or options.get("mapping"):
            bind(with_records(form, options, record, (), registry), registry)
    except ConfigError as error:
        raise Invalid(error.message, "definition" if options.get("definition") else "mapping") from error
    key = new_id()
    values = {
        "file_id": file, "record_type": record_type, "mode": options["mode"], "match_on": options.get("matchOn"),
        "options": dict(options), "dry_run": dry_run,
    }  # fmt: skip
    async with ctx.db.transaction() as tx:
        if file not in await load(ctx, tx, File, [file]):
            raise NotFound("There is no file with this id, or you may not see it.", "file")
        job = await enqueue(ctx, tx, IMPORT, {"import": str(key)})
        await write(ctx, [Create(Import, {**values, "job_id": job}, id=key)], tx=tx)
    return key


async def cancel_import(ctx: Context, key: UUID, *, expected_version: int | None = None) -> UUID:
    """Call an import off: no row is saved after this. What was saved stays until it is undone."""
    async with ctx.db.transaction() as tx:
        row = await _found(ctx, tx, key)
        _must_be(row, "be called off", ImportState.QUEUED, ImportState.RUNNING)
        values = {"state": ImportState.CANCELLED, "finished_at": ctx.clock()}
        await write(ctx, [Update(Import, key, values, expected_version)], tx=tx)
    return key


async def undo_import(ctx: Context, key: UUID, *, expected_version: int | None = None) -> UUID:
    """Have what an import made deleted, and what it changed set back where nobody has changed it since."""
    async with ctx.db.transaction() as tx:
        row = await _found(ctx, tx, key)
        _must_be(row, "be undone", ImportState.DONE, ImportState.FAILED, ImportState.CANCELLED)
        if row["dry_run"]:
            raise WrongState(
                "A dry run has saved nothing: there is nothing to undo.", "id", current=row["state"], allowed=[]
            )
        await enqueue(ctx, tx, UNDO, {"import": str(key)})
        await write(ctx, [Update(Import, key, {"state": ImportState.UNDOING}, expected_version)], tx=tx)
    return key


async def _found(ctx: Context, tx: Transaction, key: UUID) -> Mapping[str, Any]:
    row = (await load(ctx, tx, Import, [key], "NO KEY UPDATE")).get(key)
    if row is None:
        raise NotFound("There is no import with this id, or you may not see it.", "id")
    return row


def _must_be(row: Mapping[str, Any], what: str, *states: ImportState) -> None:
    if row["state"] not in states:
        said = f"The import is {row['state']}: it cannot {what} now."
        raise WrongState(said, "id", current=row["state"], allowed=[])
