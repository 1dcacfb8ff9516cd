"""Plugins that check changes in their transaction: they may refuse, and whatever else they do the core stays whole."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from crmcore.domain.customers.models import Customer
from crmcore.errors import Invalid
from crmcore.kit.sql import Sql
from crmcore.plugins import Create, Draft, Update, Veto, write
from crmcore.records import Refused
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
        if name == "kept" and draft.operation == "delete":
            draft.refuse(Veto("It stays."))
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
        kept = await client.create("customer", name="kept")
        for _ in range(2):
            gone = await client.data("mutation($id: ID!) { customerDelete(id: $id) { errors { code path } } }", id=kept)
            assert gone["customerDelete"]["errors"] == [{"code": "PLUGIN", "path": []}]
        data = await client.data(
            """mutation($id: ID!) { customerUpdate(id: $id, input: {name: "kept no more"}) { errors { code } }
            customerDelete(id: $id) { errors { code } } }""",
            id=kept,
        )
        assert data == {"customerUpdate": {"errors": []}, "customerDelete": {"errors": []}}
        items = [{"name": "a"}, {"name": "veto"}, {"name": "b"}, {"name": "bad name"}]
        data = await client.data(BATCH, items=items, mode="PARTIAL")
        found = [[e["path"] for e in r["errors"]] for r in data["customersCreate"]["results"]]
        assert found == [[], [["items", "1", "name"]], [], [["items", "3", "name"]]]
        assert await names(client) == ["a", "b", "fine", "swallowed", "written"]


async def test_who_only_looks_costs_no_statement_and_who_checks_nothing_costs_nothing(database_url: str):
    """Whatever is checked: a creation stays as many statements as it is without plugins."""
    counts = []
    SEEN.clear()
    for found in ((), (spoiler(),)):
        async with with_plugins(database_url, *found) as client:
            assert (client.crm.hosting.checks is not None) == bool(found)
            await create(client, "first")
            for name in ("one", "two"):
                with client.crm.db.counting() as statements:
                    await create(client, f"{name} {len(counts)}")
                counts.append(statements)
    assert len(counts[3]) == len(counts[1]), counts[3]
    assert SEEN == [("create", "first"), ("create", "one 2"), ("create", "two 3")]


async def test_two_plugins_are_asked_in_their_order_and_never_of_what_they_write_themselves(database_url: str):
    asked: list[tuple[str, str, str]] = []

    def asking(id: str, **meta: Any) -> Any:
        async def crm_before_commit(self: Any, drafts: Sequence[Draft], crm: Any) -> None:
            for draft in drafts:
                asked.append((id, draft.operation, draft.after["name"]))
                if not draft.after["name"].endswith(id):
                    await crm.write([Update(Customer, draft.id, {"name": f"{draft.after['name']} {id}"})])
                if "too far" in draft.after["name"]:
                    raise Veto("Too far.", code="FAR")
                if "fail" in draft.after["name"]:
                    await crm.write([Update(Customer, draft.id, {"name": ""})])

        return plugin(id, crm_before_commit, checks=["Customer"], **meta)

    second = asking("second", requires={"zfirst": ">=1"}, on_error="skip")
    async with with_plugins(database_url, second, asking("zfirst")) as client:
        made = await create(client, "a")
        assert made["customer"] == {"name": "a second zfirst"}, made
        assert asked == [
            ("zfirst", "create", "a"),
            ("second", "update", "a zfirst"),
            ("second", "create", "a"),
            ("zfirst", "update", "a second"),
        ]
        asked.clear()
        assert (await create(client, "too far"))["errors"][0]["code"] == "PLUGIN"
        assert await names(client) == ["a second zfirst"]
        data = await client.data(BATCH, items=[{"name": "b"}, {"name": "too far"}], mode="ALL_OR_NOTHING")
        assert [error["code"] for error in data["customersCreate"]["errors"]] == ["PLUGIN"]
        assert await names(client) == ["a second zfirst"]


async def test_a_plugin_that_may_be_skipped_lets_the_change_pass(database_url: str):
    async with with_plugins(database_url, spoiler(on_error="skip")) as client:
        for name in ("raise", "hang", "sql", "exit"):
            assert (await create(client, name))["customer"] == {"name": name}
        assert (await create(client, "bad name"))["errors"][0]["code"] == "VALIDATION"
        answer = await client.data(
            """mutation { customerCreate(input: {name: "veto"}) { errors { ... on PluginError { plugin reason } } } }"""
        )
        assert answer["customerCreate"]["errors"] == [{"plugin": "spoiler", "reason": "CREDIT_LIMIT"}]
        [listed] = (await client.data("{ plugins { statistics { hook faults } } }"))["plugins"]
        found = {one["hook"]: one["faults"] for one in listed["statistics"]}
        assert found == {"crm_before_commit": 0, "crm_validate": 4}


async def test_of_a_partial_command_only_what_is_vetoed_is_left_out(database_url: str):
    """As imports write: with groups, of which all is written or nothing."""
    async with with_plugins(database_url, spoiler()) as client:
        ctx = client.opened.context
        changes = [Create(Customer, {"name": name}) for name in ("a", "veto", "b", "bad name", "c", "veto")]
        found = await write(ctx, changes, partial=True)
        refused = {place: one.refusals[0] for place, one in enumerate(found) if isinstance(one, Refused)}
        assert {place: (str(one.code), one.index) for place, one in refused.items()} == {
            1: ("PLUGIN", 1), 3: ("VALIDATION", 3), 5: ("PLUGIN", 5),
        }  # fmt: skip
        assert await names(client) == ["a", "b", "c"]
        groups = [1, 1, 2, 2, 3, 3]
        found = await write(ctx, changes, partial=True, groups=groups)
        assert all(isinstance(one, Refused) for one in found)
        ctx = client.opened.context
        await write(
            ctx, [Create(Customer, {"name": name}) for name in ("d", "veto", "e")], partial=True, groups=[1, 1, 2]
        )
        assert await names(client) == ["a", "b", "c", "e"]


async def test_code_that_goes_on_after_its_call_cannot_write_into_the_next_transaction(database_url: str):
    """It never lets itself be cancelled, and goes on using the transaction it was lent."""
    going, errors = [True], []

    async def crm_before_commit(self: Any, drafts: Sequence[Draft], crm: Any) -> None:
        if drafts[0].after["name"] != "stubborn":
            return
        while going[0]:
            try:
                async with crm.transaction():
                    await crm.write([Create(Customer, {"name": "stray"})])
                    await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue
            except Exception as error:
                errors.append(error)
                await asyncio.sleep(0.01)

    async with with_plugins(database_url, plugin("spoiler", crm_before_commit, checks=["Customer"])) as client:
        try:
            answer = await client.ask(CREATE, input={"name": "stubborn"})
            assert answer["data"] == {"customerCreate": None}
            assert answer["errors"][0]["extensions"]["plugin"] == "spoiler"
            for name in ("a", "b"):
                assert (await create(client, name))["errors"] == []
            async with asyncio.timeout(10):  # it comes to its turn when it does
                while not errors:
                    await asyncio.sleep(0.01)
        finally:
            going[0] = False  # or nothing would end it
        assert await names(client) == ["a", "b"]
