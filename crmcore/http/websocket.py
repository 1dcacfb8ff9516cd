"""`/graphql` by WebSocket: queries, mutations and subscriptions in the protocol graphql-transport-ws.

One conversation is one task group: the task that reads, and one for each operation under way. Whatever ends the
conversation is raised in one of them as `_End`; the group then cancels the others and waits for them, so every
transaction is over before the socket is forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from crmcore.errors import Unauthenticated
from crmcore.http.answers import Rejected
from crmcore.http.auth import policy_of
from crmcore.http.reading import request_of
from crmcore.http.served import Served
from crmcore.http.streams import SHUTDOWN, SLOW_CONSUMER, Session, Stalled, hang_up, slow_consumer
from crmcore.kit.ids import new_id
from crmcore.platform.database import StatementTimeout, Unavailable
from crmcore.schema.running import Stream

log = logging.getLogger("crmcore.http")

PROTOCOL: Final = "graphql-transport-ws"
_GOING_AWAY, _INTERNAL, _TRY_AGAIN = 1001, 1011, 1013
_BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN, _NO_PROTOCOL = 4400, 4401, 4403, 4406
_INIT_TIMEOUT, _TAKEN, _TOO_MANY_INITS = 4408, 4409, 4429
_LONGEST_ID: Final = 255

Find = Callable[[WebSocket], Served]
Message = dict[str, Any]


class _End(Exception):
    """The conversation is over: close with this code and reason; None if the client is gone already."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class WebSocketEndpoint:
    """Takes WebSockets of our own origin, of `cors_origins`, and of clients that are no browsers."""

    def __init__(self, served: Find) -> None:
        self._served = served

    async def answer(self, websocket: WebSocket) -> None:
        """The whole life of a socket."""
        served = self._served(websocket)
        if not _may_come(websocket, served.settings.cors_origins):
            await websocket.close(_FORBIDDEN)  # the handshake is refused with 403
            return
        speaks = PROTOCOL in websocket.scope["subprotocols"]
        try:
            await websocket.accept(PROTOCOL if speaks else None)
            end = await _Conversation(served, websocket).hold() if speaks else _End(_NO_PROTOCOL, f"Speak {PROTOCOL}.")
            if end.code is not None:
                await websocket.close(end.code, end.reason)
        except WebSocketDisconnect:
            log.debug("the client of a WebSocket went away")


def _may_come(websocket: WebSocket, origins: list[str]) -> bool:
    """A browser says in `Origin` whose page it runs; other clients say nothing, or what they like."""
    origin = websocket.headers.get("origin")
    if origin is None or origin in origins or "*" in origins:
        return True
    return urlsplit(origin).netloc == websocket.headers.get("host")


@dataclass(frozen=True, slots=True)
class _Operation:
    task: asyncio.Task[None]
    endless: bool


class _Conversation:
    """What is said on one socket after the handshake."""

    def __init__(self, served: Served, websocket: WebSocket) -> None:
        self._served = served
        self._settings = served.settings
        self._websocket = websocket
        self._operations: dict[str, _Operation] = {}
        self._tasks = asyncio.TaskGroup()

    async def hold(self) -> _End:
        """Talk until one side has enough; how it ended. Nothing of it runs any more then."""
        ends: list[_End] = []
        try:
            async with self._tasks:
                await self._talk()
        except* _End as group:
            ends += [error for error in group.exceptions if isinstance(error, _End)]
        except* Stalled:
            ends.append(_End(_TRY_AGAIN, SLOW_CONSUMER))
        except* Exception as bugs:  # a bug must not tear the connection off without a word
            log.exception("unexpected error in a WebSocket", exc_info=bugs)
            ends.append(_End(_INTERNAL, "Something went wrong on our side."))
        return ends[0]

    async def _talk(self) -> None:
        try:
            async with asyncio.timeout(self._settings.socket_init_seconds):
                session = await self._greeted()
        except TimeoutError:
            raise _End(_INIT_TIMEOUT, "Connection initialisation timeout") from None
        await self._say({"type": "connection_ack"})
        while True:
            message = await self._heard()
            match message["type"]:
                case "subscribe":
                    self._start(session, message)
                case "complete":
                    operation = self._operations.pop(_id_of(message), None)
                    if operation is not None:
                        operation.task.cancel()
                case "connection_init":
                    raise _End(_TOO_MANY_INITS, "Too many initialisation requests")
                case _:
                    await self._alive(message)

    async def _greeted(self) -> Session:
        """The session that the client's first words ask for."""
        while True:
            message = await self._heard()
            match message["type"]:
                case "connection_init":
                    return await self._session(message.get("payload"))
                case "subscribe" | "complete":
                    raise _End(_UNAUTHORIZED, "Unauthorized")
                case _:
                    await self._alive(message)

    async def _session(self, payload: Any) -> Session:
        if payload is not None and not isinstance(payload, dict):
            raise _End(_BAD_REQUEST, "The payload of connection_init must be an object.")
        told = {str(key).lower(): value for key, value in (payload or {}).items()}
        authorization = told.get("authorization", self._websocket.headers.get("authorization"))
        if authorization is not None and not isinstance(authorization, str):
            raise _End(_BAD_REQUEST, "authorization must be a string.")
        session = Session(self._served, authorization)
        try:
            await policy_of(self._served.db, authorization, seconds=self._settings.request_seconds)
        except Unauthenticated:
            raise _End(_FORBIDDEN, "Forbidden") from None
        except (StatementTimeout, Unavailable):
            log.warning("the database does not answer", exc_info=True)
            raise _End(_TRY_AGAIN, "The database does not answer. Try again soon.") from None
        return session

    async def _alive(self, message: Message) -> None:
        if message["type"] == "ping":
            payload = message.get("payload")
            await self._say({"type": "pong"} if payload is None else {"type": "pong", "payload": payload})
        elif message["type"] != "pong":
            raise _End(_BAD_REQUEST, f"Unknown message type {message['type'][:40]!r}")

    async def _heard(self) -> Message:
        """The client's next message."""
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                raise _End(None)
            if not received.get(SHUTDOWN):
                break
            await self._drain()
        text = received.get("text")
        if text is None:
            raise _End(_BAD_REQUEST, "Only text messages are understood.")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise _End(_BAD_REQUEST, "The message is not JSON.") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise _End(_BAD_REQUEST, 'A message is an object like {"type": "ping"}.')
        return message

    def _start(self, session: Session, message: Message) -> None:
        id_ = _id_of(message)
        if id_ in self._operations:
            raise _End(_TAKEN, f"Subscriber for {id_[:80]} already exists".encode()[:120].decode(errors="ignore"))
        try:
            request = request_of(message.get("payload"))
        except Rejected as rejected:
            raise _End(_BAD_REQUEST, rejected.message[:120]) from None
        if len(self._operations) >= self._settings.socket_operations:
            self._tasks.create_task(self._refuse(id_))
            return
        stream = self._served.runner.open(session, request)
        task = self._tasks.create_task(self._answer(id_, stream))
        self._operations[id_] = _Operation(task, stream.endless)

    async def _answer(self, id_: str, stream: Stream) -> None:
        """Say all that an operation answers. A cancelled one says nothing more: the client has said that it is over."""
        last: Message = {"id": id_, "type": "complete"}
        try:
            async with aclosing(stream.answers) as answers:
                async for answer in answers:
                    if answer is None:
                        continue  # that the connection lives is told by the pings of the protocol below
                    if not answer.executed:
                        last = {"id": id_, "type": "error", "payload": answer.errors}
                        break
                    await self._say({"id": id_, "type": "next", "payload": answer.body})
            del self._operations[id_]
            await self._say(last)
        except Unauthenticated:
            raise _End(_FORBIDDEN, "Forbidden") from None
        except Stalled:
            await self._say({"id": id_, "type": "error", "payload": [slow_consumer(str(new_id()))]})
            raise

    async def _refuse(self, id_: str) -> None:
        said = f"At most {self._settings.socket_operations} operations may be under way on one socket."
        error = {"message": said, "extensions": {"code": "TOO_MANY_OPERATIONS", "requestId": str(new_id())}}
        await self._say({"id": id_, "type": "error", "payload": [error]})

    async def _say(self, message: Message) -> None:
        """Stalled if the client takes nothing for so long: then it is hung up on, and words for it wait no more."""
        text = orjson.dumps(message).decode()  # in bytes it would go out as a binary message
        try:
            async with asyncio.timeout(self._settings.stall_seconds):
                await self._websocket.send_text(text)
        except TimeoutError:
            hang_up(self._websocket)
            raise Stalled from None
        except WebSocketDisconnect:
            raise _End(None) from None

    async def _drain(self) -> None:
        """The server shuts down: what has an end may reach it, then the socket closes. Clients come back elsewhere."""
        short = [operation.task for operation in self._operations.values() if not operation.endless]
        if short:
            await asyncio.wait(short, timeout=self._settings.drain_seconds * 0.8)
        raise _End(_GOING_AWAY, "The server shuts down.")


def _id_of(message: Message) -> str:
    found = message.get("id")
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_ID:
        raise _End(_BAD_REQUEST, "The message needs an id, a short text.")
    return found
