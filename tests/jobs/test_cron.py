"""Jobs that the clock makes: once each, whoever looks, in time zones that jump."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from crmcore.kit.sql import Sql, value
from crmcore.platform.identity import create_tenant
from crmcore.platform.jobs import JobKind, JobRun, cron
from crmcore.platform.jobs.models import CronEntry
from crmcore.platform.jobs.rows import read
from crmcore.platform.jobs.schedules import next_after
from tests.jobs.conftest import NOW, Bench


def instants(expression: str, zone: str, start: str, count: int) -> list[str]:
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)
    found = []
    for _ in range(count):
        at = next_after(expression, zone, at)
        found.append(at.strftime("%m-%dT%H:%M"))
    return found


@pytest.mark.parametrize(
    "expression, zone, start, expected",
    [
        ("30 6 * * 1-5", "UTC", "2026-11-20T06:30", ["11-23T06:30", "11-24T06:30"]),
        ("0 0 * * *", "Asia/Ho_Chi_Minh", "2026-11-22T09:30", ["11-22T17:00", "11-23T17:00"]),
        # Berlin, spring: 02:00 to 03:00 is skipped on 29 March; what was due then is due as the clock goes on.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", ["03-28T01:30", "03-29T01:00", "03-30T00:30"]),
        ("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T23:00", ["03-29T01:00", "03-29T01:30", "03-30T00:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:20", ["03-29T00:30", "03-29T01:00", "03-29T01:30"]),
        # Berlin, autumn: 02:00 to 03:00 comes twice on 25 October; a time of day is due the first time only.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T10:00", ["10-25T00:30", "10-26T01:30"]),
        ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10", ["10-26T01:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:20", ["10-25T00:30", "10-25T01:00", "10-25T01:30", "10-25T02:00"]),
        ("0 12 29 2 *", "UTC", "2026-11-22T00:00", ["02-29T12:00"]),
    ],
)  # fmt: skip
def test_when_it_is_due(expression: str, zone: str, start: str, expected: list[str]):
    assert instants(expression, zone, start, len(expected)) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Ho_Chi_Minh"])
@pytest.mark.parametrize(
    "expression", ["*/17 * * * *", "15 */3 * * *", "10,40 1,2,3 * * *", "0 2 * * 0", "45 23 L * *"]
)
def test_time_only_goes_forward(expression: str, zone: str):
    at = datetime(2026, 3, 1, tzinfo=UTC)
    seen = [at]
    while at < datetime(2026, 4, 10, tzinfo=UTC):
        at = next_after(expression, zone, at)
        seen.append(at)
    assert all(one < other for one, other in pairwise(seen))


@pytest.mark.parametrize("expression", ["", "* * * *", "0 0 * * * *", "61 * * * *", "0 0 30 2 *", "@daily"])
def test_what_is_no_schedule_is_refused_where_it_is_declared(expression: str):
    with pytest.raises(ValueError, match=r"cron expression|never due"):
        next_after(expression, "UTC", NOW)
    if expression:
        with pytest.raises(ValueError, match=r"cron expression|never due"):
            JobKind("x", lambda run: asyncio.sleep(0), cron=expression)
    with pytest.raises(ValueError, match="no time zone"):
        JobKind("x", lambda run: asyncio.sleep(0), cron="0 0 * * *", time_zone="Mars")


@pytest.fixture
def hourly(bench: Bench) -> list[datetime]:
    seen: list[datetime] = []

    @bench.kind("hourly", cron="0 * * * *")
    async def kind(run: JobRun):
        assert run.scheduled_for is not None
        seen.append(run.scheduled_for)

    return seen


async def entries(bench: Bench) -> list[dict]:
    return [read(CronEntry, row) for row in await bench.db.fetch(Sql("SELECT * FROM cron_entry ORDER BY kind"))]


async def test_every_hour_once_and_what_was_missed_once(bench: Bench, hourly: list):
    assert await bench.worker().drain() == 0
    [entry] = await entries(bench)
    assert (entry["tenant_id"], entry["next_at"], entry["last_at"]) == (bench.tenant, NOW + timedelta(minutes=30), None)
    bench.later(minutes=30)
    assert [await bench.worker().drain() for _ in range(2)] == [1, 0]
    assert hourly == [NOW + timedelta(minutes=30)]
    bench.later(hours=5, minutes=10)
    assert [await bench.worker().drain() for _ in range(2)] == [1, 0]
    assert hourly[1:] == [NOW + timedelta(minutes=90)]
    [entry] = await entries(bench)
    assert entry["next_at"] == datetime(2026, 11, 22, 16, tzinfo=UTC)


async def test_a_clock_set_back_fires_nothing_twice(bench: Bench, hourly: list):
    await bench.worker().drain()
    for minutes in (31, -45, 20, 20, 10, 60):
        bench.later(minutes=minutes)
        await bench.worker().drain()
    assert hourly == [datetime(2026, 11, 22, hour, tzinfo=UTC) for hour in (10, 11)]


async def test_of_several_schedulers_one_fires(bench: Bench, hourly: list):
    async with bench.db.transaction() as tx:
        tenants = [await create_tenant(tx, f"t{n}", "T") for n in range(12)]
    await asyncio.gather(*(cron.plan(bench.db, bench.kinds, bench.now) for _ in range(3)))
    assert len(await entries(bench)) == 13
    for _ in range(3):
        bench.later(hours=1)
        fired = await asyncio.gather(*(cron.fire(bench.db, bench.kinds, bench.now) for _ in range(5)))
        assert sum(fired) == 13
    jobs = await bench.jobs()
    assert len({(job["tenant_id"], job["scheduled_for"]) for job in jobs}) == len(jobs) == 39
    assert {job["tenant_id"] for job in jobs} == {bench.tenant, *tenants}
    assert await bench.worker().drain() == 39


async def test_entries_follow_what_is_declared(bench: Bench, hourly: list):
    await bench.worker().drain()

    @bench.kind("hourly", cron="30 7 * * *", time_zone="Europe/Berlin")
    async def kind(run: JobRun):
        pass

    async with bench.db.transaction() as tx:
        suspended = await create_tenant(tx, "gone", "Gone")
        await tx.execute(Sql("UPDATE tenant SET state = 'SUSPENDED' WHERE slug = ", value("gone")))
    await bench.worker().drain()
    [entry] = await entries(bench)
    assert entry["tenant_id"] != suspended
    assert (entry["expression"], entry["time_zone"]) == ("30 7 * * *", "Europe/Berlin")
    assert entry["next_at"] == datetime(2026, 11, 23, 6, 30, tzinfo=UTC)
