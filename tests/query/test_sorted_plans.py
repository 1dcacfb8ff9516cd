"""Lists in an order that no index of their own serves: only the page is shown, and another table's index may help."""

from __future__ import annotations

import re

import orjson
import pytest

from crmcore.domain import activities, customers
from crmcore.kit.sql import Statement
from crmcore.query.arguments import Run
from tests.query.large import CUSTOMERS, TASKS, Walked, fill
from tests.query.test_explain import MOST_LOOKED_AT, PAGE, ROWS, places

OF_CUSTOMER = "CASE WHEN i % 4 > 0 THEN ('10000000-0000-7000-8000-' || lpad(to_hex(i / 4), 12, '0'))::uuid END"
SHOWN = "nodes { id createdAt annualRevenue { amount currencyCode } owner { name } }"
MADE = re.compile(r"to_char|\|\||SubPlan|ROW\(|0\.0001|printf|json")
TASK_LIST = """query($orderBy: [TaskOrder!], $first: Int, $after: String, $last: Int, $before: String) {
    tasks(orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


@pytest.mark.parametrize("order", ["{field: EMPLOYEES}", "{owner: {field: NAME}}"])
async def test_what_is_shown_is_made_for_the_rows_of_the_page(graph, ctx, db, tenant, order):
    await fill(db, tenant, customers.Customer, 500, CUSTOMERS, name="x")
    text = f"{{ customers(orderBy: [{order}], first: 20) {{ {SHOWN} }} }}"
    sorted_ = await (_sorted_by_postgres if db.dialect == "postgres" else _called_by_sqlite)(graph, ctx, text)
    assert sorted_
    assert not [made for made in sorted_ if MADE.search(made)]


def _statement(graph, ctx, text, explain):
    ((root, reading),) = graph.readings(text).values()
    run = Run(ctx, reading.variables)
    plan = graph.engine.plan(run, root, reading)
    return Statement(f"{explain} {plan.statement.text}", plan.statement.binds), run


async def _sorted_by_postgres(graph, ctx, text):
    """What the rows of tables have when they are sorted."""
    (row,) = await ctx.db.fetch(*_statement(graph, ctx, text, "EXPLAIN (VERBOSE, FORMAT JSON)"))

    def outputs(plan, in_sort):
        here = in_sort or plan["Node Type"] == "Sort"
        yield from plan["Output"] if here else ()
        for below in plan.get("Plans", ()):
            yield from outputs(below, here)

    return list(outputs(orjson.loads(row[0])[0]["Plan"], False))


async def _called_by_sqlite(graph, ctx, text):
    """The instructions until the rows are sorted."""
    steps = await ctx.db.fetch(*_statement(graph, ctx, text, "EXPLAIN"))
    codes = [step["opcode"] for step in steps]
    end = next(place for place, code in enumerate(codes) if code in ("Sort", "SorterSort"))
    return [f"{step['opcode']} {step['p4']}" for step in steps[:end]]


@pytest.mark.parametrize("dialect", ["postgres"])  # SQLite plans joins as if all rows were wanted
@pytest.mark.parametrize("order", [{"field": "NAME"}, {"field": "NAME", "direction": "DESC"}, {"field": "CREATED_AT"}])
async def test_a_page_in_the_order_of_a_to_one_comes_from_its_index(graph, ctx, db, tenant, order):
    await fill(db, tenant, customers.Customer, ROWS // 4, CUSTOMERS, name="x")
    await fill(db, tenant, activities.Task, ROWS, TASKS | {"customer_id": OF_CUSTOMER}, subject="x")
    variables = {"orderBy": [{"customer": order}]}
    known = await places(graph, ctx, TASK_LIST, variables, 10)
    del known["end"]  # among those without a customer, which no index has
    pages = [{"first": PAGE}, *({"first": PAGE, "after": cursor} for cursor in known.values())]
    pages += [{"last": PAGE, "before": cursor} for cursor in known.values()]
    for page in pages:
        lines = await Walked(graph, ctx).lines(TASK_LIST, variables | page)
        looked = [int(re.search(r"(\d+) rows", line)[1]) for line in lines]
        assert max(looked) <= MOST_LOOKED_AT, "\n".join(lines)
        assert any(f"ix_customer_{'name_folded' if order['field'] == 'NAME' else 'created_at'}" in ln for ln in lines)
