"""Every figure of every group, against Python's own arithmetic and calendar, over random rows."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import product
from zoneinfo import ZoneInfo

import pytest

from crmcore.domain import deals
from crmcore.kit import times

ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York"]
GRAINS = ["HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"]
CLOCKS_CHANGE = (
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
)
LARGEST = Decimal(2**63 - 1).scaleb(-4)
QUERY = """query($by: [DealGroupBy!], $order: [DealAggregateOrder!]) { dealAggregate(groupBy: $by, orderBy: $order, first: 1000) {
  keys { value } count countDistinct { customer stage source currency openedOn }
  sum { amount { amount currencyCode } probability } avg { amount { amount currencyCode } probability }
  min { amount { amount currencyCode } probability openedOn closedAt } max { amount { amount currencyCode } openedOn } } }"""


@pytest.fixture
async def rows(seed):
    """Deals with amounts from nothing to the limit of 64 bits, in two currencies, around the changes of clocks."""
    chance = random.Random(20261122)
    pipeline = await seed(deals.Pipeline, name="Sales")
    stages = [await seed(deals.Stage, pipeline_id=pipeline, name=f"S{n}", position=n) for n in range(3)]
    made = []
    for n in range(160):
        currency = chance.choice(["EUR", "CNY", None])
        huge = chance.choice([LARGEST, -LARGEST, LARGEST - 1])
        near = chance.choice(CLOCKS_CHANGE) + timedelta(seconds=chance.randint(-90_000, 90_000))
        far = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 70_000_000))
        made.append(
            {
                "name": f"Deal {n}", "pipeline_id": pipeline, "stage_id": chance.choice(stages), "stage_entered_at": far,
                "probability": chance.choice([0, 33, 2**31 - 1, -(2**31) + 1]), "currency": currency,
                "amount": currency and chance.choice([None, huge, huge, Decimal(chance.randint(-99999, 99999)).scaleb(-4)]),
                "closed_at": chance.choice([None, near, near, far]), "source": chance.choice([None, "a", "b", "Ä"]),
                "opened_on": chance.choice([None, date(2024, 2, 29), date(2026, 1, 1) + timedelta(chance.randint(0, 400))]),
            }
        )  # fmt: skip
    await seed.many(deals.Deal, made)
    return made


def period(at, grain, zone):
    """The first day of the period; of an hour, its first instant."""
    if at is None:
        return None
    local = at.astimezone(ZoneInfo(zone)) if isinstance(at, datetime) else datetime(at.year, at.month, at.day)
    if grain == "HOUR":
        return times.to_text(at - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond))
    day = local.date()
    return {
        "DAY": day,
        "WEEK": day - timedelta(days=day.weekday()),
        "MONTH": day.replace(day=1),
        "QUARTER": day.replace(day=1, month=day.month - (day.month - 1) % 3),
        "YEAR": day.replace(day=1, month=1),
    }[grain].isoformat()


def scaled(number):
    return None if number is None else f"{number.quantize(Decimal('0.0001'), rounding=ROUND_HALF_EVEN):f}"


def figures(rows):
    """What the API should say of these rows."""

    def values(name):
        return [row[name] for row in rows if row[name] is not None]

    amounts = defaultdict(list)
    for row in rows:
        if row["amount"] is not None:
            amounts[row["currency"]].append(row["amount"])

    def money(function):
        return [{"amount": scaled(function(amounts[code])), "currencyCode": code} for code in sorted(amounts)]

    probabilities, opened = [Decimal(p) for p in values("probability")], values("opened_on")
    distinct = {"stage": "stage_id", "source": "source", "currency": "currency", "openedOn": "opened_on"}
    with localcontext(prec=80):
        return {
            "count": len(rows),
            "countDistinct": {"customer": 0, **{name: len(set(values(column))) for name, column in distinct.items()}},
            "sum": {"amount": money(sum), "probability": scaled(sum(probabilities))},
            "avg": {
                "amount": money(lambda found: sum(found) / len(found)),
                "probability": scaled(sum(probabilities) / len(probabilities)),
            },
            "min": {
                "amount": money(min), "probability": int(min(probabilities)),
                "openedOn": min(opened).isoformat() if opened else None,
                "closedAt": times.to_text(min(values("closed_at"))) if values("closed_at") else None,
            },
            "max": {"amount": money(max), "openedOn": max(opened).isoformat() if opened else None},
        }  # fmt: skip


def expected(rows, key):
    groups = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return {found: figures(members) for found, members in groups.items()}


async def answered(graph, ctx, by, order=None):
    found = (await graph.ask(ctx, QUERY, {"by": by, "order": order}))["dealAggregate"]
    return {tuple(k["value"] for k in group.pop("keys")): group for group in found}


async def test_all_rows(graph, ctx, rows):
    assert await answered(graph, ctx, []) == expected(rows, lambda row: ())


async def test_by_currency_and_another_field(graph, ctx, rows):
    by = [{"field": "CURRENCY"}, {"field": "SOURCE"}]
    assert await answered(graph, ctx, by) == expected(rows, lambda row: (row["currency"], row["source"]))


async def test_by_period_of_an_instant(graph, ctx, rows):
    for grain, zone in product(GRAINS, ZONES):
        by = [{"field": "CLOSED_AT", "dateGrain": grain, "timeZone": zone}]
        wanted = expected(rows, lambda row: (period(row["closed_at"], grain, zone),))  # noqa: B023
        assert await answered(graph, ctx, by) == wanted, (grain, zone)


async def test_by_period_of_a_day(graph, ctx, rows):
    for grain in GRAINS[1:]:
        by = [{"field": "OPENED_ON", "dateGrain": grain}, {"field": "CURRENCY"}]
        wanted = expected(rows, lambda row: (period(row["opened_on"], grain, "UTC"), row["currency"]))  # noqa: B023
        assert await answered(graph, ctx, by) == wanted, grain


async def test_sorted_by_what_is_beyond_64_bits(graph, ctx, rows):
    for function, descending in product(["sum", "avg", "min", "max"], [False, True]):
        order = [{function: "AMOUNT", "direction": "DESC" if descending else "ASC"}]
        found = await answered(graph, ctx, [{"field": "CURRENCY"}, {"field": "SOURCE"}], order)
        shown = [group[function]["amount"] for group in found.values()]
        sorted_by = [Decimal(money[0]["amount"]) for money in shown if money]
        assert sorted_by == sorted(sorted_by, reverse=descending)
        assert [bool(money) for money in shown] == sorted((bool(money) for money in shown), reverse=True)  # nulls last


@pytest.mark.parametrize("function", ["sum", "avg"])
async def test_chosen_by_what_is_beyond_64_bits(graph, ctx, rows, function):
    by = [{"field": "CURRENCY"}, {"field": "SOURCE"}]
    groups = await answered(graph, ctx, by)
    bounds = [Decimal(0), LARGEST, -LARGEST]
    for bound in bounds:
        text = """query($by: [DealGroupBy!], $h: DealHaving) { dealAggregate(groupBy: $by, having: $h) { keys { value } } }"""
        having = {function: {"amount": {"gt": str(bound)}}}
        found = (await graph.ask(ctx, text, {"by": by, "h": having}))["dealAggregate"]
        wanted = [
            k
            for k, g in groups.items()
            if g[function]["amount"] and Decimal(g[function]["amount"][0]["amount"]) > bound
        ]
        assert sorted(map(str, (tuple(k["value"] for k in g["keys"]) for g in found))) == sorted(map(str, wanted))


async def test_an_average_of_whole_numbers_beyond_64_bits(graph, ctx, seed):
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    deal = await seed(deals.Deal, name="Old", pipeline_id=pipeline, stage_id=stage, probability=1, stage_entered_at=at)
    largest = 2**63 - 1
    seconds = [largest, largest, largest - 1]
    await seed.many(
        deals.StageTransition,
        [{"deal_id": deal, "to_stage_id": stage, "at": at, "seconds_in_from": s} for s in seconds],
    )
    found = await graph.ask(ctx, "{ stageTransitionAggregate { sum { secondsInFrom } avg { secondsInFrom } } }")
    (group,) = found["stageTransitionAggregate"]
    assert group["sum"] == {"secondsInFrom": f"{sum(seconds)}.0000"}
    assert group["avg"] == {"secondsInFrom": "9223372036854775806.6667"}
