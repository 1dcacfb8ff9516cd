"""A circuit breaker: what fails again and again is left alone for a while, and then tried once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FAULTS: Final = 5
"""So many in a row open it."""
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(minutes=10)


@dataclass(slots=True)
class Breaker:
    """Of one hook of one plugin. Open until `until`; then one call at a time is let through, and decides."""

    streak: int = 0
    until: datetime | None = None
    _pause: timedelta = FIRST_PAUSE
    _trying: bool = False

    @property
    def is_open(self) -> bool:
        return self.until is not None

    def admits(self, now: datetime) -> bool:
        """Whether a call may be made now. Who is admitted says afterwards what came of it."""
        if self.until is None:
            return True
        if now < self.until or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self.streak, self.until, self._pause, self._trying = 0, None, FIRST_PAUSE, False

    def failed(self, now: datetime) -> bool:
        """Note a fault; whether it opened the breaker, which was closed before."""
        self.streak += 1
        opened = self.until is None
        if not opened:
            if not self._trying:
                return False  # it began before the breaker opened
            self._trying = False
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif self.streak < FAULTS:
            return False
        self.until = now + self._pause
        return opened

    def gave_up(self) -> None:
        """The call was cancelled by its caller, which says nothing of the plugin."""
        self._trying = False


__all__ = ["FAULTS", "FIRST_PAUSE", "LONGEST_PAUSE", "Breaker"]
