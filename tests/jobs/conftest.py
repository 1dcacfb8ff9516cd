"""Jobs on a fresh database: a worker with a clock that is moved, and the rows as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.jobs import Job, JobKind, Pace, Worker, enqueue
from crmcore.platform.jobs.rows import read

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@dataclass
class Bench:
    """A database with jobs, its clock and its kinds."""

    db: Database
    tenant: UUID
    now: datetime = NOW
    kinds: dict[str, JobKind] = field(default_factory=dict)

    def clock(self) -> datetime:
        return self.now

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    def context(self, policy: Policy | None = None, cause: UUID | None = None) -> Context:
        policy = policy or Policy(self.tenant, Actor(ActorKind.SYSTEM))
        ctx = Context(self.db, policy, clock=self.clock)
        if cause is not None:
            ctx.cause = cause
        return ctx

    def kind(self, name: str = "test", **how: Any) -> Callable[[Any], JobKind]:
        """Declare a kind of job by its handler."""

        def declare(run: Any) -> JobKind:
            self.kinds[name] = JobKind(name, run, **how)
            return self.kinds[name]

        return declare

    def worker(self, **pace: Any) -> Worker:
        return Worker(self.db, self.kinds, self.context, self.clock, Pace(**{"poll": 0.05, "beat": 0.02, **pace}))

    async def enqueue(self, kind: JobKind, payload: Mapping[str, Any] | None = None, **more: Any) -> UUID:
        ctx = self.context()
        async with self.db.transaction() as tx:
            return await enqueue(ctx, tx, kind, payload or {}, **more)

    async def jobs(self) -> list[dict[str, Any]]:
        """All rows, in the order in which they were made."""
        return [read(Job, row) for row in await self.db.fetch(Sql("SELECT * FROM job ORDER BY id"))]

    async def job(self, id: UUID) -> dict[str, Any]:
        [found] = [job for job in await self.jobs() if job["id"] == id]
        return found

    @asynccontextmanager
    async def working(self, **pace: Any) -> AsyncIterator[Worker]:
        import asyncio

        worker = self.worker(**pace)
        task = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            worker.stop()
            await task


@pytest.fixture
def bench(db: Database, tenant: UUID) -> Bench:
    return Bench(db, tenant)
