"""Computed fields, and orders by figures of children: they are read, filtered, sorted and paged like columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from crmcore.domain import activities, customers, deals
from crmcore.errors import BadInput
from crmcore.platform.context import Context
from crmcore.query import Money, ReadEngine, build, check_figures, expression, extend, figure
from crmcore.query.arguments import Run
from tests.query.conftest import declarations
from tests.query.graph import Graph, schema_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCALE = 10_000


@extend("Customer")
class CustomerFigures:
    """One of each kind."""

    ordered: Money | None = figure("sum", "orders", "Sum in euros.", of="total", currency="EUR")
    last_order: datetime | None = figure(
        "max", "orders", "The latest that counts.", of="placed_at", where="{status: {ne: CANCELLED}}"
    )
    chance: Decimal | None = figure("avg", "deals", "Mean chance.", of="probability")
    is_large: bool = expression("coalesce({employees} >= 100, false)", "Whether it has a hundred people.")
    first_letter: str = expression("substr({name}, 1, 1)", "The first letter.")
    age: int | None = expression(
        {
            "postgres": "extract(year FROM {today}) - {founded_year}",
            "sqlite": "strftime('%Y', {today}) - {founded_year}",
        },
        "Years since it was founded.",
    )
    checked_on: date | None = expression(
        {"postgres": "{verified_at}::date", "sqlite": "date({verified_at})"}, "The day."
    )
    shade: customers.Importance | None = expression("{importance}", "The importance again.")
    seen_at: datetime = expression("coalesce({verified_at}, {created_at})", "When it was seen.")
    worth: Money | None = expression("{annual_revenue} / 2", "Half its revenue.", currency="annual_revenue_currency")


@pytest.fixture
async def computing(registry, dialect):
    made = build(declarations(), [CustomerFigures.__crm_extension__])
    return Graph(made, ReadEngine(made, schema_of(made), dialect, b"a secret"))


@pytest.fixture
def now(ctx):
    return replace(ctx, clock=lambda: NOW)


@pytest.fixture
async def market(seed):
    """Seven customers with 0 to 6 orders of 10, 20... EUR, every third in USD, and some deals."""
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1, probability=10)
    won = await seed(deals.Stage, pipeline_id=pipeline, name="Won", position=2, type=deals.StageType.WON)
    for n in range(7):
        customer = await seed(
            customers.Customer, name=f"{'ABC'[n % 3]}{n}", employees=n * 50 or None, founded_year=2000 + n,
            importance=customers.Importance.A if n % 2 else None, verified_at=NOW if n == 3 else None,
            annual_revenue=Decimal(n), annual_revenue_currency="EUR",
        )  # fmt: skip
        for k in range(n):
            await seed(
                deals.Order, number=f"{n}-{k}", customer_id=customer, currency="USD" if k % 3 == 2 else "EUR",
                total=Decimal(10 * (k + 1)), placed_at=NOW - timedelta(days=10 * (n % 4) + k) if k else None,
                status=deals.OrderStatus.CANCELLED if k == 1 else deals.OrderStatus.PLACED,
            )  # fmt: skip
        for k in range(n % 3):
            await seed(
                deals.Deal, name=f"Deal {n}-{k}", customer_id=customer, pipeline_id=pipeline,
                stage_id=won if k else stage, probability=25 + 50 * k + n, amount=Decimal("0.0002") * n, currency="EUR",
                stage_entered_at=NOW,
            )  # fmt: skip


async def rows(graph, ctx, arguments, selection="name", field="customers"):
    answer = await graph.ask(ctx, f"{{ {field}({arguments}) {{ nodes {{ {selection} }} }} }}")
    return answer[field]["nodes"]


async def test_a_share_of_money_rounds_half_even(graph, now, seed):
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
    amounts = ["0.0001", "0.0003", "0.0005", "-0.0001", "-0.0003", "99999999999999.9999", "1.00", None]
    for amount in amounts:
        await seed(
            deals.Deal, name=str(amount), pipeline_id=pipeline, stage_id=stage, probability=50, currency="EUR",
            stage_entered_at=NOW,
            amount=None if amount is None else Decimal(amount),
        )  # fmt: skip
    found = await rows(graph, now, "first: 50", "name weightedAmount { amount currencyCode }", "deals")
    assert {row["name"]: row["weightedAmount"] and row["weightedAmount"]["amount"] for row in found} == {
        "0.0001": "0.0000", "0.0003": "0.0002", "0.0005": "0.0002", "-0.0001": "0.0000", "-0.0003": "-0.0002",
        "99999999999999.9999": "50000000000000.0000", "1.00": "0.5000", "None": None,
    }  # fmt: skip
    found = await rows(
        graph, now, 'where: {weightedAmount: {amount: {gt: "0"}}}, orderBy: {field: WEIGHTED_AMOUNT}', field="deals"
    )
    assert [row["name"] for row in found] == ["0.0003", "0.0005", "1.00", "99999999999999.9999"]
    answer = await graph.ask(now, "{ dealAggregate { sum { weightedAmount { amount currencyCode } } } }")
    assert answer["dealAggregate"][0]["sum"]["weightedAmount"] == [
        {"amount": "50000000000000.5002", "currencyCode": "EUR"}
    ]


async def test_a_moment_is_the_clocks(graph, now, seed):
    for name, due, status in (
        ("late", NOW - timedelta(seconds=1), "OPEN"), ("soon", NOW, "OPEN"), ("some day", None, "OPEN"),
        ("done", NOW - timedelta(days=1), "DONE"),
    ):  # fmt: skip
        await seed(activities.Task, subject=name, due_at=due, status=activities.TaskStatus(status))
    found = await rows(graph, now, "orderBy: [{field: IS_OVERDUE}, {field: SUBJECT}]", "subject isOverdue", "tasks")
    assert [(row["subject"], row["isOverdue"]) for row in found] == [
        ("done", False), ("some day", False), ("soon", False), ("late", True)
    ]  # fmt: skip
    found = await rows(graph, now, "where: {isOverdue: {eq: true}}", "subject", "tasks")
    assert [row["subject"] for row in found] == ["late"]
    groups = await graph.ask(now, "{ taskAggregate(groupBy: {field: IS_OVERDUE}) { keys { field value } count } }")
    assert [(g["keys"][0]["value"], g["count"]) for g in groups["taskAggregate"]] == [("false", 3), ("true", 1)]


async def test_every_kind_is_shown_filtered_and_sorted(computing, now, market):
    selection = """name isLarge firstLetter age checkedOn shade seenAt chance lastOrder openDealCount
      ordered { amount currencyCode } worth { amount currencyCode }"""
    found = await rows(computing, now, "orderBy: {field: AGE, direction: DESC}", selection)
    assert [row["name"] for row in found] == ["A0", "B1", "C2", "A3", "B4", "C5", "A6"]
    assert found[3] == {
        "name": "A3", "isLarge": True, "firstLetter": "A", "age": 23, "checkedOn": "2026-03-01", "shade": "A",
        "seenAt": "2026-03-01T12:00:00.000000+00:00", "chance": None, "openDealCount": 0,
        "lastOrder": "2026-01-28T12:00:00.000000+00:00", "ordered": {"amount": "30.0000", "currencyCode": "EUR"},
        "worth": {"amount": "1.5000", "currencyCode": "EUR"},
    }  # fmt: skip
    assert found[5]["chance"] == "55.0000"
    assert found[5]["openDealCount"] == 1
    assert found[0]["ordered"] is None
    for where, names in (
        ("isLarge: {eq: true}", "C2 A3 B4 C5 A6"), ('firstLetter: {in: ["B", "C"]}', "B1 C2 B4 C5"),
        ("age: {gte: 25}", "A0 B1"), ('checkedOn: {eq: "2026-03-01"}', "A3"), ("shade: {eq: A}", "B1 A3 C5"),
        ('seenAt: {lt: "2026-02-01T00:00:00Z"}', "A0 B1 C2 B4 C5 A6"), ('chance: {gt: "50"}', "C2 C5"),
        ("openDealCount: {eq: 0}", "A0 A3 A6"), ('ordered: {amount: {gt: "60"}}', "B4 C5 A6"),
        ("lastOrder: {isNull: true}", "A0 B1 C2"), ('worth: {amount: {lt: "1"}}', "A0 B1"),
        ("deals: {some: {customer: {openDealCount: {gt: 0}}}}", "B1 C2 B4 C5"),
    ):  # fmt: skip
        found = await rows(computing, now, f"where: {{{where}}}, orderBy: {{field: FOUNDED_YEAR}}")
        assert " ".join(row["name"] for row in found) == names, where


async def test_figures_see_only_what_the_caller_sees(computing, now, market, seed):
    other = Context(now.db, replace(now.policy, tenant_id=UUID(int=77)))
    assert await rows(computing, other, "orderBy: {deals: {count: true}}") == []
    await seed(customers.Customer, name="Z", founded_year=1900)
    assert (await rows(computing, now, 'where: {name: {eq: "Z"}}', "openDealCount"))[0] == {"openDealCount": 0}


ORDERS = [
    "{orders: {count: true}, direction: DESC}",
    '{orders: {count: true, where: {currency: {eq: "USD"}}}, direction: DESC}, {field: NAME}',
    "{orders: {max: PLACED_AT}, direction: DESC, nulls: LAST}",
    "{orders: {min: PLACED_AT}, nulls: FIRST}, {deals: {count: true}}",
    '{orders: {sum: TOTAL, currencyCode: "EUR"}, direction: DESC, nulls: FIRST}',
    '{orders: {avg: TOTAL, currencyCode: "USD"}}',
    "{deals: {avg: PROBABILITY}, direction: DESC}",
    "{deals: {sum: PROBABILITY}}, {orders: {count: true}, direction: DESC}",
    "{field: OPEN_DEAL_COUNT, direction: DESC}",
    "{field: ORDERED}",
    "{field: LAST_ORDER, direction: DESC, nulls: FIRST}",
    "{field: IS_LARGE}, {field: FIRST_LETTER, direction: DESC}",
    "{field: IMPORTANCE}, {field: SEEN_AT}",
    "{field: CHANCE, nulls: FIRST}",
]
PAGE = "nodes { name } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_of_computed_orders(computing, now, market, order):
    whole = [row["name"] for row in await rows(computing, now, f"orderBy: [{order}]")]
    back = [row["name"] for row in await rows(computing, now, f"orderBy: [{order}], last: 7")]
    assert whole == back
    assert sorted(whole) == ["A0", "A3", "A6", "B1", "B4", "C2", "C5"]
    for size in (1, 3):
        assert await _walk(computing, now, order, size, "first", "after") == whole
        assert await _walk(computing, now, order, size, "last", "before") == whole[::-1]


async def _walk(graph, ctx, order, size, amount, beyond):
    text = f"query($c: String) {{ customers(orderBy: [{order}], {amount}: {size}, {beyond}: $c) {{ {PAGE} }} }}"
    found: list[str] = []
    cursor = None
    for number in range(10):
        page = (await graph.ask(ctx, text, {"c": cursor}))["customers"]
        names = [row["name"] for row in page["nodes"]]
        found += names if amount == "first" else names[::-1]
        info = page["pageInfo"]
        more, past, end = ("hasNextPage", "hasPreviousPage", "endCursor")
        if amount == "last":
            more, past, end = past, more, "startCursor"
        assert info[past] is (number > 0)
        if not info[more]:
            return found
        cursor = info[end]
    raise AssertionError("the walk does not end")


async def test_what_an_order_by_figures_means(computing, now, market):
    async def order(item: str) -> str:
        return " ".join(row["name"] for row in await rows(computing, now, f"orderBy: [{item}]"))

    assert await order("{orders: {count: true}, direction: DESC}") == "A6 C5 B4 A3 C2 B1 A0"
    assert await order('{orders: {count: true, where: {currency: {eq: "USD"}}}, direction: DESC}, {field: NAME}') == (
        "A6 A3 B4 C5 A0 B1 C2"
    )
    assert await order('{orders: {sum: TOTAL, currencyCode: "EUR"}, direction: DESC}') == "A6 C5 B4 A3 C2 B1 A0"
    assert await order("{orders: {max: PLACED_AT}, direction: DESC}, {field: NAME}") == "B4 C5 A6 C2 A3 A0 B1"


async def test_a_figure_at_the_end_of_a_path(computing, now, market, seed):
    await seed(activities.Task, subject="nobody's")
    for name in ("C2", "A6", "B4"):
        (found,) = await rows(computing, now, f'where: {{name: {{eq: "{name}"}}}}', "id")
        key = UUID(found["id"].removeprefix("customer_"))
        await seed(activities.Task, subject=name, customer_id=key)
    for order in ("{customer: {orders: {count: true}, direction: DESC}}", "{customer: {field: OPEN_CASE_COUNT}}"):
        found = await rows(computing, now, f"orderBy: [{order}]", "subject", "tasks")
        assert found[-1]["subject"] == "nobody's", order
    found = await rows(
        computing, now, "orderBy: [{customer: {field: NAME}}, {customer: {orders: {count: true}}}]", "subject", "tasks"
    )
    assert [row["subject"] for row in found] == ["A6", "B4", "C2", "nobody's"]


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        ("{orders: {}}", "orderBy.0.orders: give exactly one of count, sum, avg, min and max."),
        ("{orders: {count: false}}", "orderBy.0.orders: give exactly one of count, sum, avg, min and max."),
        ("{orders: {count: true, max: PLACED_AT}}", "orderBy.0.orders: give exactly one of"),
        ("{orders: {sum: TOTAL}}", "orderBy.0.orders: amounts of several currencies cannot be compared"),
        ('{orders: {max: PLACED_AT, currencyCode: "EUR"}}', "orderBy.0.orders.currencyCode: belongs to"),
        ("{orders: {count: true}, field: NAME}", "orderBy.0: give exactly one of field, addresses, carePlans,"),
    ],
)
async def test_bad_figures(computing, now, order, sentence):
    with pytest.raises(BadInput) as refused:
        await rows(computing, now, f"orderBy: [{order}]")
    assert sentence in str(refused.value)
    assert refused.value.path[:2] == ("orderBy", "0")


async def test_a_cursor_belongs_to_the_figures_filter(computing, now, market):
    order = "[{orders: {count: true, where: $w}}, {orders: {sum: TOTAL, currencyCode: $m}}]"
    variables = "$c: String, $w: OrderFilter, $m: String!"
    text = f"query({variables}) {{ customers(first: 2, after: $c, orderBy: {order}) {{ {PAGE} }} }}"
    given: dict[str, Any] = {"w": {"currency": {"eq": "USD"}}, "m": "EUR"}
    cursor = (await computing.ask(now, text, given))["customers"]["pageInfo"]["endCursor"]
    assert (await computing.ask(now, text, {**given, "c": cursor}))["customers"]["nodes"]
    for other in ({"w": {"currency": {"eq": "EUR"}}}, {"m": "USD"}):
        with pytest.raises(BadInput, match="another list, filter or order"):
            await computing.ask(now, text, {**given, "c": cursor, **other})


async def test_a_figure_is_computed_once_for_a_row(computing, now, market, dialect):
    text = f"{{ customers(orderBy: [{{orders: {{count: true}}}}], first: 2) {{ {PAGE} }} }}"
    (root, reading) = computing.readings(text)["customers"]
    plan = computing.engine.plan(Run(now, {}), root, reading)
    assert plan.statement.text.count('SELECT count(*) FROM "order"') == 1


def _declared(**fields: Any) -> Any:
    annotations = {name: kind for name, (kind, _) in fields.items()}
    made = type("Wrong", (), {"__annotations__": annotations, **{name: spec for name, (_, spec) in fields.items()}})
    return extend("Customer")(made)


@pytest.mark.parametrize(
    ("kind", "spec", "sentence"),
    [
        (int, expression("{nothing} + 1", "x"), "Wrong.it: Customer has no column 'nothing'"),
        (int, expression({"postgres": "1"}, "x"), "Wrong.it: the expression is missing for sqlite"),
        (list, expression("1", "x"), "Wrong.it: <class 'list'> is no type of a computed field"),
        (Money | None, expression("{annual_revenue}", "x"), "Wrong.it: amounts in several currencies"),
        (int, figure("count", "nothing", "x"), "Wrong.it: Customer has no to-many relation 'nothing'"),
        (int | None, figure("count", "orders", "x"), "Wrong.it: a count is an `int`"),
        (datetime, figure("max", "orders", "x", of="placed_at"), "annotate it `| None`"),
        (
            datetime | None,
            figure("max", "orders", "x", of="number"),
            "Order has nothing called 'number' to take the max",
        ),
        (int | None, figure("max", "orders", "x", of="placed_at"), "the max of placed_at is a datetime"),
        (Money | None, figure("sum", "orders", "x", of="total"), "Wrong.it: amounts in several currencies"),
    ],
)
async def test_a_wrong_declaration_is_named(registry, kind, spec, sentence):
    with pytest.raises(TypeError) as refused:
        build(declarations(), [_declared(it=(kind, spec)).__crm_extension__])
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("{stage: ", "Customer.it: where is no filter: Syntax Error"),
        ("{stage: {type: {eq: NEVER}}}", "Customer.it: where is no filter of Deal: Value 'NEVER'"),
        ('{owner: {id: {eq: "nonsense"}}}', "Customer.it: "),
        ("{customer: {it: {gt: 1}}}", "Customer.it: it is computed from itself."),
    ],
)
async def test_a_wrong_where_is_named(registry, where, sentence):
    spec = figure("count", "deals", "x", where=where)
    made = build(declarations(), [_declared(it=(int, spec)).__crm_extension__])
    with pytest.raises(TypeError) as refused:
        check_figures(made, schema_of(made))
    assert sentence in str(refused.value)
