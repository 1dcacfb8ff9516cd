"""The dispatcher: the only way in which an app calls the code of its plugins.

Every call has a time budget, belongs to a plugin and a hook, is counted and timed, and fails alone. What fails again
and again is not called for a while (breaker.py). Cancellation of the caller always goes through.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from time import perf_counter
from typing import Any, Final, TypeVar

from crmcore.errors import CrmError, PluginFailed
from crmcore.platform.database import Retryable, StorageFull, Unavailable
from crmcore.platform.hooks import HookFault
from crmcore.platform.jobs import GiveUp, JobCancelled, RunLater
from crmcore.platform.spending import spend
from crmcore.plugins.calls import Call, begin, end
from crmcore.plugins.leftovers import Leftovers
from crmcore.plugins.problems import NotReady, Problem
from crmcore.plugins.tally import Called, Tally

T = TypeVar("T")
log = logging.getLogger("crmcore.plugins")

BEARABLE: Final = (CrmError, Retryable, Unavailable, StorageFull, GiveUp, JobCancelled, RunLater, NotReady)
"""What a call may raise without being at fault: refusals, what jobs say by raising, and the database's own troubles."""

FIELD_SECONDS: Final = 5.0
"""How long a field, a query or a mutation of a plugin may take."""

_LATE: Final = 4

_REPEATED: Final = frozenset({"crm_jobs", "crm_commands"})
"""Hooks that pause by themselves, or have somebody who waits and sees: they are called however often they fail."""

_MOST_HOOKS: Final = 500
"""So many hooks of one plugin are counted apart."""


class Host:
    """The calls of one app's plugins. `patience` stretches all budgets, for machines that are slow."""

    def __init__(self, clock: Callable[[], datetime], patience: float = 1.0) -> None:
        self.clock = clock
        self.field_seconds = FIELD_SECONDS
        self.patience = patience
        self.tallies: dict[str, dict[str, Tally]] = {}
        self.leftovers = Leftovers(self._left_behind)
        self._watchers: list[Callable[[Called], None]] = []

    async def call(
        self,
        plugin: str,
        hook: str,
        function: Callable[..., Awaitable[T]],
        *args: Any,
        budget: float | None = FIELD_SECONDS,
        **named: Any,
    ) -> T:
        """What the plugin's function answers within `budget` seconds.

        HookFault when it raises, hangs or is resting after too many faults. Refusals (`crmcore.errors`) and the
        database's own troubles (`BEARABLE`) come through as they are. If this task is cancelled, so is the call.
        """
        tally = self.tally(plugin, hook)
        if hook not in _REPEATED and not tally.breaker.admits(self.clock()):
            raise HookFault(plugin, hook, "it failed too often and is left alone for a while", resting=True)
        call = Call(plugin, hook)
        began = perf_counter()
        task = begin(call, _answer(function, args, named))
        try:
            await _within(task, budget and budget * self.patience)
        except asyncio.CancelledError:
            await end(task)
            tally.breaker.gave_up()
            self._over(call, tally, began, "cancelled")
            raise
        error: BaseException | None
        if not task.done():
            runaway = not await end(task)
            error = TimeoutError(f"not done after {budget:g} s")
            tally.timeouts += 1
            said = "it goes on after its time" if runaway else "it took too long"
            raise self._failed(call, tally, began, error, said, runaway=runaway) from error
        error = asyncio.CancelledError("it cancelled itself") if task.cancelled() else task.exception()
        if error is not None and (not isinstance(error, BEARABLE) or isinstance(error, PluginFailed)):
            raise self._failed(call, tally, began, error) from error
        if call.blocked:
            self._fault(plugin, hook, tally, _Blocked(f"held up everything for {call.blocked:.0f} ms"))
        else:
            tally.breaker.succeeded()
        self._over(call, tally, began)
        if error is not None:
            raise error
        answer: T = task.result()
        return answer

    def blame(self, plugin: str, hook: str, error: BaseException) -> HookFault:
        """Count a fault that showed after the call, such as an answer of the wrong shape; what to raise for it."""
        self._fault(plugin, hook, self.tally(plugin, hook), error)
        fault = HookFault(plugin, hook, "a wrong answer")
        fault.__cause__ = error
        return fault

    async def calling(self, plugin: str, hook: str, seconds: float, work: Callable[[], Awaitable[T]]) -> T:
        """`call` as `Backing` wants it."""
        return await self.call(plugin, hook, work, budget=seconds)

    async def guard(self, plugin: str, place: str, call: Callable[[], Awaitable[T]]) -> T:
        """`call` as fields of the graph want it (platform/calling.py)."""
        return await self.call(plugin, place, call, budget=self.field_seconds)

    def fault(self, plugin: str, hook: str, error: BaseException) -> None:
        """Count a fault outside of any call, such as that of a task that the plugin began."""
        self._fault(plugin, hook, self.tally(plugin, hook), error)

    def tally(self, plugin: str, hook: str) -> Tally:
        """What is counted of a plugin's hook."""
        found = self.tallies.setdefault(plugin, {})
        if hook not in found:
            if len(found) >= _MOST_HOOKS:
                hook = "others"
            return found.setdefault(hook, Tally(hook))
        return found[hook]

    def watch(self, seen: Callable[[Called], None]) -> Callable[[], None]:
        """Be told of every call that ends, until the answer is called."""
        self._watchers.append(seen)
        return lambda: self._watchers.remove(seen)

    def statistics(self, plugin: str) -> list[Tally]:
        """What was counted of the plugin's hooks, by their names."""
        return [tally for _, tally in sorted(self.tallies.get(plugin, {}).items())]

    def problems(self, plugin: str) -> list[Problem]:
        """What is not well with a plugin by its calls."""
        return [problem for tally in self.tallies.get(plugin, {}).values() for problem in tally.problems()]

    def is_resting(self, plugin: str) -> bool:
        """Whether any hook of it is left alone for a while."""
        return any(tally.is_resting for tally in self.tallies.get(plugin, {}).values())

    def blocked(self, plugin: str, call: Call | None, milliseconds: float, where: str) -> None:
        """A plugin held up the event loop: the watchdog tells, when it is over."""
        tally = self.tally(plugin, call.hook if call else "outside of any hook")
        tally.blocked += milliseconds
        tally.last_blocked = where
        extra = {"plugin": plugin, "hook": tally.hook}
        log.error("Plugin %s held up everything for %.0f ms in %s.", plugin, milliseconds, where, extra=extra)

    def _left_behind(self, call: Call, places: Sequence[str]) -> None:
        tally = self.tally(call.plugin, call.hook)
        tally.left += len(places)
        tally.last_left = ", ".join(sorted(set(places)))
        extra = {"plugin": call.plugin, "hook": call.hook}
        said = "Plugin %s left %d tasks behind in %s, which were ended: %s."
        log.warning(said, call.plugin, len(places), call.hook, tally.last_left, extra=extra)

    def _failed(
        self, call: Call, tally: Tally, began: float, error: BaseException, said: str = "", *, runaway: bool = False
    ) -> HookFault:
        self._over(call, tally, began, _line(error))
        self._fault(call.plugin, call.hook, tally, error)
        return HookFault(call.plugin, call.hook, said, runaway=runaway)

    def _over(self, call: Call, tally: Tally, began: float, fault: str = "") -> None:
        """The call has ended: its time counts, and what it started should end."""
        milliseconds = (perf_counter() - began) * 1000
        tally.add(milliseconds)
        call.ended = asyncio.get_running_loop().time()
        self.leftovers.note(call)
        called = Called(call.plugin, call.hook, milliseconds, fault)
        spend(call.plugin, call.hook, milliseconds)
        for seen in tuple(self._watchers):
            seen(called)

    def _fault(self, plugin: str, hook: str, tally: Tally, error: BaseException) -> None:
        """Count a fault, and say so where an operator looks."""
        now = self.clock()
        tally.faults += 1
        tally.last_fault, tally.last_fault_at = _line(error), now
        extra = {"plugin": plugin, "hook": hook}
        log.warning("Plugin %s failed in %s: %s", plugin, hook, tally.last_fault, extra=extra, exc_info=error)
        if tally.breaker.failed(now):
            log.error("Plugin %s failed too often in %s and is left alone for a while.", plugin, hook, extra=extra)


class _Blocked(Exception):
    """The event loop stood still because of it."""


async def _answer(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    made = function(*args, **named)
    if not inspect.isawaitable(made):
        raise TypeError(f"{getattr(function, '__qualname__', function)} must be an async function.")
    return await made


async def _within(task: asyncio.Task[Any], budget: float | None) -> None:
    """Wait for a task, no longer than its budget; what the loop itself was late is not the task's fault, and given back
    a few times."""
    left = budget
    for _ in range(_LATE):
        began = perf_counter()
        await asyncio.wait((task,), timeout=left)
        if task.done() or left is None or budget is None:
            return
        late = perf_counter() - began - left
        if late < budget * 0.1:
            return
        left = min(late, budget)


def _line(error: BaseException) -> str:
    """An error in one line, not too long."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]


__all__ = ["BEARABLE", "Host"]
