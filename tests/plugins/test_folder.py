"""A plugin that is only a folder: its table, its records and its fields, through HTTP on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crmcore.app import compose
from crmcore.migrations import CORE
from crmcore.platform.database import connect
from crmcore.platform.metadata import load_models
from crmcore.platform.migrate import differences, make_migration, migrate
from crmcore.plugins import Plugins, PluginState
from crmcore.plugins.discovery import in_folders
from crmcore.schema.printing import print_schema
from crmcore.settings import Settings
from tests.databases import Databases
from tests.plugins.served import Client, served
from tests.plugins.test_docs import write_example

FOLDER = Path(__file__).parent / "loyalty_folder"
VISIT = """
mutation($input: LoyaltyVisitCreateInput!) {
  loyaltyVisitCreate(input: $input) { loyaltyVisit { id points visitedOn } errors { code path } }
}
"""


@pytest.fixture
def plugins() -> Plugins:
    """The folder's plugin, as the settings would load it, whatever is installed."""
    return Plugins.discover(Settings(plugin_paths=[FOLDER], plugins_allow=["loyalty"]))


@pytest.fixture
def database_url(databases: Databases, plugins: Plugins) -> Iterator[str]:
    url = databases.migrated([CORE, *(s.app for s in plugins.contributions() if s.app is not None)])
    yield url
    databases.drop(url)


@pytest.fixture
async def client(database_url: str, plugins: Plugins) -> AsyncIterator[Client]:
    async with served(database_url, plugins) as found:
        yield found


async def visit(client: Client, customer: str, day: str, **more: Any) -> dict[str, Any]:
    data = await client.data(VISIT, input={"customerId": customer, "visitedOn": day, **more})
    payload: dict[str, Any] = data["loyaltyVisitCreate"]
    return payload


async def test_its_records_have_what_every_record_has(client: Client):
    """Creation with a default, a unique group, filters, paging, an external ref and aggregates: nobody wrote them."""
    customer = await client.create("customer", name="Alfki")
    first = await visit(client, customer, "2026-03-01", externalRefs=[{"system": "till", "externalId": "7"}])
    assert first["errors"] == []
    assert (first["loyaltyVisit"]["points"], first["loyaltyVisit"]["visitedOn"]) == (1, "2026-03-01")
    again = await visit(client, customer, "2026-03-01")
    assert [error["code"] for error in again["errors"]] == ["DUPLICATE"]
    await visit(client, customer, "2026-03-02", points=5)
    data = await client.data("""{
      customers(where: { loyaltyVisits: { some: { points: { gt: 4 } } } }) {
        nodes { name loyaltyVisits(orderBy: [{ field: VISITED_ON, direction: DESC }], first: 1) {
          totalCount nodes { points customer { name } }
        } }
      }
      loyaltyVisitByExternalRef(system: "till", externalId: "7") { points }
      loyaltyVisitAggregate { count sum { points } }
    }""")
    assert data == {
        "customers": {
            "nodes": [
                {
                    "name": "Alfki",
                    "loyaltyVisits": {"totalCount": 2, "nodes": [{"points": 5, "customer": {"name": "Alfki"}}]},
                }
            ]
        },
        "loyaltyVisitByExternalRef": {"points": 1},
        "loyaltyVisitAggregate": [{"count": 2, "sum": {"points": "6.0000"}}],
    }


async def test_computed_fields_of_a_plugin_are_sorted_and_filtered_like_columns(client: Client):
    today = datetime.now(UTC).date()
    for name, points in (("Alfki", [3, 4]), ("Bonap", [10]), ("Chops", [])):
        customer = await client.create("customer", name=name)
        for days, worth in enumerate(points):
            await visit(client, customer, (today - timedelta(days=5 * days)).isoformat(), points=worth)
        await visit(client, customer, (today - timedelta(days=31)).isoformat(), points=100)
    data = await client.data("""{
      customers(orderBy: [{ field: LOYALTY_POINTS, direction: DESC }]) { nodes { name loyaltyPoints } }
      often: customers(orderBy: [{ loyaltyVisits: { count: true }, direction: DESC }], first: 1) { nodes { name } }
      some: customers(where: { loyaltyPoints: { lt: 10 } }) { nodes { name } }
      loyaltyVisits(where: { isRecent: { eq: false } }) { totalCount nodes { points isRecent } }
    }""")
    assert data["customers"]["nodes"] == [
        {"name": "Bonap", "loyaltyPoints": 10}, {"name": "Alfki", "loyaltyPoints": 7},
        {"name": "Chops", "loyaltyPoints": None},
    ]  # fmt: skip
    assert data["often"]["nodes"] == data["some"]["nodes"] == [{"name": "Alfki"}]
    assert data["loyaltyVisits"] == {"totalCount": 3, "nodes": [{"points": 100, "isRecent": False}] * 3}


async def test_a_batch_field_gets_the_columns_it_needs_though_nobody_selected_them(client: Client):
    for name in ("Alfki", "Bonap"):
        await client.create("customer", name=name)
    data = await client.data("{ customers(orderBy: [{ field: NAME }]) { nodes { loyaltyLetter } } }")
    assert data["customers"]["nodes"] == [{"loyaltyLetter": "Dear Alfki"}, {"loyaltyLetter": "Dear Bonap"}]


async def test_a_batch_field_that_fails_is_an_error_with_its_path_and_the_page_stays(client: Client):
    for name in ("Alfki", "Nobody"):
        await client.create("customer", name=name)
    answer = await client.ask("{ customers(orderBy: [{ field: NAME }]) { nodes { name loyaltyLetter } totalCount } }")
    assert answer["data"]["customers"] == {
        "nodes": [{"name": "Alfki", "loyaltyLetter": None}, {"name": "Nobody", "loyaltyLetter": None}],
        "totalCount": 2,
    }
    assert [error["path"] for error in answer["errors"]] == [
        ["customers", "nodes", number, "loyaltyLetter"] for number in (0, 1)
    ]
    assert "Nobody cannot be greeted" not in str(answer["errors"])


TIMELINE = """
query($id: ID!, $ids: [ID!]!) {
  customer(id: $id) { timeline(direction: ASC) {
    edges { node { ...item } }
    nodes { __typename ... on LoyaltyVisit { points praise again: praise } ... on Interaction { loyaltyLength } }
  } }
  nodes(ids: $ids) { ...item }
}
fragment item on Node { id ... on Interaction { said: loyaltyLength } ... on LoyaltyVisit { praise } }
"""


async def test_its_records_stand_on_timelines_of_the_core(client: Client):
    """Batch fields of several types in one list get their own rows, and fail for themselves."""
    customer = await client.create("customer", name="Alfki")
    talk = {"customerId": customer, "kind": "NOTE", "direction": "IN", "at": "2026-01-01T00:00:00Z"}
    hello = await client.create("interaction", subject="Hello", **talk)
    came = [(await visit(client, customer, f"2026-03-0{n}", points=n))["loyaltyVisit"]["id"] for n in (1, 2)]
    data = await client.data(TIMELINE, id=customer, ids=[came[1], customer, hello])
    timeline = data["customer"]["timeline"]
    assert timeline["nodes"] == [
        {"__typename": "Interaction", "loyaltyLength": 5},
        {"__typename": "LoyaltyVisit", "points": 1, "praise": "Thanks!", "again": "Thanks!"},
        {"__typename": "LoyaltyVisit", "points": 2, "praise": "Thanks!!", "again": "Thanks!!"},
    ]
    assert [edge["node"] for edge in timeline["edges"]] == [
        {"id": hello, "said": 5}, {"id": came[0], "praise": "Thanks!"}, {"id": came[1], "praise": "Thanks!!"},
    ]  # fmt: skip
    assert data["nodes"] == [{"id": came[1], "praise": "Thanks!!"}, {"id": customer}, {"id": hello, "said": 5}]

    await client.create("interaction", subject="Silence", **talk)
    answer = await client.ask(
        "query($id: ID!) { customer(id: $id) { timeline(direction: ASC) { nodes {"
        " ... on LoyaltyVisit { praise } ... on Interaction { loyaltyLength } } } } }",
        id=customer,
    )
    nodes = answer["data"]["customer"]["timeline"]["nodes"]
    assert nodes == [{"loyaltyLength": None}, {"loyaltyLength": None}, {"praise": "Thanks!"}, {"praise": "Thanks!!"}]
    assert [error["path"] for error in answer["errors"]] == [
        ["customer", "timeline", "nodes", number, "loyaltyLength"] for number in (0, 1)
    ]


async def test_every_plugin_is_listed_with_what_became_of_it(database_url: str, tmp_path: Path):
    """Also in the app of a plugin that works; the broken ones say why."""
    for name, text in {
        "broken": "import no_such_library",
        "clash": CLASH,
        "future": SIMPLE.format(id="future", api=">=9"),
        "idle": SIMPLE.format(id="idle", api=">=0.1"),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    found = Plugins(in_folders([FOLDER, tmp_path]), disabled=["idle"])
    async with served(database_url, found) as client:
        listed = (await client.data("{ plugins { id title version state problems } }"))["plugins"]
        assert [(p["id"], p["state"]) for p in listed] == [
            ("broken", "FAILED"), ("clash", "FAILED"), ("future", "INCOMPATIBLE"), ("idle", "DISABLED"),
            ("loyalty", "LOADED"),
        ]  # fmt: skip
        assert listed[0]["problems"] == ["ModuleNotFoundError: No module named 'no_such_library'"]
        assert listed[1]["problems"] == ["TypeError: CustomerClash of clash extends Kunde, which nobody declares."]
        assert listed[4] == {
            "id": "loyalty", "title": "Loyalty", "version": "1.2.0", "state": "LOADED", "problems": [],
        }  # fmt: skip
        assert await client.data("{ loyaltyVisits { totalCount } }") == {"loyaltyVisits": {"totalCount": 0}}


SIMPLE = """
from crmcore.plugins import Manifest, hookimpl

class Plugin:
    meta = Manifest(id="{id}", title="{id}", description="A test.", version="1", api="{api}")
"""
CLASH = (
    SIMPLE.format(id="clash", api=">=0.1")
    + """

    @hookimpl
    def crm_graph(self):
        return [CustomerClash]

from crmcore.schema import batch, extend

async def nothing(rows, ctx):
    return [None for _ in rows]

@extend("Kunde")
class CustomerClash:
    clash_number: int | None = batch(nothing, "A number.")
"""
)


async def test_the_core_alone_is_as_if_the_plugin_had_never_been(plugins: Plugins):
    """Two apps of one process share nothing: the one without is the printed core."""
    with_it = await compose(plugins)
    without = await compose(Plugins())
    assert "loyaltyVisits" in print_schema(with_it.schema)
    assert "loyaltyVisit" not in print_schema(without.schema)


async def test_an_app_goes_without_a_plugin_whose_table_is_missing(databases: Databases, plugins: Plugins):
    url = databases.migrated()
    try:
        async with served(url, plugins) as client:
            data = await client.data("{ customers { totalCount } plugins { id state } }")
            assert data["customers"] == {"totalCount": 0}
            assert data["plugins"] == [{"id": "loyalty", "state": "NEEDS_MIGRATION"}]
    finally:
        databases.drop(url)


async def test_the_pages_example_works_as_it_says(databases: Databases, tmp_path: Path):
    """docs/plugins.md from the first file to the answer: its migration is made, applied, agrees with its models."""
    plugins = Plugins(in_folders([write_example(tmp_path)]))
    assert [(p.state, p.problems) for p in plugins.listing()] == [(PluginState.LOADED, ())]
    apps = [CORE, *(s.app for s in plugins.contributions() if s.app is not None)]
    made = await make_migration(apps, "gifts")
    assert made is not None
    assert "from crmcore.plugins import" in made.read_text()
    assert "crmcore.platform" not in made.read_text(), "a plugin imports nothing else"
    assert "core" in {label for label, _ in _dependencies(made)}
    url = databases.migrated()
    try:
        report = await migrate(url, apps)
        assert report.differences == []
        db = await connect(url, connections=2)
        assert await differences(db, await load_models(apps)) == []
        await db.close()
        async with served(url, plugins) as client:
            customer = await client.create("customer", name="Alfki")
            for day, name in enumerate(["wine", "book"], 1):
                await client.create("giftsGift", customerId=customer, name=name, givenOn=f"2026-03-0{day}")
            data = await client.data("{ customers { nodes { giftsLatest giftsGifts { totalCount } } } }")
            assert data["customers"]["nodes"] == [{"giftsLatest": "book", "giftsGifts": {"totalCount": 2}}]
    finally:
        databases.drop(url)


def _dependencies(migration: Path) -> list[tuple[str, str]]:
    scope: dict[str, Any] = {}
    exec(compile(migration.read_text(), str(migration), "exec"), scope)
    found: list[tuple[str, str]] = scope["Migration"].dependencies
    return found
