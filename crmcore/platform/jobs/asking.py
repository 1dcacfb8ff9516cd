"""What people may ask of jobs: to call one off, to run those again that failed for good."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Duplicate, Forbidden, NotFound, WrongState
from crmcore.kit.sql import Dialect, Sql, Statement, render
from crmcore.platform.access import Reach
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, UniqueViolation
from crmcore.platform.jobs.ending import tell_end
from crmcore.platform.jobs.enqueueing import JOBS
from crmcore.platform.jobs.models import Job
from crmcore.platform.jobs.rows import of_run, read, to_driver

_READY: Final = (
    "state = 'READY', attempts = 0, cancel_asked_at = NULL, finished_at = NULL, lease = NULL, progress_done = NULL, "
    "progress_total = NULL, progress_message = NULL"
)


async def cancel_job(ctx: Context, id: UUID) -> UUID:
    """Call a job off: one that waits is not run, one that runs is told and stopped."""
    _admit(ctx)
    async with ctx.db.transaction() as tx:
        found = [read(Job, row) for row in await tx.fetch(_cancel(tx.dialect), _run(ctx, tx, id=id))]
        if not found:
            await _refuse(ctx, tx, id, "cannot be called off", "READY", "RUNNING")
        for job in found:
            await tell_end(ctx, tx, ctx.jobs.get(job["kind"]), job["payload"], job["state"])
    return id


async def retry_job(ctx: Context, id: UUID) -> UUID:
    """Run a job again that failed for good, or was called off."""
    _admit(ctx)
    try:
        async with ctx.db.transaction() as tx:
            if not await tx.execute(_retry(tx.dialect), _run(ctx, tx, id=id)):
                await _refuse(ctx, tx, id, "cannot be run again", "DEAD", "CANCELLED")
            tx.announce(JOBS)
    except UniqueViolation as violation:
        raise Duplicate("Another job with the same key waits or runs: it does the work.", "id") from violation
    return id


async def retry_jobs(
    ctx: Context, kind: str, *, finished_after: datetime | None = None, finished_before: datetime | None = None
) -> int:
    """Run the jobs of a kind again that failed for good, in that time; how many. Of several with one key, the last."""
    _admit(ctx)
    async with ctx.db.transaction() as tx:
        ends = {
            "after": to_driver(Job, "finished_at", finished_after, tx.dialect),
            "before": to_driver(Job, "finished_at", finished_before, tx.dialect),
        }
        count = await tx.execute(_retry_many(tx.dialect), {**_run(ctx, tx), "kind": kind, **ends})
        tx.announce(JOBS)
    return count


def _admit(ctx: Context) -> None:
    """Jobs do what others asked for: they are the business of who sees the whole tenant."""
    if ctx.policy.reach is not Reach.TENANT or not ctx.policy.may("update", "job"):
        raise Forbidden("You may not change jobs.")


async def _refuse(ctx: Context, tx: Transaction, id: UUID, why: str, *allowed: str) -> None:
    rows = await tx.fetch(_state(tx.dialect), _run(ctx, tx, id=id))
    if not rows:
        raise NotFound("There is no such job, or you may not see it.", "id")
    raise WrongState(
        f"A job that is {rows[0]['state']} {why}: only one that is {' or '.join(allowed)}.",
        "id",
        current=rows[0]["state"],
        allowed=[],
    )


def _run(ctx: Context, tx: Transaction, **ids: UUID) -> dict[str, Any]:
    known = {**ids, "tenant": ctx.tenant_id}
    now = to_driver(Job, "finished_at", ctx.clock(), tx.dialect)
    return {"now": now, **{name: to_driver(Job, "id", key, tx.dialect) for name, key in known.items()}}


def _one(*states: str) -> Sql:
    said = ", ".join(f"'{state}'" for state in states)
    return Sql("tenant_id = ", of_run("tenant", "uuid"), " AND id = ", of_run("id", "uuid"), f" AND state IN ({said})")


@cache
def _cancel(dialect: Dialect) -> Statement:
    now = of_run("now", "timestamptz")
    return render(
        Sql(
            "UPDATE job SET state = CASE state WHEN 'READY' THEN 'CANCELLED' ELSE state END, "
            "cancel_asked_at = ", now, ", free_at = CASE state WHEN 'READY' THEN NULL ELSE free_at END, "
            "finished_at = CASE state WHEN 'READY' THEN ", now, " END WHERE ", _one("READY", "RUNNING"),
            " RETURNING kind, payload, state",
        ),
        dialect,
    )  # fmt: skip


@cache
def _retry(dialect: Dialect) -> Statement:
    now = of_run("now", "timestamptz")
    return render(
        Sql(f"UPDATE job SET {_READY}, run_at = ", now, ", free_at = ", now, " WHERE ", _one("DEAD", "CANCELLED")),
        dialect,
    )


@cache
def _retry_many(dialect: Dialect) -> Statement:
    now, after, before = (of_run(name, "timestamptz") for name in ("now", "after", "before"))
    same = "other.tenant_id = job.tenant_id AND other.kind = job.kind AND other.unique_key = job.unique_key"
    return render(
        Sql(
            f"UPDATE job SET {_READY}, run_at = ", now, ", free_at = ", now, " WHERE tenant_id = ",
            of_run("tenant", "uuid"), " AND state = 'DEAD' AND kind = ", of_run("kind"),
            " AND (", after, " IS NULL OR finished_at >= ", after, ")"
            " AND (", before, " IS NULL OR finished_at < ", before, ")"
            f" AND NOT EXISTS (SELECT 1 FROM job other WHERE {same} "
            "AND (other.free_at IS NOT NULL OR (other.state = 'DEAD' AND other.id > job.id)))",
        ),
        dialect,
    )  # fmt: skip


@cache
def _state(dialect: Dialect) -> Statement:
    tree = Sql("SELECT state FROM job WHERE tenant_id = ", of_run("tenant", "uuid"), " AND id = ", of_run("id", "uuid"))
    return render(tree, dialect)
