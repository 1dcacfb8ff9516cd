"""Callers of an app with plugins: of several tenants, and with several views of one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crmcore.app import Crm
from crmcore.platform.access import Reach
from crmcore.platform.identity import create_tenant, create_token
from crmcore.plugins import Plugins
from tests.fixtures import TestCrm, open_crm


@dataclass
class Client:
    """Asks as one token's holder."""

    opened: TestCrm
    token: str

    @property
    def crm(self) -> Crm:
        return self.opened.crm

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole response, errors included."""
        response = await self.opened.post(query, variables, headers={"authorization": f"Bearer {self.token}"})
        answer: dict[str, Any] = response.json()
        return answer

    async def data(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of a response without errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def create(self, noun: str, **values: Any) -> str:
        """Create a record by its generated mutation; its global id."""
        kind = noun[0].upper() + noun[1:]
        data = await self.data(
            f"mutation($input: {kind}CreateInput!) {{ {noun}Create(input: $input) "
            f"{{ {noun} {{ id }} errors {{ code message path }} }} }}",
            input=values,
        )
        payload = data[f"{noun}Create"]
        assert payload["errors"] == []
        key: str = payload[noun]["id"]
        return key

    async def other(self, *, tenant: str = "", user: UUID | None = None, reach: Reach = Reach.TENANT) -> Client:
        """Somebody else at the same app: of another tenant, or a user who sees less."""
        async with self.crm.db.transaction() as tx:
            held = await create_tenant(tx, tenant or "default", "Another")
            made = await create_token(tx, held, "another", user_id=user, reach=reach)
        return Client(self.opened, made.text)


@asynccontextmanager
async def served(url: str, plugins: Plugins, **settings: Any) -> AsyncIterator[Client]:
    """A caller of an app on a migrated database."""
    async with open_crm(url, plugins, **settings) as opened:
        yield Client(opened, opened.token)
