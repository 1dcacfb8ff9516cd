"""totalCount: whole, up to a bound, estimated; and only where it is asked for."""

from __future__ import annotations

import pytest

from crmcore.domain import customers
from crmcore.errors import BadInput
from crmcore.query import counting
from tests.query.large import CUSTOMERS, fill


@pytest.fixture
async def few(seed):
    parent = await seed(customers.Customer, name="Parent")
    await seed.many(customers.Customer, [{"name": f"n{n}", "parent_id": parent, "employees": n} for n in range(6)])
    return parent


@pytest.mark.parametrize("arguments, expected", [
    ("", 6), ("(atMost: 3)", 3), ("(atMost: 6)", 6), ("(atMost: 100)", 6), ("(atMost: null)", 6),
    ("(estimate: true)", 6), ("(estimate: false)", 6), ("(estimate: null, atMost: 2)", 2),
    ("(estimate: false, atMost: 2)", 2),
])  # fmt: skip
async def test_of_a_root_and_of_a_record(graph, ctx, few, arguments, expected):
    text = f"""query($p: ID!) {{
        customers(first: 2, where: {{employees: {{gte: 0}}}}) {{ totalCount{arguments} nodes {{ id }} }}
        customer(id: $p) {{ children(first: 2) {{ totalCount{arguments} }} }} }}"""
    found = await graph.ask(ctx, text, {"p": f"customer_{few}"})
    assert found["customers"]["totalCount"] == expected
    assert found["customer"]["children"]["totalCount"] == expected


async def test_a_bound_is_a_value_of_one_plan(graph, ctx, few):
    text = "query($n: Int) { customers { totalCount(atMost: $n) } }"
    await graph.ask(ctx, text, {"n": 1})
    known = graph.engine.plans.statistics.misses
    assert (await graph.ask(ctx, text, {"n": 4}))["customers"]["totalCount"] == 4
    assert graph.engine.plans.statistics.misses == known


@pytest.mark.parametrize("arguments", ["atMost: 0", "atMost: -1", "atMost: 5, estimate: true"])
async def test_refusals(graph, ctx, arguments):
    with pytest.raises(BadInput) as refused:
        await graph.ask(ctx, f"{{ customers {{ totalCount({arguments}) }} }}")
    assert refused.value.path in (("atMost",), ("estimate",))


async def test_a_list_counts_only_when_asked(graph, ctx, few):
    ((root, reading),) = graph.readings("{ customers { nodes { id } edges { cursor } } }").values()
    from crmcore.query.arguments import Run

    assert "count(" not in graph.engine.plan(Run(ctx, {}), root, reading).statement.text


async def test_an_estimate_of_many(graph, ctx, db, tenant, dialect, monkeypatch):
    """From some of the table's pages on PostgreSQL: near the truth, and the same again."""
    await fill(db, tenant, customers.Customer, 30_000, CUSTOMERS, name="x")
    monkeypatch.setattr(counting, "_PAGES", 100)
    text = """{ whole: customers { totalCount(estimate: true) again: totalCount(estimate: true) bound: totalCount(atMost: 10500) }
        most: customers(where: {employees: {lt: 800}}) { totalCount(estimate: true) exactly: totalCount }
        some: customers(where: {employees: {lt: 100}}) { totalCount(estimate: true) exactly: totalCount } }"""
    found = await graph.ask(ctx, text)
    assert found["whole"]["totalCount"] == found["whole"]["again"]
    assert found["whole"]["totalCount"] == pytest.approx(30_000, rel=0.1)
    assert found["whole"]["bound"] == 10_500
    assert found["most"]["totalCount"] == pytest.approx(found["most"]["exactly"], rel=0.3)
    assert found["some"]["totalCount"] == found["some"]["exactly"]
    if dialect == "sqlite":
        assert found["whole"]["totalCount"] == 30_000
        assert found["most"]["totalCount"] == found["most"]["exactly"]
