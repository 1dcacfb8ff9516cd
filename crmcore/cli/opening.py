"""How commands get at the app: its parts, its database, a context to act in."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from typing import Any, TypeVar

from crmcore.app import Composition, Crm, compose
from crmcore.errors import ConfigError
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database, connect, dialect_of
from crmcore.platform.identity import DEFAULT_TENANT, find_tenant
from crmcore.platform.migrate import locked
from crmcore.platform.sqlite import file_of
from crmcore.plugins import Plugins, lifecycle
from crmcore.settings import Settings

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work to its end, on the faster loop where there is one."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def parts_of(settings: Settings) -> Coroutine[Any, Any, Composition]:
    """The core and the plugins put together, without a database."""
    return compose(Plugins.discover(settings))


async def parts_for(settings: Settings) -> Composition:
    """The core and the plugins put together, without those that are switched off in the database, if it is there."""
    async with looking(settings) as db:
        off = {} if db is None else await lifecycle.switched_off(db)
    return await compose(Plugins.discover(settings, off))


@asynccontextmanager
async def looking(settings: Settings) -> AsyncIterator[Database | None]:
    """The database, to look into; None while there is none yet. ConfigError if it cannot be opened."""
    url = settings.database_url
    if dialect_of(url) == "sqlite" and not file_of(url).exists():
        yield None
        return
    db = await connect(url, connections=2, readers=1)
    try:
        yield db
    finally:
        await db.close()


@asynccontextmanager
async def opened(
    settings: Settings, kind: ActorKind, name: str, *, alone: bool = False
) -> AsyncIterator[tuple[Crm, Context]]:
    """An app and a context of the default tenant. `alone`: one such command at a time works on an SQLite file."""
    lock = locked(settings.database_url) if alone and dialect_of(settings.database_url) == "sqlite" else nullcontext()
    async with Crm.open(settings) as crm, lock:
        tenant = await find_tenant(crm.db)
        if tenant is None:
            raise ConfigError(f"The tenant {DEFAULT_TENANT!r} is not there: run crmcore migrate.")
        context = crm.context(Policy(tenant, Actor(kind, name=name)))
        context.operation = name
        yield crm, context
