"""Figures by group, exact and the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from crmcore.domain import customers, deals, people
from crmcore.errors import BadInput

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def sales(seed):
    north = await seed(people.Team, name="North")
    south = await seed(people.Team, name="South", parent_id=north)
    gone = await seed(people.Team, name="Gone", deleted_at=AT)
    pipeline = await seed(deals.Pipeline, name="Sales")
    won = await seed(deals.Stage, pipeline_id=pipeline, name="Won", position=2, type=deals.StageType.WON)
    new = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
    rows = [
        (won, "10.0001", "EUR", 10, south),
        (won, "0.0002", "EUR", 25, south),
        (won, "-5", "CNY", 40, north),
        (new, None, None, 5, None),
        (new, "7.5", "EUR", 5, gone),
    ]
    await seed.many(
        deals.Deal,
        [
            {
                "name": f"Deal {n}", "pipeline_id": pipeline, "stage_id": stage, "probability": probability,
                "amount": amount and Decimal(amount), "currency": currency, "team_id": team, "stage_entered_at": AT,
            }
            for n, (stage, amount, currency, probability, team) in enumerate(rows)
        ],
    )  # fmt: skip


async def test_everything_at_once(graph, ctx, sales):
    with ctx.db.counting() as seen:
        found = await graph.ask(
            ctx,
            """{ dealAggregate(groupBy: [{stage: {field: TYPE}}], orderBy: [{count: true, direction: DESC}]) {
                 keys { field value record { id } } count
                 sum { amount { amount currencyCode } probability } avg { amount { amount } probability }
                 min { amount { amount } probability stageEnteredAt } max { probability } } }""",
        )
    assert len(seen) == 1
    assert found["dealAggregate"] == [
        {
            "keys": [{"field": "stage.type", "value": "WON", "record": None}],
            "count": 3,
            "sum": {
                "amount": [
                    {"amount": "-5.0000", "currencyCode": "CNY"},
                    {"amount": "10.0003", "currencyCode": "EUR"},
                ],
                "probability": "75.0000",
            },
            "avg": {"amount": [{"amount": "-5.0000"}, {"amount": "5.0002"}], "probability": "25.0000"},
            "min": {
                "amount": [{"amount": "-5.0000"}, {"amount": "0.0002"}],
                "probability": 10,
                "stageEnteredAt": "2026-01-01T00:00:00.000000+00:00",
            },
            "max": {"probability": 40},
        },
        {
            "keys": [{"field": "stage.type", "value": "OPEN", "record": None}],
            "count": 2,
            "sum": {"amount": [{"amount": "7.5000", "currencyCode": "EUR"}], "probability": "10.0000"},
            "avg": {"amount": [{"amount": "7.5000"}], "probability": "5.0000"},
            "min": {
                "amount": [{"amount": "7.5000"}],
                "probability": 5,
                "stageEnteredAt": "2026-01-01T00:00:00.000000+00:00",
            },
            "max": {"probability": 5},
        },
    ]


async def test_groups_that_are_records(graph, ctx, sales):
    found = await graph.ask(
        ctx,
        """{ dealAggregate(groupBy: [{field: TEAM}, {team: {field: PARENT}}]) {
             keys { field value record { __typename ... on Team { name } } } count } }""",
    )
    shown = [
        ([(k["field"], k["record"] and k["record"]["name"]) for k in g["keys"]], g["count"])
        for g in found["dealAggregate"]
    ]
    assert shown == [
        ([("team", "North"), ("team.parent", None)], 1),
        ([("team", "South"), ("team.parent", "North")], 2),
        ([("team", None), ("team.parent", None)], 2),  # none, and one that is deleted
    ]


async def test_no_group_is_one_group_even_of_nothing(graph, ctx, sales):
    text = """query($where: DealFilter) { dealAggregate(where: $where) {
                keys { field } count sum { amount { amount } probability } avg { probability } max { closedAt } } }"""
    everything = await graph.ask(ctx, text)
    assert everything["dealAggregate"][0]["count"] == 5
    nothing = await graph.ask(ctx, text, {"where": {"name": {"eq": "x"}}})
    assert nothing["dealAggregate"] == [
        {
            "keys": [], "count": 0, "sum": {"amount": [], "probability": None}, "avg": {"probability": None},
            "max": {"closedAt": None},
        }
    ]  # fmt: skip


async def test_order_by_money_needs_its_currency(graph, ctx, sales):
    with pytest.raises(BadInput, match=r"field: CURRENCY"):
        await graph.ask(ctx, "{ dealAggregate(groupBy: {field: TEAM}, orderBy: {sum: AMOUNT}) { count } }")
    found = await graph.ask(
        ctx,
        """{ dealAggregate(groupBy: [{field: CURRENCY}], orderBy: {sum: AMOUNT, direction: DESC}, first: 2) {
             keys { value } sum { amount { amount } } } }""",
    )
    assert [(g["keys"][0]["value"], g["sum"]["amount"]) for g in found["dealAggregate"]] == [
        ("EUR", [{"amount": "17.5003"}]),
        ("CNY", [{"amount": "-5.0000"}]),
    ]


@pytest.mark.parametrize("amounts, expected", [
    (["0.0001", "0.0002"], "0.0002"), (["0.0002", "0.0003"], "0.0002"), (["-0.0001", "-0.0002"], "-0.0002"),
    (["-0.0001", "0"], "0.0000"), (["0.0001", "0.0001", "0"], "0.0001"), (["1", "1", "0"], "0.6667"),
])  # fmt: skip
async def test_averages_round_half_even(graph, ctx, seed, amounts, expected):
    await seed.many(
        customers.Customer,
        [{"name": "x", "annual_revenue": Decimal(a), "annual_revenue_currency": "EUR"} for a in amounts],
    )
    found = await graph.ask(ctx, "{ customerAggregate { avg { annualRevenue { amount } } } }")
    assert found["customerAggregate"][0]["avg"]["annualRevenue"] == [{"amount": expected}]


@pytest.mark.parametrize("argument", ["first: 1001", "first: -1", "groupBy: [{}]", "orderBy: [{direction: ASC}]"])
async def test_bad_arguments(graph, ctx, argument):
    with pytest.raises(BadInput):
        await graph.ask(ctx, f"{{ dealAggregate({argument}) {{ count }} }}")


@pytest.mark.parametrize(
    "aggregate, sentence",
    [
        ("taskAggregate(groupBy: [{}])", "give exactly one of field, case, customer, "),
        ("touchpointAggregate(groupBy: [{contact: {}}])", "contact: give exactly one of field and mergedInto."),
        ("dealAggregate(groupBy: [{stage: {}}])", "stage: give exactly one of field and pipeline."),
    ],
)
async def test_an_empty_step_of_a_group_says_what_it_needs(graph, ctx, aggregate, sentence):
    with pytest.raises(BadInput) as caught:
        await graph.ask(ctx, f"{{ {aggregate} {{ count }} }}")
    assert sentence in caught.value.message
