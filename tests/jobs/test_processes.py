"""Real worker processes, killed and told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from crmcore.kit import times
from crmcore.kit.sql import Sql
from tests.jobs import process
from tests.jobs.conftest import Bench

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("CRMCORE_WORKER_KILLS", "2"))


@asynccontextmanager
async def worker(url: str, seconds: float, drain: float = 10) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "tests.jobs.process", url, str(seconds), str(drain)]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


async def marks(bench: Bench) -> Counter[str]:
    rows = await bench.db.fetch(Sql("SELECT name FROM setting WHERE name LIKE 'o%'"))
    return Counter(row["name"].rpartition(" ")[0] for row in rows)


async def at_least(bench: Bench, count: int) -> None:
    async with asyncio.timeout(30):
        while len(await marks(bench)) < count:
            await asyncio.sleep(0.02)


async def test_a_killed_workers_jobs_are_finished_by_another(bench: Bench, database_url: str):
    bench.now = times.now()
    bench.kinds = process.KINDS
    jobs = 40 * KILLS
    for n in range(jobs):
        await bench.enqueue(bench.kinds["once" if n % 2 else "often"], {"n": n})
    for kill in range(KILLS):
        async with worker(database_url, 0.05) as child:
            await at_least(bench, 30 * kill + 10)
            child.kill()
    states = Counter(job["state"] for job in await bench.jobs())
    assert states["RUNNING"] > 0
    assert states["DEAD"] == 0
    bench.now = times.now() + timedelta(minutes=2)  # the leases are over
    await bench.worker().drain()
    assert {job["state"] for job in await bench.jobs()} == {"DONE"}
    made = await marks(bench)
    assert len(made) == jobs
    assert {count for name, count in made.items() if name.startswith("once")} == {1}


async def test_a_worker_that_is_told_to_end_finishes_what_it_has(bench: Bench, database_url: str):
    bench.now = times.now()
    for n in range(30):
        await bench.enqueue(process.KINDS["often"], {"n": n})
    async with worker(database_url, 0.2) as child:
        await at_least(bench, 8)
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await child.wait() == 0
    states = Counter(job["state"] for job in await bench.jobs())
    assert set(states) == {"DONE", "READY"}
    assert states["DONE"] == len(await marks(bench)) >= 8


async def test_a_worker_with_no_time_left_gives_its_jobs_back(bench: Bench, database_url: str):
    bench.now = times.now()
    for n in range(5):
        await bench.enqueue(process.KINDS["once"], {"n": n})
    async with worker(database_url, 60, drain=0.1) as child:
        async with asyncio.timeout(20):
            while {job["state"] for job in await bench.jobs()} != {"RUNNING"}:
                await asyncio.sleep(0.02)
            child.send_signal(signal.SIGTERM)
            assert await child.wait() == 0
    assert {(job["state"], job["attempts"]) for job in await bench.jobs()} == {("READY", 0)}
