"""Instants: UTC, microseconds, one text form (`2026-11-22T09:30:00.000000+00:00`) that sorts as it reads."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """The present instant. The one place that reads the clock; everything else is handed one."""
    return datetime.now(UTC)


@lru_cache(256)  # a command has one instant, which stands in every row that it writes
def to_text(instant: datetime) -> str:
    """The one text form. ValueError for a naive time."""
    if instant.tzinfo is not UTC:
        if instant.tzinfo is None:
            raise ValueError("must have a time zone offset")
        instant = instant.astimezone(UTC)
    return instant.isoformat(timespec="microseconds")


def from_text(text: str) -> datetime:
    """An RFC 3339 date-time with an offset, as UTC. ValueError for anything else."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None or len(text) < len("2026-11-22T09:30Z"):
        raise ValueError("must be a date-time with an offset, like 2026-11-22T09:30:00Z")
    return instant.astimezone(UTC)
