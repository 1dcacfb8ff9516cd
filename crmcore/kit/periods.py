"""Periods of the calendar: the day, week or year of a time zone in which an instant falls, named by its beginning.

Instants and days are handled as text, in the one form of `times` and as `2026-11-22`: so SQLite can call this for every
row of a table. Rows of the same hour nearly always share their period, so an hour is worked out once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo, available_timezones

from crmcore.kit import times

Grain = Literal["HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]
_HOUR: Final = len("2026-11-22T09")
_OF_THE_MACHINE: Final = {"localtime", "Factory"}
_LAST: Final = timedelta(hours=1, microseconds=-1)


def zone_of(name: str) -> ZoneInfo:
    """The time zone of this IANA name. ValueError for any other text."""
    if name not in _zones():
        raise ValueError(f"{name[:80]!r} is no time zone: use an IANA name, like Europe/Berlin.")
    return ZoneInfo(name)


def first_day(day: date, grain: Grain) -> date:
    """The first day of the day's period; HOUR and DAY leave it as it is."""
    if grain == "WEEK":
        return day - timedelta(days=day.weekday())
    if grain == "MONTH":
        return day.replace(day=1)
    if grain == "QUARTER":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day.replace(month=1, day=1) if grain == "YEAR" else day


def of_instant(at: str, grain: Grain, zone: str) -> str:
    """The first local day of the instant's period; of an HOUR, the instant at which that local hour begins."""
    return _of_hour(at[:_HOUR], grain, zone) or _exactly(times.from_text(at), grain, ZoneInfo(zone))


@lru_cache(4096)
def of_day(day: str, grain: Grain) -> str:
    """The first day of the day's period. A day has no hours: HOUR leaves it as it is."""
    return first_day(date.fromisoformat(day), grain).isoformat()


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - _OF_THE_MACHINE)


@lru_cache(32_768)  # nearly four years
def _of_hour(hour: str, grain: Grain, name: str) -> str | None:
    """The period of all instants in an hour of UTC; None if they have not all the same."""
    zone = ZoneInfo(name)
    begin = datetime.fromisoformat(f"{hour}:00:00+00:00")
    end = begin + _LAST
    if _local(begin, zone).utcoffset() != _local(end, zone).utcoffset():
        return None  # the clock is changed in between: local time may even enter a day and leave it again
    found = _exactly(begin, grain, zone)
    return found if _exactly(end, grain, zone) == found else None


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    """The instant by the zone's clock; by that of UTC where Python's calendar ends, in the years 1 and 9999."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


_FIRST: Final = datetime.min.replace(tzinfo=UTC)


def _exactly(at: datetime, grain: Grain, zone: ZoneInfo) -> str:
    local = _local(at, zone)
    if grain == "HOUR":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return times.to_text(max(at, _FIRST + past) - past)
    return first_day(local.date(), grain).isoformat()


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day in a zone, in UTC: where the clock skips midnight, the instant at which it does."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    early, late = midnight.replace(fold=1).astimezone(UTC), midnight.astimezone(UTC)
    if early >= late:  # not skipped; of a midnight that comes twice, this is the first
        return late
    before = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):  # the clock is changed after `early`, but not after `late`
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == before:
            early = middle
        else:
            late = middle
    return late
