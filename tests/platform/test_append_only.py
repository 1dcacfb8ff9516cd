"""The log of facts is append-only: the database itself refuses what nobody may do, whoever asks."""

from __future__ import annotations

from uuid import UUID

import pytest

from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import ActorKind
from crmcore.platform.database import Database, connect
from crmcore.platform.events import Fact, erase_events, record_events
from crmcore.platform.identity import find_tenant
from crmcore.platform.migrate import migrate


def fact(tenant: UUID, record: UUID, **more: object) -> Fact:
    return Fact(
        tenant_id=tenant, type="customer.updated", record_type="customer", record_id=record, before={"name": "Ada"},
        after={"name": "Eve"}, changed_fields=["name"], actor_kind=ActorKind.SYSTEM, actor_id=None, cause=new_id(),
        at=times.now(), reason="she married", **more,
    )  # type: ignore[arg-type]  # fmt: skip


async def rows(db: Database) -> list[dict[str, object]]:
    found = await db.fetch(Sql("SELECT * FROM event ORDER BY sequence"))
    return [{key: row[key] for key in row.keys()} for row in found]  # noqa: SIM118  a driver's row, not a dict


@pytest.fixture
async def two(db: Database, tenant: UUID) -> tuple[UUID, UUID]:
    keys = new_id(), new_id()
    async with db.transaction() as tx:
        await record_events(tx, [fact(tenant, key) for key in keys])
    return keys


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM event",
        "UPDATE event SET after = NULL",
        "UPDATE event SET before = NULL, after = NULL, reason = NULL",
        "UPDATE event SET erased_at = at",
        "UPDATE event SET before = NULL, after = NULL, reason = NULL, erased_at = at, actor_kind = 'USER'",
        "UPDATE event SET before = NULL, after = NULL, reason = NULL, erased_at = at, sequence = sequence + 100",
        "UPDATE event SET reason = 'another'",
        "UPDATE event SET type = type",
    ],
)
async def test_a_fact_is_neither_changed_nor_deleted(db: Database, two: tuple[UUID, UUID], text: str):
    before = await rows(db)
    with pytest.raises(Exception, match="append-only"):
        async with db.transaction() as tx:
            await tx.execute(Sql(text))
    assert await rows(db) == before


async def test_no_table_is_emptied(db: Database, two: tuple[UUID, UUID]):
    if db.dialect == "postgres":
        with pytest.raises(Exception, match="append-only"):
            async with db.transaction() as tx:
                await tx.execute(Sql("TRUNCATE event"))
    assert len(await rows(db)) == 2


async def test_what_it_says_of_a_record_is_erased_once_and_nothing_else(
    db: Database, tenant: UUID, two: tuple[UUID, UUID]
):
    first, second = await rows(db)
    at = times.now()
    async with db.transaction() as tx:
        assert await erase_events(tx, tenant, "customer", [two[0]], at) == 1
        assert await erase_events(tx, tenant, "customer", [two[0]], at) == 0
        assert await erase_events(tx, new_id(), "customer", [two[1]], at) == 0
        assert await erase_events(tx, tenant, "deal", [two[1]], at) == 0
    erased, kept = await rows(db)
    assert kept == second
    stamp = erased["erased_at"] if db.dialect == "postgres" else times.from_text(str(erased["erased_at"]))
    assert stamp == at
    assert erased == {**first, "before": None, "after": None, "reason": None, "erased_at": erased["erased_at"]}
    with pytest.raises(Exception, match="append-only"):
        async with db.transaction() as tx:
            await tx.execute(Sql("UPDATE event SET erased_at = NULL"))


async def test_the_guard_goes_and_comes_with_its_migration(database_url: str):
    async def add(db: Database) -> None:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            await record_events(tx, [fact(tenant, new_id())])

    db = await connect(database_url)
    await add(db)
    await db.close()
    await migrate(database_url, [CORE], to=("core", "0008_jobs"), losing=True)
    db = await connect(database_url)
    [old] = await rows(db)
    assert "reason" not in old
    async with db.transaction() as tx:
        assert await tx.execute(Sql("UPDATE event SET changed_fields = changed_fields")) == 1
    await db.close()
    assert (await migrate(database_url, [CORE])).differences == []
    db = await connect(database_url)
    [new] = await rows(db)
    assert {key: new[key] for key in old} == old
    assert (new["reason"], new["erased_at"]) == (None, None)
    with pytest.raises(Exception, match="append-only"):
        async with db.transaction() as tx:
            await tx.execute(Sql("DELETE FROM event"))
    await db.close()
