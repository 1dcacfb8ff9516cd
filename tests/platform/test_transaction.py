"""Transactions under cancellation, failure and contention: whatever happens, the next write works."""

from __future__ import annotations

import asyncio
import gc
import random
from collections.abc import AsyncIterator

import pytest

from crmcore.kit.sql import Sql, value
from crmcore.platform.database import (
    Database,
    ForeignKeyViolation,
    Retryable,
    Transaction,
    TransactionOver,
    UniqueViolation,
    connect,
    retrying,
)

CONNECTIONS = 3


@pytest.fixture
async def accounts(empty_database_url: str) -> AsyncIterator[Database]:
    database = await connect(empty_database_url, connections=CONNECTIONS)
    async with database.transaction() as tx:
        await tx.execute(
            Sql(
                "CREATE TABLE account (id INT PRIMARY KEY, amount INT NOT NULL, "
                "parent INT REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED)"
            )
        )
        await tx.execute(Sql("INSERT INTO account VALUES (1, 100, NULL), (2, 100, NULL)"))
    yield database
    await database.close()


async def amounts(db: Database) -> list[int]:
    return [row["amount"] for row in await db.fetch(Sql("SELECT amount FROM account ORDER BY id"))]


async def add(tx: Transaction, account: int, amount: int) -> None:
    await tx.execute(Sql("UPDATE account SET amount = amount + ", value(amount), " WHERE id = ", value(account)))


async def assert_whole(db: Database) -> None:
    """As many transactions as there are connections can be open at once, and write."""
    async with asyncio.timeout(10):
        if db.dialect == "postgres":
            gate = asyncio.Barrier(CONNECTIONS)

            async def one() -> None:
                async with db.transaction() as tx:
                    await tx.fetch(Sql("SELECT 1"))
                    await gate.wait()

            await asyncio.gather(*(one() for _ in range(CONNECTIONS)))
            idle = await db.fetch(
                Sql(
                    "SELECT count(*) AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' "
                    "AND datname = current_database()"
                )
            )
            assert idle[0]["n"] == 0
        before = await amounts(db)
        async with db.transaction() as tx:
            await add(tx, 1, 1)
        assert await amounts(db) == [before[0] + 1, before[1]]


async def test_commit_and_rollback(accounts: Database):
    async with accounts.transaction() as tx:
        await add(tx, 1, 5)
    with pytest.raises(ZeroDivisionError):
        async with accounts.transaction() as tx:
            await add(tx, 1, 1000)
            _ = 1 / 0
    assert await amounts(accounts) == [105, 100]


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_cancellations(accounts: Database, seed: int):
    """Hundreds of transfers, each cancelled at a random point: the sum never changes, and nothing is left open."""
    dice = random.Random(seed)

    async def transfer() -> None:
        async with accounts.transaction() as tx:
            await add(tx, 1, -1)
            await asyncio.sleep(0)
            async with tx.savepoint():
                await add(tx, 2, 1)

    async def cancelled() -> None:
        task = asyncio.create_task(transfer())
        for _ in range(dice.randrange(12)):
            await asyncio.sleep(0)
        await asyncio.sleep(dice.choice([0, 0, dice.random() / 100]))
        task.cancel()
        if dice.random() < 0.2:
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait([task])

    for _ in range(6):
        await asyncio.gather(*(cancelled() for _ in range(50)))
    assert sum(await amounts(accounts)) == 200
    await assert_whole(accounts)


async def test_deadlines_round_transactions(accounts: Database):
    async def late(seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds), accounts.transaction() as tx:
                await add(tx, 1, 1)
                await asyncio.sleep(0.02)
                await add(tx, 1, -1)
        except TimeoutError:
            pass

    await asyncio.gather(*(late(n / 2000) for n in range(100)))
    assert await amounts(accounts) == [100, 100]
    await assert_whole(accounts)


async def test_a_deadline_in_the_middle_of_a_slow_statement(accounts: Database):
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000) SELECT count(*) FROM n"
        if accounts.dialect == "sqlite"
        else "SELECT pg_sleep(60)"
    )
    async with asyncio.timeout(10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), accounts.transaction() as tx:
                await add(tx, 1, 1000)
                await tx.fetch(Sql(slow))
    assert await amounts(accounts) == [100, 100]
    await assert_whole(accounts)


async def test_a_commit_that_fails_harms_nobody_else(accounts: Database):
    for _ in range(CONNECTIONS + 2):
        with pytest.raises(ForeignKeyViolation):
            async with accounts.transaction() as tx:
                await tx.execute(Sql("INSERT INTO account VALUES (3, 1, 99)"))  # deferred: only COMMIT notices
    assert await amounts(accounts) == [100, 100]
    await assert_whole(accounts)


async def test_a_savepoint_fails_alone(accounts: Database):
    async with accounts.transaction() as tx:
        await add(tx, 1, 1)
        with pytest.raises(UniqueViolation):
            async with tx.savepoint():
                await add(tx, 1, 1000)
                await tx.execute(Sql("INSERT INTO account VALUES (1, 0, NULL)"))
        async with tx.savepoint():
            await add(tx, 2, 1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02), tx.savepoint():
                    await add(tx, 2, 1000)
                    await asyncio.sleep(5)
    assert await amounts(accounts) == [101, 101]


async def test_an_error_swallowed_without_a_savepoint_is_not_taken_for_success(accounts: Database):
    """PostgreSQL answers such a COMMIT with a silent rollback; SQLite keeps what did not fail."""
    try:
        async with accounts.transaction() as tx:
            await add(tx, 1, 1)
            try:
                await tx.execute(Sql("INSERT INTO account VALUES (1, 0, NULL)"))
            except UniqueViolation:
                pass
    except TransactionOver:
        assert await amounts(accounts) == [100, 100]
    else:
        assert accounts.dialect == "sqlite"
        assert await amounts(accounts) == [101, 100]
    await assert_whole(accounts)


async def test_a_transaction_cannot_be_nested_nor_outlived(accounts: Database):
    async with accounts.transaction() as tx:
        with pytest.raises(RuntimeError, match="savepoint"):
            async with accounts.transaction():
                pass
    with pytest.raises(TransactionOver):
        await add(tx, 1, 1)
    await assert_whole(accounts)


async def test_readers_do_not_wait_for_a_writer(accounts: Database):
    async with accounts.transaction() as tx:
        await add(tx, 1, 1)
        async with asyncio.timeout(2):
            assert await amounts(accounts) == [100, 100]
    assert await amounts(accounts) == [101, 100]


async def test_writers_wait_for_each_other(accounts: Database):
    """Read, think, write: with a retry for serialization failures no addition is lost."""

    async def grow() -> None:
        async with accounts.transaction(serializable=True) as tx:
            row = (await tx.fetch(Sql("SELECT amount FROM account WHERE id = 1")))[0]
            await asyncio.sleep(0)
            await tx.execute(Sql("UPDATE account SET amount = ", value(row["amount"] + 1), " WHERE id = 1"))

    await asyncio.gather(*(retrying(grow, attempts=30, pause=0.002) for _ in range(12)))
    assert (await amounts(accounts))[0] == 112


async def test_retrying_gives_up_and_does_not_repeat_other_errors():
    tries = 0

    async def busy() -> None:
        nonlocal tries
        tries += 1
        raise Retryable("busy")

    async def wrong() -> None:
        nonlocal tries
        tries += 1
        raise ValueError

    with pytest.raises(Retryable):
        await retrying(busy, attempts=3, pause=0.0001)
    assert tries == 3
    with pytest.raises(ValueError):
        await retrying(wrong)
    assert tries == 4


async def test_two_processes_may_write_to_one_sqlite_file(accounts: Database):
    """The command line beside a server: BEGIN IMMEDIATE waits instead of failing when something was written between."""
    other = await connect(accounts.url, connections=CONNECTIONS)
    try:

        async def grow(db: Database) -> None:
            async with db.transaction() as tx:
                row = (await tx.fetch(Sql("SELECT amount FROM account WHERE id = 1 " + lock)))[0]
                await asyncio.sleep(0)
                await tx.execute(Sql("UPDATE account SET amount = ", value(row["amount"] + 1), " WHERE id = 1"))

        lock = "FOR UPDATE" if accounts.dialect == "postgres" else ""
        await asyncio.gather(*(grow(db) for db in (accounts, other) * 20))
    finally:
        await other.close()
    assert (await amounts(accounts))[0] == 140


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_loop_that_ends_in_the_middle_leaves_no_lock(accounts: Database):
    """asyncio.run cancels everything at its end, the clean-up of a transaction included."""

    def elsewhere() -> None:
        async def run() -> None:
            db = await connect(accounts.url, connections=2)

            async def hang() -> None:
                async with db.transaction() as tx:
                    await add(tx, 2, 1000)
                    await asyncio.sleep(60)

            task = asyncio.create_task(hang())
            await asyncio.sleep(0.1)
            assert not task.done()

        asyncio.run(run())
        gc.collect()  # connections that nobody could close complain here, not in the next test

    async with asyncio.timeout(10):
        await asyncio.to_thread(elsewhere)
    assert await amounts(accounts) == [100, 100]
    await assert_whole(accounts)
