"""What keeps tables small: rows that have had their time are deleted, a few at a time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from tortoise.models import Model

from crmcore.kit.sql import Sql, ident, value
from crmcore.platform.jobs.kinds import JobKind, JobRun
from crmcore.platform.jobs.models import Job, JobState
from crmcore.platform.jobs.rows import to_driver

_BATCH: Final = 1000


def prune_jobs(kept_days: int, dead_kept_days: int) -> JobKind:
    """The job that deletes jobs which have been over for so many days, and dead letters after so many."""

    async def prune(run: JobRun) -> int:
        now, gone = run.ctx.clock(), 0
        for state, days in (
            (JobState.DONE, kept_days),
            (JobState.CANCELLED, kept_days),
            (JobState.DEAD, dead_kept_days),
        ):
            gone += await delete_before(run, Job, "finished_at", now - timedelta(days=days), state=state)
        return gone

    return JobKind("jobs.prune", prune, timeout=600, cron="23 3 * * *")


async def delete_before(run: JobRun, model: type[Model], column: str, before: datetime, **having: Any) -> int:
    """Delete the tenant's rows whose time in `column` is earlier, those that have these values; how many there were.

    An index over the tenant, the columns of `having` and `column` makes it quick.
    """
    ctx, gone, deleted = run.ctx, 0, _BATCH
    dialect, table = ctx.db.dialect, ident(model._meta.db_table)
    equal = {"tenant_id": ctx.tenant_id, **having}
    conditions = [Sql(f"{ident(c)} = ", value(to_driver(model, c, v, dialect)), " AND ") for c, v in equal.items()]
    tree = Sql(
        f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE ", *conditions, f"{ident(column)} < ",
        value(to_driver(model, column, before, dialect)), f" ORDER BY {ident(column)} LIMIT {_BATCH})",
    )  # fmt: skip
    while deleted == _BATCH:
        async with ctx.db.transaction() as tx:
            deleted = await tx.execute(tree)
        gone += deleted
        await run.progress(gone)
    return gone
