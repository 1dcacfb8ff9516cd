"""A worker process for tests: `python -m tests.jobs.process URL SECONDS` runs jobs that take so long each.

A job of the kind `once` leaves its mark in the transaction that says it is done; one of the kind `often` before it.
"""

from __future__ import annotations

import asyncio
import sys

from crmcore.cli.working import told_to_end
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, connect
from crmcore.platform.jobs import JobKind, JobRun, Pace, Worker

SECONDS = 0.0


async def mark(tx: Transaction, run: JobRun) -> None:
    """A row in the table of settings: the one that takes any text."""
    name = f"{run.job.kind} {run.payload['n']} {new_id()}"
    await tx.execute(Sql("INSERT INTO setting (name, value) VALUES (", value(name), ", ", value(str(run.attempt)), ")"))


async def once(run: JobRun) -> None:
    await asyncio.sleep(SECONDS)
    async with run.ctx.db.transaction() as tx:
        await mark(tx, run)
        await run.finish(tx)


async def often(run: JobRun) -> None:
    async with run.ctx.db.transaction() as tx:
        await mark(tx, run)
    await asyncio.sleep(SECONDS)


KINDS = {kind.name: kind for kind in (JobKind("once", once), JobKind("often", often))}


async def main(url: str, drain: float) -> None:
    db = await connect(url, connections=5)
    worker = Worker(db, KINDS, lambda policy, cause: Context(db, policy, cause=cause), times.now, Pace(8, drain=drain))
    end = told_to_end()
    print("ready", flush=True)
    running = asyncio.create_task(worker.run())
    await end.wait()
    worker.stop()
    await running
    await db.close()


if __name__ == "__main__":
    SECONDS = float(sys.argv[2])
    asyncio.run(main(sys.argv[1], float(sys.argv[3])))
