"""How an attempt ended, written only if the job is still this worker's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from crmcore.kit.sql import Dialect, Sql, Statement, render
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.jobs.claiming import Claimed
from crmcore.platform.jobs.models import Job, JobState
from crmcore.platform.jobs.rows import of_run, packed, source, to_driver

_uuid: Final = Uuid()


class LeaseLost(Exception):
    """The job is another worker's by now: what this one was about to write must not be written."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a job after an attempt. `free_at` is set with READY: when it is run again."""

    id: UUID
    lease: UUID
    state: JobState
    attempts: int
    free_at: datetime | None = None
    result: Any = None
    error: str | None = None
    progress_done: int | None = None
    progress_total: int | None = None
    progress_message: str | None = None


_COLUMNS: Final = tuple(field.name for field in fields(Outcome))


async def finish(tx: Transaction, outcomes: Iterable[Outcome], now: datetime) -> dict[UUID, str]:
    """Write how attempts ended, in one statement; the states of the jobs that were still this worker's.

    A job that was called off is not run again. One that was asked for again while it ran is.
    """
    rows = [{c: getattr(outcome, c) for c in _COLUMNS} for outcome in outcomes]
    run = {**packed(Job, _COLUMNS, rows, tx.dialect), "now": to_driver(Job, "finished_at", now, tx.dialect)}
    return {_uuid.from_driver(row["id"]): row["state"] for row in await tx.fetch(_finish(tx.dialect), run)}


async def finish_in(tx: Transaction, job: Claimed, result: Any, now: datetime) -> None:
    """The job is done when this transaction is. LeaseLost if it is another worker's by now."""
    done = Outcome(job.id, job.lease, JobState.DONE, job.attempts, result=result)
    if not await finish(tx, [done], now):
        raise LeaseLost(f"The job {job.id} is another worker's by now.")


_STATE: Final = (
    "CASE WHEN v.state = 'READY' AND job.cancel_asked_at IS NOT NULL THEN 'CANCELLED' "
    "WHEN v.state = 'DONE' AND job.again THEN 'READY' ELSE v.state END"
)


@cache
def _finish(dialect: Dialect) -> Statement:
    now = of_run("now", "timestamptz")
    progress = ("progress_done", "progress_total", "progress_message")
    kept = ", ".join(("result = v.result, error = v.error", *(f"{c} = coalesce(v.{c}, job.{c})" for c in progress)))
    return render(
        Sql(
            f"UPDATE job SET state = {_STATE}, lease = NULL, {kept}, "
            "attempts = CASE WHEN v.state = 'DONE' AND job.again THEN 0 ELSE v.attempts END, "
            f"run_at = CASE {_STATE} WHEN 'READY' THEN coalesce(v.free_at, ", now, ") ELSE job.run_at END, "
            f"free_at = CASE {_STATE} WHEN 'READY' THEN coalesce(v.free_at, ", now, ") END, "
            f"finished_at = CASE {_STATE} WHEN 'READY' THEN NULL ELSE ", now, " END FROM ",
            source(Job, _COLUMNS, dialect), " WHERE job.id = v.id AND job.lease = v.lease RETURNING job.id, job.state",
        ),
        dialect,
    )  # fmt: skip
