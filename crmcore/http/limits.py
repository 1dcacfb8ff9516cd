"""What holds for every request: an id, a bound for its headers, and an answer in JSON even when we have a bug."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crmcore.http.answers import HEADERS_TOO_LARGE, Rejected, error_response
from crmcore.kit.ids import new_id
from crmcore.schema.errors import INTERNAL, masked

log = logging.getLogger("crmcore.http")


class Guard:
    """The outermost middleware: `request.state.id`, `X-Request-Id`, header bound, masked bugs."""

    def __init__(self, app: ASGIApp, max_header_bytes: int) -> None:
        self._app = app
        self._max_header_bytes = max_header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_id()
        scope.setdefault("state", {})["id"] = request_id
        started = False

        async def marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", str(request_id).encode()),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        size = sum(len(name) + len(value) + 4 for name, value in scope["headers"]) + len(scope.get("query_string", b""))
        if size > self._max_header_bytes:
            said = f"Address and headers are larger than {self._max_header_bytes} bytes."
            rejected = Rejected(431, HEADERS_TOO_LARGE, said)
            await error_response(rejected, str(request_id))(scope, receive, marked)
            return
        try:
            await self._app(scope, receive, marked)
        except ClientDisconnect:  # nobody is left to answer; a client that goes is no fault of ours
            log.info("the client of request %s went away", request_id)
        except Exception:  # a bug must not close the connection without a word; it is logged in full
            log.exception("unexpected error in request %s", request_id)
            if started:
                raise
            rejected = Rejected(500, INTERNAL, masked(str(request_id)))
            await error_response(rejected, str(request_id))(scope, receive, marked)
