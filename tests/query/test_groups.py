"""Groups as lists: aggregates of connections, distinct values, having, orders, pages, and who may see what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import available_timezones

import pytest

from crmcore.domain import customers, deals, people
from crmcore.errors import BadInput
from crmcore.kit.periods import zone_of
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def shop(seed):
    """Two customers of Ada and one of Bob, who is in her team; a deleted one; deals in three months."""
    team = await seed(people.Team, name="North")
    users = {}
    for name in ("Ada", "Bob"):
        users[name] = await seed(people.User, name=name, email=f"{name}@example.org", team_id=team)
    owned = {name: {"owner_id": key, "team_id": team} for name, key in users.items()}
    acme = await seed(customers.Customer, name="Acme", **owned["Ada"])
    bolt = await seed(customers.Customer, name="Bolt", **owned["Ada"])
    corp = await seed(customers.Customer, name="Corp", **owned["Bob"])
    gone = await seed(customers.Customer, name="Gone", deleted_at=AT)
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
    rows = [
        (acme, "10", "EUR", "web", date(2026, 1, 5)),
        (acme, "20", "EUR", "web", date(2026, 2, 5)),
        (acme, "5", "CNY", None, date(2026, 2, 6)),
        (bolt, "7", "EUR", "fair", date(2026, 2, 7)),
        (corp, "100", "CNY", "web", date(2026, 3, 1)),
        (gone, "1", "EUR", "web", None),
        (None, None, None, "fair", None),
    ]
    await seed.many(
        deals.Deal,
        [
            {
                "name": f"Deal {n}", "customer_id": customer, "pipeline_id": pipeline, "stage_id": stage, "probability": 10 * n,
                "amount": amount and Decimal(amount), "currency": currency, "source": source, "opened_on": day,
                "stage_entered_at": AT, **owned["Bob" if customer == corp else "Ada"],
            }
            for n, (customer, amount, currency, source, day) in enumerate(rows)
        ],
    )  # fmt: skip
    return users, team


async def test_a_connection_has_figures_of_its_whole_list(graph, ctx, shop):
    with ctx.db.counting() as seen:
        found = await graph.ask(
            ctx,
            """{ customers(orderBy: {field: NAME}, first: 2) { aggregate { count keys { field } } pageInfo { hasNextPage }
                 nodes { name deals(where: {amount: {currencyCode: {eq: "EUR"}}}, first: 1) { totalCount nodes { name }
                   aggregate { count countDistinct { source } sum { amount { amount currencyCode } } }
                   byMonth: aggregate(groupBy: [{field: OPENED_ON, dateGrain: MONTH}], orderBy: [{count: true, direction: DESC}]) {
                     keys { value } count } } } } }""",
        )
    assert len(seen) == 1
    assert found["customers"] == {
        "aggregate": [{"count": 3, "keys": []}],
        "pageInfo": {"hasNextPage": True},
        "nodes": [
            {
                "name": "Acme",
                "deals": {
                    "totalCount": 2,
                    "nodes": [{"name": "Deal 0"}],
                    "aggregate": [
                        {
                            "count": 2, "countDistinct": {"source": 1},
                            "sum": {"amount": [{"amount": "30.0000", "currencyCode": "EUR"}]},
                        }
                    ],
                    "byMonth": [
                        {"keys": [{"value": "2026-01-01"}], "count": 1},
                        {"keys": [{"value": "2026-02-01"}], "count": 1},
                    ],
                },
            },
            {
                "name": "Bolt",
                "deals": {
                    "totalCount": 1,
                    "nodes": [{"name": "Deal 3"}],
                    "aggregate": [
                        {
                            "count": 1, "countDistinct": {"source": 1},
                            "sum": {"amount": [{"amount": "7.0000", "currencyCode": "EUR"}]},
                        }
                    ],
                    "byMonth": [{"keys": [{"value": "2026-02-01"}], "count": 1}],
                },
            },
        ],
    }  # fmt: skip


async def test_an_aggregate_alone_on_a_connection(graph, ctx, shop):
    found = await graph.ask(
        ctx,
        '{ deals(where: {source: {eq: "web"}}) { aggregate(groupBy: {field: CUSTOMER}) { count keys { record { id } } } } }',
    )
    assert sorted(g["count"] for g in found["deals"]["aggregate"]) == [1, 1, 2]
    assert [g["keys"][0]["record"] is None for g in found["deals"]["aggregate"]] == [False, False, True]


async def test_distinct_values_are_not_added_up_over_currencies(graph, ctx, shop):
    found = await graph.ask(
        ctx,
        """{ dealAggregate(groupBy: [{field: SOURCE}], orderBy: [{countDistinct: CUSTOMER, direction: DESC}, {key: {field: SOURCE}}]) {
             keys { value } count countDistinct { customer source currency stage openedOn }
             sum { amount { amount currencyCode } } } }""",
    )
    shown = [(g["keys"][0]["value"], g["count"], tuple(g["countDistinct"].values())) for g in found["dealAggregate"]]
    assert shown == [("web", 4, (2, 1, 2, 1, 3)), ("fair", 2, (1, 1, 1, 1, 1)), (None, 1, (1, 0, 1, 1, 1))]
    assert found["dealAggregate"][0]["sum"]["amount"] == [
        {"amount": "100.0000", "currencyCode": "CNY"}, {"amount": "31.0000", "currencyCode": "EUR"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "having, expected",
    [
        ("{count: {gt: 1}}", ["fair", "web"]),
        ("{count: {in: [1, 4]}}", ["web", None]),
        ("{not: {count: {gt: 1}}}", [None]),
        ("{or: [{countDistinct: {customer: {gte: 2}}}, {count: {eq: 1}}]}", ["web", None]),
        ('{and: [{count: {gte: 1}}, {max: {openedOn: {lt: "2026-03-01"}}}]}', ["fair", None]),
        ("{sum: {probability: {eq: 20}}}", [None]),
        ('{avg: {probability: {lt: "25.1", gt: "24.9999"}}}', ["web"]),
        ('{avg: {probability: {in: ["45", "20"]}}}', ["fair", None]),
        ("{min: {openedOn: {isNull: true}}}", []),
        ('{min: {openedOn: {ne: "2026-02-07"}}}', ["web", None]),
    ],
)
async def test_groups_chosen_by_their_figures(graph, ctx, shop, having, expected):
    text = f"{{ dealAggregate(groupBy: {{field: SOURCE}}, having: {having}) {{ keys {{ value }} }} }}"
    found = await graph.ask(ctx, text)
    assert [g["keys"][0]["value"] for g in found["dealAggregate"]] == expected


async def test_having_of_money_where_a_group_has_one_currency(graph, ctx, shop):
    text = """query($h: DealHaving) { dealAggregate(groupBy: [{field: CURRENCY}, {field: SOURCE}], having: $h) {
                keys { value } sum { amount { amount } } } }"""
    found = await graph.ask(ctx, text, {"h": {"sum": {"amount": {"gte": "10"}}, "max": {"amount": {"lt": "50"}}}})
    assert found["dealAggregate"] == [
        {"keys": [{"value": "EUR"}, {"value": "web"}], "sum": {"amount": [{"amount": "31.0000"}]}}
    ]
    with pytest.raises(BadInput, match=r"having\.sum\.amount: .*\{field: CURRENCY\}"):
        await graph.ask(ctx, "{ dealAggregate(groupBy: {field: SOURCE}, having: {sum: {amount: {gt: 1}}}) { count } }")


@pytest.mark.parametrize(
    "order",
    [
        "[]", "{count: true, direction: DESC}", "{key: {field: SOURCE}, direction: DESC, nulls: FIRST}",
        "[{sum: PROBABILITY}, {key: {field: OPENED_ON}, direction: DESC}]", "{avg: AMOUNT, direction: DESC}",
        "{min: AMOUNT, nulls: FIRST}", "[{max: OPENED_ON, nulls: FIRST}, {countDistinct: CUSTOMER, direction: DESC}]",
        "{key: {field: OPENED_ON, dateGrain: MONTH}}",
    ],
)  # fmt: skip
async def test_pages_of_groups_are_the_whole_list(graph, ctx, shop, order):
    text = f"""query($n: Int, $a: String) {{ dealAggregate(first: $n, after: $a, orderBy: {order},
        groupBy: [{{field: SOURCE}}, {{field: CURRENCY}}, {{field: OPENED_ON, dateGrain: MONTH}}, {{field: CUSTOMER}}]) {{
        cursor keys {{ value }} count }} }}"""
    whole = (await graph.ask(ctx, text, {"n": 100}))["dealAggregate"]
    assert len(whole) == 7
    walked, after = [], None
    while page := (await graph.ask(ctx, text, {"n": 2, "a": after}))["dealAggregate"]:
        walked += page
        after = page[-1]["cursor"]
    assert walked == whole


async def test_the_only_group_has_no_next_page(graph, ctx, shop):
    text = "query($a: String) { dealAggregate(after: $a) { cursor count } }"
    (group,) = (await graph.ask(ctx, text))["dealAggregate"]
    assert group["count"] == 7
    assert (await graph.ask(ctx, text, {"a": group["cursor"]}))["dealAggregate"] == []


async def test_a_cursor_belongs_to_its_groups(graph, ctx, shop):
    text = """query($by: [DealGroupBy!], $o: [DealAggregateOrder!], $h: DealHaving, $w: DealFilter, $a: String) {
                dealAggregate(groupBy: $by, orderBy: $o, having: $h, where: $w, after: $a) { cursor } }"""
    own = {"by": [{"field": "SOURCE"}], "o": [{"count": True}], "h": {"count": {"gt": 0}}, "w": {"name": {"ne": "x"}}}
    cursor = (await graph.ask(ctx, text, own))["dealAggregate"][0]["cursor"]
    assert len((await graph.ask(ctx, text, {**own, "a": cursor}))["dealAggregate"]) == 2
    for other in (
        {"by": [{"field": "CURRENCY"}]}, {"o": [{"count": True, "direction": "DESC"}]}, {"h": {"count": {"gt": 1}}},
        {"w": {"name": {"ne": "y"}}}, {"a": cursor[:-2] + "AA"}, {"a": "x"},
    ):  # fmt: skip
        with pytest.raises(BadInput, match="after"):
            await graph.ask(ctx, text, {**own, "a": cursor, **other})


async def test_a_nested_cursor_belongs_to_its_list(graph, ctx, shop):
    text = """query($w: DealFilter, $a: String) { customers(where: {name: {eq: "Acme"}}) { nodes { deals(where: $w) {
                aggregate(groupBy: [{field: CURRENCY}], after: $a) { cursor keys { value } } } } } }"""

    async def ask(**variables):
        return (await graph.ask(ctx, text, variables))["customers"]["nodes"][0]["deals"]["aggregate"]

    first = (await ask())[0]
    assert [g["keys"][0]["value"] for g in await ask(a=first["cursor"])] == ["EUR"]
    with pytest.raises(BadInput, match="after"):
        await ask(a=first["cursor"], w={"name": {"ne": "x"}})


@pytest.mark.parametrize(
    "argument, sentence",
    [
        ("groupBy: {field: SOURCE, dateGrain: DAY}", "groupBy.0: source is no date"),
        ("groupBy: {field: CUSTOMER, dateGrain: DAY}", "groupBy.0: customer is no date"),
        ("groupBy: {field: OPENED_ON, dateGrain: HOUR}", "groupBy.0: openedOn is a day and has no hours"),
        ('groupBy: {field: OPENED_ON, dateGrain: DAY, timeZone: "UTC"}', "groupBy.0.timeZone: a time zone goes with"),
        ('groupBy: {field: CLOSED_AT, timeZone: "UTC"}', "groupBy.0.timeZone: a time zone goes with"),
        ('groupBy: {field: CLOSED_AT, dateGrain: DAY, timeZone: "Mars"}', "groupBy.0.timeZone: 'Mars' is no time zone"),
        ("groupBy: {dateGrain: DAY}", "groupBy.0: give exactly one of field"),
        (
            "groupBy: {dateGrain: DAY, customer: {field: CREATED_AT}}",
            "groupBy.0.dateGrain: dateGrain and timeZone belong",
        ),
        ("orderBy: {key: {field: SOURCE}}", "orderBy.0.key: source is not in groupBy"),
        ("orderBy: {count: true, sum: PROBABILITY}", "orderBy.0: give exactly one of key, count"),
        ("orderBy: {count: false}", "orderBy.0: give exactly one of key, count"),
        ("orderBy: {sum: AMOUNT}", "orderBy.0.sum: amounts of several currencies"),
        ("having: {sum: {amount: {gt: 1}}}", "having.sum.amount: amounts of several currencies"),
        ("having: {count: null}", "having.count: null is no condition"),
        ("having: {sum: {probability: null}}", "having.sum.probability: null is no condition"),
        ("first: 1001", "first: must be from 0 to 1000"),
    ],
)
async def test_what_cannot_be_grouped_says_why(graph, ctx, argument, sentence):
    with pytest.raises(BadInput) as caught:
        await graph.ask(ctx, f"{{ dealAggregate({argument}) {{ count }} }}")
    assert sentence in caught.value.message


async def test_a_wrong_zone_in_a_variable(graph, ctx):
    text = "query($z: String) { dealAggregate(groupBy: {field: CREATED_AT, dateGrain: DAY, timeZone: $z}) { count } }"
    assert (await graph.ask(ctx, text, {"z": "Asia/Tokyo"}))["dealAggregate"] == []
    with pytest.raises(BadInput, match="'Nowhere' is no time zone"):
        await graph.ask(ctx, text, {"z": "Nowhere"})


async def test_a_zone_that_is_accepted_is_known_to_the_database(db, dialect):
    with pytest.raises(ValueError, match="no time zone"):
        zone_of("localtime")  # wherever the server stands
    if dialect == "postgres":
        names = [name for name in sorted(available_timezones()) if name not in ("localtime", "Factory")]
        assert all(zone_of(name) for name in names)
        listed = Sql("unnest(", value(names, "text[]"), ") z")
        (row,) = await db.fetch(Sql("SELECT count(now() AT TIME ZONE z) AS n FROM ", listed))
        assert row["n"] == len(names)


async def test_instants_are_groups_too(graph, ctx, shop):
    found = await graph.ask(ctx, "{ dealAggregate(groupBy: {field: STAGE_ENTERED_AT}) { keys { field value } count } }")
    key = {"field": "stageEnteredAt", "value": "2026-01-01T00:00:00.000000+00:00"}
    assert found["dealAggregate"] == [{"keys": [key], "count": 7}]


async def test_totals_count_what_the_caller_sees(graph, ctx, shop):
    users, team = shop
    text = """{ deals { aggregate { count countDistinct { customer owner } sum { amount { amount currencyCode } } } }
      customers(orderBy: {field: NAME}) { nodes { name deals { aggregate { count } } } }
      dealAggregate(groupBy: {field: CUSTOMER}, orderBy: {count: true, direction: DESC}) { count keys { record { ... on Customer { name } } } } }"""

    async def ask(reach):
        actor = Actor(ActorKind.USER, user_id=users["Ada"], team_id=team)
        return await graph.ask(Context(ctx.db, replace(Policy(ctx.tenant_id, actor), reach=reach)), text)

    own, group = await ask(Reach.OWN), await ask(Reach.TEAM)
    assert own["deals"]["aggregate"] == [
        {
            "count": 6, "countDistinct": {"customer": 2, "owner": 1},
            "sum": {"amount": [{"amount": "5.0000", "currencyCode": "CNY"}, {"amount": "38.0000", "currencyCode": "EUR"}]},
        }
    ]  # fmt: skip
    assert [(n["name"], n["deals"]["aggregate"][0]["count"]) for n in own["customers"]["nodes"]] == [
        ("Acme", 3),
        ("Bolt", 1),
    ]
    assert [(g["count"], (g["keys"][0]["record"] or {}).get("name")) for g in own["dealAggregate"]] == [
        (3, "Acme"), (2, None), (1, "Bolt"),
    ]  # fmt: skip
    assert group["deals"]["aggregate"][0]["count"] == 7
    assert group["deals"]["aggregate"][0]["countDistinct"] == {"customer": 3, "owner": 2}
