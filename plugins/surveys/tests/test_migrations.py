"""The plugin's table comes and goes beside the core's, with rows in both."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest

from crmcore.domain.customers import Customer
from crmcore.errors import ConfigError
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database, connect
from crmcore.platform.identity import find_tenant
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate import differences, migrate, pending
from crmcore.records import Create, graph_of, write
from crmcore_surveys.models import SurveysResponse
from tests.databases import Databases


@pytest.fixture
def core_url(databases: Databases) -> Iterator[str]:
    """A database that has never heard of surveys."""
    url = databases.migrated()
    yield url
    databases.drop(url)


MIGRATIONS = ["surveys.0001_initial", "surveys.0002_custom_fields", "surveys.0003_timeline"]


async def context(db: Database, apps: list[App]) -> Context:
    tenant = await find_tenant(db)
    assert tenant is not None
    return Context(db, Policy(tenant, Actor(ActorKind.SYSTEM)), graph_of(await load_models(apps)))


async def seed(ctx: Context, customers: int = 3) -> list[UUID]:
    made = await write(ctx, [Create(Customer, {"name": f"Customer {n}"}) for n in range(customers)])
    return [customer.id for customer in made]


async def count(db: Database, table: str) -> int:
    [row] = await db.fetch(Sql(f"SELECT count(*) AS found FROM {table}"))
    return int(row["found"])


async def test_the_table_comes_to_a_database_in_use_and_goes_again(core_url: str, apps: list[App]):
    """Up, down and up again: the customers stay, the responses go with their table."""
    db = await connect(core_url, connections=2)
    try:
        keys = await seed(await context(db, [CORE]))
        assert [str(key) for key in await pending(db, apps)] == MIGRATIONS

        report = await migrate(core_url, apps)
        assert ([str(key) for key in report.applied], report.differences) == (MIGRATIONS, [])
        ctx = await context(db, apps)
        at = ctx.clock()
        answers = [Create(SurveysResponse, {"customer_id": key, "score": 7, "answered_at": at}) for key in keys]
        await write(ctx, answers)
        assert await count(db, "surveys_response") == 3

        with pytest.raises(ConfigError, match="surveys_response"):
            await migrate(core_url, apps, to=("surveys", None))
        report = await migrate(core_url, apps, to=("surveys", None), losing=True)
        assert [str(key) for key in report.reverted] == MIGRATIONS[::-1]
        assert await count(db, "customer") == 3
        assert await differences(db, await load_models([CORE])) == []

        await migrate(core_url, apps)
        assert (await count(db, "customer"), await count(db, "surveys_response")) == (3, 0)
    finally:
        await db.close()


async def test_without_the_plugin_the_core_goes_on_and_the_answers_wait(core_url: str, apps: list[App]):
    """Uninstalled, its table stays as it is; installed again, everything is there."""
    db = await connect(core_url, connections=2)
    try:
        await migrate(core_url, apps)
        ctx = await context(db, apps)
        [key] = await seed(ctx, 1)
        await write(ctx, [Create(SurveysResponse, {"customer_id": key, "score": 7, "answered_at": ctx.clock()})])

        assert await pending(db, [CORE]) == []
        report = await migrate(core_url, [CORE])
        assert (report.applied, report.differences) == ([], [])
        await seed(await context(db, [CORE]), 1)
        assert (await count(db, "customer"), await count(db, "surveys_response")) == (2, 1)
        assert await pending(db, apps) == []
    finally:
        await db.close()
