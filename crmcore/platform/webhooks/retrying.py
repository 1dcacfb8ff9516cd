"""When a delivery that failed is tried again, and when an endpoint is given a rest."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

_MINUTE, _HOUR = 60, 3600

PAUSES: Final = (
    5, 30, 2 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 14 * _HOUR, 18 * _HOUR, 24 * _HOUR,
)  # fmt: skip
"""Seconds after each attempt that failed: three days together. After the last attempt a delivery is dead."""

ATTEMPTS: Final = len(PAUSES) + 1

FAILING: Final = timedelta(days=3)
"""An endpoint that has taken nothing for so long is paused."""

_TOLERATED: Final = 5
"""Failures in a row after which an endpoint rests between attempts, whatever is to be sent."""

_SHORTEST_REST: Final = timedelta(seconds=5)
_LONGEST_REST: Final = timedelta(minutes=5)
_LONGEST_WISH: Final = 24 * _HOUR


def next_attempt(attempts: int, now: datetime, wish: timedelta | None = None) -> datetime | None:
    """When to try again after so many attempts; None for never. `wish` is the receiver's (`wished_pause`).

    A fifth is added at random, so that what failed together does not come back together.
    """
    if attempts >= ATTEMPTS:
        return None
    pause = timedelta(seconds=PAUSES[attempts - 1] * random.uniform(1, 1.2))  # noqa: S311  not a secret
    return now + max(pause, wish or timedelta())


def rest_until(failures: int, failing_since: datetime, now: datetime, wish: timedelta | None = None) -> datetime | None:
    """Until when nothing at all is sent to a receiver that fails, or that asks for a rest: half as long as it has been
    failing, so that one that is up again is found soon, and one that is down is left alone."""
    rest = wish or timedelta()
    if failures >= _TOLERATED:
        longest = min(max((now - failing_since) / 2, _SHORTEST_REST), _LONGEST_REST)
        rest = max(rest, longest * random.uniform(1, 1.2))  # noqa: S311  not a secret
    return now + rest if rest else None


def wished_pause(retry_after: str, now: datetime) -> timedelta | None:
    """What a `Retry-After` header asks for, in seconds or as a date; at most a day. None for what says nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return timedelta(seconds=min(int(text), _LONGEST_WISH))
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return min(max(at - now, timedelta()), timedelta(seconds=_LONGEST_WISH))
