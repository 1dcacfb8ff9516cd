"""State machines as data: states, allowed moves, and what a move needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from crmcore.errors import WrongState
from crmcore.kit.text import article


@dataclass(frozen=True, slots=True)
class Machine:
    """The states of one column and the moves between them. `initial` is where a new record begins; `requires` names
    the inputs without which a state cannot be moved to."""

    column: str
    initial: StrEnum
    moves: Mapping[StrEnum, tuple[StrEnum, ...]]
    requires: Mapping[StrEnum, tuple[str, ...]] = field(default_factory=dict)

    def check(self, current: StrEnum, target: StrEnum, record: str) -> None:
        """Refuse a move that is not allowed, with the moves that are."""
        allowed = self.moves.get(current, ())
        if target in allowed:
            return
        ways = ", ".join(allowed) or "none: this state is final"
        named = article(record)
        raise WrongState(
            f"{named[0].upper()}{named[1:]} that is {current} cannot become {target}. Allowed from here: {ways}.",
            self.column,
            current=str(current),
            allowed=[str(state) for state in allowed],
        )
