"""Files that have expired go, every night, and bytes that belong to no file."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from crmcore.domain.files.models import File
from crmcore.kit.sql import Sql, value
from crmcore.platform.blobs import drop_pieces
from crmcore.platform.fields import UtcDatetime, Uuid
from crmcore.platform.jobs import JobKind, JobRun
from crmcore.records import Delete, write

_BATCH: Final = 500
_UPLOAD: Final = timedelta(days=1)
"""No upload and no export takes longer: bytes without a file that are older belong to one that was broken off."""

_uuid, _instant = Uuid(), UtcDatetime()


def prune_files() -> JobKind:
    """The job of every tenant."""
    return JobKind("files.prune", _prune, timeout=3600, cron="41 3 * * *")


async def _prune(run: JobRun) -> int:
    ctx, gone = run.ctx, 0
    dialect = ctx.db.dialect
    while True:
        rows = await ctx.db.fetch(
            Sql(
                "SELECT id FROM file WHERE tenant_id = ", value(_uuid.to_driver(ctx.tenant_id, dialect), "uuid"),
                " AND deleted_at IS NULL AND expires_at <= ",
                value(_instant.to_driver(ctx.clock(), dialect), "timestamptz"), f" ORDER BY expires_at LIMIT {_BATCH}",
            )
        )  # fmt: skip
        if not rows:
            break
        await write(ctx, [Delete(File, UUID(str(row["id"]))) for row in rows], partial=True)
        gone += len(rows)
        await run.progress(gone)
    await drop_pieces(ctx, ctx.clock() - _UPLOAD)
    return gone
