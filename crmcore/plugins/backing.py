"""What stands behind every `Crm` that plugins are given: made once by the app, which hands in what it is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import UUID, uuid5

from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.background import Background
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.webhooks import Guard
from crmcore.plugins.manifest import Manifest

if TYPE_CHECKING:  # the HTTP client takes memory that apps whose plugins send nothing are spared
    import httpx

    from crmcore.platform.outbound import Pools

T = TypeVar("T")
_ACTORS: Final = UUID("6f0d6f3e-6f25-5a0c-9a86-6d1f6f6b7c11")


@lru_cache(256)
def service_account(plugin: str) -> Actor:
    """Who a plugin is when it acts by itself: its id is the same in every installation."""
    return Actor(ActorKind.PLUGIN, uuid5(_ACTORS, plugin), name=plugin)


async def no_settings(_plugin: str, _ctx: Context) -> Any:
    """The settings of a plugin that declares none."""
    return None


async def no_hosts(_plugin: str, _ctx: Context) -> Collection[str]:
    """The hosts that the settings of a plugin add."""
    return ()


async def always(_plugin: str, _tenant: UUID) -> bool:
    """A plugin that needs no settings is ready."""
    return True


class Calling(Protocol):
    """Calls into plugins pass here: within the budget, and counted. HookFault if it comes to nothing; refusals come
    through."""

    async def __call__(self, plugin: str, hook: str, seconds: float, work: Callable[[], Awaitable[T]]) -> T: ...


@dataclass(slots=True, eq=False)
class Backing:
    """The app, as plugins get at it through their `Crm`.

    context    makes the context of a policy; the second argument is the cause, None for a new one
    ask        runs a document with variables; the body of the answer
    manifests  those of the plugins that are loaded, by id
    settings   a plugin's settings for the context's tenant
    hosts      the hosts that those settings let it reach, beside the manifest's
    ready      whether a plugin has the settings that it needs in a tenant: until then its hooks are not called there
    fault      is told what went wrong in a plugin outside of any hook
    call       calls into a plugin: which, for which hook, with how many seconds
    mocked     hosts that are answered in this process: for tests
    """

    db: Database
    clock: Callable[[], datetime]
    secret: bytes
    public_url: str
    guard: Guard
    context: Callable[[Policy, UUID | None], Context]
    ask: Callable[[Context, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
    manifests: Callable[[], Mapping[str, Manifest]]
    call: Calling
    settings: Callable[[str, Context], Awaitable[Any]] = no_settings
    hosts: Callable[[str, Context], Awaitable[Collection[str]]] = no_hosts
    ready: Callable[[str, UUID], Awaitable[bool]] = always
    fault: Callable[[str, str, Exception], None] = field(default=lambda plugin, place, error: None)
    background: Background = field(default_factory=Background)
    mocked: dict[str, httpx.AsyncBaseTransport] = field(default_factory=dict)
    _pools: dict[str, Pools] = field(default_factory=dict)

    def acting(self, plugin: str, tenant_id: UUID, cause: UUID | None = None) -> Context:
        """A context in which the plugin acts by itself."""
        ctx = self.context(Policy(tenant_id, service_account(plugin)), cause)
        ctx.operation = f"plugin {plugin}"
        return ctx

    def client(self, plugin: str, ctx: Context) -> httpx.AsyncClient:
        """A client that reaches what the plugin may reach."""
        import httpx

        from crmcore import __version__
        from crmcore.platform.outbound import SECONDS, Outbound, Pools

        pools = self._pools.get(plugin)
        if pools is None:
            pools = self._pools[plugin] = Pools(self.guard)
        transport = Outbound(plugin, pools, lambda: self._allowed(plugin, ctx), self.mocked.get)
        return httpx.AsyncClient(
            transport=transport,
            trust_env=False,
            timeout=SECONDS,
            headers={"User-Agent": f"crmcore/{__version__} ({plugin})"},
        )

    async def _allowed(self, plugin: str, ctx: Context) -> list[str]:
        return [*self.manifests()[plugin].outbound_hosts, *await self.hosts(plugin, ctx)]

    async def close(self) -> None:
        """End what plugins began and did not end."""
        await self.background.close()
        for pools in self._pools.values():
            await pools.close()
