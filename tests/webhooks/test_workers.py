"""Several processes send webhooks on one database; some of them are killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter
from statistics import median
from time import perf_counter

from crmcore.kit.sql import Sql
from crmcore.platform.webhooks import Webhooks
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Message, Receiver, ok
from tests.webhooks.test_failing import silent


@contextlib.asynccontextmanager
async def running(webhooks: Webhooks):
    """The loop as a worker runs it."""
    task = asyncio.create_task(webhooks.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(receiver: Receiver, count: int) -> None:
    async with asyncio.timeout(60):
        while len(receiver.messages) < count:
            receiver.arrived.clear()
            await receiver.arrived.wait()


async def kill(webhooks: Webhooks) -> None:
    """As kill -9 does: nothing more is written, and no lease given back."""
    assert webhooks._made is not None
    for task in webhooks._made.tasks:
        task.cancel()
    await asyncio.gather(*webhooks._made.tasks, return_exceptions=True)


async def test_killed_between_sending_and_recording(hooks: Hooks):
    receiver = await hooks.receiver(silent)
    await hooks.endpoint(receiver, "customer.created")
    customer = await hooks.customer()
    first, second = hooks.crm.crm.webhooks, hooks.another()
    sending = asyncio.create_task(first.deliver_due())
    await until(receiver, 1)
    await kill(first)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    receiver.answer = ok
    assert await second.deliver_due() == 0  # the lease is the dead one's for a while
    hooks.clock.pass_(seconds=31)
    assert await second.deliver_due() == 1
    assert [m.about for m in receiver.messages] == [customer, customer]
    assert receiver.messages[0].id == receiver.messages[1].id
    assert (await hooks.deliveries())[0]["attempts"] == 1
    assert await first.deliver_due() == 0
    await second.stop()


async def test_a_clock_that_is_set_back_does_not_keep_a_lease(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.created")
    hooks.clock.pass_(days=1)
    assert await hooks.deliver() == 0
    hooks.clock.pass_(days=-1)
    await hooks.customer()
    second = hooks.another()
    assert await second.deliver_due() == 1
    await second.stop()


async def test_several_processes_dispatch_each_event_once(hooks: Hooks):
    receivers = [await hooks.receiver() for _ in range(4)]
    for receiver in receivers:
        await hooks.endpoint(receiver, "customer.*")
    processes = [hooks.crm.crm.webhooks, hooks.another(), hooks.another()]
    async with running(processes[0]), running(processes[1]), running(processes[2]):
        customers = [await hooks.customer(f"c{n}") for n in range(10)]
        for customer in customers:
            await hooks.change(customer, employees=1)
        for receiver in receivers:
            await until(receiver, 20)
        await asyncio.sleep(0.2)
    for receiver in receivers:
        assert Counter((m.about, m.told["version"]) for m in receiver.messages) == Counter(
            (customer, version) for customer in customers for version in (1, 2)
        )
        for customer in customers:
            assert [m.told["version"] for m in receiver.messages if m.about == customer] == [1, 2]
    leases = await hooks.crm.crm.db.fetch(Sql("SELECT lease FROM webhook_cursor WHERE lease IS NOT NULL"))
    assert leases == []


async def test_workers_that_are_killed_again_and_again_lose_nothing(hooks: Hooks):
    """Each is killed in the middle of sending; of each record the order is kept, counted by first arrivals."""
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.*")

    async def slow(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    receiver.answer = slow
    customers = [await hooks.customer(f"c{n}") for n in range(6)]
    for turn in range(3):
        for customer in customers:
            await hooks.change(customer, employees=turn)
    for round_ in range(8):
        worker = hooks.another()
        task = asyncio.create_task(worker.deliver_due())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await until(receiver, len(receiver.messages) + 1 + round_ % 3)
        await kill(worker)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        hooks.clock.pass_(seconds=31)
    await hooks.deliver()
    for customer in customers:
        seen = list(dict.fromkeys(m.told["version"] for m in receiver.messages if m.about == customer))
        assert seen == [1, 2, 3, 4]
    assert len({m.id for m in receiver.messages}) == 24
    assert {d["status"] for d in await hooks.deliveries()} == {"DELIVERED"}


async def test_an_idle_system_tells_at_once(hooks: Hooks):
    """Woken by the commit, not by the clock. How long it takes is printed, and not judged."""
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.created", payload="{ name }")
    waits = []
    async with running(hooks.crm.crm.webhooks):
        for turn in range(20):
            await asyncio.sleep(0.02)
            await hooks.customer(f"c{turn}")
            committed = perf_counter()
            await until(receiver, turn + 1)
            waits.append(receiver.messages[-1].at - committed)
    print(
        f"\nevent to receiver on {hooks.crm.crm.db.dialect}: median {median(waits) * 1000:.1f} ms, worst {max(waits) * 1000:.1f} ms"
    )
    assert len(receiver.messages) == 20


async def test_deliveries_that_are_over_are_taken_away(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.created")
    await hooks.customer()
    await hooks.deliver()
    hooks.clock.pass_(days=31)
    await hooks.customer()
    await hooks.crm.crm.run_jobs()
    hooks.clock.pass_(days=1)
    await hooks.crm.crm.run_jobs()
    assert await hooks.deliveries() == []
    await hooks.deliver()
    assert [d["status"] for d in await hooks.deliveries()] == ["DELIVERED"]


async def test_a_worker_that_is_killed_by_the_system(hooks: Hooks, database_url: str):
    """A process of its own, killed when the receiver has the message and has not answered."""
    receiver = await hooks.receiver(silent)
    endpoint = await hooks.endpoint(receiver, "customer.created")
    customer = await hooks.customer()
    known = {"CRMCORE_DATABASE_URL": database_url, "CRMCORE_WEBHOOK_ALLOW": '["127.0.0.0/8"]'}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "crmcore.cli", "worker", env={**os.environ, **known}, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(receiver, 1)
    finally:
        process.kill()
        await process.wait()
    receiver.answer = ok
    assert await hooks.deliver() == 0  # its lease holds for a while
    hooks.clock.pass_(seconds=31)
    assert await hooks.deliver() == 1
    assert [m.about for m in receiver.messages] == [customer, customer]
    assert receiver.messages[0].id == receiver.messages[1].id
    assert len(receiver.verified(hooks.secrets[endpoint])) == 2
