"""Clients that send a mutation and are gone before its answer: it is done whole or not at all, and the next goes on."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import urlsplit

import httpx
import orjson

from crmcore.kit.sql import Sql
from crmcore.platform.database import connect
from crmcore.platform.identity import create_token, find_tenant
from tests.reliability.process import serving

GONE = 100
CREATE = """mutation($name: String!) { customerCreate(input: {name: $name, contactPoints: [
  {type: EMAIL, value: "a@b.com"}, {type: PHONE, value: "+49 30 123456"}]}) { customer { id } errors { message } } }"""


async def vanish(address: str, token: str, name: str, seconds: float) -> None:
    """Send the whole request, and hang up so much later without reading."""
    where = urlsplit(address)
    _, writer = await asyncio.open_connection(where.hostname, where.port)
    body = orjson.dumps({"query": CREATE, "variables": {"name": name}})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: crm\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def test_clients_that_are_gone_leave_nothing_half_done(database_url: str):
    db = await connect(database_url)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            token = (await create_token(tx, tenant, "gone")).text
        async with serving(database_url, CRMCORE_WORKER="false") as (_, address):
            chance = random.Random(4)
            await asyncio.gather(*(vanish(address, token, f"gone {n}", chance.uniform(0, 0.3)) for n in range(GONE)))
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
                answer = await client.post("/graphql", json={"query": CREATE, "variables": {"name": "here"}})
            assert answer.json()["data"]["customerCreate"]["errors"] == []
        rows = await db.fetch(
            Sql("SELECT name, (SELECT count(*) FROM contact_point p WHERE p.customer_id = c.id) AS points, "
                "(SELECT count(*) FROM event e WHERE e.record_id = c.id) AS told FROM customer c")
        )  # fmt: skip
        assert len({row["name"] for row in rows}) == len(rows) > 1
        assert {(row["points"], row["told"]) for row in rows} == {(2, 1)}
    finally:
        await db.close()
