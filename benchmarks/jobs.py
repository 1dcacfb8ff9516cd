"""How fast a worker drains small jobs: such that only have to be run, and such that write a row each."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

from crmcore.kit import times
from crmcore.kit.sql import Sql, value
from crmcore.migrations import CORE
from crmcore.platform.context import Context
from crmcore.platform.database import Database, connect
from crmcore.platform.identity import create_tenant
from crmcore.platform.jobs import JobKind, JobRun, Pace, Worker, enqueue, system_policy
from crmcore.platform.migrate import migrate


async def _nothing(run: JobRun) -> None:
    pass


async def _one_row(run: JobRun) -> None:
    async with run.ctx.db.transaction() as tx:
        row = Sql("INSERT INTO setting (name, value) VALUES (", value(str(run.id)), ", ", value("done"), ")")
        await tx.execute(row)


KINDS = {kind.name: kind for kind in (JobKind("that do nothing", _nothing), JobKind("that write a row", _one_row))}


async def rates(url: str, count: int) -> dict[str, float]:
    """Jobs per second of one worker with the default settings, by kind."""
    await migrate(url, [CORE])
    db = await connect(url, connections=10)
    try:
        async with db.transaction() as tx:
            tenant = await create_tenant(tx, "measured", "Measured")
        return {name: await _rate(db, tenant, kind, count) for name, kind in KINDS.items()}
    finally:
        await db.close()


async def _rate(db: Database, tenant: UUID, kind: JobKind, count: int) -> float:
    ctx = Context(db, system_policy(tenant))
    for _ in range(0, count, 500):
        async with db.transaction() as tx:
            for n in range(500):
                await enqueue(ctx, tx, kind, {"n": n})
    worker = Worker(db, KINDS, lambda policy, cause: Context(db, policy, cause=cause), times.now, Pace())
    began = time.perf_counter()
    task = asyncio.create_task(worker.run())
    left = Sql("SELECT count(*) AS n FROM job WHERE state <> 'DONE'")
    while (await db.fetch(left))[0]["n"]:
        await asyncio.sleep(0.05)
    took = time.perf_counter() - began
    worker.stop()
    await task
    return count / took
