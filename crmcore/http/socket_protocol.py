"""uvicorn's WebSocket protocol, which says goodbye well: at a shutdown, and to a client that reads nothing."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crmcore.http.streams import GRACE, HANG_UP, SHUTDOWN

_FLOODED: Final = 1_000_000
"""Bytes that wait for a client. Messages wait for it to read before they come so far; only pongs do not."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket."""

    def __init__(self, *, app_state: dict[str, Any], **given: Any) -> None:
        super().__init__(app_state={**app_state, HANG_UP: self.hang_up}, **given)

    def shutdown(self) -> None:
        """The app is told, which lets operations end and closes the socket with 1001; uvicorn would cut it off."""
        if self.handshake_complete and not self.close_sent:
            told: Any = {"type": "websocket.receive", SHUTDOWN: True}
            self.queue.put_nowait(told)
        else:
            super().shutdown()

    def handle_ping(self) -> None:
        super().handle_ping()
        if self.transport.get_write_buffer_size() > _FLOODED:
            self.transport.abort()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        super().on_task_complete(task)
        self.loop.call_later(GRACE, self.transport.abort)  # what a client does not read would keep the socket open

    def hang_up(self) -> None:
        """See `streams.hang_up`."""
        self.writable.set()
        self.loop.call_later(GRACE, self.transport.abort)
