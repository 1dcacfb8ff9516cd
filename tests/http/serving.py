"""A real server on 127.0.0.1 for a test's app, and clients that speak to it over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from crmcore.http.protocol import server_config
from tests.fixtures import TestCrm

PROTOCOL = Subprotocol("graphql-transport-ws")


@dataclass
class Serving:
    """Where an app is served."""

    crm: TestCrm
    port: int
    server: uvicorn.Server
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def sockets(self) -> list[Any]:
        """The server's side of the WebSockets that are open."""
        return [c for c in self.server.server_state.connections if hasattr(c, "conn")]

    def dial(self, **options: Any) -> connect:
        """A socket whose handshake is done, nothing more."""
        options.setdefault("subprotocols", [PROTOCOL])
        return connect(f"ws://127.0.0.1:{self.port}/graphql", compression=None, proxy=None, **options)

    @asynccontextmanager
    async def talk(self, token: str | None = None, **options: Any) -> AsyncIterator[Talk]:
        """A conversation that the server has acknowledged."""
        async with self.dial(**options) as connection:
            talk = Talk(connection)
            await talk.greet(self.crm.token if token is None else token)
            yield talk

    async def stop(self) -> None:
        self.server.should_exit = True
        await self.task


@dataclass
class Talk:
    """A client's side of graphql-transport-ws."""

    connection: ClientConnection

    async def say(self, **message: Any) -> None:
        await self.connection.send(orjson.dumps(message).decode())

    async def hear(self, seconds: float = 20) -> dict[str, Any]:
        """The next message, which must be text."""
        async with asyncio.timeout(seconds):
            text = await self.connection.recv()
        assert isinstance(text, str)
        message: dict[str, Any] = orjson.loads(text)
        return message

    async def greet(self, token: str) -> None:
        await self.say(type="connection_init", payload={"authorization": f"Bearer {token}"})
        assert await self.hear() == {"type": "connection_ack"}

    async def subscribe(self, id_: str, query: str, **variables: Any) -> None:
        await self.say(type="subscribe", id=id_, payload={"query": query, "variables": variables})

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one answer to a query or mutation."""
        await self.subscribe("ask", query, **variables)
        answer = await self.hear()
        assert (answer["type"], answer["id"]) == ("next", "ask"), answer
        assert await self.hear() == {"type": "complete", "id": "ask"}
        payload: dict[str, Any] = answer["payload"]
        return payload

    async def closed(self) -> tuple[int | None, str]:
        """How the server closed the socket, which it must do now."""
        async with asyncio.timeout(20):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason or ""


async def followed(crm: TestCrm, number: int) -> None:
    """Return when so many subscriptions follow the log."""
    async with asyncio.timeout(10):
        while crm.crm.runner.tail.followers != number:
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(crm: TestCrm) -> AsyncIterator[Serving]:
    """The app, served as `crmcore serve` does."""
    config = server_config(crm.app, crm.crm.settings.model_copy(update={"log_level": "error"}))
    config.lifespan = "off"
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve([listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        served = Serving(crm, listener.getsockname()[1], server, task)
        try:
            yield served
        finally:
            await served.stop()
