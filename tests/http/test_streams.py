"""Streams that stay: clients that read nothing, tokens that are revoked, servers that stop, databases that go."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest

from crmcore.kit.sql import Sql, value
from crmcore.platform.identity import revoke_token
from tests.fixtures import TestCrm, open_crm
from tests.http.changing import CHANGED, create, follow, next_change, nothing_but
from tests.http.serving import Serving, followed, serving

LARGE = """mutation($items: [TaskCreateInput!]!) {
  tasksCreate(items: $items) { results { errors { message } } }
}"""


async def flood(crm: TestCrm, until: int) -> None:
    """Change so much that it fills whatever stands between the server and a client that reads nothing, until only so
    many subscriptions are left."""
    text = "x" * 5000
    for number in range(200):
        items = [{"subject": f"{number} {each}", "description": text} for each in range(20)]
        made = await crm.gql(LARGE, items=items)
        assert [result["errors"] for result in made["tasksCreate"]["results"]] == [[]] * 20
        if crm.crm.runner.tail.followers <= until:
            return
        await asyncio.sleep(0.02)
    await followed(crm, until)


@pytest.fixture
async def server(database_url: str) -> AsyncIterator[Serving]:
    async with open_crm(database_url, stall_seconds=0.5, stream_check_seconds=0.3) as crm, serving(crm) as found:
        yield found


class Events:
    """A stream of events as a client sees it."""

    def __init__(self, response: httpx.Response) -> None:
        self._blocks = self._split(response)

    @staticmethod
    async def _split(response: httpx.Response) -> AsyncIterator[str]:
        left = ""
        async for text in response.aiter_text():
            *blocks, left = (left + text).split("\n\n")
            for block in blocks:
                yield block

    async def next(self) -> tuple[str, Any]:
        """The next event; a comment is ("", its text)."""
        async with asyncio.timeout(20):
            block = await anext(self._blocks)
        if block.startswith(":"):
            return "", block
        event, data = block.split("\n")
        said = data.removeprefix("data:").strip()
        return event.removeprefix("event: "), orjson.loads(said) if said else None

    async def told(self) -> dict[str, Any]:
        """The next event that is no comment, which must tell of a change."""
        while True:
            event, data = await self.next()
            if event:
                assert event == "next", (event, data)
                change: dict[str, Any] = data["data"]["recordChanged"]
                return change


@contextlib.asynccontextmanager
async def streaming(server: Serving, accept: str = "text/event-stream", **variables: Any) -> AsyncIterator[Events]:
    headers = {"accept": accept, "authorization": f"Bearer {server.crm.token}"}
    body = {"query": CHANGED, "variables": variables}
    before = server.crm.crm.runner.tail.followers
    async with (
        httpx.AsyncClient(trust_env=False, timeout=20) as client,
        client.stream("POST", server.url, json=body, headers=headers) as response,
    ):
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        await followed(server.crm, before + 1)
        yield Events(response)


async def test_a_stream_of_events_tells_and_shows_that_it_lives(server: Serving):
    async with streaming(server) as events:
        id_ = await create(server.crm)
        first = await events.told()
        assert (first["id"], first["node"]["name"]) == (id_, "Ada")
        assert (await events.next())[0] == ""
    await followed(server.crm, 0)
    missed = await create(server.crm, "missed")
    async with streaming(server, after=first["cursor"]) as events:
        assert (await events.told())["id"] == missed


async def test_a_subscription_is_streamed_to_whoever_takes_events(server: Serving):
    async with streaming(server, "application/json, text/event-stream") as events:
        id_ = await create(server.crm)
        assert (await events.told())["id"] == id_
    refused = await server.crm.ask(CHANGED)
    assert refused["errors"][0]["extensions"]["code"] == "SUBSCRIPTION_NEEDS_STREAM"


async def test_clients_that_go_leave_nothing_behind(server: Serving):
    for _ in range(3):
        async with server.talk() as talk, streaming(server):
            for number in range(5):
                await follow(server, talk, str(number))
            await talk.say(type="complete", id="0")
            await followed(server.crm, 5)
            talk.connection.transport.abort()
        await followed(server.crm, 0)
    async with asyncio.timeout(10):  # it was cancelled, and ends when the loop comes to it
        while [task for task in asyncio.all_tasks() if "EventTail" in repr(task)]:
            await asyncio.sleep(0.01)


async def test_a_socket_that_is_not_read_is_dropped_with_a_reason(server: Serving):
    crm = server.crm
    async with server.talk() as talk, server.talk() as other:
        await follow(server, talk)
        await follow(server, other, types=["CUSTOMER"])
        talk.connection.transport.pause_reading()
        await flood(crm, 1)
        assert max(socket.transport.get_write_buffer_size() for socket in server.sockets) < 300_000
        talk.connection.transport.resume_reading()
        heard = []
        with contextlib.suppress(Exception):
            while True:
                heard.append(await talk.hear())
        assert heard[-1]["payload"][0]["extensions"]["code"] == "SLOW_CONSUMER"
        assert (talk.connection.close_code, talk.connection.close_reason) == (1013, "SLOW_CONSUMER")
        cursor = heard[-2]["payload"]["data"]["recordChanged"]["cursor"]
        await nothing_but(crm, other)
    async with server.talk() as talk:
        await follow(server, talk, after=cursor)
        following = await next_change(talk)
        assert int(following["sequence"]) > int(cursor.removeprefix("log."))
        talk.connection.transport.abort()  # there is much more to read


async def test_a_client_that_never_reads_again_is_cut_off(server: Serving, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("crmcore.http.socket_protocol.GRACE", 0.2)
    monkeypatch.setattr("crmcore.http.protocol.GRACE", 0.2)
    crm = server.crm
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = orjson.dumps({"query": CHANGED})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {crm.token}\r\nContent-Type: application/json\r\n"
    )
    writer.write(f"{head}Accept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    await followed(crm, 1)
    writer.transport.pause_reading()
    async with server.talk() as talk:
        await follow(server, talk)
        talk.connection.transport.pause_reading()
        await flood(crm, 0)
        async with asyncio.timeout(5):
            while server.server.server_state.connections:
                await asyncio.sleep(0.02)
        talk.connection.transport.abort()
    writer.transport.abort()


async def test_pings_whose_answers_are_not_read_fill_no_memory(server: Serving):
    ping = b"\x89\xfd" + b"mask" + b"x" * 125
    async with server.dial() as connection:
        connection.transport.pause_reading()
        for _ in range(100):
            connection.transport.write(ping * 2000)
            await asyncio.sleep(0.02)
            if not server.sockets:
                break
            assert server.sockets[0].transport.get_write_buffer_size() < 3_000_000
        assert server.sockets == []
        connection.transport.abort()


async def test_a_stream_that_is_not_read_ends_with_a_reason(server: Serving):
    crm = server.crm
    async with streaming(server) as events:
        await flood(crm, 0)
        heard = []
        with contextlib.suppress(StopAsyncIteration):
            while True:
                heard.append(await events.next())
        *_, last, end = heard
        assert last[1]["errors"][0]["extensions"]["code"] == "SLOW_CONSUMER"
        assert end == ("complete", None)


async def test_a_revoked_token_hears_nothing_more(server: Serving):
    crm = server.crm
    async with server.talk() as idle, server.talk() as busy, streaming(server) as events:
        await follow(server, idle, types=["DEAL"])
        await follow(server, busy)
        token = crm.policy.actor.id
        assert isinstance(token, UUID)
        async with crm.crm.db.transaction() as tx:
            assert await revoke_token(tx, crm.tenant, token)
        crm.client.headers["authorization"] = f"Bearer {await crm.token_for()}"
        await create(crm)
        assert (await busy.closed())[0] == 4403
        assert (await idle.closed())[0] == 4403
        while not (event := await events.next())[0]:
            pass
        assert event[1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert await events.next() == ("complete", None)


async def test_a_shutdown_ends_streams_at_once(database_url: str):
    async with open_crm(database_url) as crm, serving(crm) as server, server.talk() as talk:
        async with streaming(server) as events:
            await follow(server, talk)
            async with asyncio.timeout(5):
                await server.stop()
                with pytest.raises(httpx.RemoteProtocolError):
                    while True:
                        await events.next()
        assert (await talk.closed())[0] == 1001
        await followed(crm, 0)


async def test_what_another_process_does_is_heard(database_url: str):
    async with (
        open_crm(database_url) as writer,
        open_crm(database_url) as reader,
        serving(reader) as server,
        server.talk() as talk,
    ):
        await follow(server, talk)
        for number in range(3):
            id_ = await create(writer, f"From elsewhere {number}")
            assert (await next_change(talk))["id"] == id_


@pytest.mark.parametrize("dialect", ["postgres"])
async def test_a_lost_database_connection_loses_no_change(server: Serving, dialect: str):
    crm = server.crm
    name = crm.crm.db.url.partition("?")[0].rpartition("/")[2]
    kill = Sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = ",
        value(name),
    )
    async with server.talk() as talk:
        await follow(server, talk)
        for number in range(4):
            id_ = await create(crm, f"customer {number}")
            await crm.crm.db.fetch(kill)
            assert (await next_change(talk))["id"] == id_
