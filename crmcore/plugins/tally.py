"""What the calls of plugins came to: counts and times of each hook, for the graph and for a request that asks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crmcore.plugins.breaker import Breaker


@dataclass(slots=True)
class Tally:
    """One hook of one plugin since the app was opened. Times are of the clock on the wall, in milliseconds."""

    hook: str
    calls: int = 0
    faults: int = 0
    timeouts: int = 0
    milliseconds: float = 0.0
    slowest: float = 0.0
    blocked: float = 0.0
    last_fault: str = ""
    last_fault_at: datetime | None = None
    breaker: Breaker = field(default_factory=Breaker, repr=False)

    def add(self, milliseconds: float) -> None:
        self.calls += 1
        self.milliseconds += milliseconds
        self.slowest = max(self.slowest, milliseconds)


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
