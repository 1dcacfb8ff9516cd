"""What crmcore adds to SQLite: exact arithmetic beyond 64 bits, and the calendar of time zones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from crmcore.kit import exact, periods, times
from crmcore.platform.sqlite import connect_file

ZONES = (
    "UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Shanghai",
    "Pacific/Apia", "America/New_York", "Africa/Casablanca",
)  # fmt: skip
GRAINS: tuple[periods.Grain, ...] = ("HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[object]:
    opened = connect_file(tmp_path / "functions.db")
    yield opened
    opened.close()


def test_sums_and_averages_of_any_size(connection):
    chance = random.Random(7)
    for _ in range(200):
        bits = chance.choice([1, 8, 33, 62, 63])
        numbers = [chance.randint(-(2**bits) + 1, 2**bits - 1) for _ in range(chance.randint(1, 9))]
        connection.execute("CREATE TEMP TABLE n (v INTEGER)")
        connection.executemany("INSERT INTO n VALUES (?)", [(n,) for n in numbers])
        row = connection.execute(
            "SELECT exact_decimal(exact_total(sum(v / 4294967296), sum(v % 4294967296), 1)),"
            " exact_decimal(exact_average(sum(v / 4294967296), sum(v % 4294967296), count(v), 10000)) FROM n"
        ).fetchone()
        with localcontext(prec=80):
            total = Decimal(sum(numbers))
            average = (total / len(numbers)).quantize(Decimal("0.0001"), rounding=ROUND_HALF_EVEN)
            assert (Decimal(row[0]), Decimal(row[1])) == (total / 10000, average), numbers
        connection.execute("DROP TABLE n")


def test_nothing_has_no_sum(connection):
    row = connection.execute("SELECT exact_total(NULL, NULL, 1), exact_average(NULL, NULL, 0, 1), exact_decimal(NULL)")
    assert tuple(row.fetchone()) == (None, None, None)


def test_large_numbers_sort_as_text():
    numbers = [-(10**32), -(2**63) - 1, -1, 0, 1, 2**63, 10**32]
    texts = [exact.to_sortable(n) for n in numbers]
    assert sorted(texts) == texts
    assert [exact.from_sortable(t) for t in texts] == numbers


@pytest.mark.parametrize("zone", ZONES)
def test_an_hour_at_once_is_as_exact_as_each_instant(zone):
    """Rows are asked by the hour; around every change of the clock each instant must still count for itself."""
    chance = random.Random(zone)
    instants = [datetime(2011, 12, 30, 12, tzinfo=UTC) + timedelta(minutes=m) for m in range(-2000, 2000, 7)]
    begin = datetime(2006, 1, 1, tzinfo=UTC)
    clock = ZoneInfo(zone)
    for day in range(2200):
        noon = begin + timedelta(days=day)
        if noon.astimezone(clock).utcoffset() != (noon + timedelta(days=1)).astimezone(clock).utcoffset():
            instants += [noon + timedelta(seconds=chance.randint(0, 86_400)) for _ in range(60)]
            instants += [noon + timedelta(minutes=m) for m in range(0, 1440, 15)]
    for at in instants:
        local = at.astimezone(clock)
        for grain in GRAINS:
            assert periods.of_instant(times.to_text(at), grain, zone) == _expected(at, local, grain), (at, grain)


def _expected(at: datetime, local: datetime, grain: str) -> str:
    day = local.date()
    if grain == "HOUR":
        return times.to_text(at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond))
    first = {
        "DAY": day,
        "WEEK": day - timedelta(days=day.isoweekday() - 1),
        "MONTH": day.replace(day=1),
        "QUARTER": day.replace(day=1, month=[1, 1, 1, 4, 4, 4, 7, 7, 7, 10, 10, 10][day.month - 1]),
        "YEAR": day.replace(day=1, month=1),
    }
    return first[grain].isoformat()


def test_the_first_minute_of_a_day_that_is_left_again():
    """St. John's put its clocks back at one minute past midnight: that minute belongs to the new day."""
    found = [periods.of_instant(f"2010-11-07T02:{m}:00.000000+00:00", "DAY", "America/St_Johns") for m in (29, 30, 31)]
    assert found == ["2010-11-06", "2010-11-07", "2010-11-06"]


@pytest.mark.parametrize(
    "name", ["", "Europe", "europe/berlin", "Mars/Olympus", "../etc/passwd", "+01:00", "right/UTC"]
)
def test_only_iana_names_are_zones(name):
    with pytest.raises(ValueError, match="no time zone"):
        periods.zone_of(name)


def test_the_ends_of_the_calendar():
    """By the zone's clock these are days that no date can name."""
    assert periods.of_instant("9999-12-31T23:30:00.000000+00:00", "DAY", "Asia/Tokyo") == "9999-12-31"
    assert periods.of_instant("0001-01-01T00:30:00.000000+00:00", "WEEK", "America/New_York") == "0001-01-01"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "UTC"])
@pytest.mark.parametrize("at", ["0001-01-01T00:00:00.000000+00:00", "9999-12-31T23:59:59.999999+00:00"])
def test_the_ends_of_the_calendar_have_periods_too(zone: str, at: str):
    for grain in ("HOUR", "DAY", "WEEK", "YEAR"):
        assert periods.of_instant(at, grain, zone)[:4] in ("0001", "9999")
