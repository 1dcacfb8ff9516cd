"""What the calls of plugins came to: counts and times of each hook, for the graph and for a request that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crmcore.plugins.breaker import Breaker
from crmcore.plugins.problems import Problem


@dataclass(slots=True)
class Tally:
    """One hook of one plugin since the app was opened. Times are of the clock on the wall, in milliseconds;
    `blocked` is how long it held up the event loop, `left` how many tasks it left behind."""

    hook: str
    calls: int = 0
    faults: int = 0
    timeouts: int = 0
    milliseconds: float = 0.0
    slowest: float = 0.0
    blocked: float = 0.0
    last_fault: str = ""
    last_fault_at: datetime | None = None
    last_blocked: str = ""
    left: int = 0
    last_left: str = ""
    breaker: Breaker = field(default_factory=Breaker, repr=False)

    def add(self, milliseconds: float) -> None:
        self.calls += 1
        self.milliseconds += milliseconds
        self.slowest = max(self.slowest, milliseconds)

    @property
    def is_resting(self) -> bool:
        """Whether it is left alone for a while."""
        return self.breaker.is_open

    def problems(self) -> Iterator[Problem]:
        """What is not well with it."""
        if self.breaker.until is not None:
            said = f"{self.hook} failed {self.breaker.streak} times in a row ({self.last_fault}) and is left alone"
            yield Problem(f"faults.{self.hook}", f"{said} until {self.breaker.until:%H:%M:%S} UTC.", "ERROR")
        elif self.breaker.streak:
            said = (
                f"{self.hook} failed the last {self.breaker.streak} times"
                if self.breaker.streak > 1
                else f"{self.hook} failed the last time"
            )
            yield Problem(f"faults.{self.hook}", f"{said}: {self.last_fault}")
        if self.last_blocked:
            said = f"{self.hook} held up everything for {self.blocked:.0f} ms in all, in {self.last_blocked}"
            yield Problem(f"blocked.{self.hook}", f"{said}: use crm.in_thread for what takes long.", "ERROR")
        if self.last_left:
            said = f"{self.hook} left {self.left} tasks behind, which were ended: {self.last_left}"
            yield Problem(f"left.{self.hook}", f"{said}. Use crm.spawn for what goes on beside it.")


@dataclass(frozen=True, slots=True)
class Called:
    """One call that has ended, for whoever watches (`Host.watch`). `fault` is empty if it went well."""

    plugin: str
    hook: str
    milliseconds: float
    fault: str = ""


_Spent = dict[tuple[str, str], list[float]]
_spent: ContextVar[_Spent | None] = ContextVar("crmcore_plugin_times", default=None)


@contextmanager
def spending() -> Iterator[_Spent]:
    """Collects what plugins' calls take in the block, in this task and its children."""
    found: _Spent = {}
    token = _spent.set(found)
    try:
        yield found
    finally:
        _spent.reset(token)


def spend(called: Called) -> None:
    """Add a call to what the request under way collects, if it does."""
    found = _spent.get()
    if found is not None:
        entry = found.setdefault((called.plugin, called.hook), [0, 0.0])
        entry[0] += 1
        entry[1] += called.milliseconds


def times_said(spent: _Spent) -> list[dict[str, Any]]:
    """The collected times as an answer's `extensions.plugins` has them."""
    return [
        {"plugin": plugin, "hook": hook, "calls": int(calls), "milliseconds": round(milliseconds, 3)}
        for (plugin, hook), (calls, milliseconds) in spent.items()
    ]


__all__ = ["Called", "Tally", "spend", "spending", "times_said"]
