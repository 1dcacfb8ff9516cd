"""Streams of events: GraphQL over Server-Sent Events, with a connection for each operation."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crmcore.errors import Unauthenticated
from crmcore.http.answers import EVENTS
from crmcore.http.streams import STREAMING, Stalled, hang_up, slow_consumer
from crmcore.schema.running import Stream

_ALIVE: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"


class _Gone(Exception):
    """The client is no longer there."""


class EventStream(Response):
    """An operation's answers as events: `next` for each, and `complete`. Lines end in LF, as all clients understand."""

    def __init__(self, request: Request, stream: Stream, *, stall_seconds: float) -> None:
        super().__init__(media_type=f"{EVENTS}; charset=utf-8", headers={"Cache-Control": "no-cache"})
        del self.headers["content-length"]
        self._request = request
        self._stream = stream
        self._stall_seconds = stall_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the operation ends or the client goes."""
        if self._stream.endless:
            setattr(self._request.state, STREAMING, True)
        try:
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(_watch(receive))
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await self._tell(send)
                watching.cancel()
        except* _Gone:
            pass

    async def _tell(self, send: Send) -> None:
        async def put(chunk: bytes, *, more: bool = True) -> None:
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await send({"type": "http.response.body", "body": chunk, "more_body": more})
            except TimeoutError:
                hang_up(self._request)
                raise Stalled from None

        request_id = str(self._request.state.id)
        try:
            await put(_ALIVE)  # so that whatever stands between sends the headers on
            async with aclosing(self._stream.answers) as answers:
                async for answer in answers:
                    await put(_ALIVE if answer is None else _next(answer.body))
        except Unauthenticated as refused:
            extensions = {"code": refused.code, "requestId": request_id}
            await put(_next({"errors": [{"message": refused.message, "extensions": extensions}]}))
        except Stalled:
            await put(_next({"errors": [slow_consumer(request_id)]}))
        await put(_COMPLETE, more=False)


def _next(body: Any) -> bytes:
    return b"event: next\ndata: " + orjson.dumps(body) + b"\n\n"


async def _watch(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Gone
