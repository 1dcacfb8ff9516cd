"""One route for each operation: one statement for the token and one for the answer, on one connection.

The product's answers must be equal to these (verify.py); its CPU time is measured against theirs.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


class Floor(Protocol):
    """A database with its hand-written statements."""

    operations: tuple[str, ...]

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def answer(self, operation: str, token: str, variables: dict[str, Any]) -> str | bytes | None:
        """Finished JSON, or None for null. NobodyError for a wrong token."""


class NobodyError(Exception):
    """The token names no caller."""


def key_of(token: str) -> str:
    """The part of a token by which it is found."""
    return token[9:21]


def checked(token: str, caller: Any) -> Any:
    """The caller that was found by the token's key, if the whole token is theirs."""
    if caller is None or not hmac.compare_digest(caller["hash"], hashlib.sha256(token.encode()).hexdigest()):
        raise NobodyError
    return caller


def create_floor(database_url: str, connections: int = 10) -> Starlette:
    """The application: `POST /Q1` and so on, the variables as its body."""
    floor = _floor(database_url, connections)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await floor.open()
        yield
        await floor.close()

    def route(operation: str) -> Route:
        async def endpoint(request: Request) -> Response:
            variables = orjson.loads(await request.body())
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            try:
                body = await floor.answer(operation, token, variables)
            except NobodyError:
                return Response(status_code=401)
            return Response(body or "null", media_type="application/json")

        return Route(f"/{operation}", endpoint, methods=["POST"])

    return Starlette(routes=[route(operation) for operation in floor.operations], lifespan=lifespan)


def _floor(database_url: str, connections: int) -> Floor:
    if database_url.startswith("sqlite:"):
        from benchmarks.floor.sqlite import SqliteFloor

        return SqliteFloor(database_url)
    from benchmarks.floor.postgres import PostgresFloor

    return PostgresFloor(database_url, connections)
