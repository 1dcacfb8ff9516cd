"""Settings of plugins: from where they come, who may set them, and that secrets are never told."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, model_validator

from crmcore.errors import Invalid
from crmcore.kit.sql import Sql
from crmcore.platform.access import Reach
from crmcore.platform.plugin_settings import Kept
from crmcore.plugins import (
    Crm,
    Draft,
    Manifest,
    NeedsSettings,
    OutboundUrl,
    Plugins,
    PluginSettings,
    PluginState,
    SecretStr,
    Setting,
    hookimpl,
)
from crmcore.plugins.crm import crm_in
from crmcore.plugins.discovery import Candidate
from crmcore.plugins.settings import json_schema, outbound_hosts
from crmcore.plugins.sources import Resolved, Source, operators, resolve
from crmcore.plugins.tenant_settings import TenantSettings
from crmcore.settings import load
from tests.plugins.served import Client, served

SECRET = "hunter2-very-secret"
OTHER = "correct-horse-battery"


class Account(BaseModel):
    name: str
    key: SecretStr


class PostSettings(PluginSettings):
    version: ClassVar[int] = 2

    host: str = Setting(title="Server", description="Where letters are handed over.", min_length=2)
    password: SecretStr = Setting(title="Password")
    port: int = Setting(25, ge=1, le=65535)
    domains: list[str] = []
    accounts: list[Account] = []
    hook: OutboundUrl | None = None
    quick: bool = Setting(False, deprecated="It always is.")

    @classmethod
    def migrate(cls, held: dict[str, Any], version: int) -> dict[str, Any]:  # noqa: ARG003
        return {("host" if name == "server" else name): value for name, value in held.items()}

    @model_validator(mode="after")
    def _together(self) -> PostSettings:
        if self.port == 465 and self.domains:
            raise ValueError(f"port 465 never has domains with {self.password.get_secret_value()}")
        return self


class Plugin:
    meta = Manifest(
        id="post", title="Post", description="Sends letters.", version="1.0", api=">=0.1,<1", settings=PostSettings,
        checks=["Customer"],
    )  # fmt: skip

    @hookimpl
    async def crm_validate(self, drafts: Sequence[Draft], crm: Crm) -> None:
        held = await crm.settings()
        assert isinstance(held, PostSettings)
        for draft in drafts:
            draft.refuse(Invalid(f"Not with {held.host}.", "name"))


def resolved(
    kept: Kept | None = None, file: dict[str, Any] | None = None, environment: dict[str, str] | None = None
) -> Resolved:
    return resolve("post", PostSettings, operators("post", PostSettings, file or {}, environment or {}), kept)


def shown(found: Resolved) -> dict[str, tuple[Any, Source | None, bool]]:
    return {value.name: (value.value, value.source, value.is_set) for value in found.values}


def said(found: Resolved) -> list[str]:
    return [str(each) for each in found.wrong]


# ---------------------------------------------------------------- sources


def test_a_later_source_wins_and_missing_ones_are_named():
    assert resolved().missing == ("host", "password")
    assert resolved().problem == "needs settings: host, password."
    with pytest.raises(NeedsSettings, match="The plugin post needs settings: host, password"):
        resolved().complete()
    file = {"host": "file.example", "password": SECRET, "port": 26, "domains": ["a"]}
    environment = {
        "CRMCORE_PLUGIN_POST__PORT": "27",
        "CRMCORE_PLUGIN_POST__DOMAINS": '["b", "c"]',
        "crmcore_plugin_post__quick": "true",
        "CRMCORE_PLUGIN_POSTAL__PORT": "1",
    }
    found = resolved(Kept(2, {"quick": False, "host": "tenant.example"}), file, environment)
    made = found.complete()
    assert isinstance(made, PostSettings)
    assert (made.host, made.port, made.domains) == ("tenant.example", 27, ["b", "c"])
    assert made.password.get_secret_value() == SECRET
    assert shown(found) == {
        "host": ("tenant.example", Source.TENANT, True),
        "password": (None, Source.FILE, True),
        "port": (27, Source.ENVIRONMENT, True),
        "domains": (["b", "c"], Source.ENVIRONMENT, True),
        "accounts": (None, Source.DEFAULT, False),
        "hook": (None, Source.DEFAULT, False),
        "quick": (False, Source.TENANT, True),
    }
    assert SECRET not in repr(found) + repr(made) + str(made.model_dump())


def test_the_operators_references_are_followed_and_a_broken_one_is_named(tmp_path: Path):
    held = tmp_path / "password"
    held.write_text(f"{SECRET}\n")
    found = resolved(
        file={"host": {"$env": "MAIL"}, "accounts": [{"name": "a", "key": {"$file": str(held)}}]},
        environment={"MAIL": "mail.example", "CRMCORE_PLUGIN_POST__PASSWORD": f'{{"$file": "{held}"}}'},
    )
    made = found.complete()
    assert isinstance(made, PostSettings)
    assert (made.host, made.password.get_secret_value()) == ("mail.example", SECRET)
    assert made.accounts[0].key.get_secret_value() == SECRET
    broken = resolved(file={"host": {"$env": "NOPE"}, "password": {"$file": f"{tmp_path}/none"}, "prot": 1})
    assert broken.missing == ()
    assert said(broken) == [
        "host: the environment has no NOPE ([plugins.post] of the settings file).",
        f"password: the file {tmp_path}/none cannot be read: No such file or directory ([plugins.post] of the settings file).",
        "prot: is no setting of the plugin, but [plugins.post] of the settings file has it.",
    ]


def test_what_is_wrong_is_said_without_the_secret():
    wrong = resolved(file={"host": "x", "password": SECRET, "port": 0, "hook": "ftp://x", "accounts": [{"key": OTHER}]})
    assert said(wrong) == [
        "host: String should have at least 2 characters.",
        "port: Input should be greater than or equal to 1.",
        "accounts.0.name: Field required.",
        "hook: give a URL that begins with https:// (or http://) and has a host.",
    ]
    together = resolved(file={"host": "xx", "password": SECRET, "port": 465, "domains": ["x"]})
    assert said(together) == ["port 465 never has domains with **********."]
    assert (
        "hook: give the password as a setting of its own"
        in said(resolved(file={"host": "xx", "password": "geheim", "hook": f"https://u:{SECRET}@x.example"}))[0]
    )


def test_stored_values_of_an_older_version_are_migrated_and_of_a_newer_one_refused():
    old = resolved(Kept(1, {"server": "old.example", "password": SECRET, "gone": 1}))
    assert shown(old)["host"] == ("old.example", Source.TENANT, True)
    assert old.complete()
    assert said(resolved(Kept(3, {"host": "xx", "password": "p"}))) == [
        "They were set for a newer version of the plugin: install that one."
    ]
    lost = resolved(Kept(2, {"host": "xx"}, frozenset({"password"})))
    assert (lost.missing, "another one now: set it anew" in said(lost)[0]) == ((), True)


def test_the_schema_is_a_form_and_urls_give_hosts():
    schema = json_schema(PostSettings)
    assert schema["required"] == ["host", "password"]
    assert schema["properties"]["host"]["title"] == "Server"
    assert {name for name, shape in schema["properties"].items() if shape.get("writeOnly")} == {"password", "accounts"}
    assert schema["properties"]["quick"]["deprecated"] is True
    made = PostSettings(host="xx", password=SecretStr("p"), hook=OutboundUrl("https://Api.Example.com/x"))
    assert outbound_hosts(made) == {"api.example.com"}


def test_a_class_that_is_none_is_refused():
    class Loose(PluginSettings, extra="allow"):
        Name: str = ""

    for cls, problem in ((dict, "is no class of PluginSettings"), (Loose, "must refuse unknown names")):
        made = type(
            "Plugin", (), {"meta": Manifest(id="post", title="x", description="x", version="1", api="", settings=cls)}
        )
        [listed] = Plugins([Candidate("post", "test", lambda made=made: made)]).listing()
        assert (listed.state, problem in " ".join(listed.problems)) == (PluginState.FAILED, True)


def test_the_file_has_a_part_for_each_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "crmcore.toml"
    file.write_text(f'[plugins.post]\nhost = "mail.example"\npassword = "{SECRET}"\n')
    monkeypatch.setenv("CRMCORE_CONFIG", str(file))
    known = load()
    assert known.plugins["post"]["host"] == "mail.example"
    assert SECRET not in repr(known)


# ---------------------------------------------------------------- in the graph

LISTING = '{ plugins { id state problems } plugin(id: "post") { state settings { schema version values { name value source isSet isSecret } } } }'
UPDATE = """mutation($values: JSON!, $plugin: ID! = "post", $dry: Boolean = false) {
  pluginSettingsUpdate(plugin: $plugin, input: {values: $values}, dryRun: $dry) {
    plugin { id state problems settings { values { name value source isSet } } } errors { code message path }
  }
}"""
AUDIT = """{ auditEntries(where: {recordType: {eq: "plugin_setting"}}, orderBy: [{field: ID}]) {
  nodes { type operation changedFields before after record { id } actor { kind } } } }"""


@pytest.fixture
async def client(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setenv("CRMCORE_PLUGIN_POST__PORT", "2525")
    async with served(database_url, Plugins([Candidate("post", "test", lambda: Plugin)])) as found:
        yield found


async def update(client: Client, **values: Any) -> dict[str, Any]:
    payload: dict[str, Any] = (await client.data(UPDATE, values=values))["pluginSettingsUpdate"]
    return payload


async def refused(client: Client, values: Any, **more: Any) -> list[tuple[str, list[str]]]:
    payload = (await client.data(UPDATE, values=values, **more))["pluginSettingsUpdate"]
    assert payload["plugin"] is None
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_a_tenant_sets_a_plugin_up(client: Client, caplog: pytest.LogCaptureFixture):
    """Incomplete, refused, set, seen elsewhere, forgotten; kept closed, recorded by name, and of one tenant alone."""
    caplog.set_level(logging.DEBUG)
    crm = client.crm
    before = await client.data(LISTING)
    assert before["plugins"] == [
        {"id": "post", "state": "NEEDS_SETTINGS", "problems": ["It needs settings: host, password."]}
    ]
    assert before["plugin"]["settings"]["schema"]["properties"]["password"]["writeOnly"] is True
    assert before["plugin"]["settings"]["version"] == 2

    assert await refused(client, {"host": "x", "prot": 1}) == [("VALIDATION", ["input", "values", "prot"])]
    assert await refused(client, {"host": "x", "domains": [1]}) == [
        ("VALIDATION", ["input", "values", "host"]), ("VALIDATION", ["input", "values", "domains", "0"]),
    ]  # fmt: skip
    assert await refused(client, {"host": {"$file": "/etc/passwd"}}) == [("VALIDATION", ["input", "values", "host"])]
    assert await refused(client, {"accounts": [{"name": "a", "key": {"$env": "HOME"}}]}) == [
        ("VALIDATION", ["input", "values", "accounts"])
    ]
    assert await refused(client, [1]) == [("VALIDATION", ["input", "values"])]
    assert await refused(client, {}, plugin="nope") == [("NOT_FOUND", ["plugin"])]
    assert (await update(client, host="mail.example"))["plugin"]["problems"] == ["It needs settings: password."]
    mine = crm_in(crm.backing, "post", client.opened.tenant)
    with pytest.raises(NeedsSettings, match="The plugin post needs settings: password"):
        await mine.settings()
    assert not await crm.backing.ready("post", client.opened.tenant)
    await client.create("customer", name="Nobody asks the plugin")

    elsewhere_at = [0.0]
    elsewhere = TenantSettings(crm.db, crm.secret, crm.plugins.settings(), {}, {}, now=lambda: elsewhere_at[0])
    assert (await elsewhere.of(client.opened.tenant, "post")).missing == ("password",)
    tried = await client.data(UPDATE, values={"password": SECRET}, dry=True)
    assert tried["pluginSettingsUpdate"]["errors"] == []
    assert (await client.data(LISTING))["plugin"]["state"] == "NEEDS_SETTINGS"
    payload = await update(client, password=SECRET, accounts=[{"name": "a", "key": OTHER}], domains=["x"])
    assert (payload["errors"], payload["plugin"]["state"], payload["plugin"]["problems"]) == ([], "LOADED", [])
    values = {v["name"]: (v["value"], v["source"], v["isSet"]) for v in payload["plugin"]["settings"]["values"]}
    assert values == {
        "host": ("mail.example", "TENANT", True), "password": (None, "TENANT", True),
        "port": (2525, "ENVIRONMENT", True), "domains": (["x"], "TENANT", True), "accounts": (None, "TENANT", True),
        "hook": (None, "DEFAULT", False), "quick": (False, "DEFAULT", True),
    }  # fmt: skip
    create = 'mutation { customerCreate(input: {name: "Asked"}) { errors { message path } } }'
    assert (await client.data(create))["customerCreate"]["errors"] == [
        {"message": "Not with mail.example.", "path": ["input", "name"]}
    ]
    made = await mine.settings()
    assert await crm.backing.ready("post", client.opened.tenant)
    assert isinstance(made, PostSettings)
    assert (made.password.get_secret_value(), made.accounts[0].key.get_secret_value()) == (SECRET, OTHER)
    assert await refused(client, {"port": 465}) == [("VALIDATION", ["input", "values"])]

    assert (await elsewhere.of(client.opened.tenant, "post")).missing == ("password",)
    elsewhere_at[0] = 2.5
    assert (await elsewhere.of(client.opened.tenant, "post")).problem == ""
    wrong_key = TenantSettings(crm.db, b"another" * 8, crm.plugins.settings(), {}, {})
    assert "set it anew" in (await wrong_key.of(client.opened.tenant, "post")).problem

    nobody = await client.other(tenant="second")
    assert (await nobody.data(LISTING))["plugin"]["state"] == "NEEDS_SETTINGS"
    little = await client.other(reach=Reach.OWN)
    assert await refused(little, {"host": "evil.example"}) == [("FORBIDDEN", [])]
    answer = await little.ask(LISTING)
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert answer["data"]["plugin"] == {"state": "LOADED", "settings": None}

    await update(client, host="mail.example")  # nothing changes, nothing is recorded
    assert (await update(client, password=None, port=26))["plugin"]["state"] == "NEEDS_SETTINGS"
    audit = (await client.data(AUDIT))["auditEntries"]["nodes"]
    assert [entry["changedFields"] for entry in audit] == [
        ["host"],
        ["accounts", "domains", "password"],
        ["password", "port"],
    ]
    assert audit[1] == {
        "type": "plugin_setting.updated", "operation": "pluginSettingsUpdate", "record": None,
        "changedFields": ["accounts", "domains", "password"], "actor": {"kind": "API_KEY"},
        "before": {"plugin": "post", "domains": None}, "after": {"plugin": "post", "domains": ["x"]},
    }  # fmt: skip
    told = "".join(response.text for response in client.opened.seen) + caplog.text
    kept = [dict(zip(row.keys(), tuple(row), strict=True)) for table in ("plugin_setting", "event", "idempotency_key")
            for row in await crm.db.fetch(Sql(f"SELECT * FROM {table}"))]  # fmt: skip
    assert "mail.example" in str(kept)
    assert [word for word in (SECRET, OTHER) if word in told + str(kept)] == []
