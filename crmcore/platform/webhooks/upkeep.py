"""What keeps the table of deliveries small."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from crmcore.kit.sql import Sql
from crmcore.platform.jobs import JobKind, JobRun
from crmcore.platform.terms import Terms

_BATCH: Final = 1000


def prune_deliveries(kept_days: int) -> JobKind:
    """The job that takes away deliveries which are over and were made so many days ago."""

    async def prune(run: JobRun) -> int:
        gone, deleted = 0, _BATCH
        while deleted == _BATCH:
            deleted = await _delete(run, run.ctx.clock() - timedelta(days=kept_days))
            gone += deleted
            await run.progress(gone)
        return gone

    return JobKind("webhooks.prune", prune, timeout=600, cron="41 3 * * *")


async def _delete(run: JobRun, before: datetime) -> int:
    async with run.ctx.db.transaction() as tx:
        term = Terms(tx.dialect)
        return await tx.execute(Sql(
            "DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery WHERE tenant_id = ",
            term.key(run.ctx.tenant_id), " AND next_at IS NULL AND made_at < ", term.time(before),
            f" ORDER BY made_at, id LIMIT {_BATCH})",
        ))  # fmt: skip
