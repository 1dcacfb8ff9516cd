"""kill -9 at any moment while eight clients write: what was acknowledged is there, once, and nothing is half done."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict

import pytest

from crmcore.kit.ids import from_global
from crmcore.kit.sql import Sql
from crmcore.platform.database import connect
from crmcore.platform.identity import create_token, find_tenant
from tests.reliability.process import Process, serving
from tests.reliability.writers import Writer

KILLS = int(os.environ.get("CRMCORE_KILLS", "4"))
WRITERS = 8


async def token_of(url: str) -> str:
    db = await connect(url)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            return (await create_token(tx, tenant, "writer")).text
    finally:
        await db.close()


async def killing(server: Process, chance: random.Random, enough: asyncio.Event) -> None:
    try:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            await server.kill()
            await server.start()
        await asyncio.sleep(0.3)
    finally:
        enough.set()


@pytest.mark.timeout(120 + KILLS * 6)
async def test_what_was_acknowledged_outlives_the_server(database_url: str):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    token = await token_of(database_url)
    async with serving(database_url) as (server, address):
        writers = [Writer(address, token, seed + n) for n in range(WRITERS)]
        enough = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run(enough))
            group.create_task(killing(server, random.Random(seed), enough))
    known = {key: told for writer in writers for key, told in writer.known.items()}
    print(f"{sum(w.acknowledged for w in writers)} acknowledged, {sum(w.repeated for w in writers)} sent again")
    assert len(known) > KILLS
    db = await connect(database_url)
    try:
        rows = await db.fetch(Sql("SELECT id, version, name, deleted_at FROM customer"))
        told = await db.fetch(
            Sql("SELECT record_id, type, before, after FROM event WHERE record_type = 'customer' ORDER BY sequence")
        )
        searched = await db.fetch(Sql("SELECT record_id FROM search_entry WHERE record_type = 'customer'"))
    finally:
        await db.close()
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
