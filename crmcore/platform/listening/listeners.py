"""Who listens, and how a telling may end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from crmcore.platform.events import StoredEvent


class Unheard(Exception):
    """The listener could not take the event; the text says why. `final`: it need not be tried again; `at`: when to."""

    def __init__(self, problem: str, *, final: bool = False, at: datetime | None = None) -> None:
        super().__init__(problem)
        self.final = final
        self.at = at


class Resting(Exception):
    """The listener is not to be called for a while: that is no attempt."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A plugin that listens. `wanted` are types of events: "deal.won", "deal.*" for all of a kind, "*" for all. What
    `actor_id` itself did is not told. `tell` raises Unheard or Resting. Until it is `ready` for a tenant, what happens
    there waits for it."""

    plugin: str
    wanted: Sequence[str]
    actor_id: UUID | None
    tell: Callable[[StoredEvent], Awaitable[None]]
    ready: Callable[[UUID], Awaitable[bool]]
    _kinds: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_kinds", frozenset(self.wanted))

    def wants(self, event: StoredEvent) -> bool:
        """Whether it is told of this event."""
        if event.actor_id == self.actor_id:
            return False
        if "*" in self._kinds or event.type in self._kinds:
            return True
        head = event.type
        while "." in head:
            head = head.rpartition(".")[0]
            if f"{head}.*" in self._kinds:
                return True
        return False
