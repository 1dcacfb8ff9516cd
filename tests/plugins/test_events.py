"""What happens is told to plugins after it is committed: at least once, in order per record, whatever fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from crmcore.platform.access import ActorKind
from crmcore.plugins import Crm, GiveUp, Manifest, PluginEvent, Plugins, hookimpl
from crmcore.plugins.backing import service_account
from crmcore.plugins.discovery import Candidate
from tests.fixtures import TestCrm, open_crm


@dataclass
class Ears:
    """What one plugin heard, and how it behaves."""

    heard: list[PluginEvent] = field(default_factory=list)
    act: Callable[[PluginEvent, Crm], Any] | None = None

    def types(self) -> list[str]:
        return [event.type for event in self.heard]


@dataclass
class Clock:
    at: datetime = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **by: float) -> None:
        self.at += timedelta(**by)


def listening(id: str, subscribes: Sequence[str], ears: Ears) -> Candidate:
    """A plugin that hears these events."""

    class Plugin:
        meta = Manifest(
            id=id, title=id, description="A test.", api=">=0.1,<1", version="1.0", subscribes=subscribes,
        )  # fmt: skip

        @hookimpl
        async def crm_on_event(self, event: PluginEvent, crm: Crm) -> None:
            if ears.act is not None:
                await ears.act(event, crm)
            ears.heard.append(event)

    return Candidate(id, "test", lambda: Plugin)


async def create(crm: TestCrm, name: str) -> str:
    made = await crm.gql(
        "mutation($n: String!) { customerCreate(input: {name: $n}) { customer { id } errors { message } } }", n=name
    )
    return str(made["customerCreate"]["customer"]["id"])


async def rename(crm: TestCrm, id: str, name: str) -> None:
    done = await crm.gql(
        "mutation($id: ID!, $n: String!) { customerUpdate(id: $id, input: {name: $n}) { errors { message } } }",
        id=id, n=name,
    )  # fmt: skip
    assert done["customerUpdate"]["errors"] == []


async def waiting(crm: TestCrm) -> list[tuple[Any, ...]]:
    data = await crm.gql(
        "{ pluginEvents(orderBy: [{field: SEQUENCE}]) { nodes { plugin type status attempts problem } } }"
    )
    return [tuple(node.values()) for node in data["pluginEvents"]["nodes"]]


async def test_events_are_told_in_order_and_what_fails_waits_and_dies_and_is_replayed(database_url: str):
    ears, clock = Ears(), Clock()
    broken = True

    async def act(event: PluginEvent, crm: Crm) -> None:
        name = (event.after or {}).get("name", "")
        if broken and name.startswith("Bad"):
            raise RuntimeError("no luck, password=hunter2")
        if name == "Hopeless":
            raise GiveUp("it makes no sense")
        if event.type == "customer.created":
            await crm.gql("mutation($id: ID!) { customerUpdate(id: $id, input: {industry: \"Mills\"}) "
                          "{ errors { message } } }", id=event.node_id)  # fmt: skip

    ears.act = act
    plugins = Plugins([listening("ears", ["customer.*"], ears)])
    async with open_crm(database_url, plugins, clock=clock) as crm:
        good, bad = await create(crm, "Good"), await create(crm, "Bad")
        await rename(crm, bad, "Bad too")
        assert await crm.crm.run_events() == 3
        # Its own change of the industry is not told to it; what follows the failure waits, other records go on.
        assert [(e.type, (e.after or {})["name"]) for e in ears.heard] == [("customer.created", "Good")]
        [first] = ears.heard
        assert first.node_id == good
        assert first.actor_kind is ActorKind.API_KEY
        assert first.before is None
        assert (first.after or {})["parent_id"] is None, "a new record is told whole"
        [[_, created, status, attempts, problem], changed] = await waiting(crm)
        assert (created, status, attempts) == ("customer.created", "PENDING", 1)
        assert problem.startswith("RuntimeError: no luck")
        assert "hunter2" not in problem
        assert changed == ("ears", "customer.updated", "PENDING", 0, None)
        await rename(crm, good, "Better")
        await rename(crm, bad, "Bad thrice")
        assert await crm.crm.run_events() == 2
        assert ears.types() == ["customer.created", "customer.updated"]
        assert ears.heard[1].changed_fields == ["name"]
        assert (ears.heard[1].before or {})["name"] == "Good"

        clock.advance(seconds=8)
        assert await crm.crm.run_events() == 1
        broken = False
        assert await crm.crm.run_events() == 0, "the second pause is longer"
        clock.advance(minutes=1)
        assert await crm.crm.run_events() == 3
        told = [(e.after or {})["name"] for e in ears.heard]
        assert told == ["Good", "Better", "Bad", "Bad too", "Bad thrice"]
        assert {row[2] for row in await waiting(crm)} == {"DONE"}

        # What the plugin gives up is dead at once, and told again when somebody asks for it.
        await create(crm, "Hopeless")
        await crm.crm.run_events()
        data = await crm.gql("{ pluginEvents(where: {status: {eq: DEAD}}) { nodes { id problem nextAt } } }")
        [dead] = data["pluginEvents"]["nodes"]
        assert (dead["problem"], dead["nextAt"]) == ("it makes no sense", None)
        ears.act = None
        again = 'mutation($id: ID!) { pluginEventsReplay(input: {plugin: "ears", ids: [$id]}) { count errors { message } } }'
        assert (await crm.gql(again, id=dead["id"]))["pluginEventsReplay"] == {"count": 1, "errors": []}
        assert await crm.crm.run_events() == 1
        assert (ears.heard[-1].after or {})["name"] == "Hopeless"
        assert (await crm.gql(again, id=dead["id"]))["pluginEventsReplay"]["count"] == 0

        # Until the last attempt: three days, then it is a dead letter and those behind it go on.
        broken, ears.act, heard = True, act, len(ears.heard)
        stubborn = await create(crm, "Bad for ever")
        await crm.crm.run_events()
        await rename(crm, stubborn, "Not any more")
        tries = 1
        while await crm.crm.run_events() != 0 or len(ears.heard) == heard:
            clock.advance(days=2)
            tries += 1
            assert tries < 30
        assert [(e.after or {})["name"] for e in ears.heard[heard:]] == ["Not any more"]
        assert ("ears", "customer.created", "DEAD", 13) in [row[:4] for row in await waiting(crm)]


async def test_a_plugin_has_a_place_of_its_own_in_the_log(database_url: str):
    early, late = Ears(), Ears()
    only_early = [listening("early", ["customer.created"], early)]
    both = [*only_early, listening("late", ["*"], late)]
    async with open_crm(database_url) as crm:
        await create(crm, "Before all")
    async with open_crm(database_url, Plugins(only_early)) as crm:
        await create(crm, "One")
        await crm.crm.run_events()
    async with open_crm(database_url) as crm:  # the plugin is off, and misses this for now
        await create(crm, "Two")
    async with open_crm(database_url, Plugins(both)) as crm:
        three = await create(crm, "Three")
        await rename(crm, three, "Third")
        rich = (
            'mutation($c: ID!) { customerUpdate(id: $c, input: {annualRevenue: {amount: "12.5", '
            'currencyCode: "EUR"}}) { errors { message } } }'
        )
        assert (await crm.gql(rich, c=three))["customerUpdate"]["errors"] == []
        await crm.crm.run_events()
        await crm.crm.run_events()
        assert [(e.after or {})["name"] for e in early.heard] == ["One", "Two", "Three"]
        assert late.types()[:3] == ["customer.created", "customer.updated", "customer.updated"], (
            "what came before is not told"
        )
        assert (late.heard[2].after or {})["annual_revenue"] == Decimal("12.5")
        assert len({e.id for e in late.heard}) == len(late.heard)


async def test_several_processes_tell_each_event_once(database_url: str):
    ears = Ears()
    held = asyncio.Event()

    async def slow(event: PluginEvent, crm: Crm) -> None:
        if (event.after or {}).get("name") == "Slow":
            await held.wait()

    slow_ears = Ears(act=slow)

    def plugins() -> Plugins:
        return Plugins([listening("ears", ["customer.*"], ears), listening("slow", ["customer.*"], slow_ears)])

    async with open_crm(database_url, plugins()) as crm, open_crm(database_url, plugins()) as other:
        running = [asyncio.create_task(c.crm.listening.run(5)) for c in (crm, other)]
        try:
            ids = [await create(crm, "Slow"), await create(other, "A"), await create(crm, "B")]
            for number in range(3):
                await rename(other if number % 2 else crm, ids[1], f"A{number}")
            async with asyncio.timeout(20):
                while len(ears.heard) < 6:
                    await asyncio.sleep(0.02)
            # One plugin that hangs holds up itself alone.
            assert len(slow_ears.heard) < 6
            held.set()
            async with asyncio.timeout(20):
                while len(slow_ears.heard) < 6:
                    await asyncio.sleep(0.02)
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=10)
        for told in (ears, slow_ears):
            assert len({e.id for e in told.heard}) == len(told.heard) == 6
            of_a = [(e.after or {})["name"] for e in told.heard if e.node_id == ids[1]]
            assert of_a == ["A", "A0", "A1", "A2"]
        # The leases were given back: whoever comes next goes on at once.
        await create(crm, "C")
        assert await other.crm.run_events() == 2


async def test_who_acts_for_a_plugin_is_the_same_everywhere():
    assert service_account("ears") == service_account("ears")
    assert service_account("ears").id != service_account("eyes").id
