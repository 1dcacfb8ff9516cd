"""Relative dates: periods of whole local days that move with the present day of a time zone.

The bounds are worked out when the statement runs, so a plan serves every day: a period begins with a day and ends
before one, and an instant belongs to it from the first moment of the one day up to that of the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from crmcore.kit.periods import Grain, first_day, start_of_day, zone_of
from crmcore.query.arguments import Argument, Run

Bound = Callable[[Run], Any]
Days = tuple[date | None, date]
"""The first day of a period, None if it has no beginning, and the day that it ends before."""

_MOST_DAYS: Final = 36_525
_LONGER: Final[dict[Grain, int]] = {"WEEK": 7, "MONTH": 32, "QUARTER": 93, "YEAR": 367}
"""More days than such a period has, but fewer than two."""

COUNTED: Final[dict[str, tuple[str, Callable[[date, int], Days]]]] = {
    "lastDays": (
        "This many days, of which today is the last: 7 means today and the six days before it.",
        lambda today, n: (today - timedelta(n - 1), today + timedelta(1)),
    ),
    "nextDays": (
        "This many days, of which today is the first: 7 means today and the six days after it.",
        lambda today, n: (today, today + timedelta(n)),
    ),
    "olderThanDays": (
        "All days more than this many days ago: 7 means before the day that is a week ago today, 0 before today.",
        lambda today, n: (None, today - timedelta(n)),
    ),
}
"""Periods by a number of days."""

NAMED: Final[dict[str, tuple[str, Callable[[date], Days]]]] = {
    "today": ("Today.", lambda today: (today, today + timedelta(1))),
    "thisWeek": ("From Monday to Sunday of this week.", lambda today: _calendar(today, "WEEK")),
    "thisMonth": ("The whole of this month.", lambda today: _calendar(today, "MONTH")),
    "thisQuarter": ("The whole of this quarter of the year.", lambda today: _calendar(today, "QUARTER")),
    "thisYear": ("The whole of this year.", lambda today: _calendar(today, "YEAR")),
}
"""Periods of the calendar; the caller says true."""

TYPE: Final = "RelativePeriod"
TIME_ZONE: Final = "timeZone"
DESCRIPTION: Final = (
    "A period of whole days around the present day of a time zone. Give exactly one period. A day is as long as it is "
    "there: 23 or 25 hours where the clock is changed."
)
ZONE_DESCRIPTION: Final = "IANA name of the time zone whose days are meant, like Europe/Berlin. UTC unless given."


def bounds_of(operand: Argument, kind: str) -> tuple[Bound | None, Bound]:
    """Where the period of a `RelativePeriod` begins, None for one without a beginning, and what it ends before, in a
    run: days for values of kind "date", else instants. BadInput for what names no period."""
    given = operand.fields()
    for part in given.values():
        if part.is_null():
            raise part.fail("null is no period. Leave it out.")
    zone = given.pop(TIME_ZONE, None)
    if len(given) != 1:
        *others, last = [*COUNTED, *NAMED]
        raise operand.fail(f"give exactly one of {', '.join(others)} and {last}.")
    ((name, part),) = given.items()
    bounds = _bounds(_days_of(name, part), zone, instants=kind == "datetime")
    return None if name == "olderThanDays" else lambda run: bounds(run)[0], lambda run: bounds(run)[1]


def _days_of(name: str, part: Argument) -> Callable[[Run, date], Days]:
    if name in NAMED:
        if not part.exact():
            raise part.fail("must be true. Leave it out otherwise.")
        return lambda run, today: NAMED[name][1](today)
    get, least = part.get(), 0 if name == "olderThanDays" else 1

    def days(run: Run, today: date) -> Days:
        number = get(run)
        if not least <= number <= _MOST_DAYS:
            raise part.fail(f"must be from {least} to {_MOST_DAYS}.")
        return COUNTED[name][1](today, number)

    return days


def _bounds(
    days: Callable[[Run, date], Days], zone: Argument | None, *, instants: bool
) -> Callable[[Run], tuple[Any, Any]]:
    """Both bounds in a run, worked out once."""
    name_of = zone.get() if zone else None

    def bounds(run: Run) -> tuple[Any, Any]:
        found: tuple[Any, Any] | None = run.memo.get(bounds)
        if found is None:
            try:
                there = zone_of(str(name_of(run))) if name_of else ZoneInfo("UTC")
            except ValueError as error:
                assert zone is not None
                raise zone.fail(str(error)) from error
            first, end = days(run, run.context.clock().astimezone(there).date())
            if instants:
                found = (first and start_of_day(first, there), start_of_day(end, there))
            else:
                found = (first, end)
            run.memo[bounds] = found
        return found

    return bounds


def _calendar(today: date, span: Grain) -> Days:
    first = first_day(today, span)
    return first, first_day(first + timedelta(_LONGER[span]), span)
