"""Both databases through one face: rows, text, errors, counting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from crmcore.errors import ConfigError
from crmcore.kit.sql import Sql, render, value
from crmcore.platform import sqlite
from crmcore.platform.database import (
    CheckViolation,
    Database,
    ForeignKeyViolation,
    NotNullViolation,
    StatementTimeout,
    Unavailable,
    UniqueViolation,
    connect,
    dialect_of,
)

TABLE = (
    "CREATE TABLE thing (id INT PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''), owner INT, "
    "parent INT REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)"
)


@pytest.fixture
async def things(empty_database_url: str) -> AsyncIterator[Database]:
    database = await connect(empty_database_url, connections=3)
    async with database.transaction() as tx:
        await tx.execute(Sql(TABLE))
        await tx.execute(Sql("CREATE UNIQUE INDEX uq_thing_name ON thing (owner, name) WHERE parent IS NULL"))
        await tx.execute(Sql("INSERT INTO thing VALUES (1, 'Zoë', 7, NULL), (2, '王芳', 7, NULL)"))
    yield database
    await database.close()


async def test_rows_come_by_name(things: Database):
    rows = await things.fetch(Sql("SELECT id, name FROM thing WHERE owner = ", value(7), " ORDER BY id"))
    assert [(row["id"], row["name"]) for row in rows] == [(1, "Zoë"), (2, "王芳")]
    assert list(rows[0].keys()) == ["id", "name"]


async def test_finished_text_comes_as_it_is(things: Database):
    made = render(Sql("SELECT name FROM thing WHERE id = ", value(2)), things.dialect)
    text = await things.fetch_text(made)
    assert (text if isinstance(text, str) else text.decode()) == "王芳"  # type: ignore[union-attr]
    assert await things.fetch_text(render(Sql("SELECT name FROM thing WHERE id = ", value(9)), things.dialect)) is None
    assert await things.fetch_text(render(Sql("SELECT parent FROM thing"), things.dialect)) is None


async def test_a_statement_run_again_takes_new_values(things: Database):
    from crmcore.kit.sql import Bind

    made = render(Sql("SELECT name FROM thing WHERE id = ", Bind(lambda run: run["id"])), things.dialect)
    found = [await things.fetch(made, {"id": number}) for number in (1, 2)]
    assert [rows[0]["name"] for rows in found] == ["Zoë", "王芳"]


@pytest.mark.parametrize(
    "values, error, columns",
    [
        ("(3, 'Zoë', 7, NULL)", UniqueViolation, ("owner", "name")),
        ("(1, 'other', 7, NULL)", UniqueViolation, ("id",)),
        ("(3, NULL, 7, NULL)", NotNullViolation, ("name",)),
        ("(3, '', 7, NULL)", CheckViolation, ()),
        ("(3, 'child', 7, 99)", ForeignKeyViolation, None),
    ],
)
async def test_constraints_have_one_name_on_both(things: Database, values: str, error: type, columns):
    with pytest.raises(error) as caught:
        async with things.transaction() as tx:
            await tx.execute(Sql(f"INSERT INTO thing VALUES {values}"))
    if columns is not None:
        assert caught.value.columns == columns
    if columns == ("owner", "name"):
        assert (caught.value.constraint, caught.value.table) == ("uq_thing_name", "thing")
    assert "Zoë" not in str(caught.value), "values are personal data"


async def test_changed_rows_are_counted(things: Database):
    async with things.transaction() as tx:
        assert await tx.execute(Sql("UPDATE thing SET owner = 8")) == 2
        assert await tx.execute(Sql("UPDATE thing SET owner = 8 WHERE id = 9")) == 0
        rows = await tx.fetch(Sql("DELETE FROM thing WHERE id = 1 RETURNING name"))
        assert [row["name"] for row in rows] == ["Zoë"]


async def test_counting_sees_this_task_and_its_children_only(things: Database):
    async def other() -> None:
        await things.fetch(Sql("SELECT 'other'"))

    outside = asyncio.create_task(other())
    with things.counting() as seen:
        await things.fetch(Sql("SELECT 1 AS one"))
        await asyncio.create_task(other())
        async with things.transaction() as tx:
            await tx.execute(Sql("UPDATE thing SET owner = 9"))
    await outside
    await things.fetch(Sql("SELECT 2 AS two"))
    assert seen == ["SELECT 1 AS one", "SELECT 'other'", "UPDATE thing SET owner = 9"]


async def test_many_reads_at_once(things: Database):
    made = [Sql("SELECT name FROM thing WHERE id = ", value(1 + n % 2)) for n in range(100)]
    rows = await asyncio.gather(*(things.fetch(tree) for tree in made))
    assert [found[0]["name"] for found in rows] == ["Zoë", "王芳"] * 50


async def test_readers_cannot_write_on_sqlite(things: Database):
    if things.dialect == "sqlite":
        with pytest.raises(Exception, match="readonly"):
            await things.fetch(Sql("DELETE FROM thing"))


async def test_a_cancelled_read_frees_its_connection(things: Database):
    slow = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000000) SELECT count(*) FROM n"
        if things.dialect == "sqlite"
        else "SELECT pg_sleep(60)"
    )
    for _ in range(6):  # more than there are connections
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await things.fetch(Sql(slow))
    async with asyncio.timeout(5):
        assert len(await things.fetch(Sql("SELECT id FROM thing"))) == 2


async def test_statement_timeout(databases):
    if databases.dialect == "sqlite":
        return  # the deadline of the request interrupts it
    url = databases.empty()
    db = await connect(url, statement_timeout_ms=50)
    with pytest.raises(StatementTimeout):
        await db.fetch(Sql("SELECT pg_sleep(5)"))
    await db.close()
    databases.drop(url)


async def test_connections_that_the_server_has_ended_are_replaced(databases):
    if databases.dialect == "sqlite":
        return
    url = databases.empty()
    db, killer = await connect(url, connections=3), await connect(url, connections=1)
    await asyncio.gather(*(db.fetch(Sql("SELECT pg_sleep(0.05)")) for _ in range(3)))
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> "
    await killer.fetch(Sql(kill, "pg_backend_pid()"))
    for _ in range(5):
        assert len(await db.fetch(Sql("SELECT 1"))) == 1
    with pytest.raises(Unavailable):
        async with db.transaction() as tx:
            await tx.fetch(Sql("SELECT 1"))
            await killer.fetch(Sql(kill, "pg_backend_pid()"))
            await tx.fetch(Sql("SELECT 1"))
    async with db.transaction() as tx:
        assert len(await tx.fetch(Sql("SELECT 1"))) == 1
    await killer.close()
    await db.close()
    databases.drop(url)


def test_urls():
    assert dialect_of("sqlite:///x.db") == "sqlite"
    assert dialect_of("postgres://h/n") == dialect_of("postgresql://h/n") == "postgres"
    assert sqlite.file_of("sqlite:////srv/x.db") == Path("/srv/x.db")
    for wrong in ("mysql://x", "x.db", ""):
        with pytest.raises(ConfigError):
            dialect_of(wrong)
    for wrong in ("sqlite://x.db", "sqlite:///", "sqlite:///:memory:", "sqlite:///x.db?mode=ro"):
        with pytest.raises(ConfigError):
            sqlite.file_of(wrong)


async def test_what_cannot_be_opened_is_said_to_the_operator(tmp_path: Path):
    (tmp_path / "x.db").write_text("this is a letter, not a database" * 100)
    for url in (
        f"sqlite:///{tmp_path}/no/such/folder/x.db",
        f"sqlite:///{tmp_path}/x.db",
        f"postgresql://x@/x?host={tmp_path}",
    ):
        with pytest.raises(ConfigError):
            await connect(url)


def test_an_old_sqlite_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("crmcore.platform.sqlite.connection.OLDEST", (99, 0, 0))
    with pytest.raises(ConfigError, match="pysqlite3"):
        sqlite.connect_file(tmp_path / "x.db")
