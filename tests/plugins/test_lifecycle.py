"""A plugin's life in a database: it comes, waits, fails alone, is switched off and on, grows, goes, and comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from crmcore.cli import app
from crmcore.kit.sql import Sql, ident
from crmcore.migrations import CORE
from crmcore.platform.database import Database, connect
from crmcore.platform.metadata import load_models
from crmcore.plugins import Plugins
from crmcore.plugins.crm import crm_in
from crmcore.settings import Settings
from crmcore.testing.databases import Databases
from tests.plugins.served import served

INIT = """
from crmcore.plugins import Job, Manifest, PluginSettings, SecretStr, hookimpl

async def count(crm, run):
    return {"done": True}

class GiftSettings(PluginSettings):
    shop: str = "corner"
    key: SecretStr | None = None

class Plugin:
    meta = Manifest(
        id="gifts", title="Gifts", description="Remembers what customers were given.", version="%s", api=">=0.1,<1",
        models=[".models"], migrations=".migrations", settings=GiftSettings, outbound_hosts=["gifts.example"],
    )

    @hookimpl
    def crm_graph(self):
        from .graph import GiftsGift
        return [GiftsGift]

    @hookimpl
    def crm_jobs(self):
        return [Job("count", count)]
"""
MODELS = """
from crmcore.plugins import Record, Text, reference, through

class GiftsGift(Record):
    customer = reference("core.Customer", "CASCADE")
    name = Text(200)
    access = through("customer")

    class Meta(Record.Meta):
        table = "gifts_gift"
"""
GRAPH = '''
from __future__ import annotations
from crmcore.schema import field, record
from . import models

@record(models.GiftsGift)
class GiftsGift:
    """Something that a customer was given."""
    customer: Customer | None = field("Who was given it.")
    name: str = field("What it is.")
'''
PLAIN = """
from crmcore.plugins import Manifest, PluginSettings

class QuietSettings(PluginSettings):
    key: str

class Plugin:
    meta = Manifest(id="{id}", title="{id}", description="A test.", version="1.0", api="{api}", requires={requires}, {more})
"""
BAD_MIGRATION = """
from tortoise import migrations
from tortoise.migrations import operations as ops

class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]
    operations = [ops.RunSQL("CREATE TABLE wrong_x (a INT); INSERT INTO nowhere VALUES (1)", "DROP TABLE wrong_x")]
"""
SECOND_MIGRATION = """
from tortoise import migrations
from tortoise.migrations import operations as ops
from crmcore.platform.fields import Text

class Migration(migrations.Migration):
    dependencies = [("gifts", "0001_initial")]
    operations = [ops.AddField("GiftsGift", "worth", Text(max_length=20, null=True))]
"""


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def plain(folder: Path, id: str, requires: str = "{}", more: str = "", api: str = ">=0.1,<1") -> None:
    write(folder / id, {"__init__": PLAIN.format(id=id, requires=requires, more=more, api=api)})


class Shop:
    """A folder of plugins, and the command line on one database with it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.settings = Settings(database_url=url, plugin_paths=[folder], plugins_allow=IDS)

    def run(self, *words: str, **more: str) -> Result:
        env = {
            "CRMCORE_PLUGIN_PATHS": json.dumps([str(self.folder)]), "CRMCORE_PLUGINS_ALLOW": json.dumps(IDS),
            "CRMCORE_CONFIG": None, "COLUMNS": "200", **more,
        }  # fmt: skip
        with ThreadPoolExecutor(1) as beside:  # a test has an event loop of its own
            return beside.submit(CliRunner().invoke, app, ["--database", self.url, *words], env=env).result()

    def asked(self, *words: str, code: int = 0) -> Any:
        result = self.run(*words, "--json")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout)

    def states(self) -> dict[str, tuple[str, str]]:
        return {p["id"]: (p["state"], "; ".join(p["problems"])) for p in self.asked("plugin", "list")}

    def refused(self, *words: str, code: int = 1, **more: str) -> str:
        result = self.run(*words, **more)
        assert result.exit_code == code, result.output
        return " ".join(result.stderr.split())


IDS = ["gifts", "leans", "wrong", "noisy", "foe", "old", "quiet"]


@pytest.fixture
def shop(databases: Databases, tmp_path: Path) -> Iterator[Shop]:
    first = tmp_path / "first"
    gifts = first / "gifts"
    write(gifts, {"__init__": INIT % "1.0", "models": MODELS, "graph": GRAPH, "migrations/__init__": ""})
    plain(first, "leans", '{"gifts": ">=1"}')
    plain(first, "noisy", more="conflicts={1 / 0: 0}")
    plain(first, "foe", more='conflicts={"leans": "<2"}')
    plain(first, "old", api=">=7")
    plain(first, "quiet", more="settings=QuietSettings")
    wrong = first / "wrong"
    broken = {"migrations/0001_initial": BAD_MIGRATION, "models": MODELS.replace("gifts_gift", "wrong_x")}
    write(wrong, {"migrations/__init__": "", **broken})
    plain(first, "wrong", more='models=[".models"], migrations=".migrations"')
    url = databases.migrated()
    yield Shop(url, first)
    databases.drop(url)


async def core_rows(db: Database) -> dict[str, list[str]]:
    """Every row of the core but what a plugin's life is about."""
    found = {}
    for model in (await load_models([CORE]))["core"].values():
        table = str(model._meta.db_table)
        if table not in {"plugin_state", "event"}:
            rows = await db.fetch(Sql("SELECT * FROM ", ident(table)))
            found[table] = sorted(str([row[name] for name in row.keys()]) for row in rows)  # noqa: SIM118
    return found


GIFT = """mutation($input: GiftsGiftCreateInput!) { giftsGiftCreate(input: $input) { giftsGift { id } errors { message } } }"""


@pytest.mark.timeout(300)
async def test_a_plugins_whole_life(shop: Shop, tmp_path: Path):
    """One story on one database; the core answers all the time, and at the end it is as at the beginning."""
    async with served(shop.url, Plugins()) as core:
        await core.create("customer", name="Alfki")
    db = await connect(shop.url, connections=2)
    try:
        before = await core_rows(db)

        # its developer writes its migration; a plan tells what it will do
        made = shop.asked("plugin", "makemigrations", "gifts")
        assert made["file"].endswith("gifts/migrations/0001_initial.py")
        plan = shop.asked("plugin", "plan", "gifts")
        assert "type GiftsGift implements" in plan["graph"]
        assert plan["asks"]["outbound_hosts"] == ["gifts.example"]
        assert any('CREATE TABLE "gifts_gift"' in sql for step in plan["database"] for sql in step["sql"])
        assert plan["destructive"] is False

        # before its migrations have run it is left out, and what requires it; every other fault stays with its plugin
        states = shop.states()
        assert states["gifts"] == (
            "NEEDS_MIGRATION", "gifts.0001_initial waits: run crmcore migrate and start again.",
        )  # fmt: skip
        assert states["leans"] == ("FAILED", "requires gifts, which needs migration.")
        assert states["wrong"][0] == "NEEDS_MIGRATION"
        assert states["noisy"] == ("FAILED", "ZeroDivisionError: division by zero")
        assert states["foe"] == ("FAILED", "cannot live with leans 1.0, which is installed too: disable one of them.")
        assert states["old"][0] == "INCOMPATIBLE"
        async with served(shop.url, Plugins.discover(shop.settings)) as client:
            data = await client.data(
                '{ customers { totalCount } plugins { id state } __type(name: "GiftsGift") { name } }'
            )
            assert {p["id"]: p["state"] for p in data["plugins"]} == {id: state for id, (state, _) in states.items()}
            assert (data["customers"]["totalCount"], data["__type"]) == (1, None)
        assert states["quiet"] == ("NEEDS_SETTINGS", "It needs settings: key.")
        said = shop.refused("serve", code=3, CRMCORE_PLUGINS_STRICT="1")
        assert "noisy" in said
        assert "ZeroDivisionError" in said

        # one plugin's migration fails: the others are brought up to date
        report = shop.asked("migrate", code=1)
        assert (report["applied"], report["differences"]) == (["gifts.0001_initial"], [])
        assert list(report["failures"]) == ["wrong"]
        assert "wrong.0001_initial could not be applied" in report["failures"]["wrong"]
        states = shop.states()
        assert {id for id, (state, _) in states.items() if state == "LOADED"} == {"gifts", "leans"}
        await works(shop, states)

        # off and on
        off = shop.asked("plugin", "disable", "gifts")
        assert off == {"id": "gifts", "enabled": False, "requiredBy": ["leans"]}
        states = shop.states()
        assert states["gifts"][0] == "DISABLED"
        assert "It was switched off on" in states["gifts"][1]
        assert states["leans"] == ("FAILED", "requires gifts, which is disabled.")
        async with served(shop.url, Plugins.discover(shop.settings)) as client:
            data = await client.data("{ plugins { id state } }")
            assert {"id": "gifts", "state": "DISABLED"} in data["plugins"]
        shop.asked("plugin", "enable", "gifts")
        assert "There is no plugin 'nope'" in shop.refused("plugin", "enable", "nope")

        # it grows: the newer version waits for its migration, then is noted; the older one is refused
        second = tmp_path / "second"
        newer = MODELS.replace("name = Text(200)", "name = Text(200)\n    worth = Text(20, null=True)")
        migrations = shop.folder / "gifts" / "migrations"
        files = {"__init__": INIT % "2.0", "models": newer, "graph": GRAPH, "migrations/__init__": ""}
        write(second / "gifts", {**files, "migrations/0001_initial": (migrations / "0001_initial.py").read_text(),
                                   "migrations/0002_worth": SECOND_MIGRATION})  # fmt: skip
        grown = Shop(shop.url, second)
        assert grown.asked("migrate")["applied"] == ["gifts.0002_worth"]
        async with served(grown.url, Plugins.discover(grown.settings)) as client:
            assert (await client.data("{ giftsGifts { totalCount } }"))["giftsGifts"] == {"totalCount": 1}
        info = grown.asked("plugin", "info", "gifts")
        assert (info["version"], info["previousVersion"], info["state"]) == ("2.0", "1.0", "LOADED")
        assert info["applied"] == ["0001_initial", "0002_worth"]
        assert info["settings"]["properties"]["key"]["writeOnly"] is True
        states = shop.states()
        assert states["gifts"][0] == "INCOMPATIBLE"
        assert "gifts.0002_worth, which is not installed: it belongs to a newer version" in states["gifts"][1]

        # it goes: first its data stay, then they do not; nothing of the core changes, and it may come again
        kept = grown.asked("plugin", "purge", "gifts", "--keep-data")
        assert kept == {"id": "gifts", "reverted": [], "rows": {"job": 1}}
        grown.asked("plugin", "enable", "gifts")
        async with served(grown.url, Plugins.discover(grown.settings)) as client:
            assert (await client.data("{ giftsGifts { totalCount } }"))["giftsGifts"] == {"totalCount": 1}
            values = '{ plugin(id: "gifts") { settings { values { name value isSet } } } }'
            held = (await client.data(values))["plugin"]["settings"]["values"]
            assert held == [
                {"name": "shop", "value": "mall", "isSet": True},
                {"name": "key", "value": None, "isSet": True},
            ]
        gone = grown.asked("plugin", "purge", "gifts", "--drop-data", "--yes")
        assert gone["reverted"] == ["gifts.0002_worth", "gifts.0001_initial"]
        assert gone["rows"].keys() >= {"plugin_setting", "plugin_stored", "external_ref"}
        after = await core_rows(db)
        assert {table for table in before if before[table] != after[table]} == {"api_token"}, "each opening makes one"
        assert "Its data were dropped on" in grown.states()["gifts"][1]
        grown.asked("plugin", "enable", "gifts")
        assert grown.asked("migrate")["applied"] == ["gifts.0001_initial", "gifts.0002_worth"]
        assert grown.states()["gifts"] == ("LOADED", "")
    finally:
        await db.close()


async def works(shop: Shop, states: dict[str, tuple[str, str]]) -> None:
    """What is loaded works: rows, settings, a stored value, a job that waits."""
    async with served(shop.url, Plugins.discover(shop.settings)) as client:
        data = await client.data("{ customers { nodes { id } } plugins { id state } }")
        assert {p["id"]: p["state"] for p in data["plugins"]} == {id: state for id, (state, _) in states.items()}
        gift = {
            "customerId": data["customers"]["nodes"][0]["id"],
            "name": "Book",
            "externalRefs": [{"system": "s", "externalId": "1"}],
        }
        assert (await client.data(GIFT, input=gift))["giftsGiftCreate"]["errors"] == []
        update = 'mutation { pluginSettingsUpdate(plugin: "gifts", input: {values: {shop: "mall", key: "k3y"}}) { errors { message } } }'
        assert (await client.data(update))["pluginSettingsUpdate"]["errors"] == []
        mine = crm_in(client.crm.backing, "gifts", client.opened.tenant)
        await mine.store.put("cursor", 1)
        await mine.enqueue("count", {})
