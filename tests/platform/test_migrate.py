"""The migration runner, on databases with rows in them: nothing is lost, up or down, and what is wrong is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crmcore.errors import ConfigError
from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.migrations import CORE
from crmcore.platform.database import Database, UniqueViolation, connect
from crmcore.platform.metadata import load_models
from crmcore.platform.migrate import MigrationFailed, differences, locked, migrate, pending
from crmcore.platform.migrate.make import changes
from tests.platform.toy_app import ToyApp

PARENT = """
class Parent(Record):
    name = Text({length})
    code = Text(20)
    is_main = Flag(default=False)
    {more}
    special: ClassVar[Rules] = Rules(unique=(Unique(("code",)), Unique(("name",), where="is_main")))
    class Meta(Record.Meta):
        table = "shop_parent"
        indexes = (("tenant_id", "name", "id"),)
"""
CHILD = """
class Child(Record):
    parent: Any = reference("shop.Parent", "CASCADE")
    note = Text(50)
    {more}
    class Meta(Record.Meta):
        table = "shop_child"
        constraints = (exactly_one("shop_child", "note", "deletion_id"),)
"""
V1 = PARENT.format(length=100, more="") + CHILD.format(more="")
SYSTEM = "id, tenant_id, version, created_at, created_by_kind, updated_at, updated_by_kind"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[ToyApp]:
    app = ToyApp(tmp_path, "shop")
    yield app
    app.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    db = await connect(url, connections=2)
    try:
        yield db
    finally:
        await db.close()


async def add(db: Database, table: str, **values: Any) -> str:
    key, now = str(new_id()), times.to_text(times.now())
    system = f"'{key}', '{TENANT}', 1, '{now}', 'SYSTEM', '{now}', 'SYSTEM'"
    names = "".join(f", {name}" for name in values)
    told = [
        part for v in values.values() for part in (", ", v if isinstance(v, str) and v.startswith("'") else value(v))
    ]
    async with db.transaction() as tx:
        await tx.execute(Sql(f"INSERT INTO {table} ({SYSTEM}{names}) VALUES ({system}", *told, ")"))
    return key


TENANT = new_id()


async def seed(url: str) -> None:
    async with opened(url) as db:
        for number in range(3):
            key = await add(db, "shop_parent", name=f"n{number}", code=f"c{number}", is_main=number == 0)
            await add(db, "shop_child", parent_id=f"'{key}'", note=f"note {number}")


async def counts(url: str, *tables: str) -> list[int]:
    async with opened(url) as db:
        return [(await db.fetch(Sql(f'SELECT count(*) AS n FROM "{table}"')))[0]["n"] for table in tables]


async def test_a_rebuilt_table_keeps_rows_children_and_indexes(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    await shop.make()
    report = await migrate(empty_database_url, [shop.app])
    assert [str(key) for key in report.applied] == ["shop.0001_initial"]
    assert report.differences == []
    await seed(empty_database_url)

    shop.models(
        PARENT.format(length=150, more="rank = Int(null=True)") + CHILD.format(more="extra = Text(9, null=True)")
    )
    second = await shop.make(name="Longer names")
    assert second == "0002_longer_names"
    report = await migrate(empty_database_url, [shop.app])
    assert report.differences == [], "indexes, unique indexes, foreign keys and checks are all there"
    assert await counts(empty_database_url, "shop_parent", "shop_child") == [3, 3]
    async with opened(empty_database_url) as db:
        with pytest.raises(UniqueViolation) as caught:
            await add(db, "shop_parent", name="other", code="c1", is_main=False)
        assert caught.value.constraint == "uq_shop_parent_code"
        with pytest.raises(UniqueViolation):
            await add(db, "shop_parent", name="n0", code="new", is_main=True)
        await add(db, "shop_parent", name="n0", code="new", is_main=False)

    report = await migrate(empty_database_url, [shop.app], to=("shop", "0001_initial"))
    assert [str(key) for key in report.reverted] == ["shop.0002_longer_names"]
    assert await counts(empty_database_url, "shop_parent", "shop_child") == [4, 3]
    shop.drop_migration(second)
    shop.models(V1)
    assert (await migrate(empty_database_url, [shop.app])).differences == [], "as before"


async def test_a_foreign_key_column_can_be_dropped_and_come_back(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    await shop.make()
    await migrate(empty_database_url, [shop.app])
    await seed(empty_database_url)
    gone = CHILD.format(more="").replace('parent: Any = reference("shop.Parent", "CASCADE")', "")
    shop.models(PARENT.format(length=100, more="") + gone)
    await shop.make()
    assert (await migrate(empty_database_url, [shop.app])).differences == []
    back = 'parent: Any = reference("shop.Parent", "CASCADE", null=True)'
    shop.models(PARENT.format(length=100, more="") + gone.replace("note =", f"{back}\n    note ="))
    await shop.make(name="back")
    assert (await migrate(empty_database_url, [shop.app])).differences == []
    assert await counts(empty_database_url, "shop_parent", "shop_child") == [3, 3]


async def test_a_failing_migration_leaves_nothing_and_is_named(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    first = await shop.make()
    shop.migration(
        "0002_bad",
        "ops.RunSQL(\"CREATE TABLE shop_half (a INT); SELECT 1\"), ops.RunSQL('SELECT nonsense')",
        first,
    )
    with pytest.raises(MigrationFailed, match=r"shop\.0002_bad could not be applied"):
        await migrate(empty_database_url, [shop.app])
    async with opened(empty_database_url) as db:
        assert [str(key) for key in await pending(db, [shop.app])] == ["shop.0002_bad"]
        with pytest.raises(Exception, match="shop_half"):
            await db.fetch(Sql("SELECT * FROM shop_half"))
    shop.drop_migration("0002_bad")
    assert (await migrate(empty_database_url, [shop.app])).applied == []


async def test_rows_that_would_name_nothing_stop_the_migration(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    first = await shop.make()
    await migrate(empty_database_url, [shop.app])
    await seed(empty_database_url)
    if empty_database_url.startswith("sqlite"):
        shop.migration("0002_orphans", "ops.RunSQL('DELETE FROM shop_parent')", first)
        with pytest.raises(MigrationFailed, match="shop_child to shop_parent"):
            await migrate(empty_database_url, [shop.app])
    assert await counts(empty_database_url, "shop_parent", "shop_child") == [3, 3]


async def test_a_semicolon_in_a_text_divides_nothing(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    first = await shop.make()
    shop.migration(
        "0002_data",
        """ops.RunSQL("CREATE TABLE shop_word (w TEXT); INSERT INTO shop_word VALUES ('a;b'); "
        "INSERT INTO shop_word VALUES (';')", "DROP TABLE shop_word")""",
        first,
    )
    await migrate(empty_database_url, [shop.app])
    async with opened(empty_database_url) as db:
        assert [row["w"] for row in await db.fetch(Sql("SELECT w FROM shop_word"))] == ["a;b", ";"]
    await migrate(empty_database_url, [shop.app], to=("shop", first))
    async with opened(empty_database_url) as db:
        with pytest.raises(Exception, match="shop_word"):
            await db.fetch(Sql("SELECT * FROM shop_word"))


PLUGIN = """
class Note(Record):
    customer: Any = reference("core.Customer", "CASCADE")
    text = Text(50)
    class Meta(Record.Meta):
        table = "shop_note"
"""


async def test_a_plugins_app_comes_and_goes_and_the_core_stays(databases: Any, shop: ToyApp):
    url = databases.migrated()
    shop.models(PLUGIN)
    first = await shop.make([CORE])
    apps = [shop.app, CORE]  # in any order
    async with opened(url) as db:
        assert [str(key) for key in await pending(db, apps)] == ["shop.0001_initial"]
        assert await pending(db, [CORE]) == []
    report = await migrate(url, apps)
    assert ([str(key) for key in report.applied], report.differences) == ([f"shop.{first}"], [])
    async with opened(url) as db:
        customer = await add(
            db, "customer", name="Zoë", kind="PERSON", roles="[]", lifecycle_stage="NEW", is_key_account=False
        )
        await add(db, "shop_note", customer_id=f"'{customer}'", text="hi")
    assert [str(k) for k in (await migrate(url, apps, to=("shop", None), losing=True)).reverted] == [f"shop.{first}"]
    assert await counts(url, "customer") == [1]
    async with opened(url) as db:
        with pytest.raises(Exception, match="shop_note"):
            await db.fetch(Sql("SELECT * FROM shop_note"))
    assert (await migrate(url, apps)).differences == []
    assert await counts(url, "customer", "shop_note") == [1, 0]
    databases.drop(url)


async def test_the_core_goes_down_with_what_stands_on_it_and_comes_back(databases: Any, shop: ToyApp):
    url = databases.migrated()
    shop.models(PLUGIN)
    await shop.make([CORE])
    apps = [CORE, shop.app]
    await migrate(url, apps)
    async with opened(url) as db:
        customer = await add(
            db, "customer", name="Zoë", kind="PERSON", roles="[]", lifecycle_stage="NEW", is_key_account=False
        )
        await add(db, "shop_note", customer_id=f"'{customer}'", text="hi")
    report = await migrate(url, apps, to=("core", None), losing=True)
    assert report.reverted[0].app == "shop"
    assert {key.app for key in report.reverted} == {"shop", "core"}
    report = await migrate(url, apps)
    assert report.differences == []
    assert await counts(url, "customer", "shop_note", "tenant") == [0, 0, 1]
    databases.drop(url)


async def test_tables_with_rows_are_not_dropped_unasked(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    await shop.make()
    await migrate(empty_database_url, [shop.app])
    await seed(empty_database_url)
    with pytest.raises(ConfigError) as caught:
        await migrate(empty_database_url, [shop.app], to=("shop", None))
    assert caught.value.message == (
        "Undoing shop.0001_initial drops tables that hold rows: shop_child, shop_parent. Say --yes to drop them."
    )
    assert await counts(empty_database_url, "shop_parent", "shop_child") == [3, 3]
    report = await migrate(empty_database_url, [shop.app], to=("shop", None), losing=True)
    assert [str(key) for key in report.reverted] == ["shop.0001_initial"]
    if empty_database_url.startswith("sqlite"):
        assert await counts(f"sqlite:///{report.backup}", "shop_parent", "shop_child") == [3, 3]
    await migrate(empty_database_url, [shop.app])
    assert (await migrate(empty_database_url, [shop.app], to=("shop", None))).reverted, "there is nothing to lose"


async def test_four_at_once(empty_database_url: str):
    reports = await asyncio.gather(*(migrate(empty_database_url, [CORE]) for _ in range(4)))
    assert sorted(len(report.applied) > 0 for report in reports) == [False, False, False, True]
    assert all(report.differences == [] for report in reports)


async def test_who_waits_too_long_is_told(empty_database_url: str):
    async with locked(empty_database_url):
        with pytest.raises(ConfigError, match="Another process"):
            async with locked(empty_database_url, wait_seconds=0.3):
                pass
    async with locked(empty_database_url, wait_seconds=5):
        pass


async def test_differences_are_named(databases: Any):
    url = databases.migrated()
    async with opened(url) as db:
        async with db.transaction() as tx:
            await tx.execute(Sql("DROP INDEX uq_customer_tax_id"))
            await tx.execute(Sql("DROP INDEX ix_deal_customer_id"))
            await tx.execute(Sql("CREATE INDEX ix_deal_customer_id ON deal (customer_id)"))
            await tx.execute(Sql("ALTER TABLE customer DROP COLUMN legal_name"))
            await tx.execute(Sql("ALTER TABLE customer ADD COLUMN nickname VARCHAR(9)"))
            await tx.execute(Sql("DROP TABLE touchpoint" + (" CASCADE" if tx.dialect == "postgres" else "")))
        found = await differences(db, await load_models([CORE]))
    told = "\n".join(found)
    for sentence in (
        "The index uq_customer_tax_id of customer is missing.",
        "The index ix_deal_customer_id of deal is ",
        "The column customer.legal_name is missing.",
        "The column customer.nickname is not declared.",
        "The table touchpoint is missing.",
    ):
        assert sentence in told
    databases.drop(url)


async def test_a_sqlite_file_is_copied_before_it_is_changed(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    await shop.make()
    assert (await migrate(empty_database_url, [shop.app])).backup is None, "nothing was there"
    await seed(empty_database_url)
    for length in (150, 200):
        shop.models(PARENT.format(length=length, more="") + CHILD.format(more=""))
        await shop.make()
        report = await migrate(empty_database_url, [shop.app])
    if empty_database_url.startswith("sqlite"):
        assert report.backup is not None
        assert await counts(f"sqlite:///{report.backup}", "shop_parent", "migration") == [3, 2]
        assert len(list(report.backup.parent.glob(f"{report.backup.name}*"))) <= 3, "one copy (and its WAL files)"
    else:
        assert report.backup is None


async def test_a_database_from_a_newer_version_is_left_alone(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    first = await shop.make()
    shop.migration("0002_next", "", first)
    await migrate(empty_database_url, [shop.app])
    shop.drop_migration("0002_next")
    with pytest.raises(ConfigError, match="newer version"):
        await migrate(empty_database_url, [shop.app])
    async with opened(empty_database_url) as db:
        with pytest.raises(ConfigError, match="newer version"):
            await pending(db, [shop.app])
        assert await pending(db, []) == []


async def test_what_cannot_be_is_said(empty_database_url: str, shop: ToyApp):
    shop.models(V1)
    first = await shop.make()
    with pytest.raises(ConfigError, match="It has: 0001_initial"):
        await migrate(empty_database_url, [shop.app], to=("shop", "0009"))
    shop.migration("0002_a", "", "0003_b")
    shop.migration("0003_b", "", "0002_a")
    with pytest.raises(ConfigError, match="ring"):
        await migrate(empty_database_url, [shop.app])
    shop.drop_migration("0003_b")
    with pytest.raises(ConfigError, match="not installed"):
        await migrate(empty_database_url, [shop.app])
    shop.drop_migration("0002_a")
    assert [key.name for key in (await migrate(empty_database_url, [shop.app])).applied] == [first]


async def test_tables_in_a_ring(empty_database_url: str, shop: ToyApp):
    shop.models(
        PARENT.format(length=9, more='leading: Any = reference("shop.Child", "SET NULL", null=True)')
        + CHILD.format(more="")
    )
    await shop.make()
    assert await changes([shop.app], "shop") == [], "what was written is what the models say"
    assert (await migrate(empty_database_url, [shop.app])).differences == []
    await migrate(empty_database_url, [shop.app], to=("shop", None))
    assert (await migrate(empty_database_url, [shop.app])).differences == []


async def test_the_cores_migrations_are_complete():
    assert await changes([CORE], "core") == [], "run `crmcore migration make core NAME`"
