"""What jobs there are: a kind says how its jobs are run, how often they are tried, and when the clock makes one.

    PRUNE_KEYS = JobKind("idempotency.prune", prune_keys, cron="17 * * * *")
    SEND = JobKind("mail.send", send, attempts=12, timeout=30)

    async def send(run: JobRun) -> None:
        await deliver(run.ctx, run.payload["message"])

Kinds are handed to the app, which runs their jobs. They are run at least once: a worker may die when the work is done
and not yet said so. What only changes the database can say so in the transaction that does it: `await run.finish(tx)`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.jobs.claiming import Claimed
from crmcore.platform.jobs.finishing import finish_in
from crmcore.platform.jobs.models import JobState
from crmcore.platform.jobs.schedules import check_schedule

Handler = Callable[["JobRun"], Awaitable[Any]]
Ended = Callable[[Context, Transaction, Mapping[str, Any], JobState, str | None], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    run      does the work; what it answers is the job's result, which must be JSON
    attempts how often it is tried before it is a dead letter
    timeout  seconds that an attempt may take
    pause    seconds before the second attempt; each further pause is twice as long, up to `longest`
    rerun    asked for by its unique key while it runs, it runs once more: nothing that came meanwhile is missed
    cron     when every tenant gets one by the clock: five fields, as in crontab
    time_zone of the cron expression
    grace    seconds in which a job that is called off may end by itself (`JobRun.cancelled`); then it is cancelled
    ended    called in the transaction that makes a job DEAD or CANCELLED, with its payload, the state and the error:
             `run` does not hear of that where a job waits, takes too long or its worker dies
    """

    name: str
    run: Handler
    attempts: int = 10
    timeout: float = 60
    pause: float = 5
    longest: float = 6 * 3600
    rerun: bool = False
    cron: str = ""
    time_zone: str = "UTC"
    grace: float = 5
    ended: Ended | None = None

    def __post_init__(self) -> None:
        if self.cron:
            check_schedule(self.cron, self.time_zone)

    def pause_after(self, attempts: int) -> timedelta:
        """The pause after so many attempts: up to a fifth shorter or longer, so that what failed together is spread."""
        seconds = min(self.pause * 2.0 ** min(attempts - 1, 60), self.longest)
        return timedelta(seconds=seconds * random.uniform(0.8, 1.2))  # noqa: S311  not a secret


class GiveUp(Exception):
    """Raised by a job that would fail however often it is tried: it is a dead letter at once."""


class RunLater(Exception):
    """Raised by a job that wants to be run again at a time of its own choice. That is an attempt, unless told not."""

    def __init__(self, reason: str, *, at: datetime, counts: bool = True) -> None:
        super().__init__(reason)
        self.at = at
        self.counts = counts


class JobCancelled(Exception):
    """Raised inside a job that was called off."""


@dataclass(slots=True, eq=False)
class JobRun:
    """One attempt at a job, as its handler sees it. `ctx` acts as whoever asked for the job."""

    ctx: Context
    job: Claimed
    cancelled: bool = False
    finished: bool = False
    done: int | None = None
    total: int | None = None
    message: str | None = None
    lost: bool = False

    @property
    def id(self) -> UUID:
        """The job's id: the same in every attempt, so that a receiver can drop repeats by it."""
        return self.job.id

    @property
    def payload(self) -> Mapping[str, Any]:
        return self.job.payload

    @property
    def attempt(self) -> int:
        """1 for the first."""
        return self.job.attempts

    @property
    def scheduled_for(self) -> datetime | None:
        """Of a job that the clock made: the time that it is for."""
        return self.job.scheduled_for

    async def progress(self, done: int, total: int | None = None, message: str | None = None) -> None:
        """Say how far the job is; others see it within a second. Raises JobCancelled if it was called off.

        Never writes by itself: it may be called inside a transaction, and as often as one likes.
        """
        self.done, self.total, self.message = done, total, message
        await asyncio.sleep(0)
        if self.cancelled:
            raise JobCancelled

    async def finish(self, tx: Transaction, result: Any = None) -> None:
        """The job is done when this transaction is, and only then: its work happens exactly once.

        LeaseLost, so that the transaction is rolled back, if the job is another worker's by now.
        """
        await finish_in(tx, self.job, result, self.ctx.clock())
        self.finished = True
