"""Subscriptions of plugins over real sockets: told, silent, wrong, broken, revoked and too slow to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from crmcore.platform.identity import authenticate, revoke_token
from tests.fixtures import open_crm
from tests.http.serving import Serving, Talk, serving
from tests.plugins import oracle

SPOKEN = "subscription($c: ID) { oracleSpoken(customerId: $c) { text customer { name } } }"
CREATE = 'mutation { customerCreate(input: {name: "Alfki"}) { customer { id } } }'


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Serving]:
    oracle.words, oracle.closed = asyncio.Queue(), []
    settings: dict[str, Any] = {"stall_seconds": 0.5, "stream_check_seconds": 0.2}
    async with open_crm(database_url, oracle.oracle(), **settings) as crm, serving(crm) as found:
        yield found


async def told(talk: Talk) -> dict[str, Any]:
    message = await talk.hear()
    assert message["type"] == "next", message
    payload: dict[str, Any] = message["payload"]
    return payload


async def ended(what: str) -> None:
    """Return when the function was left."""
    async with asyncio.timeout(10):
        while what not in oracle.closed:
            await asyncio.sleep(0.01)


async def test_values_are_told_one_by_one_and_faults_name_the_plugin(server: Serving):
    crm = server.crm
    key = (await crm.gql(CREATE))["customerCreate"]["customer"]["id"]
    async with server.talk() as talk:
        await talk.subscribe("1", SPOKEN, c=key)
        for word in ("one", "two"):
            oracle.words.put_nowait(word)
            assert await told(talk) == {"data": {"oracleSpoken": {"text": word, "customer": {"name": "Alfki"}}}}
        oracle.words.put_nowait(7)
        wrong = await told(talk)
        assert wrong["data"] == {"oracleSpoken": None}
        assert wrong["errors"][0]["extensions"]["plugin"] == "oracle"
        oracle.words.put_nowait("three")
        assert (await told(talk))["data"]["oracleSpoken"]["text"] == "three"
        oracle.words.put_nowait(None)
        assert await talk.hear() == {"type": "complete", "id": "1"}

        await talk.subscribe("2", SPOKEN)
        oracle.words.put_nowait(RuntimeError("the secret of the house"))
        broken = await talk.hear()
        assert (broken["type"], broken["id"]) == ("error", "2")
        assert broken["payload"][0]["message"] == "The plugin oracle failed at Subscription.oracleSpoken."
        assert broken["payload"][0]["extensions"]["plugin"] == "oracle"
        await talk.subscribe("3", SPOKEN, c="deal_1")
        refused = await talk.hear()
        assert refused["payload"][0]["extensions"]["argument"] == ["customerId"]


async def test_a_silent_one_shows_that_it_lives_and_ends_with_its_client_or_token(server: Serving):
    crm = server.crm
    headers = {"accept": "text/event-stream", "authorization": f"Bearer {crm.token}"}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        async with client.stream("POST", server.url, json={"query": SPOKEN}, headers=headers) as response:
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(":")
            oracle.words.put_nowait("here")
            while not (line := await anext(lines)).startswith("data"):
                pass
            assert '"here"' in line
        await ended("spoken")
    oracle.closed.clear()
    token = await crm.token_for()
    known = await authenticate(crm.crm.db, token)
    async with server.talk(token) as talk:
        await talk.subscribe("1", SPOKEN)
        oracle.words.put_nowait("here")
        await told(talk)
        async with crm.crm.db.transaction() as tx:
            assert await revoke_token(tx, crm.tenant, known.actor.id)
        assert (await talk.closed())[0] == 4403
    await ended("spoken")


async def test_whoever_does_not_read_is_dropped(server: Serving):
    async with server.talk() as talk:
        await talk.subscribe("1", "subscription { oraclePoured }")
        await told(talk)
        talk.connection.transport.pause_reading()
        await ended("poured")
        talk.connection.transport.resume_reading()
        with contextlib.suppress(Exception):
            while True:
                await talk.hear()
        assert (talk.connection.close_code, talk.connection.close_reason) == (1013, "SLOW_CONSUMER")
