"""kill -9 at any moment while eight clients write: what was acknowledged is there, once, nothing is half done, and every
event reaches the receiver of a webhook, in order for each record."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from crmcore.kit.ids import from_global
from crmcore.kit.sql import Sql
from crmcore.platform.database import Database, connect
from crmcore.platform.identity import create_token, find_tenant
from tests.reliability.process import Process, serving, working
from tests.reliability.writers import Writer
from tests.webhooks.receiver import Receiver, receiving

KILLS = int(os.environ.get("CRMCORE_KILLS", "4"))
WRITERS = 8
ENDPOINT = """mutation($url: String!) {
  webhookEndpointCreate(input: {url: $url, eventTypes: ["customer.*"]}) { errors { message } } }"""


async def token_of(db: Database) -> str:
    tenant = await find_tenant(db)
    assert tenant is not None
    async with db.transaction() as tx:
        return (await create_token(tx, tenant, "writer")).text


async def killing(processes: list[Process], chance: random.Random, enough: asyncio.Event) -> None:
    """In turn each of the processes, at moments that nobody chose."""
    try:
        for number in range(KILLS):
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            victim = processes[number % len(processes)]
            await victim.kill()
            await victim.start()
        await asyncio.sleep(0.3)
    finally:
        enough.set()


@pytest.mark.timeout(180 + KILLS * 8)
async def test_what_was_acknowledged_outlives_the_processes(database_url: str, dialect: str):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    db = await connect(database_url)
    token = await token_of(db)
    writers: list[Writer] = []
    async with AsyncExitStack() as stack:
        stack.push_async_callback(db.close)
        receiver = await stack.enter_async_context(receiving())
        settings = {"CRMCORE_WEBHOOK_ALLOW": '["127.0.0.0/8"]', "CRMCORE_JOB_LEASE_SECONDS": "3"}
        apart = dialect == "postgres"  # SQLite's worker is the server itself
        alone = {"CRMCORE_WORKER": "false"} if apart else {}
        server, address = await stack.enter_async_context(serving(database_url, **settings, **alone))
        processes = [server]
        if apart:
            processes.append(await stack.enter_async_context(working(database_url, **settings)))
        await tell(address, token, receiver.url)
        writers = [Writer(address, token, seed + n) for n in range(WRITERS)]
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run(enough))
            group.create_task(killing(processes, random.Random(seed), enough))
        known = {key: told for writer in writers for key, told in writer.known.items()}
        print(f"{sum(w.acknowledged for w in writers)} acknowledged, {sum(w.repeated for w in writers)} sent again")
        assert len(known) > KILLS
        events = await whole(db, known)
        await delivered(db, receiver, events)


async def tell(address: str, token: str, url: str) -> None:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        answer = await client.post("/graphql", json={"query": ENDPOINT, "variables": {"url": url}})
        assert answer.json()["data"]["webhookEndpointCreate"]["errors"] == []


async def whole(db: Database, known: dict[str, tuple[int, str, bool]]) -> set[tuple[str, int]]:
    """Every record is as it was acknowledged, with an event for each of its versions and an entry to be found by; the
    record and the version of every event."""
    rows = await db.fetch(Sql("SELECT id, version, name, deleted_at FROM customer"))
    told = await db.fetch(Sql("SELECT record_id, type FROM event WHERE record_type = 'customer' ORDER BY sequence"))
    searched = await db.fetch(Sql("SELECT record_id FROM search_entry WHERE record_type = 'customer'"))
    found = {str(row["id"]): (row["version"], row["name"], row["deleted_at"] is not None) for row in rows}
    assert found == {str(from_global(key)[1]): what for key, what in known.items()}
    events: defaultdict[str, list[str]] = defaultdict(list)
    for row in told:
        events[str(row["record_id"])].append(row["type"])
    assert {key: len(types) for key, types in events.items()} == {
        key: version for key, (version, _, _) in found.items()
    }
    assert all(types[0] == "customer.created" and types.count("customer.created") == 1 for types in events.values())
    assert sorted(str(row["record_id"]) for row in searched) == sorted(found)
    return {(f"customer_{key}", version + 1) for key, types in events.items() for version in range(len(types))}


async def delivered(db: Database, receiver: Receiver, events: set[tuple[str, int]]) -> None:
    """Every event arrives, and of each record the first time in the order of its versions."""
    async with db.transaction() as tx:  # half a minute passes: the leases of those who were killed are over
        await tx.execute(Sql("UPDATE webhook_cursor SET leased_until = '2026-01-01T00:00:00.000000+00:00'"))
        await tx.execute(
            Sql("UPDATE webhook_delivery SET next_at = '2026-01-01T00:00:00.000000+00:00' WHERE next_at IS NOT NULL")
        )
    async with asyncio.timeout(90):
        while not events <= set(map(what, receiver.messages)):
            await asyncio.sleep(0.1)
    first: defaultdict[str, list[int]] = defaultdict(list)
    for record, version in dict.fromkeys(map(what, receiver.messages)):
        first[record].append(version)
    assert all(versions == sorted(versions) for versions in first.values())
    print(f"{len(events)} events, {len(receiver.messages) - len(events)} told again")


def what(message: Any) -> tuple[str, int]:
    return message.told["id"], message.told["version"]
