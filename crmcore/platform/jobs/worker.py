"""A worker: takes jobs that are due, several at once, runs them, and says how they ended.

Three things go on beside each other: taking, the beat (once a second: leases put off, progress written, jobs that were
called off told), and writing how jobs ended. Each survives a database that is away for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from crmcore.platform.access import Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database, DatabaseError, retrying
from crmcore.platform.jobs import cron
from crmcore.platform.jobs.claiming import Beat, Claimed, anything_due, called_off, claim, extend, shorten
from crmcore.platform.jobs.ending import tell_end
from crmcore.platform.jobs.enqueueing import JOBS
from crmcore.platform.jobs.finishing import Outcome, finish
from crmcore.platform.jobs.holding import Held, Pace, cancel, progress
from crmcore.platform.jobs.kinds import JobKind, JobRun
from crmcore.platform.jobs.models import JobState
from crmcore.platform.jobs.running import attempt

log = logging.getLogger("crmcore.jobs")
_BATCH: Final = 200
_MOST_DRAINED: Final = 100_000


@dataclass(slots=True, eq=False)
class Worker:
    """Runs the jobs of these kinds. `context` makes the context in which a job acts."""

    db: Database
    kinds: dict[str, JobKind]
    context: Callable[[Policy, UUID], Context]
    clock: Callable[[], datetime]
    pace: Pace = field(default_factory=Pace)
    _held: dict[UUID, Held] = field(default_factory=dict)
    _outcomes: list[Outcome] = field(default_factory=list)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _look: bool = True
    _stopping: bool = False

    @property
    def running(self) -> int:
        """How many jobs run now."""
        return sum(1 for held in self._held.values() if held.task is not None and not held.task.done())

    def stop(self) -> None:
        """Take no more jobs; `run` ends when those that run are done, or given back."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Run jobs as they become due, until `stop` is called."""
        async with self._beside(self._beats), self._beside(self._writes):
            async with self._beside(self._schedules), self._beside(self._hears):
                await self._takes()
            await self._let_end()
            await self._patiently(self._settle)

    async def drain(self) -> int:
        """Run all that is due now, and what that leads to; how many jobs were run. What fails waits for its pause."""
        count = 0
        async with self._beside(self._beats):
            while True:
                await self._schedule()
                taken = await self._take(self.pace.at_once)
                if not taken:
                    return count
                count += len(taken)
                if count > _MOST_DRAINED:
                    raise RuntimeError("Jobs make jobs without end.")
                await asyncio.gather(*(held.task for held in taken if held.task is not None))
                await self._settle()

    # ------------------------------------------------------------ taking

    async def _takes(self) -> None:
        """Take as many jobs as there is room for when there may be some: one was announced, or it is time to poll."""
        loop = asyncio.get_running_loop()
        poll_at = 0.0
        while not self._stopping:
            self._news.clear()
            free = self.pace.at_once - self.running
            if free > 0 and (self._look or loop.time() >= poll_at):
                self._look = False
                taken = await self._patiently(partial(self._take_if_due, free))
                self._look = self._look or taken == free  # then there may be more
                poll_at = loop.time() + self.pace.poll
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(poll_at - loop.time() if free > 0 else self.pace.poll):
                        await self._news.wait()

    async def _hears(self) -> None:
        """Jobs are announced by whoever asks for them; what is not heard, the next poll finds."""
        while True:
            if await self.db.signals.wait(JOBS, 60):
                self._look = True
                self._news.set()

    async def _take_if_due(self, free: int) -> int:
        if not self._held and not await anything_due(self.db, list(self.kinds), self.clock()):
            return 0
        return len(await self._take(free))

    async def _take(self, most: int) -> Sequence[Held]:
        """Claim jobs and begin them."""

        async def work() -> list[Claimed]:
            async with self.db.transaction() as tx:
                return await claim(tx, list(self.kinds), most, self.clock(), timedelta(seconds=self.pace.lease))

        return [self._begin(job) for job in await retrying(work)]

    def _begin(self, job: Claimed) -> Held:
        kind = self.kinds[job.kind]
        ctx = self.context(job.policy, job.cause)
        ctx.operation = f"job {job.kind}"
        held = Held(JobRun(ctx, job), kind, asyncio.get_running_loop().time())
        self._held[job.id] = held
        held.task = asyncio.create_task(self._attempt(held), name=f"job {job.kind} {job.id}")
        return held

    async def _attempt(self, held: Held) -> None:
        outcome = await attempt(held.kind, held.run, self.clock)
        if outcome is None:
            self._forget(held)
        else:
            self._outcomes.append(outcome)
            self._ended.set()
        self._news.set()

    def _forget(self, held: Held) -> None:
        if self._held.get(held.run.id) is held:
            del self._held[held.run.id]

    async def _mend_leases(self) -> None:
        """A clock that was set back must not keep the jobs of dead workers: their leases would end too late."""
        async with self.db.transaction() as tx:
            await shorten(tx, self.clock(), timedelta(seconds=self.pace.lease))

    # ------------------------------------------------------------ writing how jobs ended

    async def _writes(self) -> None:
        while True:
            await self._ended.wait()
            self._ended.clear()
            while self._outcomes:
                await self._patiently(self._write)

    async def _settle(self) -> None:
        """Write what is left."""
        while self._outcomes:
            await self._write()

    async def _write(self) -> None:
        async with self._writing:
            await self._write_batch(self._outcomes[:_BATCH])

    async def _write_batch(self, batch: Sequence[Outcome]) -> None:
        try:
            await self._finish(batch)
        except DatabaseError:
            raise
        except Exception:  # noqa: BLE001  house(broad-except): one result that cannot be stored must not hold up others
            for outcome in batch:
                await self._finish_alone(outcome)
        del self._outcomes[: len(batch)]
        for outcome in batch:
            held = self._held.get(outcome.id)
            if held is not None and held.run.job.lease == outcome.lease:
                del self._held[outcome.id]

    async def _finish(self, batch: Sequence[Outcome]) -> None:
        async def work() -> dict[UUID, str]:
            async with self.db.transaction() as tx:
                states = await finish(tx, batch, self.clock())
                for outcome in batch:
                    held = self._held.get(outcome.id)
                    if held is not None and outcome.id in states and held.run.job.lease == outcome.lease:
                        run, state = held.run, states[outcome.id]
                        await tell_end(run.ctx, tx, held.kind, run.payload, state, outcome.error)
                return states

        kept = await retrying(work)
        for outcome in batch:
            if outcome.id not in kept:
                log.warning("job %s is another worker's by now: what came of it here is dropped", outcome.id)

    async def _finish_alone(self, outcome: Outcome) -> None:
        try:
            await self._finish([outcome])
        except DatabaseError:
            raise
        except Exception as error:  # house(broad-except): what cannot be stored is the job's own end, not the worker's
            log.exception("the result of job %s cannot be stored", outcome.id)
            told = f"Its result cannot be stored: {type(error).__name__}."
            await self._finish([Outcome(outcome.id, outcome.lease, JobState.DEAD, outcome.attempts, error=told)])

    # ------------------------------------------------------------ the beat

    async def _beats(self) -> None:
        while True:
            await asyncio.sleep(self.pace.beat)
            if self._held:
                await self._patiently(self._beat)

    async def _beat(self) -> None:
        """Tell jobs that were called off, write how far jobs are, and keep their leases."""
        for id in await called_off(self.db, list(self._held)):
            if id in self._held:
                self._call_off(self._held[id])
        now = asyncio.get_running_loop().time()
        held = [h for h in self._held.values() if h.told != progress(h) or now - h.beaten > self.pace.lease / 3]
        if not held:
            return
        beats = [Beat(h.run.id, h.run.job.lease, *progress(h)) for h in held]
        async with self.db.transaction() as tx:
            kept = await extend(tx, beats, self.clock(), timedelta(seconds=self.pace.lease))
        for one, beat in zip(held, beats, strict=True):
            one.beaten, one.told = now, (beat.progress_done, beat.progress_total, beat.progress_message)
            if one.run.id not in kept and self._held.get(one.run.id) is one and not one.run.finished:
                log.warning("job %s is another worker's by now: it is stopped here", one.run.id)
                one.run.lost = True
                cancel(one)

    def _call_off(self, held: Held) -> None:
        """Tell a job to end; its task is cancelled if it has not ended in its grace."""
        if not held.run.cancelled:
            held.run.cancelled = True
            asyncio.get_running_loop().call_later(held.kind.grace, cancel, held)

    # ------------------------------------------------------------ the clock

    async def _schedules(self) -> None:
        before: datetime | None = None
        while True:
            now = self.clock()
            if before is None or now < before:
                await self._patiently(self._mend_leases)
            before = now
            await self._patiently(self._schedule)
            await asyncio.sleep(self.pace.poll)

    async def _schedule(self) -> None:
        await cron.plan(self.db, self.kinds, self.clock())
        await cron.fire(self.db, self.kinds, self.clock())

    # ------------------------------------------------------------ the end

    async def _let_end(self) -> None:
        """Jobs may end in the time there is for it; then they are cancelled, and given back."""
        tasks = [held.task for held in self._held.values() if held.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=self.pace.drain)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=5)  # one that swallows this keeps its lease: it runs again when that ends

    @asynccontextmanager
    async def _beside(self, work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """`work` goes on while the block does."""
        task = asyncio.ensure_future(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait((task,))

    async def _patiently(self, work: Callable[[], Awaitable[Any]]) -> Any:
        """Do it; if the database does not let us, wait a little and go on: whoever calls does it again."""
        try:
            return await work()
        except Exception:  # house(broad-except): a worker outlives whatever happens to its database
            log.exception("a worker's step failed; it is tried again")
            await asyncio.sleep(self.pace.poll)
            return None
