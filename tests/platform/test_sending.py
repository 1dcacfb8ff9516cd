"""What a transaction sends: new rows together, and what they lean on with them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from crmcore.kit.sql import Sql, value
from crmcore.platform.database import Database, Retryable, TransactionOver, UniqueViolation, connect


@pytest.fixture
async def accounts(empty_database_url: str) -> AsyncIterator[Database]:
    database = await connect(empty_database_url, connections=3)
    async with database.transaction() as tx:
        await tx.execute(
            Sql("CREATE TABLE account (id INT PRIMARY KEY, amount INT NOT NULL, parent INT REFERENCES account (id))")
        )
        await tx.execute(Sql("INSERT INTO account VALUES (1, 100, NULL), (2, 100, NULL)"))
    yield database
    await database.close()


async def amounts(db: Database) -> list[int]:
    return [row["amount"] for row in await db.fetch(Sql("SELECT amount FROM account ORDER BY id"))]


def opened(account: int, parent: int | None = None) -> Sql:
    return Sql("INSERT INTO account VALUES (", value(account), ", 0, ", value(parent), ")")


def noted(text: str) -> Sql:
    return Sql("INSERT INTO note VALUES (", value(text), ", ", value(len(text)), ")")


@pytest.fixture
async def notes(accounts: Database) -> Database:
    async with accounts.transaction() as tx:
        await tx.execute(Sql("CREATE TABLE note (text VARCHAR(9) UNIQUE, size INT)"))
    return accounts


async def test_new_rows_go_out_together(notes: Database):
    with notes.counting() as seen:
        async with notes.transaction() as tx:
            await tx.add("account", opened(3, 1))
            await tx.add("note", noted("new"))
            assert seen == []
    assert len(seen) == 1
    assert await amounts(notes) == [100, 100, 0]
    [note] = await notes.fetch(Sql("SELECT text, size FROM note"))
    assert (note["text"], note["size"]) == ("new", 3)


async def test_whatever_else_runs_finds_the_new_rows(notes: Database):
    async with notes.transaction() as tx:
        await tx.add("account", opened(3))
        await tx.add("note", noted("a"))
        await tx.add("account", opened(4))  # another one for the same table comes after the first
        assert len(await tx.fetch(Sql("SELECT id FROM account"))) == 4
        await tx.add("note", noted("b"))
        await tx.execute(Sql("UPDATE account SET amount = 7 WHERE id = 4"))
        assert len(await tx.fetch(Sql("SELECT text FROM note"))) == 2
    assert await amounts(notes) == [100, 100, 0, 7]


async def test_a_new_row_that_is_refused_takes_the_others_with_it(notes: Database):
    with pytest.raises(UniqueViolation):
        async with notes.transaction() as tx:
            await tx.add("note", noted("a"))
            await tx.add("account", opened(1))
    assert await notes.fetch(Sql("SELECT text FROM note")) == []
    assert await amounts(notes) == [100, 100]


async def test_a_savepoint_holds_its_own_new_rows_and_no_others(notes: Database):
    async with notes.transaction() as tx:
        await tx.add("note", noted("kept"))
        with pytest.raises(LookupError):
            async with tx.savepoint():
                await tx.add("account", opened(3))
                raise LookupError
        with pytest.raises(UniqueViolation):
            async with tx.savepoint():
                await tx.add("account", opened(1))
    assert await amounts(notes) == [100, 100]
    assert len(await notes.fetch(Sql("SELECT text FROM note"))) == 1


def living(account: int) -> Sql:
    return Sql("(SELECT count(*) FROM (SELECT id FROM account WHERE id = ", value(account), " FOR KEY SHARE) r) = 1")


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_what_only_looks_and_adds_is_one_statement(notes: Database):
    """No BEGIN and no COMMIT: the statement is a transaction by itself."""
    async with notes.transaction() as tx:
        assert len(await tx.look(Sql("SELECT id FROM account"))) == 2
        tx.lean(living(1))
        await tx.add("account", opened(3, 1))
        await tx.add("note", noted("a"))
        await tx.send(last=True)
        assert not tx.begun
        with pytest.raises(TransactionOver):
            await tx.fetch(Sql("SELECT 1"))
    assert await amounts(notes) == [100, 100, 0]
    async with notes.transaction() as tx:
        await tx.add("note", noted("next"))


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
@pytest.mark.parametrize("begun", [False, True])
async def test_what_is_leant_on_must_still_be_there(notes: Database, begun: bool):
    with pytest.raises(Retryable):
        async with notes.transaction() as tx:
            if begun:
                await tx.execute(Sql("UPDATE account SET amount = 5 WHERE id = 1"))
            assert await tx.look(Sql("SELECT id FROM account WHERE id = 2"))
            tx.lean(living(2))
            async with asyncio.TaskGroup() as group:
                group.create_task(_close(notes, 2))
            await tx.add("note", noted("a"))
    assert await amounts(notes) == [100]
    assert await notes.fetch(Sql("SELECT text FROM note")) == []
    async with notes.transaction() as tx:
        await tx.add("note", noted("next"))


async def _close(db: Database, account: int) -> None:
    async with db.transaction() as tx:
        await tx.execute(Sql("DELETE FROM account WHERE id = ", value(account)))


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_what_is_leant_on_stays_until_the_rows_are_there(notes: Database):
    """Somebody deletes it in a transaction that is under way: the rows wait for the outcome."""
    gate = asyncio.Event()

    async def close() -> None:
        async with notes.transaction() as tx:
            await tx.execute(Sql("DELETE FROM account WHERE id = 2"))
            gate.set()
            await asyncio.sleep(0.1)

    async def note() -> None:
        await gate.wait()
        async with notes.transaction() as tx:
            assert await tx.look(Sql("SELECT id FROM account WHERE id = 2"))
            tx.lean(living(2))
            await tx.add("note", noted("a"))

    closing = asyncio.create_task(close())
    with pytest.raises(Retryable):
        await note()
    await closing
    assert await notes.fetch(Sql("SELECT text FROM note")) == []


async def test_a_look_sees_what_was_written_here(notes: Database):
    async with notes.transaction() as tx:
        await tx.add("note", noted("a"))
        assert len(await tx.look(Sql("SELECT text FROM note"))) == 1
        await tx.add("note", noted("b"))
    assert len(await notes.fetch(Sql("SELECT text FROM note"))) == 2
