"""Everything that stands round the plugins of one app while it is open."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from crmcore.platform.context import Context
from crmcore.platform.identity import find_tenant
from crmcore.plugins.backing import Backing
from crmcore.plugins.calls import in_background, noting_tasks
from crmcore.plugins.checking import Checks, Ready, checkers
from crmcore.plugins.crm import Crm, crm_in, crm_of
from crmcore.plugins.host import Host
from crmcore.plugins.lifespans import HOOK as LIFESPAN
from crmcore.plugins.lifespans import Lifespan, Lifespans
from crmcore.plugins.manager import Plugins
from crmcore.plugins.watchdog import Watchdog
from crmcore.plugins.wellness import HOOK as HEALTH
from crmcore.plugins.wellness import Wellness
from crmcore.query import RecordType

log = logging.getLogger("crmcore.plugins")
_TICK = 1.0


class Hosting:
    """`backing` is asked for when it is needed: the app makes it later. Without plugins all of this costs nothing."""

    def __init__(
        self,
        plugins: Plugins,
        records: Mapping[str, RecordType],
        clock: Callable[[], datetime],
        backing: Callable[[], Backing],
        ready: Ready,
        patience: float = 1.0,
    ) -> None:
        self._plugins = plugins
        self._backing = backing
        self.host = Host(clock, patience)
        self.lifespans = Lifespans([])
        found = checkers(plugins, records)
        self.checks = Checks(self.host, found, _acting, ready) if found else None
        asked = {meta.id: function for meta, function in plugins.implementations(HEALTH)}
        self.wellness = Wellness(self.host, lambda: self.lifespans, asked, self._crm)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """What plugins hold is held while the block runs, and somebody looks after them."""
        if not self._plugins.manifests():
            yield
            return
        watchdog = Watchdog(_folders(self._plugins), self.host.blocked)
        with noting_tasks():
            watchdog.start()
            try:
                self.lifespans = await self._lifespans()
                async with self.lifespans.open():
                    keeper = in_background(self._keep(), "crmcore plugins")
                    try:
                        yield
                    finally:
                        keeper.cancel()
                await self.host.leftovers.close()
            finally:
                watchdog.stop()

    async def tick(self) -> None:
        """What is to be done now and then: end what was left behind, try again what could not begin."""
        self.host.leftovers.sweep()
        await self.lifespans.retry(self.host.clock())

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            try:
                await self.tick()
            except Exception:  # who looks after plugins must not end for one of them
                log.exception("Looking after the plugins failed.")

    async def _lifespans(self) -> Lifespans:
        held = self._plugins.implementations(LIFESPAN)
        tenant = await find_tenant(self._backing().db) if held else None
        if tenant is None:
            return Lifespans([])
        manifests = self._plugins.manifests()
        made: Sequence[Lifespan] = [
            Lifespan(self.host, meta.id, partial(hook, crm=self._crm(meta.id, tenant)), manifests[meta.id].requires)
            for meta, hook in held
        ]
        return Lifespans(made)

    def _crm(self, plugin: str, tenant: UUID) -> Crm:
        return crm_in(self._backing(), plugin, tenant)


def _acting(plugin: str, ctx: Context) -> Any:
    return crm_of(ctx, plugin)


def _folders(plugins: Plugins) -> dict[str, Path]:
    """Where the code of each plugin is: a folder, or one file."""
    found: dict[str, Path] = {}
    for plugin, cls in plugins.classes().items():
        parts = cls.__module__.split(".")
        for name in (".".join(parts[:length]) for length in range(1, len(parts) + 1)):
            module = sys.modules.get(name)
            file = getattr(module, "__file__", None)
            if file is not None:  # what has none is only a place where packages of several owners are
                found[plugin] = Path(file).parent if hasattr(module, "__path__") or "." in name else Path(file)
                break
    return found


__all__ = ["Hosting"]
