"""Plugins that check changes in their transaction: they may refuse, and whatever else they do the core stays whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from crmcore.domain.customers.models import Customer
from crmcore.errors import Invalid
from crmcore.kit.sql import Sql
from crmcore.plugins import Draft, Update, Veto
from tests.plugins.misbehaving import plugin, with_plugins
from tests.plugins.served import Client

CREATE = """mutation($input: CustomerCreateInput!, $dry: Boolean, $key: String) {
  customerCreate(input: $input, dryRun: $dry, idempotencyKey: $key) {
    customer { name } errors { __typename code message path }
  }
}"""
BATCH = """mutation($items: [CustomerCreateInput!]!, $mode: BatchMode) {
  customersCreate(items: $items, mode: $mode) { results { customer { name } errors { code path } } errors { code } }
}"""
SEEN: list[tuple[str, str]] = []


async def crm_validate(self: Any, drafts: Sequence[Draft], crm: Any) -> None:
    for draft in drafts:
        SEEN.append((draft.operation, str(draft.after["name"])))
        name = draft.after["name"]
        if name == "bad name":
            draft.refuse(Invalid("Not this one.", "name"))
        elif name == "raise":
            raise RuntimeError("oh")
        elif name == "hang":
            await asyncio.sleep(60)
        elif name == "sql":
            await crm.ctx.db.fetch(Sql("SELECT * FROM no_such_table"))
        elif name == "swallowed":
            try:
                async with crm.transaction() as tx:
                    try:
                        await tx.fetch(Sql("SELECT * FROM no_such_table"))
                    except Exception:
                        pass
            except Exception:
                pass
        elif name == "change":
            draft.after["name"] = "changed"
        elif name == "exit":
            raise SystemExit(3)
        elif name == "cancel":
            raise asyncio.CancelledError


async def crm_before_commit(self: Any, drafts: Sequence[Draft], crm: Any) -> None:
    for draft in drafts:
        name = draft.after["name"]
        if name == "veto":
            raise Veto("Too much.", code="CREDIT_LIMIT", path="name")
        if name == "write":
            await crm.write([Update(Customer, draft.id, {"name": "written"})])
        if name == "write and veto":
            await crm.write([Update(Customer, draft.id, {"name": "written"})])
            raise Veto("Too much.")


def spoiler(**meta: Any) -> Any:
    return plugin("spoiler", crm_validate, crm_before_commit, checks=["Customer"], **meta)


async def create(client: Client, name: str, **more: Any) -> dict[str, Any]:
    data = await client.data(CREATE, input={"name": name}, **more)
    made: dict[str, Any] = data["customerCreate"]
    return made


async def names(client: Client) -> list[str]:
    data = await client.data("{ customers(orderBy: [{field: NAME}]) { nodes { name } } }")
    return [node["name"] for node in data["customers"]["nodes"]]


async def test_a_change_is_refused_whatever_a_check_does_wrong_and_nothing_of_it_is_saved(database_url: str):
    async with with_plugins(database_url, spoiler()) as client:
        for name, code, path in (
            ("bad name", "VALIDATION", ["input", "name"]),
            ("raise", "PLUGIN", []),
            ("hang", "PLUGIN", []),
            ("sql", "PLUGIN", []),
            ("veto", "PLUGIN", ["input", "name"]),
            ("write and veto", "PLUGIN", []),
            ("change", "PLUGIN", []),
            ("exit", "PLUGIN", []),
            ("cancel", "PLUGIN", []),
        ):
            for more in ({}, {"dry": True}, {"key": name}):
                made = await create(client, name, **more)
                assert made["customer"] is None
                assert [(e["code"], e["path"]) for e in made["errors"]] == [(code, path)], (name, made)
                if code == "PLUGIN" and not path and "veto" not in name:
                    assert "The plugin spoiler" in made["errors"][0]["message"]
            assert (await create(client, "well", dry=True))["errors"] == []
        assert (await create(client, "swallowed"))["errors"] == []
        assert (await create(client, "fine"))["errors"] == []
        assert (await create(client, "write"))["customer"] == {"name": "written"}
        assert await names(client) == ["fine", "swallowed", "written"]
        items = [{"name": "a"}, {"name": "veto"}, {"name": "b"}, {"name": "bad name"}]
        data = await client.data(BATCH, items=items, mode="PARTIAL")
        found = [[e["path"] for e in r["errors"]] for r in data["customersCreate"]["results"]]
        assert found == [[], [["items", "1", "name"]], [], [["items", "3", "name"]]]
        assert await names(client) == ["a", "b", "fine", "swallowed", "written"]
