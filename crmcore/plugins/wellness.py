"""How the plugins of an app are: what they say themselves (`crm_health`), and what the host has seen of them."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.errors import CrmError
from crmcore.plugins.host import Host
from crmcore.plugins.lifespans import Lifespans
from crmcore.plugins.problems import SEVERITIES, Problem

HOOK: Final = "crm_health"
BUDGET: Final = 2.0
KEPT: Final = timedelta(seconds=10)
_MOST: Final = 50
_LONGEST: Final = 1000

Key = tuple[str, UUID]
"""A plugin and a tenant."""


@dataclass(slots=True)
class _Said:
    at: datetime
    problems: list[Problem]


@dataclass(slots=True, eq=False)
class Wellness:
    """Asks those plugins that have `crm_health`. `hooks` are theirs, `crm` makes the Crm of a plugin in a tenant."""

    host: Host
    lifespans: Callable[[], Lifespans]
    hooks: Mapping[str, Callable[..., Any]]
    crm: Callable[[str, UUID], Any]
    _said: dict[Key, _Said] = field(default_factory=dict)
    _turns: defaultdict[Key, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def of(self, plugin: str, tenant: UUID) -> list[Problem]:
        """What is not well with a plugin in a tenant; its own answer is kept for a moment."""
        return [*self.seen(plugin), *await self._own(plugin, tenant)]

    def seen(self, plugin: str) -> list[Problem]:
        """What the host has seen of it, which costs nothing to tell."""
        waiting = self.lifespans().problem(plugin)
        return [*([waiting] if waiting else []), *self.host.problems(plugin)]

    def is_degraded(self, plugin: str) -> bool:
        """Whether it works only in part: it cannot begin, or is left alone in a hook."""
        return not self.lifespans().is_open(plugin) or self.host.is_resting(plugin)

    async def _own(self, plugin: str, tenant: UUID) -> list[Problem]:
        if plugin not in self.hooks:
            return []
        key, now = (plugin, tenant), self.host.clock()
        async with self._turns[key]:
            said = self._said.get(key)
            if said is None or not said.at <= now < said.at + KEPT:
                self._said[key] = said = _Said(now, await self._ask(plugin, tenant))
        return said.problems

    async def _ask(self, plugin: str, tenant: UUID) -> list[Problem]:
        async def asked() -> list[Problem]:
            return _checked(await self.hooks[plugin](crm=self.crm(plugin, tenant)))

        try:
            return await self.host.call(plugin, HOOK, asked, budget=BUDGET)
        except CrmError as error:
            return [Problem(HOOK, error.message, "ERROR")]


def _checked(answer: Any) -> list[Problem]:
    """A plugin's answer, if it is one: TypeError otherwise."""
    if not isinstance(answer, list | tuple):
        raise TypeError(f"crm_health answers a list of Problem, not {type(answer).__name__}")
    for one in answer:
        texts: tuple[Any, ...] = (one.key, one.message) if isinstance(one, Problem) else (None,)
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"crm_health answers a list of Problem; this is none: {one!r:.100}")
        if one.severity not in SEVERITIES:
            raise TypeError(f"a problem's severity is {' or '.join(SEVERITIES)}, not {one.severity!r:.100}")
    return [Problem(one.key[:100], one.message[:_LONGEST], one.severity) for one in answer[:_MOST]]


__all__ = ["HOOK", "Wellness"]
