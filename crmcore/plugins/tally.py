"""What the calls of plugins came to: counts and times of each hook, and what is not well."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

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
            said = f"{self.hook} failed {self.breaker.streak} times in a row and is left alone"
            yield Problem(
                f"faults.{self.hook}",
                f"{said} until {self.breaker.until:%H:%M:%S} UTC. Its statistics say why.",
                "ERROR",
            )
        elif self.breaker.streak:
            said = (
                f"{self.hook} failed the last {self.breaker.streak} times"
                if self.breaker.streak > 1
                else f"{self.hook} failed the last time"
            )
            yield Problem(f"faults.{self.hook}", f"{said}. Its statistics say why.")
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


__all__ = ["Called", "Tally"]
