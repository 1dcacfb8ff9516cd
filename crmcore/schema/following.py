"""What a subscription stands on, and how its payloads are completed: a batch at a time, with one context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from crmcore.platform.context import Context
from crmcore.platform.events import EventTail


class Session(Protocol):
    """Who asks by a connection that stays."""

    async def context(self) -> Context:
        """A context for what is asked or told now. Unauthenticated once the caller's credential is good no more."""
        ...


@dataclass(frozen=True, slots=True)
class Live:
    """Who listens, and to what. A silent stream looks at the caller's credential every `check_seconds`."""

    session: Session
    tail: EventTail
    check_seconds: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Values of a subscription's field that come together, and the context in which they are completed."""

    ctx: Context
    values: Sequence[Any]
