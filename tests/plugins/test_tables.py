"""A plugin's tables beside the core's: a merge takes them along, and the core's own tables may change under their keys."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import crmcore.migrations
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.database import connect
from crmcore.platform.metadata import App
from crmcore.platform.migrate import make_migration, migrate
from crmcore.plugins import Plugins
from crmcore.plugins.discovery import in_folders
from crmcore.testing.databases import Databases
from tests.plugins.served import served

FILES = {
    "__init__": """
from crmcore.plugins import Manifest, hookimpl

class Plugin:
    meta = Manifest(id="cards", title="Cards", description="One card for each customer.", version="1.0",
                    api=">=0.1,<1", models=[".models"], migrations=".migrations")

    @hookimpl
    def crm_graph(self):
        from .graph import CardsCard, CardsStamp
        return [CardsCard, CardsStamp]
""",
    "models": """
from crmcore.plugins import Record, Rules, Text, Unique, reference, through

class CardsCard(Record):
    customer = reference("core.Customer", "CASCADE")
    number = Text(20)
    special = Rules(unique=(Unique(("customer_id",)),))
    access = through("customer")

    class Meta(Record.Meta):
        table = "cards_card"

class CardsStamp(Record):
    card = reference("cards.CardsCard", "CASCADE")
    name = Text(20)
    access = through("card")

    class Meta(Record.Meta):
        table = "cards_stamp"
""",
    "graph": '''
from __future__ import annotations
from crmcore.schema import Many, field, record
from . import models

@record(models.CardsCard)
class CardsCard:
    """The card of a customer."""
    customer: Customer | None = field("Whose it is.")
    number: str = field("What is printed on it.")
    stamps: Many[CardsStamp] = field("Its stamps.")

@record(models.CardsStamp)
class CardsStamp:
    """A stamp on a card."""
    card: CardsCard | None = field("Where it is.")
    name: str = field("Its picture.")
''',
    "migrations/__init__": "",
}
WIDER = """
from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Text

class Migration(migrations.Migration):
    dependencies = [("core", "{last}")]
    operations = [ops.AlterField("Customer", "name", Text(max_length=500))]
"""
MERGE = """mutation($input: CustomerMergeInput!) { customerMerge(input: $input) {
  outcome { mergeRecord { id } relations { recordType moved setAside } } errors { message } } }"""
UNMERGE = "mutation($id: ID!) { customerUnmerge(id: $id) { errors { message } } }"
CARDS = "{ cardsCards(orderBy: [{field: NUMBER}]) { nodes { number customer { name } stamps { nodes { name } } } } }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "cards" / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


async def test_one_card_for_each_customer_through_a_merge_and_a_change_of_the_core(
    databases: Databases, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two customers with a card each become one: one card moves or is set aside, and comes back. Then the core's table
    that the keys point to is rebuilt (SQLite) or altered, forward and back: no row of anybody is lost."""
    plugins = Plugins(in_folders([folder]))
    [share] = plugins.contributions()
    assert share.app is not None
    apps = [CORE, share.app]
    assert await make_migration(apps, "cards") is not None
    url = databases.migrated()
    try:
        assert (await migrate(url, apps)).differences == []
        async with served(url, plugins) as client:
            ours, theirs, third = [await client.create("customer", name=name) for name in ("Acme", "ACME", "Third")]
            for number, customer in (("1", ours), ("2", theirs)):
                card = await client.create("cardsCard", customerId=customer, number=number)
                await client.create("cardsStamp", cardId=card, name=f"stamp {number}")
            held = await client.data(CARDS)
            said = "mutation($input: CardsCardCreateInput!) { cardsCardCreate(input: $input) { errors { code } } }"
            again = await client.data(said, input={"customerId": ours, "number": "3"})
            assert again["cardsCardCreate"]["errors"] == [{"code": "DUPLICATE"}]

            one = (await client.data(MERGE, input={"survivorId": third, "otherIds": [theirs]}))["customerMerge"][
                "outcome"
            ]
            assert one["relations"] == [{"recordType": "cards_card", "moved": 1, "setAside": 0}]
            two = (await client.data(MERGE, input={"survivorId": ours, "otherIds": [third]}))["customerMerge"][
                "outcome"
            ]
            assert [r for r in two["relations"] if r["recordType"] == "cards_card"] == [
                {"recordType": "cards_card", "moved": 0, "setAside": 1}
            ]
            left = (await client.data(CARDS))["cardsCards"]["nodes"]
            assert left == [{"number": "1", "customer": {"name": "Acme"}, "stamps": {"nodes": [{"name": "stamp 1"}]}}]
            for merge in (two, one):
                done = await client.data(UNMERGE, id=merge["mergeRecord"]["id"])
                assert done["customerUnmerge"]["errors"] == []
            assert await client.data(CARDS) == held
        await _altered(url, share.app, folder, monkeypatch)
        async with served(url, plugins) as client:
            assert await client.data(CARDS) == held
    finally:
        databases.drop(url)


async def _altered(url: str, cards: App, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a column of the core's table forth and back, as a later migration of the core would; all rows stay."""
    last = max(file.stem for file in Path(crmcore.migrations.__file__).parent.glob("0*.py"))
    later = folder / "later"
    later.mkdir()
    (later / "9001_wider.py").write_text(WIDER.format(last=last))
    package = ModuleType("core_and_later")
    package.__path__ = [str(Path(crmcore.migrations.__file__).parent), str(later)]
    monkeypatch.setitem(sys.modules, "core_and_later", package)
    apps = [App("core", CORE.models, "core_and_later"), cards]
    before = await _counts(url)
    assert (before["customer"], before["cards_card"], before["cards_stamp"]) == (3, 2, 2)
    assert [str(key) for key in (await migrate(url, apps)).applied] == ["core.9001_wider"]
    assert await _counts(url) == before
    assert [str(key) for key in (await migrate(url, apps, to=("core", last))).reverted] == ["core.9001_wider"]
    assert await _counts(url) == before
    assert (await migrate(url, [CORE, cards])).differences == []


async def _counts(url: str) -> dict[str, Any]:
    db = await connect(url, connections=2)
    try:
        tables = ("customer", "cards_card", "cards_stamp", "event")
        return {t: (await db.fetch(Sql(f"SELECT count(*) AS n FROM {t}")))[0]["n"] for t in tables}
    finally:
        await db.close()
