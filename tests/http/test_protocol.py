"""Connections that send too much or too slowly, against a real server."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest
import uvicorn

from crmcore.http.protocol import server_config
from crmcore.settings import Settings

OK = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope, receive, send):
    """Answers `ok` after reading the body."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    settings = Settings(port=0, read_seconds=0.4, max_header_bytes=2048, log_level="error")
    server = uvicorn.Server(server_config(app, settings))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def test_a_head_in_pieces_is_fine_and_so_is_a_second_request(port: int):
    async with connected(port) as (reader, writer):
        for _ in range(2):
            for piece in (OK[:5], OK[5:20], OK[20:]):
                writer.write(piece)
                await asyncio.sleep(0.02)
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


async def test_requests_in_a_row_on_one_connection(port: int):
    async with connected(port) as (reader, writer):
        writer.write(OK * 3)
        for _ in range(3):
            assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"GET /livez HT", b"GET /livez HTTP/1.1\r\nHost: x\r\n", OK + b"POST /"])
async def test_a_head_that_does_not_arrive_is_given_up(port: int, begun: bytes):
    async with connected(port) as (reader, writer):
        writer.write(begun)
        began = time.perf_counter()
        answer = await reader.read()
        assert time.perf_counter() - began < 3
        assert b"HTTP/1.1 408 " in answer
        assert b"took too long" in answer


async def test_a_head_that_trickles_is_given_up(port: int):
    async with connected(port) as (reader, writer):
        answer = asyncio.create_task(reader.read())
        writer.write(b"GET / HTTP/1.1\r\n")
        for n in range(100):
            if answer.done():
                break
            with contextlib.suppress(ConnectionError):
                writer.write(b"x-%d: y\r\n" % n)
            await asyncio.sleep(0.05)
        assert n < 30
        assert b"HTTP/1.1 408 " in await answer


@pytest.mark.parametrize("endless", [b"x-filler: " + b"x" * 100_000, b"x: y\r\n" * 20_000])
async def test_a_head_that_is_too_large_is_refused(port: int, endless: bytes):
    async with connected(port) as (reader, writer):
        writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n" + endless)
        assert b"HTTP/1.1 431 " in await reader.read()


async def test_a_body_may_be_larger_than_a_head(port: int):
    body = b"x" * 100_000
    async with connected(port) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
        writer.write(OK)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
