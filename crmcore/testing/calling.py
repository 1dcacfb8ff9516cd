"""Somebody who speaks to an app over HTTP, as every client does."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import orjson

from crmcore.app import Crm
from crmcore.kit.ids import from_global
from crmcore.kit.text import camel
from crmcore.platform.access import Reach
from crmcore.platform.identity import create_tenant, create_token

Answer = dict[str, Any]


class Caller:
    """The holder of one token. `http` is a client of the app in this process, which sends the token."""

    def __init__(self, core: Crm, http: httpx.AsyncClient, tenant: UUID, token: str) -> None:
        self.core = core
        self.http = http
        self.tenant = tenant
        self.token = token

    async def post(self, query: str, variables: Answer | None = None, **options: Any) -> httpx.Response:
        """One operation; the response as it is."""
        body = orjson.dumps({"query": query, "variables": variables or {}}, default=str)
        own = {"content-type": "application/json", "authorization": f"Bearer {self.token}"}
        headers = {**own, **options.pop("headers", {})}
        return await self.http.post("/graphql", content=body, headers=headers, **options)

    async def ask(self, query: str, /, **variables: Any) -> Answer:
        """The whole answer to an operation, errors included."""
        answer: Answer = (await self.post(query, variables)).json()
        return answer

    async def gql(self, query: str, /, **variables: Any) -> Answer:
        """The data of an operation that must have no top-level errors."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: Answer = answer["data"]
        return data

    async def create(self, noun: str, /, **values: Any) -> str:
        """Create a record by its mutation, `create("customer", name="Alfki")`, without an error; its global id."""
        kind = noun[:1].upper() + noun[1:]
        payload = (
            await self.gql(
                f"mutation($input: {kind}CreateInput!) {{ {noun}Create(input: $input) "
                f"{{ {noun} {{ id }} errors {{ code message path }} }} }}",
                input={camel(name): value for name, value in values.items()},
            )
        )[f"{noun}Create"]
        assert payload["errors"] == [], payload["errors"]
        key: str = payload[noun]["id"]
        return key

    async def caller(self, *, tenant: str = "", user: str | None = None, sees: str = "TENANT") -> Caller:
        """Somebody else at the same app: of another tenant, or a user who sees less (OWN, TEAM)."""
        async with self.core.db.transaction() as tx:
            held = await create_tenant(tx, tenant, tenant) if tenant else self.tenant
            key = key_of(user) if user else None
            made = await create_token(tx, held, "another caller", user_id=key, reach=Reach(sees))
        return Caller(self.core, self.http, held, made.text)


def key_of(global_id: str) -> UUID:
    """The key of a record whose global id is known: what functions of the domain and rows speak of."""
    return from_global(global_id)[1]
