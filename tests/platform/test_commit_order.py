"""Who reads the log from a sequence on meets every event, once, in order, however the transactions interleave."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from contextlib import suppress
from uuid import UUID

import pytest

from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import ActorKind
from crmcore.platform.database import Database, connect
from crmcore.platform.events import Fact, StoredEvent, read_events, record_events, settled

OTHER = UUID(int=7)


def fact(tenant: UUID, number: int = 0, record: UUID | None = None, type: str = "customer.updated") -> Fact:
    return Fact(
        tenant_id=tenant, type=type, record_type="customer", record_id=record or new_id(), before={"n": number - 1},
        after={"n": number}, changed_fields=["n"], actor_kind=ActorKind.SYSTEM, actor_id=None, cause=new_id(),
        at=times.now(),
    )  # fmt: skip


async def readable(db: Database, after: int = 0) -> list[StoredEvent]:
    return await read_events(db, after=after, upto=await settled(db), limit=10_000)


async def record(db: Database, *facts: Fact) -> None:
    async with db.transaction() as tx:
        await record_events(tx, facts)


async def test_an_event_is_read_as_it_was_written(db: Database, tenant: UUID):
    told = fact(tenant, 5)
    assert await settled(db) == 0
    await record(db, told)
    [event] = await readable(db)
    assert {name: getattr(event, name) for name in StoredEvent.__slots__ if name != "sequence"} == {
        name: getattr(told, name) for name in StoredEvent.__slots__ if name != "sequence"
    }
    assert event.sequence == await settled(db) == 1


async def test_a_reader_asks_for_a_tenant_types_and_so_many(db: Database, tenant: UUID):
    await record(db, fact(tenant, 1), fact(OTHER, 2), fact(tenant, 3, type="deal.won"), fact(tenant, 4))
    upto = await settled(db)
    assert [e.after["n"] for e in await read_events(db, after=0, upto=upto, limit=9, tenant_id=tenant)] == [1, 3, 4]
    assert [e.after["n"] for e in await read_events(db, after=0, upto=upto, limit=9, types=["deal.won"])] == [3]
    assert [e.after["n"] for e in await read_events(db, after=1, upto=upto, limit=2)] == [2, 3]
    assert await read_events(db, after=0, upto=upto, limit=9, tenant_id=OTHER, types=["deal.won"]) == []


@pytest.fixture
def postgres_only(dialect: str) -> None:
    if dialect != "postgres":
        pytest.skip("SQLite has one writer: its transactions cannot interleave")


@pytest.mark.usefixtures("postgres_only")
class TestInterleaved:
    async def test_nothing_is_read_beyond_an_event_that_may_still_come(self, db: Database, tenant: UUID):
        """On an empty log too, whose sequence has handed out nothing yet."""
        async with db.transaction() as slow:
            await record_events(slow, [fact(tenant, 1)])
            await slow.send()
            await record_beside(db, fact(tenant, 2))
            assert await settled(db) == 0
            assert await readable(db) == []
        assert [e.after["n"] for e in await readable(db)] == [1, 2]

    async def test_the_lowest_floor_counts(self, db: Database, tenant: UUID):
        await record(db, fact(tenant, 1))
        async with db.transaction() as first:
            await record_events(first, [fact(tenant, 2)])
            await first.send()
            second = await Slow.begin(db, fact(tenant, 3))
            await record_beside(db, fact(tenant, 4))
            assert [e.after["n"] for e in await readable(db)] == [1]
        assert [e.after["n"] for e in await readable(db)] == [1, 2]
        await second.end()
        assert [e.after["n"] for e in await readable(db)] == [1, 2, 3, 4]

    async def test_what_is_rolled_back_leaves_a_gap_and_no_lock(self, db: Database, tenant: UUID):
        with suppress(ZeroDivisionError):
            async with db.transaction() as tx:
                await record_events(tx, [fact(tenant, 1), fact(tenant, 2)])
                await tx.send()
                await record_beside(db, fact(tenant, 3))
                assert await readable(db) == []
                _ = 1 / 0
        assert [(e.sequence, e.after["n"]) for e in await readable(db)] == [(3, 3)]

    async def test_a_savepoint_that_is_undone_gives_its_lock_back_and_no_other(self, db: Database, tenant: UUID):
        async with db.transaction() as tx:
            with suppress(ZeroDivisionError):
                async with tx.savepoint():
                    await record_events(tx, [fact(tenant, 1)])
                    await tx.send()
                    _ = 1 / 0
            await record_beside(db, fact(tenant, 2))
            assert [e.after["n"] for e in await readable(db)] == [2]
            async with tx.savepoint():
                await record_events(tx, [fact(tenant, 3)])
            with suppress(ZeroDivisionError):
                async with tx.savepoint():
                    await record_events(tx, [fact(tenant, 4)])
                    await tx.send()
                    _ = 1 / 0
            await record_beside(db, fact(tenant, 5))
            assert [e.after["n"] for e in await readable(db)] == [2]
        assert [e.after["n"] for e in await readable(db)] == [2, 3, 5]

    async def test_a_transaction_of_many_commands_holds_one_lock(self, db: Database, tenant: UUID):
        async with db.transaction() as tx:
            for number in range(20):
                async with tx.savepoint():
                    await record_events(tx, [fact(tenant, number)])
                await record_beside(db, fact(tenant, 100 + number))
            [row] = await tx.fetch(
                Sql("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            )
            assert row["n"] == 1

    @pytest.mark.parametrize("last", [2**31 - 2, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 3 * 2**31 - 1])
    async def test_a_lock_holds_a_part_of_its_floor(self, db: Database, tenant: UUID, last: int):
        """Where its 31 bits begin anew, the reader still knows which floor is meant."""
        async with db.transaction() as tx:
            await tx.fetch(Sql("SELECT setval('event_sequence_seq', ", value(last, "bigint"), ")"))
        slow = await Slow.begin(db, fact(tenant, 1))
        await record_beside(db, fact(tenant, 2), fact(tenant, 3))
        assert await settled(db) == last
        await slow.end()
        assert [(e.sequence, e.after["n"]) for e in await readable(db)] == [
            (last + 1, 1), (last + 2, 2), (last + 3, 3),
        ]  # fmt: skip

    async def test_other_databases_and_other_locks_do_not_count(self, db: Database, databases, tenant: UUID):
        url = databases.migrated()
        beside = await connect(url, connections=1)
        try:
            async with beside.transaction() as tx, asyncio.TaskGroup():
                await record_events(tx, [fact(tenant, 1)])
                await tx.send()
                await tx.fetch(Sql("SELECT pg_advisory_xact_lock_shared(1, 0)"))
                await record(db, fact(tenant, 2))
                assert await settled(db) == 1
        finally:
            await beside.close()
            databases.drop(url)


class Slow:
    """A transaction in a task of its own that has recorded its events and goes on."""

    def __init__(self) -> None:
        self.recorded, self.go = asyncio.Event(), asyncio.Event()
        self.task: asyncio.Task[None]

    @classmethod
    async def begin(cls, db: Database, *facts: Fact) -> Slow:
        slow = cls()
        slow.task = asyncio.create_task(slow.run(db, facts))
        await slow.recorded.wait()
        return slow

    async def run(self, db: Database, facts: tuple[Fact, ...]) -> None:
        async with db.transaction() as tx:
            await record_events(tx, facts)
            await tx.send()
            self.recorded.set()
            await self.go.wait()

    async def end(self) -> None:
        self.go.set()
        await self.task


async def record_beside(db: Database, *facts: Fact) -> None:
    """In another transaction, whichever this task is in."""
    await asyncio.create_task(record(db, *facts))


async def test_eight_writers_and_a_reader(db: Database, tenant: UUID):
    """Every event is read once, in the order of the sequence, and for each record in the order of its changes."""
    records = [new_id() for _ in range(4)]
    locks = [asyncio.Lock() for _ in records]
    numbers = [0] * len(records)
    written: set[UUID] = set()

    async def write(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(25):
            place = dice.randrange(len(records))
            async with locks[place]:  # as the lock of the record's row does it
                with suppress(ZeroDivisionError):
                    facts = [fact(tenant, numbers[place] + 1 + n, records[place]) for n in range(dice.randint(1, 3))]
                    async with db.transaction() as tx:
                        await record_events(tx, facts)
                        await tx.send()
                        await asyncio.sleep(dice.choice([0, 0, 0.002]))
                        if dice.random() < 0.2:
                            _ = 1 / 0
                    numbers[place] += len(facts)
                    written.update(f.id for f in facts)

    seen: list[StoredEvent] = []

    async def read() -> None:
        while True:
            last = seen[-1].sequence if seen else 0
            seen.extend(await read_events(db, after=last, upto=await settled(db), limit=7))
            await asyncio.sleep(0)

    reader = asyncio.create_task(read())
    await asyncio.gather(*(write(seed) for seed in range(8)))
    async with asyncio.timeout(20):
        while len(seen) < len(written):
            await asyncio.sleep(0.01)
    reader.cancel()
    assert [e.sequence for e in seen] == sorted({e.sequence for e in seen})
    assert {e.id for e in seen} == written
    by_record = defaultdict(list)
    for event in seen:
        by_record[event.record_id].append(event.after["n"])
    assert all(found == list(range(1, len(found) + 1)) for found in by_record.values())
