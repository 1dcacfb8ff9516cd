"""A whole app for tests: `crm`, with its own database, a token and a client that speaks to it over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from starlette.applications import Starlette

from crmcore import testing
from crmcore.app import Clock, Composition, Crm, compose
from crmcore.kit import times
from crmcore.platform.access import Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.identity import authenticate, create_token
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from crmcore.testing.calling import Answer
from crmcore.testing.crm import opened, running

__all__ = ["Answer", "Open", "TestCrm", "crm", "open_crm", "running"]

Open = Callable[..., AbstractAsyncContextManager["TestCrm"]]


class TestCrm(testing.TestCrm):
    """An app that runs, and how a test of the core speaks to it and looks into it."""

    __test__ = False

    policy: Policy

    def __init__(self, app: Starlette, core: Crm, http: httpx.AsyncClient, tenant: UUID, token: str) -> None:
        super().__init__(app, core, http, tenant, token)
        self.crm, self.client = core, http
        self.seen: list[httpx.Response] = []

    @property
    def context(self) -> Context:
        """For commands beside HTTP, as the token's holder."""
        return self.crm.context(self.policy)

    async def post(self, query: str, variables: Answer | None = None, **options: Any) -> httpx.Response:
        """One operation, as whom the client's headers name; the response as it is, and kept."""
        headers = {"authorization": self.client.headers["authorization"], **options.pop("headers", {})}
        response = await super().post(query, variables, headers=headers, **options)
        self.seen.append(response)
        return response

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
async def open_crm(
    url: str, plugins: Plugins | None = None, *, clock: Clock = times.now, **settings: Any
) -> AsyncIterator[TestCrm]:
    """An app on this database. Without `plugins` it has none, whatever is installed."""
    known = Settings(**{"database_url": url, "database_connections": 5, "worker": False, **settings})
    parts = await (_core() if plugins is None else compose(plugins))
    async with opened(known, parts, clock) as found:
        crm = TestCrm(found.app, found.core, found.http, found.tenant, found.token)
        crm.policy = await authenticate(crm.crm.db, crm.token)
        yield crm


@pytest.fixture
async def crm(database_url: str) -> AsyncIterator[TestCrm]:
    """An app of the core alone on a fresh database."""
    async with open_crm(database_url) as opened_crm:
        yield opened_crm
