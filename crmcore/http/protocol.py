"""uvicorn with what it lacks: bounds for the size of a request's head and for the time it may take to arrive, and a
start that leaves no waste."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import socket
import sys
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from crmcore.http.streams import GRACE, HANG_UP, STREAMING
from crmcore.settings import Settings


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol, which closes connections whose head is too large or too slow."""

    max_head_bytes = 40_960
    seconds = 10.0

    _head = 0
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._waiting is None and self._head == 0 and self.cycle_is_over():
            self._begin()
        if self._waiting is not None:
            self._head += len(data)
            if self._head > self.max_head_bytes and b"\r\n\r\n" not in data[: self.max_head_bytes]:
                self._refuse(431, "The head of the request is too large.")
                return
        super().data_received(data)

    def shutdown(self) -> None:
        super().shutdown()
        if not self.cycle_is_over() and self.cycle.scope["state"].get(STREAMING):
            self.transport.close()  # it would not end by itself

    def hang_up(self) -> None:
        """See `streams.hang_up`."""
        self.cycle.keep_alive = False
        self.resume_writing()
        self.loop.call_later(GRACE, self.transport.abort)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][HANG_UP] = self.hang_up
        if self._waiting is None:  # it came in the same piece as the end of the request before it
            self._begin()

    def on_headers_complete(self) -> None:
        self._end()
        super().on_headers_complete()

    def cycle_is_over(self) -> bool:
        """Whether the next bytes begin a request."""
        cycle: Any = self.cycle  # None until the first request
        return cycle is None or bool(cycle.response_complete)

    def _begin(self) -> None:
        self._head = 0
        self._waiting = self.loop.call_later(self.seconds, self._refuse, 408, "The head of the request took too long.")

    def _end(self) -> None:
        self._head = 0
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self, status: int, said: str) -> None:
        self._end()
        if self.transport.is_closing():
            return
        if not self.cycle_is_over():  # words of ours would land in the middle of the answer under way
            self.transport.close()
            return
        body = f'{{"errors":[{{"message":"{said}","extensions":{{"code":"BAD_REQUEST"}}}}]}}'.encode()
        head = b"content-type: application/json; charset=utf-8\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(STATUS_LINE[status] + head % len(body) + body)
        self.transport.close()


def bounded_protocol(max_head_bytes: int, seconds: float) -> type[BoundedProtocol]:
    """The protocol with these bounds; uvicorn makes an instance for each connection."""
    return type("Bounded", (BoundedProtocol,), {"max_head_bytes": max_head_bytes, "seconds": seconds})


def _websocket_protocol(**given: Any) -> asyncio.Protocol:
    """The protocol of one WebSocket. The library comes with the first: many servers never see one."""
    from crmcore.http.socket_protocol import SocketProtocol

    return SocketProtocol(**given)


def server_config(app: Starlette, settings: Settings, **extra: Any) -> uvicorn.Config:
    """How `crmcore serve` runs an app."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        http=bounded_protocol(settings.max_header_bytes + 8192, settings.read_seconds),
        ws=cast("Any", _websocket_protocol),  # uvicorn only calls it, as it would a class
        ws_max_size=settings.max_body_bytes,
        ws_per_message_deflate=False,  # it would keep tens of kilobytes for each connection
        lifespan="on",
        server_header=False,
        access_log=settings.log_level == "debug",
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        **extra,
    )


class Server(uvicorn.Server):
    """uvicorn's server, which gives back at its start what making the app needed and serving does not."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        _settle()


def _settle() -> None:
    """What is left stays until the end, and the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's; others give back by themselves
        if trim is not None:
            trim(0)
