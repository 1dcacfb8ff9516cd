"""Wake-ups within a process, and between two on PostgreSQL (each Database has signals of its own, as a process has)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import perf_counter

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.database import Database, connect

LONG = 20.0
SHORT = 0.05


@pytest.fixture
async def there(db: Database, database_url: str) -> AsyncIterator[Database]:
    """The same database, opened by another process."""
    if db.dialect == "sqlite":
        pytest.skip("on SQLite another process is not heard")
    other = await connect(database_url, connections=2)
    yield other
    await other.close()


async def woken(db: Database, channel: str = "events") -> bool:
    began = perf_counter()
    found = await db.signals.wait(channel, LONG)
    assert perf_counter() - began < LONG / 2
    return found


async def quiet(db: Database, channel: str = "events") -> None:
    """Until nothing is left of what came before: at first a wait may end without a cause."""
    while await db.signals.wait(channel, 0.2):
        pass


async def commit(db: Database, *channels: str) -> None:
    async with db.transaction() as tx:
        for channel in channels:
            tx.announce(channel)


async def test_a_wait_ends_when_its_time_is_over(db: Database):
    await quiet(db)
    assert not await db.signals.wait("events", SHORT)


async def test_many_are_woken_by_one_commit_and_only_by_their_channel(db: Database):
    ready, told = [], []

    async def waiter(name: str, channel: str) -> None:
        await quiet(db, channel)
        ready.append(name)
        assert await woken(db, channel)
        told.append(name)

    tasks = [asyncio.create_task(waiter(f"{n}", "events")) for n in range(20)]
    other = asyncio.create_task(waiter("other", "jobs"))
    while len(ready) < 21:
        await asyncio.sleep(0.01)
    await commit(db, "events")
    await asyncio.gather(*tasks)
    assert len(told) == 20
    assert not other.done()
    await commit(db, "jobs")
    await other


async def test_what_comes_while_nobody_waits_is_not_missed(db: Database):
    await quiet(db)
    await commit(db, "events")
    await commit(db, "events")
    assert await woken(db)
    assert not await db.signals.wait("events", SHORT)


async def test_nothing_is_announced_before_the_commit_nor_without_it(db: Database):
    await quiet(db)
    with suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            tx.announce("events")
            _ = 1 / 0
    async with db.transaction() as tx:
        tx.announce("events")
        assert not await db.signals.wait("events", SHORT)
    assert await woken(db)


async def test_a_cancelled_task_announces_what_it_committed(db: Database):
    """Cancelled at every step: who waits is woken exactly when the rows are there."""
    async with db.transaction() as tx:
        await tx.execute(Sql("CREATE TABLE note (number INT)"))
    await quiet(db)
    done = 0
    for steps in range(40):

        async def write() -> None:
            async with db.transaction() as tx:
                await tx.execute(Sql("INSERT INTO note VALUES (1)"))
                tx.announce("events")

        task = asyncio.create_task(write())
        for _ in range(steps):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.wait([task])
        [row] = await db.fetch(Sql("SELECT count(*) AS n FROM note"))
        assert await db.signals.wait("events", 0) == (row["n"] > done)
        done = row["n"]


async def test_another_process_is_woken(db: Database, there: Database):
    await quiet(there)
    await quiet(db)
    for _ in range(3):
        await commit(db, "events")
        assert await woken(there)
        assert await woken(db)
        assert not await db.signals.wait("events", SHORT), "it must not hear itself"


async def test_a_burst_of_commits_is_told_by_a_few_messages(db: Database, there: Database):
    await quiet(there)
    count = 0

    async def listen() -> None:
        nonlocal count
        while True:
            count += await there.signals.wait("events", LONG)

    task = asyncio.create_task(listen())
    await asyncio.gather(*(commit(db, "events") for _ in range(200)))
    await asyncio.sleep(0.3)
    task.cancel()
    assert 1 <= count < 100


async def test_a_lost_connection_is_opened_again_on_both_ends(db: Database, there: Database):
    await quiet(there)
    await commit(db, "events")
    assert await woken(there)
    for _ in range(2):
        async with db.transaction() as tx:
            await tx.fetch(
                Sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crmcore signals' "
                    "AND datname = current_database()"
                )
            )
        assert await woken(there), "what was said while it was away may have been missed"
        await quiet(there)
        await commit(db, "events")
        assert await woken(there)
        await quiet(there)


async def test_a_task_of_the_signals_inherits_nothing(db: Database):
    with db.counting() as seen:
        await commit(db, "events")
        await db.signals.wait("events", SHORT)
        await quiet(db)
    assert seen == []


async def test_closing_tells_the_last_and_wakes_all(db: Database, there: Database):
    await quiet(db)
    waiting = asyncio.create_task(woken(there))
    last = await connect(db.url, connections=1)
    await commit(last, "events")
    await last.close()
    assert await woken(db)
    await there.close()
    await waiting
    connections = Sql(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'crmcore signals' "
        "AND datname = current_database()"
    )
    async with asyncio.timeout(LONG):
        while (await db.fetch(connections))[0]["n"] > 1:  # the server needs a moment to see them go
            await asyncio.sleep(0.01)
    began = perf_counter()
    await there.signals.wait("events", SHORT)
    assert perf_counter() - began < LONG
