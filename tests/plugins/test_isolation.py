"""Whatever a plugin does wrong: what the core answers is the same to the byte, and `plugins` names the culprit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from crmcore.kit import times
from crmcore.kit.sql import Sql
from crmcore.plugins import NotReady, Problem
from crmcore.plugins.lifespans import Lifespan
from crmcore.query.declare import Row, batch, extend
from tests.plugins.misbehaving import plugin, with_plugins
from tests.plugins.served import Client

CORE = "{ customers(orderBy: [{field: NAME}]) { nodes { id name kind lifecycleStage } totalCount } }"
MIXED = "{ customers(orderBy: [{field: NAME}]) { nodes { name spoilerMood } } }"
PLUGINS = """{ plugins { id state problems health { key message severity }
  statistics { hook calls faults timeouts blocked left isResting lastFault lastFaultAt } } }"""
PEOPLE = ["Alfki", "Bonap"]


class Mood:
    """What the plugin does now."""

    now = "well"
    lifespan = "well"
    health: Any = ()
    log: list[str] = []


async def stubborn() -> None:
    while Mood.now == "stubborn":
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


async def exits() -> None:
    raise SystemExit(4)


async def moods(rows: Sequence[Row], ctx: Any) -> Any:
    match Mood.now:
        case "raise":
            raise RuntimeError("a secret")
        case "exit":
            raise SystemExit(3)
        case "cancel":
            raise asyncio.CancelledError
        case "hang":
            await asyncio.sleep(60)
        case "stubborn":
            await stubborn()
        case "block":
            time.sleep(0.5)
        case "leak":
            asyncio.create_task(asyncio.sleep(60))  # noqa: RUF006
            asyncio.create_task(exits())  # noqa: RUF006
        case "sql":
            await ctx.db.fetch(Sql("SELECT * FROM nowhere"))
        case "few":
            return ["one"]
        case "none":
            return None
        case "text":
            return "ab"
        case "objects":
            return [object() for _ in rows]
        case "rubbish":
            rows.clear()
            return [{"a": {1, 2}}, 3]
    return ["fine" for _ in rows]


@extend("Customer")
class CustomerSpoiler:
    """What it adds."""

    spoiler_mood: str | None = batch(moods, "How it is.")


def crm_graph(self: Any) -> list[type]:
    return [CustomerSpoiler]


@asynccontextmanager
async def crm_lifespan(self: Any, crm: Any) -> AsyncIterator[None]:
    if Mood.lifespan == "not ready":
        raise NotReady("no connection yet", retry_after=30)
    if Mood.lifespan == "hang":
        await asyncio.sleep(60)
    if Mood.lifespan == "raise":
        raise RuntimeError("no")
    Mood.log.append("in")
    beside = asyncio.create_task(asyncio.sleep(60))
    try:
        yield
    finally:
        Mood.log.append("out")
        beside.cancel()
        if Mood.lifespan == "raise at the end":
            raise RuntimeError("no end")


async def crm_health(self: Any, crm: Any) -> Any:
    if Mood.health == "raise":
        raise RuntimeError("sick")
    if Mood.health == "hang":
        await asyncio.sleep(60)
    return Mood.health


class Clock:
    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> Any:
        return times.now() + self.ahead


@asynccontextmanager
async def spoiled(url: str) -> AsyncIterator[tuple[Client, Clock]]:
    clock = Clock()
    found = plugin("spoiler", crm_graph, crm_lifespan, crm_health), plugin("bystander")
    async with with_plugins(url, *found, clock=clock) as client:
        client.crm.host.field_seconds = 0.3
        client.crm.host.leftovers.patience = 0
        yield client, clock


async def listed(client: Client, id: str = "spoiler") -> dict[str, Any]:
    found = {one["id"]: one for one in (await client.data(PLUGINS))["plugins"]}
    assert found["bystander"] == {
        "id": "bystander", "state": "LOADED", "problems": [], "health": [], "statistics": [],
    }  # fmt: skip
    one: dict[str, Any] = found[id]
    return one


def of(found: dict[str, Any], hook: str) -> dict[str, Any]:
    [one] = [each for each in found["statistics"] if each["hook"] == hook]
    return one  # type: ignore[no-any-return]


async def raw(client: Client, query: str, **headers: str) -> bytes:
    answer = await client.opened.post(query, headers=headers)
    return bytes(answer.content)


async def test_whatever_a_field_does_wrong_the_core_answers_the_same_and_the_culprit_is_named(database_url: str):
    field = "Customer.spoilerMood"
    Mood.now, Mood.lifespan, Mood.health = "well", "well", ()
    async with with_plugins(database_url) as alone:
        for name in PEOPLE:
            await alone.create("customer", name=name)
        expected = await raw(alone, CORE)
    async with spoiled(database_url) as (client, clock):
        host = client.crm.host
        assert (await client.data(MIXED))["customers"]["nodes"] == [{"name": n, "spoilerMood": "fine"} for n in PEOPLE]
        for mood in (
            "raise", "exit", "cancel", "hang", "stubborn", "sql", "few", "none", "text", "objects", "rubbish",
        ):  # fmt: skip
            before = of(await listed(client), field)["faults"]
            Mood.now = mood
            asking, answer = await asyncio.gather(raw(client, CORE), client.ask(MIXED))
            assert asking == expected, mood
            assert answer["data"]["customers"]["nodes"] == [{"name": n, "spoilerMood": None} for n in PEOPLE], mood
            for error in answer["errors"]:
                assert error["extensions"]["plugin"] == "spoiler", (mood, error)
                assert error["extensions"]["code"] == "PLUGIN_FAILED", (mood, error)
            assert "secret" not in str(answer)
            Mood.now = "well"
            found = of(await listed(client), field)
            assert found["faults"] == before + 1, (mood, found)
            assert found["lastFault"], mood
            assert "errors" not in await client.ask(MIXED), mood
            assert (await listed(client))["state"] == "LOADED", mood
        # nobody's fault: the request's own time was over
        Mood.now = "leak"
        for _ in range(2):
            assert "errors" not in await client.ask(MIXED)
        Mood.now = "well"
        await asyncio.sleep(0)
        await client.crm.hosting.tick()
        assert of(await listed(client), field)["left"] == 2  # those that sleep; what exits has ended by itself
        Mood.now = "block"
        assert "errors" not in await client.ask(MIXED)
        Mood.now = "well"
        await asyncio.sleep(0.3)
        found = await listed(client)
        assert of(found, field)["blocked"] >= 300
        blocked = [one for one in found["health"] if one["key"] == f"blocked.{field}"]
        assert "moods" in blocked[0]["message"]
        assert "test_isolation.py" in blocked[0]["message"]
        assert {one["key"] for one in found["health"]} >= {f"left.{field}"}
        assert await raw(client, CORE) == expected
        # again and again: it is left alone, tried once after a pause, and is well again
        Mood.now = "raise"
        await client.ask(MIXED)  # the block was the first of five
        for _ in range(4):
            await client.ask(MIXED)
        found = await listed(client)
        assert (found["state"], of(found, field)["isResting"]) == ("DEGRADED", True)
        assert [one["severity"] for one in found["health"] if one["key"] == f"faults.{field}"] == ["ERROR"]
        assert (await client.opened.client.get("/readyz")).json() == {
            "status": "ready", "plugins": {"spoiler": "DEGRADED"},
        }  # fmt: skip
        calls = of(found, field)["calls"]
        Mood.now = "well"
        answer = await client.ask(MIXED)
        assert answer["errors"][0]["extensions"]["plugin"] == "spoiler"
        assert of(await listed(client), field)["calls"] == calls
        assert await raw(client, CORE) == expected
        clock.ahead += timedelta(seconds=11)
        assert "errors" not in await client.ask(MIXED)
        assert (await listed(client))["state"] == "LOADED"
        assert (await client.opened.client.get("/readyz")).json() == {"status": "ready"}
        # who asks is told what time it took; nobody else
        seen = []
        forget = host.watch(seen.append)
        timed = (await client.opened.post(MIXED, headers={"x-plugin-times": "1"})).json()
        [spent] = timed["extensions"]["plugins"]
        assert (spent["plugin"], spent["hook"], spent["calls"]) == ("spoiler", field, 1)
        assert [(one.plugin, one.hook, one.fault) for one in seen] == [("spoiler", field, "")]
        forget()
        assert "extensions" not in await client.ask(MIXED)
        assert (await client.opened.post(CORE, headers={"x-plugin-times": "1"})).json()["extensions"] == {"plugins": []}


async def test_what_a_plugin_holds_may_fail_to_begin_and_is_tried_again(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    Mood.now, Mood.lifespan, Mood.health = "well", "not ready", ()
    Mood.log.clear()
    async with spoiled(database_url) as (client, clock):
        found = await listed(client)
        assert found["state"] == "DEGRADED"
        assert "no connection yet" in found["problems"][0]
        assert [one["key"] for one in found["health"]] == ["lifespan"]
        Mood.lifespan = "raise"
        await client.crm.hosting.tick()
        assert Mood.log == []
        clock.ahead += timedelta(seconds=31)
        await client.crm.hosting.tick()
        found = await listed(client)
        assert "RuntimeError: no" in found["problems"][0]
        assert of(found, "crm_lifespan")["faults"] == 1
        Mood.lifespan = "hang"
        monkeypatch.setattr(Lifespan, "budget", 0.05)
        clock.ahead += timedelta(seconds=61)
        await client.crm.hosting.tick()
        found = await listed(client)
        assert "TimeoutError" in found["problems"][0]
        assert of(found, "crm_lifespan")["timeouts"] == 1
        monkeypatch.undo()
        Mood.lifespan = "raise at the end"
        clock.ahead += timedelta(seconds=121)
        await client.crm.hosting.tick()
        found = await listed(client)
        assert (found["state"], found["health"], Mood.log) == ("LOADED", [], ["in"])
        for said, keys in (
            ([Problem("mail", "It refuses us.", "ERROR")], ["mail"]),
            ("raise", ["faults.crm_health", "crm_health"]),
            (["rubbish"], ["faults.crm_health", "crm_health"]),
            ([Problem("x", 7, "ERROR")], ["faults.crm_health", "crm_health"]),
            (None, ["faults.crm_health", "crm_health"]),
            ((), []),
        ):
            Mood.health = said
            clock.ahead += timedelta(seconds=11)
            await listed(client)
            assert [one["key"] for one in (await listed(client))["health"]] == keys, said
        assert of(await listed(client), "crm_health")["calls"] == 10
    assert Mood.log == ["in", "out"]


async def crm_on_event(self: Any, event: Any, crm: Any) -> None:
    Mood.log.append(event.type)
    if Mood.now == "flood":
        await crm.gql('mutation { customerCreate(input: {name: "Flood"}) { errors { code } } }')
    if Mood.now == "raise":
        raise RuntimeError("no")


async def test_events_that_a_plugin_fails_at_or_floods_with_touch_nobody_else(database_url: str):
    Mood.now = "raise"
    Mood.log.clear()
    spoiler = plugin("spoiler", crm_on_event, subscribes=["customer.*"])
    async with with_plugins(database_url, spoiler, plugin("bystander")) as client:
        await client.crm.run_events()
        for number in range(8):
            await client.create("customer", name=f"Customer {number}")
        expected = await raw(client, CORE)
        await client.crm.run_events()
        found = await listed(client)
        told = of(found, "crm_on_event")
        assert (found["state"], told["isResting"]) == ("DEGRADED", True)
        assert 5 <= told["faults"] == told["calls"] <= 8  # different records are told beside each other
        assert await raw(client, CORE) == expected
    async with with_plugins(database_url, spoiler, plugin("bystander")) as client:
        Mood.now = "flood"
        await client.create("customer", name="One more")
        await client.crm.run_events()
        await client.crm.run_events()
        assert Mood.log.count("customer.created") < 5 + 2 * 9  # what it makes itself is not told to it
        assert (await listed(client))["state"] == "LOADED"
