"""Hosts of the world outside that a test answers for: what plugins send there with `crm.http` arrives here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx

Answering = Callable[[httpx.Request], httpx.Response]


class MockedHost(httpx.AsyncBaseTransport):
    """One host. It answers in the order of `respond`, the last answer again and again; `requests` is what came.

    A host that the plugin may not reach stays out of reach.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.requests: list[httpx.Request] = []
        self._answers: list[Answering] = []

    def respond(
        self,
        status: int = 200,
        *,
        json: Any = None,
        text: str | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        error: Exception | None = None,
        by: Answering | None = None,
    ) -> MockedHost:
        """Answer the next request like this: with a status and a body, by raising an error as a broken connection
        would, or with what a function makes of the request."""

        def answer(request: httpx.Request) -> httpx.Response:
            if error is not None:
                raise error
            body: dict[str, Any] = {"text": text, "content": content} if json is None else {"json": json}
            return httpx.Response(status, headers=headers, **{k: v for k, v in body.items() if v is not None})

        self._answers.append(by or answer)
        return self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(f"{request.method} {request.url}: mock_outbound({self.host!r}) has no answer yet.")
        return (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])(request)
