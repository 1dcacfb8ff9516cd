"""Jobs are run, tried again, given up, called off."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from crmcore.kit.ids import new_id
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.jobs import GiveUp, JobRun, Priority, RunLater, cancel_job, enqueue, system_policy
from crmcore.platform.jobs.claiming import claim
from tests.jobs.conftest import NOW, Bench


async def test_a_job_is_run_as_whoever_asked_for_it(bench: Bench):
    seen = []

    @bench.kind()
    async def kind(run: JobRun):
        seen.append((run.id, run.payload, run.attempt, run.ctx.policy, run.ctx.cause))
        return {"made": 3}

    actor = Actor(ActorKind.USER, new_id(), new_id(), new_id(), "Ada")
    ctx = bench.context(Policy(bench.tenant, actor, Reach.TEAM))
    async with bench.db.transaction() as tx:
        id = await enqueue(ctx, tx, kind, {"who": "Zoë 'quoted'", "list": [1, None]})
    assert await bench.worker().drain() == 1
    assert seen == [(id, {"who": "Zoë 'quoted'", "list": [1, None]}, 1, ctx.policy, ctx.cause)]
    job = await bench.job(id)
    assert (job["state"], job["attempts"], job["result"], job["error"]) == ("DONE", 1, {"made": 3}, None)
    assert (job["lease"], job["free_at"], job["finished_at"], job["actor_kind"]) == (None, None, NOW, ActorKind.USER)
    assert await bench.worker().drain() == 0


async def test_a_job_is_there_when_its_transaction_is(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        pass

    with pytest.raises(ZeroDivisionError):
        async with bench.db.transaction() as tx:
            await enqueue(bench.context(), tx, kind, {})
            _ = 1 / 0
    assert await bench.jobs() == []


async def test_due_time_and_priority(bench: Bench):
    order = []

    @bench.kind()
    async def kind(run: JobRun):
        order.append(run.payload["n"])

    await bench.enqueue(kind, {"n": 1}, priority=Priority.LOW)
    await bench.enqueue(kind, {"n": 2}, run_at=NOW - timedelta(minutes=1))
    await bench.enqueue(kind, {"n": 3}, run_at=NOW - timedelta(minutes=2))
    await bench.enqueue(kind, {"n": 4}, priority=Priority.HIGH)
    await bench.enqueue(kind, {"n": 5}, run_at=NOW + timedelta(hours=1))
    assert await bench.worker().drain() == 4
    assert order == [4, 3, 2, 1]
    bench.later(hours=1)
    await bench.worker().drain()
    assert order[-1] == 5


async def test_what_fails_is_tried_again_after_growing_pauses_and_then_is_dead(bench: Bench):
    @bench.kind(attempts=4, pause=10, longest=35)
    async def kind(run: JobRun):
        raise ValueError(f"token=abc123 no {run.attempt}\0")

    id = await bench.enqueue(kind)
    for attempt, pause in ((1, 10), (2, 20), (3, 35)):
        assert await bench.worker().drain() == 1
        job = await bench.job(id)
        assert (job["state"], job["attempts"], job["error"]) == (
            "READY",
            attempt,
            f"ValueError: token=*** no {attempt}",
        )
        wait = (job["run_at"] - bench.now).total_seconds()
        assert 0.8 * pause <= wait <= 1.2 * pause
        assert await bench.worker().drain() == 0
        bench.later(seconds=wait)
    assert await bench.worker().drain() == 1
    job = await bench.job(id)
    assert (job["state"], job["attempts"], job["free_at"]) == ("DEAD", 4, None)


async def test_a_job_decides_when_it_is_run_again_or_that_it_is_no_use(bench: Bench):
    @bench.kind("later", attempts=2)
    async def later(run: JobRun):
        if bench.now < NOW + timedelta(hours=3):
            raise RunLater("paused", at=bench.now + timedelta(hours=1), counts=False)

    @bench.kind("hopeless")
    async def hopeless(run: JobRun):
        raise GiveUp("no such file")

    one, other = await bench.enqueue(later), await bench.enqueue(hopeless)
    for _ in range(4):
        await bench.worker().drain()
        bench.later(hours=1)
    assert ((await bench.job(one))["state"], (await bench.job(one))["attempts"]) == ("DONE", 1)
    assert ((await bench.job(other))["state"], (await bench.job(other))["error"]) == ("DEAD", "no such file")


async def test_an_attempt_that_takes_too_long_is_cut_short(bench: Bench):
    @bench.kind(timeout=0.01, attempts=1)
    async def kind(run: JobRun):
        await asyncio.sleep(60)

    id = await bench.enqueue(kind)
    await bench.worker().drain()
    assert ((await bench.job(id))["state"], (await bench.job(id))["error"]) == (
        "DEAD",
        "It took longer than 0.01 seconds.",
    )


async def test_a_result_that_cannot_be_stored_holds_up_nobody(bench: Bench):
    @bench.kind(attempts=1)
    async def kind(run: JobRun):
        return run.payload["of"] if run.payload["of"] != "object" else object()

    odd = [await bench.enqueue(kind, {"of": "object"}), await bench.enqueue(kind, {"of": ["a", {"b": None}]})]
    others = [await bench.enqueue(kind, {"of": "fine"}) for _ in range(3)]
    await bench.worker().drain()
    assert [(await bench.job(id))["state"] for id in (*odd, *others)] == ["DEAD", "DONE", "DONE", "DONE", "DONE"]
    assert [(await bench.job(id))["result"] for id in (odd[1], others[0])] == [["a", {"b": None}], "fine"]


async def test_one_live_job_of_a_key(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        again.append(await bench.enqueue(kind, unique_key="one"))

    again: list = []
    first = await bench.enqueue(kind, unique_key="one")
    assert await bench.enqueue(kind, unique_key="one") == first
    other = await bench.enqueue(kind, unique_key="other")
    assert other != first
    ids = await asyncio.gather(*(bench.enqueue(kind, unique_key="many") for _ in range(5)))
    assert len(set(ids)) == 1
    async with bench.db.transaction() as tx:
        elsewhere = bench.context(system_policy(new_id()))
        assert await enqueue(elsewhere, tx, kind, {}, unique_key="one") != first
    assert await bench.worker().drain() == 4
    assert first in again
    assert await bench.enqueue(kind, unique_key="one") != first


async def test_what_is_asked_for_again_while_it_runs_runs_once_more(bench: Bench):
    runs = []

    @bench.kind(rerun=True)
    async def kind(run: JobRun):
        runs.append(run.id)
        if len(runs) == 1:
            for _ in range(3):
                assert await bench.enqueue(kind, unique_key="pump") == run.id

    id = await bench.enqueue(kind, unique_key="pump")
    assert await bench.enqueue(kind, unique_key="pump") == id
    assert await bench.worker().drain() == 2
    assert runs == [id, id]
    assert (await bench.job(id))["state"] == "DONE"


async def test_a_job_that_is_done_in_its_own_transaction(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        async with run.ctx.db.transaction() as tx:
            await enqueue(run.ctx, tx, other, {})
            await run.finish(tx, {"n": run.attempt})
            if run.attempt == 1:
                raise ValueError("no")

    @bench.kind("other")
    async def other(run: JobRun):
        pass

    id = await bench.enqueue(kind)
    assert await bench.worker().drain() == 1
    assert [job["state"] for job in await bench.jobs()] == ["READY"]
    bench.later(minutes=1)
    assert await bench.worker().drain() == 2
    assert ((await bench.job(id))["result"], (await bench.job(id))["state"]) == ({"n": 2}, "DONE")


async def taken_by_a_worker_that_died(bench: Bench) -> None:
    async with bench.db.transaction() as tx:
        assert await claim(tx, list(bench.kinds), 1, bench.now, timedelta(seconds=60))
    bench.later(seconds=61)


async def test_a_job_that_kills_its_workers_ends_up_dead_and_blocks_nobody(bench: Bench):
    ran = []

    @bench.kind(attempts=3)
    async def kind(run: JobRun):
        ran.append(run.id)

    poison = await bench.enqueue(kind)
    for _ in range(3):
        await taken_by_a_worker_that_died(bench)
    other = await bench.enqueue(kind)
    await bench.worker().drain()
    job = await bench.job(poison)
    assert (job["state"], job["error"]) == ("DEAD", "The worker that ran it stopped in the middle, every time.")
    assert ran == [other]


async def test_a_job_called_off_while_its_worker_is_dead_is_not_run(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        raise AssertionError

    id = await bench.enqueue(kind)
    await taken_by_a_worker_that_died(bench)
    await cancel_job(bench.context(), id)
    assert (await bench.job(id))["state"] == "RUNNING"
    await bench.worker().drain()
    assert (await bench.job(id))["state"] == "CANCELLED"


async def test_who_must_know_hears_that_a_job_is_over_for_good(bench: Bench):
    ended: list[tuple[Any, str, str | None]] = []

    async def hear(_ctx: Context, _tx: Transaction, payload: Mapping[str, Any], state: str, error: str | None):
        ended.append((payload["n"], state, error))
        if payload["n"] == "stubborn":
            raise ValueError

    @bench.kind(ended=hear)
    async def kind(run: JobRun):
        if run.payload["n"] != "good":
            raise GiveUp("no use")

    for n in ("good", "stubborn", "bad"):
        await bench.enqueue(kind, {"n": n})
    await bench.worker().drain()
    assert sorted(ended) == [("bad", "DEAD", "no use"), ("stubborn", "DEAD", "no use")]
    assert [job["state"] for job in await bench.jobs()] == ["DONE", "DEAD", "DEAD"]
    ended.clear()
    stopped = await bench.enqueue(kind, {"n": "stopped"})
    await taken_by_a_worker_that_died(bench)
    await cancel_job(bench.context(), stopped)
    assert ended == []
    await bench.worker().drain()
    assert ended == [("stopped", "CANCELLED", None)]


async def test_jobs_of_kinds_that_a_worker_does_not_know_wait_for_one_that_does(bench: Bench):
    @bench.kind("new")
    async def new(run: JobRun):
        pass

    @bench.kind()
    async def kind(run: JobRun):
        pass

    await bench.enqueue(new)
    await bench.enqueue(kind)
    worker = bench.worker()
    worker.kinds = {"test": kind}
    assert await worker.drain() == 1
    assert [job["state"] for job in await bench.jobs()] == ["READY", "DONE"]
    assert await bench.worker().drain() == 1


async def test_a_thousand_jobs_are_few_statements(bench: Bench):
    @bench.kind()
    async def kind(run: JobRun):
        pass

    ctx = bench.context()
    async with bench.db.transaction() as tx:
        for n in range(1000):
            await enqueue(ctx, tx, kind, {"n": n})
    with bench.db.counting() as seen:
        assert await bench.worker(at_once=100, beat=60).drain() == 1000
    assert len(seen) < 50
