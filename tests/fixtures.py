"""A whole app for tests: `crm`, with its own database, a token and a client that speaks to it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from crmcore.app import Clock, Composition, Crm, compose, create_app
from crmcore.kit import times
from crmcore.platform.access import Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.identity import authenticate, create_token, find_tenant
from crmcore.plugins import Plugins
from crmcore.settings import Settings

Answer = dict[str, Any]
Open = Callable[..., AbstractAsyncContextManager["TestCrm"]]


@dataclass
class TestCrm:
    """An app that runs, and how a test speaks to it. `client` sends the token with every request."""

    __test__ = False

    app: Starlette
    crm: Crm
    client: httpx.AsyncClient
    tenant: UUID
    token: str
    policy: Policy
    seen: list[httpx.Response] = field(default_factory=list)

    @property
    def context(self) -> Context:
        """For commands beside HTTP, as the token's holder."""
        return self.crm.context(self.policy)

    async def post(self, query: str, variables: Answer | None = None, **options: Any) -> httpx.Response:
        """One operation; the response as it is."""
        body = orjson.dumps({"query": query, "variables": variables or {}})
        headers = {"content-type": "application/json", **options.pop("headers", {})}
        response = await self.client.post("/graphql", content=body, headers=headers, **options)
        self.seen.append(response)
        return response

    async def ask(self, query: str, **variables: Any) -> Answer:
        """The whole answer to an operation, errors included."""
        answer: Answer = (await self.post(query, variables)).json()
        return answer

    async def gql(self, query: str, **variables: Any) -> Answer:
        """The data of an operation that must have no top-level errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Answer = answer["data"]
        return data

    async def run_jobs(self) -> int:
        """Run all jobs that are due now; how many."""
        return await self.crm.run_jobs()

    async def token_for(self, *, user_id: UUID | None = None, reach: Reach = Reach.TENANT) -> str:
        """Another token of the tenant."""
        async with self.crm.db.transaction() as tx:
            return (await create_token(tx, self.tenant, "test", user_id=user_id, reach=reach)).text


_parts: list[Composition] = []


async def _core() -> Composition:
    """The core without plugins, composed once per process."""
    if not _parts:
        _parts.append(await compose(Plugins()))
    return _parts[0]


@asynccontextmanager
async def running(app: Starlette) -> AsyncIterator[Starlette]:
    """The app between the beginning and the end of its lifespan."""
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def open_crm(
    url: str, plugins: Plugins | None = None, *, clock: Clock = times.now, **settings: Any
) -> AsyncIterator[TestCrm]:
    """An app on this database. Without `plugins` it has none, whatever is installed."""
    known = Settings(**{"database_url": url, "database_connections": 5, "worker": False, **settings})
    parts = await (_core() if plugins is None else compose(plugins))
    async with running(create_app(known, parts=parts, clock=clock)) as app:
        crm: Crm = app.state.crm
        tenant = await find_tenant(crm.db)
        assert tenant is not None
        async with crm.db.transaction() as tx:
            token = (await create_token(tx, tenant, "test")).text
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://crm.test", headers=headers) as client:
            yield TestCrm(app, crm, client, tenant, token, await authenticate(crm.db, token))


@pytest.fixture
async def crm(database_url: str) -> AsyncIterator[TestCrm]:
    """An app of the core alone on a fresh database."""
    async with open_crm(database_url) as opened:
        yield opened
