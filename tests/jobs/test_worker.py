"""A worker that goes on: it is woken, beats, tells jobs that they are called off, and ends well."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from crmcore.platform.jobs import JobRun
from crmcore.platform.jobs.claiming import claim
from tests.jobs.conftest import Bench


async def until(condition, seconds: float = 10):
    """Wait for what another task does."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)


async def states(bench: Bench) -> list[str]:
    return [job["state"] for job in await bench.jobs()]


async def test_a_worker_is_woken_by_the_transaction_that_asks(bench: Bench):
    done = asyncio.Event()

    @bench.kind()
    async def kind(run: JobRun):
        done.set()

    async with bench.working(poll=60):
        await asyncio.sleep(0.1)
        await bench.enqueue(kind)
        async with asyncio.timeout(5):
            await done.wait()
    assert await states(bench) == ["DONE"]


async def test_many_workers_never_run_a_job_twice(bench: Bench):
    seen = []

    @bench.kind()
    async def kind(run: JobRun):
        seen.append(run.id)
        await asyncio.sleep(0)

    ids = [await bench.enqueue(kind) for _ in range(60)]
    async with bench.working(at_once=3), bench.working(at_once=3), bench.working(at_once=3), bench.working(at_once=7):
        ids += [await bench.enqueue(kind) for _ in range(60)]

        async def all_done() -> bool:
            return set(await states(bench)) == {"DONE"}

        await until(all_done)
    assert sorted(seen) == sorted(ids)
    assert {job["attempts"] for job in await bench.jobs()} == {1}


async def test_more_jobs_than_room(bench: Bench):
    most = 0
    now = 0

    @bench.kind()
    async def kind(run: JobRun):
        nonlocal most, now
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.005)
        now -= 1

    for _ in range(20):
        await bench.enqueue(kind)
    async with bench.working(at_once=4, poll=60):

        async def all_done() -> bool:
            return set(await states(bench)) == {"DONE"}

        await until(all_done)
    assert most == 4


async def test_a_job_says_how_far_it_is_and_keeps_its_lease(bench: Bench):
    go = asyncio.Event()

    @bench.kind()
    async def kind(run: JobRun):
        await run.progress(3, 10, "three of ten")
        await go.wait()

    id = await bench.enqueue(kind)
    async with bench.working(lease=3):

        async def told() -> bool:
            job = await bench.job(id)
            return (job["progress_done"], job["progress_total"], job["progress_message"]) == (3, 10, "three of ten")

        await until(told)
        bench.later(seconds=2)  # the lease would be over in a second

        async def extended() -> bool:
            return (await bench.job(id))["free_at"] > bench.now

        await until(extended)
        go.set()
    assert await states(bench) == ["DONE"]


async def test_a_job_that_another_worker_has_by_now_is_stopped_and_writes_nothing(bench: Bench):
    stopped, awake = asyncio.Event(), asyncio.Event()

    @bench.kind()
    async def kind(run: JobRun):
        await run.progress(run.attempt)
        if run.attempt == 1:
            try:
                await awake.wait()
                await run.progress(7)
                await asyncio.sleep(60)
            finally:
                stopped.set()

    id = await bench.enqueue(kind)
    async with bench.working(lease=1000):

        async def told() -> bool:
            """The worker has said how far it is: with nothing new to tell it leaves the lease alone."""
            return (await bench.job(id))["progress_done"] == 1

        await until(told)
        bench.later(seconds=1001)  # as if this worker had been asleep
        assert await bench.worker().drain() == 1
        awake.set()
        async with asyncio.timeout(10):
            await stopped.wait()
    job = await bench.job(id)
    assert (job["state"], job["attempts"], job["progress_done"]) == ("DONE", 2, 2)


async def test_at_the_end_jobs_may_finish_and_those_that_do_not_are_given_back(bench: Bench):
    begun = asyncio.Event()

    @bench.kind("short")
    async def short(run: JobRun):
        await asyncio.sleep(0.05)

    @bench.kind("long")
    async def long(run: JobRun):
        begun.set()
        await asyncio.sleep(60)

    await bench.enqueue(short)
    await bench.enqueue(long)
    async with bench.working(drain=0.3):
        await begun.wait()
    one, other = await bench.jobs()
    assert (one["state"], one["attempts"]) == ("DONE", 1)
    assert (other["state"], other["attempts"], other["free_at"]) == ("READY", 0, bench.now)


async def test_a_clock_set_back_does_not_keep_the_jobs_of_dead_workers(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        pass

    id = await bench.enqueue(kind)
    async with bench.db.transaction() as tx:
        assert len(await claim(tx, ["test"], 1, bench.now, timedelta(seconds=60))) == 1
    async with bench.working():
        await asyncio.sleep(0.1)
        bench.later(hours=-5)

        async def shorter() -> bool:
            return (await bench.job(id))["free_at"] == bench.now + timedelta(seconds=60)

        await until(shorter)
        assert await states(bench) == ["RUNNING"]
        bench.later(seconds=61)

        async def done() -> bool:
            return await states(bench) == ["DONE"]

        await until(done)
    assert (await bench.job(id))["attempts"] == 2
