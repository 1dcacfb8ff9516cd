"""One attempt at a job: it does its work in its time, or it says why not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from crmcore.kit.masking import masked
from crmcore.platform.jobs.finishing import LeaseLost, Outcome
from crmcore.platform.jobs.kinds import GiveUp, JobCancelled, JobKind, JobRun, RunLater
from crmcore.platform.jobs.models import JobState

log = logging.getLogger("crmcore.jobs")
_LONGEST_ERROR = 2000
_LONGEST_MESSAGE = 500


async def attempt(kind: JobKind, run: JobRun, clock: Callable[[], datetime]) -> Outcome | None:
    """Run the job once; what becomes of it. None where there is nothing to write: it is another worker's by now."""
    job = run.job
    if job.cancel_asked_at is not None:  # while its former worker died
        return _outcome(run, JobState.CANCELLED, attempts=job.attempts - 1)
    if job.attempts > job.max_attempts:
        return _outcome(run, JobState.DEAD, error="The worker that ran it stopped in the middle, every time.")
    deadline = asyncio.timeout(kind.timeout)
    try:
        async with deadline:
            result = await kind.run(run)
        orjson.dumps(result)
    except asyncio.CancelledError:
        return _stopped(run, clock())
    except JobCancelled:
        return _outcome(run, JobState.CANCELLED)
    except GiveUp as reason:
        return _outcome(run, JobState.DEAD, error=_told(reason))
    except RunLater as wish:
        attempts = job.attempts if wish.counts else job.attempts - 1
        if attempts >= job.max_attempts:
            return _outcome(run, JobState.DEAD, error=_told(wish))
        return _outcome(run, JobState.READY, attempts=attempts, free_at=wish.at, error=_told(wish))
    except LeaseLost:
        return None
    except Exception as error:  # house(broad-except): whatever a job raises is why it failed
        expired = isinstance(error, TimeoutError) and deadline.expired()
        told = f"It took longer than {kind.timeout:g} seconds." if expired else _told(error)
        log.warning("job %s %s, attempt %d: %s", kind.name, job.id, job.attempts, told, exc_info=not expired)
        if job.attempts >= job.max_attempts:
            return _outcome(run, JobState.DEAD, error=told)
        return _outcome(run, JobState.READY, free_at=clock() + kind.pause_after(job.attempts), error=told)
    return None if run.finished else _outcome(run, JobState.DONE, result=result)


def given_back(run: JobRun, now: datetime) -> Outcome:
    """The job waits again, as if this attempt had not been."""
    return _outcome(run, JobState.READY, attempts=run.job.attempts - 1, free_at=now)


def _stopped(run: JobRun, now: datetime) -> Outcome | None:
    """The task was cancelled: because the job was called off, because it is another worker's, or because we stop."""
    if run.lost or run.finished:
        return None
    return _outcome(run, JobState.CANCELLED) if run.cancelled else given_back(run, now)


def _outcome(
    run: JobRun,
    state: JobState,
    *,
    attempts: int | None = None,
    free_at: datetime | None = None,
    result: Any = None,
    error: str | None = None,
) -> Outcome:
    job = run.job
    return Outcome(
        job.id, job.lease, state, job.attempts if attempts is None else attempts, free_at, result, error,
        run.done, run.total, None if run.message is None else run.message[:_LONGEST_MESSAGE],
    )  # fmt: skip


def _told(error: Exception) -> str:
    """An error as it is kept: without secrets, and what no database takes."""
    name = "" if isinstance(error, GiveUp | RunLater) else f"{type(error).__name__}: "
    return masked(f"{name}{error}")[:_LONGEST_ERROR]
