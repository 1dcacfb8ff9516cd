"""The server: the caller's token looked up by the ORM, then strawberry's own ASGI application."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import strawberry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig
from tortoise import Tortoise
from tortoise.expressions import Q

from benchmarks.naive.loaders import Loaders
from benchmarks.naive.models import ApiToken
from benchmarks.naive.types import SCALARS, Query


class Server(GraphQL[Any, Any]):
    """strawberry's application with our context, and with orjson."""

    async def get_context(self, request: Any, response: Any) -> dict[str, Any]:
        return {"loaders": Loaders(await _tenant(request))}

    def encode_json(self, data: Any) -> bytes:
        return orjson.dumps(data)


async def _tenant(request: Request) -> Any:
    """The tenant of the token's holder."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    valid = Q(expires_at=None) | Q(expires_at__gt=datetime.now(UTC))
    held = await ApiToken.get_or_none(valid, key=token[9:21], revoked_at=None, tenant__state="ACTIVE")
    if held is None or not hmac.compare_digest(held.hash, hashlib.sha256(token.encode()).hexdigest()):
        raise HTTPException(401)
    return held.tenant_id


def create_naive(database_url: str, connections: int = 10) -> Starlette:
    """The application: `POST /graphql`."""
    extensions = [ParserCache(), ValidationCache()]
    schema = strawberry.Schema(Query, extensions=extensions, config=StrawberryConfig(scalar_map=SCALARS))
    address = urlsplit(database_url)
    credentials = {
        "host": parse_qs(address.query).get("host", [address.hostname])[0], "port": address.port or 5432,
        "user": address.username, "password": address.password, "database": address.path[1:],
        "minsize": 1, "maxsize": connections, "server_settings": {"jit": "off"},
    }  # fmt: skip
    connection = {"engine": "tortoise.backends.asyncpg", "credentials": credentials}
    app = {"models": ["benchmarks.naive.models"], "default_connection": "default"}

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        config = {"connections": {"default": connection}, "apps": {"naive": app}}
        await Tortoise.init(config=config, _enable_global_fallback=True)
        yield
        await Tortoise.close_connections()

    async def alive(_request: Request) -> Response:
        return Response("alive")

    served = Starlette(lifespan=lifespan)
    served.add_route("/livez", alive)
    served.add_route("/graphql", Server(schema, graphql_ide=None))
    return served
