"""Relative dates: whole days of a named zone, whatever its clocks do, the same on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from crmcore.domain import customers
from crmcore.errors import BadInput
from crmcore.kit.periods import first_day, start_of_day
from crmcore.platform.context import Context

NOW = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
"""Sunday 29 March, the day on which Europe puts its clocks forward; in Berlin it is Monday already."""

TEXT = "query($w: CustomerFilter) { customers(where: $w, first: 200) { nodes { verifiedAt birthDate } } }"


@pytest.fixture
async def at(graph, db, ctx, seed):
    """Asks for a filter at a moment: the rows have an instant each, or a day."""

    async def ask(where, now=NOW):
        then = Context(db, ctx.policy, clock=lambda: now)
        return (await graph.ask(then, TEXT, {"w": where}))["customers"]["nodes"]

    return ask


DAY_CASES = [
    ({"today": True}, (0, 0)),
    ({"lastDays": 1}, (0, 0)),
    ({"lastDays": 7}, (-6, 0)),
    ({"nextDays": 1}, (0, 0)),
    ({"nextDays": 7}, (0, 6)),
    ({"olderThanDays": 7}, (-120, -8)),
    ({"olderThanDays": 0}, (-120, -1)),
    ({"thisWeek": True}, (-6, 0)),
    ({"thisMonth": True}, (-28, 2)),
    ({"thisQuarter": True}, (-87, 2)),
    ({"thisYear": True}, (-87, 277)),
    ({"today": True, "timeZone": "Europe/Berlin"}, (1, 1)),
    ({"thisWeek": True, "timeZone": "Europe/Berlin"}, (1, 7)),
    ({"lastDays": 2, "timeZone": "Pacific/Kiritimati"}, (0, 1)),
    ({"today": True, "timeZone": "Pacific/Pago_Pago"}, (0, 0)),
]


@pytest.mark.parametrize("relative, expected", DAY_CASES, ids=[str(c) for c, _ in DAY_CASES])
async def test_days(at, graph, ctx, db, seed, relative, expected):
    first, last = (NOW.date() + timedelta(n) for n in expected)
    around = [first - timedelta(1), first, last, last + timedelta(1)]
    await seed.many(customers.Customer, [{"name": "x", "birth_date": day} for day in sorted(set(around))])
    found = await at({"birthDate": {"relative": relative}})
    wanted = {first, last} | ({around[0]} if "olderThanDays" in relative else set())
    assert {node["birthDate"] for node in found} == {day.isoformat() for day in wanted}


INSTANTS = [
    # today in Berlin on the days that the clocks are put forward (23 hours) and back (25 hours)
    ("2026-03-29T10:00Z", {"today": True, "timeZone": "Europe/Berlin"}, "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
    ("2026-10-25T10:00Z", {"today": True, "timeZone": "Europe/Berlin"}, "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ("2026-10-25T10:00Z", {"lastDays": 7, "timeZone": "Europe/Berlin"}, "2026-10-18T22:00Z", "2026-10-25T23:00Z"),
    ("2026-03-29T10:00Z", {"thisMonth": True, "timeZone": "Europe/Berlin"}, "2026-02-28T23:00Z", "2026-03-31T22:00Z"),
    # midnight is skipped: the day begins at 01:00
    ("2018-11-04T12:00Z", {"today": True, "timeZone": "America/Sao_Paulo"}, "2018-11-04T03:00Z", "2018-11-05T02:00Z"),
    ("2026-03-29T12:00Z", {"today": True, "timeZone": "Asia/Beirut"}, "2026-03-28T22:00Z", "2026-03-29T21:00Z"),
    # midnight comes twice: the day begins with the first
    ("2026-11-01T12:00Z", {"today": True, "timeZone": "America/Havana"}, "2026-11-01T04:00Z", "2026-11-02T05:00Z"),
    # a day that never was, and one of half an hour's shift
    ("2011-12-31T12:00Z", {"lastDays": 3, "timeZone": "Pacific/Apia"}, "2011-12-30T10:00Z", "2012-01-01T10:00Z"),
    ("2026-10-04T12:00Z", {"today": True, "timeZone": "Australia/Lord_Howe"}, "2026-10-03T13:30Z", "2026-10-04T13:00Z"),
    ("2026-12-31T23:30Z", {"thisYear": True, "timeZone": "Asia/Tokyo"}, "2026-12-31T15:00Z", "2027-12-31T15:00Z"),
    ("2026-12-31T23:30Z", {"thisQuarter": True}, "2026-10-01T00:00Z", "2027-01-01T00:00Z"),
    ("2027-01-01T00:00Z", {"thisWeek": True}, "2026-12-28T00:00Z", "2027-01-04T00:00Z"),
    ("2028-02-29T00:00Z", {"thisMonth": True}, "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
    ("2026-05-05T05:05Z", {"olderThanDays": 30, "timeZone": "Asia/Kolkata"}, None, "2026-04-04T18:30Z"),
]


@pytest.mark.parametrize("now, relative, first, end", INSTANTS, ids=[f"{c[0]} {c[1]}" for c in INSTANTS])
async def test_instants(at, seed, now, relative, first, end):
    step = timedelta(microseconds=1)
    end = datetime.fromisoformat(end)
    inside, outside = [end - step], [end]
    if first is not None:
        first = datetime.fromisoformat(first)
        inside.append(first)
        outside.append(first - step)
    await seed.many(
        customers.Customer, [{"name": "x", "verified_at": instant} for instant in [*inside, *outside, None]]
    )
    found = await at({"verifiedAt": {"relative": relative}}, datetime.fromisoformat(now))
    assert {datetime.fromisoformat(node["verifiedAt"]) for node in found} == set(inside)


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Pacific/Apia", "America/Toronto"]
)
def test_a_day_begins_when_its_date_first_shows(zone):
    """Over a century: at its beginning it is that day or, where the day was skipped, a later one; just before, an earlier."""
    there = ZoneInfo(zone)
    for n in range(0, 40_000, 1):
        day = date(1915, 1, 1) + timedelta(n)
        begin = start_of_day(day, there)
        assert begin.astimezone(there).date() >= day
        assert (begin - timedelta(microseconds=1)).astimezone(there).date() < day


def test_the_first_day_of_a_span():
    day = date(2027, 1, 1)
    for n in range(1500):
        found = day + timedelta(n)
        assert first_day(found, "WEEK").isocalendar()[1:] == (found.isocalendar()[1], 1)
        assert first_day(found, "MONTH") == found.replace(day=1)
        assert first_day(found, "QUARTER").month in (1, 4, 7, 10)
        assert timedelta(0) <= found - first_day(found, "QUARTER") < timedelta(92)


REFUSED = [
    {}, {"timeZone": "UTC"}, {"lastDays": 1, "nextDays": 1}, {"today": True, "thisWeek": True},
    {"lastDays": 0}, {"lastDays": -1}, {"nextDays": 0}, {"nextDays": 2147483647}, {"olderThanDays": -1},
    {"olderThanDays": 40000}, {"lastDays": None}, {"today": None}, {"today": False}, {"today": True, "timeZone": None},
    {"today": True, "timeZone": "Mars/Olympus"}, {"today": True, "timeZone": ""}, {"today": True, "timeZone": "../UTC"},
    {"today": True, "timeZone": "+02:00"}, {"today": True, "timeZone": "x" * 100_000}, {"today": True, "timeZone": "a\0b"},
]  # fmt: skip


@pytest.mark.parametrize("relative", REFUSED, ids=lambda r: str(r)[:60])
async def test_what_makes_no_sense_is_refused(at, relative):
    for field in ("verifiedAt", "birthDate"):
        with pytest.raises(BadInput) as refused:
            await at({field: {"relative": relative}})
        assert refused.value.path[:3] == ("where", field, "relative")
    with pytest.raises(BadInput):
        await at({"verifiedAt": {"relative": None}})


async def test_one_plan_serves_every_day_and_zone(at, graph, seed):
    await seed(customers.Customer, name="x", verified_at=NOW)
    where = {"verifiedAt": {"relative": {"lastDays": 3, "timeZone": "UTC"}}}
    assert len(await at(where)) == 1
    known = graph.engine.plans.statistics.misses
    where["verifiedAt"]["relative"] = {"lastDays": 2, "timeZone": "Asia/Tokyo"}
    assert await at(where, NOW + timedelta(9)) == []
    assert graph.engine.plans.statistics.misses == known


async def test_a_walk_goes_on_over_midnight(graph, db, ctx, seed):
    """The cursor is bound to the filter as it is written, not to what it means today."""
    await seed.many(customers.Customer, [{"name": f"{n}", "verified_at": NOW} for n in range(4)])
    text = """query($a: String) { customers(where: {verifiedAt: {relative: {lastDays: 3}}}, first: 2, after: $a) {
        nodes { name } pageInfo { endCursor } } }"""
    evening, morning = (Context(db, ctx.policy, clock=lambda n=n: NOW + timedelta(hours=n)) for n in (0, 3))
    cursor = (await graph.ask(evening, text))["customers"]["pageInfo"]["endCursor"]
    found = await graph.ask(morning, text, {"a": cursor})
    assert [node["name"] for node in found["customers"]["nodes"]] == ["2", "3"]
