"""The one object that plugins are given: everything a plugin may ask of crmcore while it runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

from crmcore.kit.sql import Sql
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.enclosed import Enclosed
from crmcore.platform.jobs import JobKind, Priority, enqueue
from crmcore.platform.plugin_store import Store
from crmcore.platform.sealing import seal, unseal
from crmcore.platform.terms import key_of
from crmcore.plugins.backing import Backing
from crmcore.records import Change, Written, write

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_enclosed: Final[ContextVar[Mapping[int, Context]]] = ContextVar("_enclosed", default=MappingProxyType({}))
"""The contexts of the transactions that this task is in, by the identity of the context outside."""


class GraphQLFailed(Exception):
    """A document of a plugin was answered with errors; `errors` are those of the response."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("; ".join(str(error.get("message", "")) for error in errors))
        self.errors = errors


class Crm:
    """What a plugin may ask of crmcore, in one tenant.

    In hooks, jobs, routes and commands it acts as the plugin's service account: an actor of kind PLUGIN with the
    plugin's name, who sees the whole tenant. In functions that the graph calls (`crm_of(ctx, "id")`) it acts as the
    caller.
    """

    def __init__(self, backing: Backing, plugin: str, ctx: Context) -> None:
        self._backing = backing
        self._ctx = ctx
        self.plugin: Final = plugin
        self.log: Final = logging.getLogger(f"crmcore.plugins.{plugin}")

    def __repr__(self) -> str:
        return f"Crm({self.plugin!r}, tenant {self.tenant_id})"

    @property
    def tenant_id(self) -> UUID:
        """The tenant that everything here is about."""
        return self._ctx.tenant_id

    @property
    def ctx(self) -> Context:
        """The context for commands of the domain; inside of `transaction()` it is the transaction's."""
        return _enclosed.get().get(id(self._ctx), self._ctx)

    # ------------------------------------------------------------ the graph and the records

    async def gql(self, document: str, /, **variables: Any) -> dict[str, Any]:
        """The data of a query or mutation. GraphQLFailed if there are errors; those of a payload are data."""
        body = await self._backing.ask(replace(self.ctx), document, variables)  # it notes the mutation's name there
        if body.get("errors"):
            raise GraphQLFailed(body["errors"])
        data: dict[str, Any] = body["data"]
        return data

    async def write(self, changes: Sequence[Change], tx: Transaction | None = None) -> list[Written]:
        """Make changes to records, all or none; Refusals says what was wrong. With `tx`, in that transaction."""
        return await write(self.ctx, changes, tx=tx)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Everything that this object does in the block, by this task, lasts together or not at all."""
        outer = self.ctx
        async with outer.db.transaction() as tx:
            inside = replace(outer, db=Enclosed(outer.db, tx))
            token = _enclosed.set({**_enclosed.get(), id(self._ctx): inside})
            try:
                yield tx
            finally:
                _enclosed.reset(token)

    async def enqueue(
        self,
        name: str,
        payload: Mapping[str, Any],
        *,
        run_at: datetime | None = None,
        priority: int = Priority.NORMAL,
        unique_key: str | None = None,
        tx: Transaction | None = None,
    ) -> UUID:
        """Have one of the plugin's own jobs run, at once or at a time; its id. While one with the same `unique_key`
        waits or runs there is no second one. With `tx` it is there when that transaction is."""
        ctx = self.ctx
        kind: JobKind | None = ctx.jobs.get(f"{self.plugin}.{name}")
        if kind is None:
            raise ValueError(f"Plugin {self.plugin} has no job {name!r}: crm_jobs names them.")
        options: dict[str, Any] = {"run_at": run_at, "priority": priority, "unique_key": unique_key}
        if tx is not None:
            return await enqueue(ctx, tx, kind, payload, **options)
        async with ctx.db.transaction() as own:
            return await enqueue(ctx, own, kind, payload, **options)

    @property
    def store(self) -> Store:
        """Values that the plugin keeps in this tenant: `await crm.store.get("cursor")`, `.put`, `.delete`, `.items`."""
        return Store(self.plugin, self.ctx)

    async def settings(self) -> Any:
        """The plugin's settings in this tenant."""
        return await self._backing.settings(self.plugin, self.ctx)

    # ------------------------------------------------------------ the world outside

    @property
    def http(self) -> httpx.AsyncClient:
        """A client that reaches the hosts which the manifest and the settings name, at addresses of the public
        internet, within 10 seconds. It need not be closed: the connections are the app's."""
        return self._backing.client(self.plugin, self._ctx)

    def url(self, path: str = "") -> str:
        """The address of one of the plugin's routes, as the world outside sees it."""
        return f"{self._backing.public_url.rstrip('/')}/plugins/{self.plugin}/{path.lstrip('/')}"

    def seal(self, data: Mapping[str, Any], expires: datetime | None = None) -> str:
        """A signed token for a link: it carries the tenant and these data, which are JSON, small and no secret."""
        return seal(self._backing.secret, f"plugin {self.plugin}", self.tenant_id, data, expires)

    async def unseal(self, text: str) -> tuple[Crm, dict[str, Any]] | None:
        """What a token of `seal` says, and the Crm of its tenant. None if it is not ours, its time is over, or its
        tenant is not active."""
        found = unseal(self._backing.secret, f"plugin {self.plugin}", text, self.now())
        if found is None or found.tenant_id not in await self.tenants():
            return None
        return self.of(found.tenant_id), found.data

    # ------------------------------------------------------------ around

    def now(self) -> datetime:
        """The present moment, in UTC. In tests it is the test's."""
        return self._ctx.clock()

    def of(self, tenant_id: UUID) -> Crm:
        """The same plugin in another tenant, acting by itself."""
        if tenant_id == self.tenant_id and self._ctx.actor == self._backing.acting(self.plugin, tenant_id).actor:
            return self
        return Crm(self._backing, self.plugin, self._backing.acting(self.plugin, tenant_id))

    @property
    def itself(self) -> Crm:
        """The same plugin acting by itself where this acts as the caller: for what a check must know and the caller may
        not see. Inside of a transaction it is in that one."""
        own = self._backing.acting(self.plugin, self.tenant_id).policy
        return self if self.ctx.actor == own.actor else Crm(self._backing, self.plugin, replace(self.ctx, policy=own))

    async def tenants(self) -> list[UUID]:
        """The active tenants."""
        rows = await self._backing.db.fetch(Sql("SELECT id FROM tenant WHERE state = 'ACTIVE' ORDER BY created_at, id"))
        return [key_of(row["id"]) for row in rows]

    def has(self, plugin: str) -> bool:
        """Whether another plugin is loaded. Plugins talk to each other by the graph and by events."""
        return plugin in self._backing.manifests()

    async def in_thread(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        """What `function` answers, run in a thread: for what would block the loop."""
        return await self._backing.background.in_thread(self.plugin, function, *args, **named)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have a coroutine run beside everything else. What it raises is logged and counted as the plugin's fault; when
        the app ends it is cancelled. What must not be lost is a job."""

        def told(error: Exception) -> None:
            self._backing.fault(self.plugin, "spawn", error)

        return self._backing.background.spawn(self.plugin, work, told)


def crm_of(ctx: Context, plugin: str) -> Crm:
    """The plugin's Crm in a function that the graph calls: it acts as the caller."""
    backing: Backing = ctx.plugins
    return Crm(backing, plugin, ctx)


def crm_in(backing: Backing, plugin: str, tenant_id: UUID, cause: UUID | None = None) -> Crm:
    """The plugin's Crm in a tenant, acting by itself. `cause` groups what it does with what it was told of."""
    return Crm(backing, plugin, backing.acting(plugin, tenant_id, cause))
