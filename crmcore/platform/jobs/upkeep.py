"""What keeps the job table small."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Final

from crmcore.kit.sql import Dialect, Sql, Statement, render
from crmcore.platform.jobs.kinds import JobKind, JobRun
from crmcore.platform.jobs.models import Job
from crmcore.platform.jobs.rows import of_run, to_driver

_BATCH: Final = 1000


def prune_jobs(kept_days: int, dead_kept_days: int) -> JobKind:
    """The job that takes away jobs which have been over for so many days, and dead letters after so many."""

    async def prune(run: JobRun) -> int:
        gone = 0
        for state, days in (("DONE", kept_days), ("CANCELLED", kept_days), ("DEAD", dead_kept_days)):
            gone += await _delete(run, state, timedelta(days=days))
        return gone

    return JobKind("jobs.prune", prune, timeout=600, cron="23 3 * * *")


async def _delete(run: JobRun, state: str, age: timedelta) -> int:
    ctx, gone, deleted = run.ctx, 0, _BATCH
    dialect = ctx.db.dialect
    values = {
        "tenant": to_driver(Job, "tenant_id", ctx.tenant_id, dialect), "state": state,
        "before": to_driver(Job, "finished_at", ctx.clock() - age, dialect),
    }  # fmt: skip
    while deleted == _BATCH:
        async with ctx.db.transaction() as tx:
            deleted = await tx.execute(_old(dialect), values)
        gone += deleted
        await run.progress(gone)
    return gone


@cache
def _old(dialect: Dialect) -> Statement:
    return render(
        Sql(
            "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE tenant_id = ", of_run("tenant", "uuid"),
            " AND state = ", of_run("state"), " AND finished_at < ", of_run("before", "timestamptz"),
            f" ORDER BY finished_at, id LIMIT {_BATCH})",
        ),
        dialect,
    )  # fmt: skip
