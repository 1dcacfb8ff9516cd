"""When a cron expression is due, in a named time zone.

As Debian's cron has it: a time of day that the clock skips in spring is due when the clock goes on; one that comes
twice in autumn is due the first time. What is due every so many minutes or hours follows real time through both.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cronsim import CronSim, CronSimError

from crmcore.kit.periods import zone_of


def check_schedule(expression: str, time_zone: str) -> None:
    """ValueError for an expression or a zone that means nothing, and for a time that never comes."""
    next_after(expression, time_zone, datetime(2026, 1, 1, tzinfo=UTC))


def next_after(expression: str, time_zone: str, instant: datetime) -> datetime:
    """The first instant after this one at which the expression is due."""
    if len(expression.split()) != 5:
        raise ValueError(f"{expression!r} is no cron expression: it has five fields, as in '30 6 * * 1-5'.")
    try:
        times = CronSim(expression, instant.astimezone(zone_of(time_zone)))
        # In the hour that comes twice, and where a skipped time meets another, one instant may come up again.
        return next(at for at in (time.astimezone(UTC) for time in times) if at > instant)
    except CronSimError as error:
        raise ValueError(f"{expression!r} is no cron expression: {error}.") from error
    except StopIteration:
        raise ValueError(f"{expression!r} is never due.") from None
