"""uvicorn's WebSocket protocol, which says goodbye well: at a shutdown, and to a client that reads nothing."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from crmcore.http.streams import GRACE, HANG_UP, SHUTDOWN


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

    def hang_up(self) -> None:
        """See `streams.hang_up`."""
        self.writable.set()
        self.loop.call_later(GRACE, self.transport.abort)
