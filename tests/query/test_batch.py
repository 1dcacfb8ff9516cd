"""Fields that Python answers: once for all rows, and a failure is null with an error at its place."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest

from crmcore.domain import catalogue, deals
from crmcore.errors import PluginRefusal
from crmcore.query import ReadEngine, Ref, batch, build, extend
from tests.query.conftest import declarations, number
from tests.query.graph import Graph, schema_of

AT = datetime(2026, 1, 1, tzinfo=UTC)
calls = []


async def double(rows, ctx):
    calls.append(rows)
    return [row["probability"] * 2 for row in rows]


async def broken(rows, ctx):
    raise RuntimeError("secret detail")


async def refused(rows, ctx):
    raise PluginRefusal("The score server is closed on Sundays.")


async def short(rows, ctx):
    return []


async def slow(rows, ctx):
    await asyncio.sleep(60)


async def one_bad(rows, ctx):
    return [ValueError("this one") if row["name"] == "Deal 1" else row["name"] for row in rows]


async def best(rows, ctx):
    return [Ref("Product", number(1)) if n % 2 else None for n, _ in enumerate(rows)]


async def unknown(rows, ctx):
    return [Ref("Product", UUID(int=99)) for _ in rows]


@extend("Deal")
class Scores:
    twice: int | None = batch(
        double, "Twice.", needs=("probability", "amount", "opened_on", "stage_entered_at", "kind")
    )
    broken: str | None = batch(broken, "Breaks.")
    refused: str | None = batch(refused, "Refuses.")
    short: str | None = batch(short, "Answers too little.")
    slow: str | None = batch(slow, "Never answers.")
    one_bad: str | None = batch(one_bad, "Fails for one.", needs=("name",))


@extend("Product")
class ProductScore:
    label: str | None = batch(one_bad, "Its name, by Python.", needs=("name",))


@pytest.fixture
async def scored(registry, dialect):
    product = next(d.cls for d in declarations() if d.name == "Product")

    class Best:
        best = batch(best, "A record.")
        unknown = batch(unknown, "A record that is not there.")

    Best.__annotations__ = {"best": product | None, "unknown": product | None}
    made = build(
        declarations(),
        [c.__crm_extension__ for c in (Scores, ProductScore, extend("Deal")(Best))],
    )
    return Graph(made, ReadEngine(made, schema_of(made), dialect, b"s", batch_seconds=0.05))


@pytest.fixture
async def rows(seed):
    product = await seed(catalogue.Product, sku="p", name="Plough")
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="Won", position=1)
    await seed.many(
        deals.Deal,
        [
            {
                "name": f"Deal {n}", "pipeline_id": pipeline, "stage_id": stage, "probability": n,
                "amount": Decimal("1.5"), "currency": "EUR", "stage_entered_at": AT, "opened_on": date(2026, 2, 3),
                "product_id": product,
            }
            for n in range(3)
        ],
    )  # fmt: skip


async def ask(graph, ctx, text):
    ((_, (root, reading)),) = graph.readings(text).items()
    done = await graph.engine.read(ctx, root, reading)
    return orjson.loads(done.json), done.errors


async def test_values_stand_where_they_were_asked_for(scored, ctx, rows):
    calls.clear()
    with ctx.db.counting() as seen:
        found, errors = await ask(
            scored, ctx, "{ deals { nodes { a: twice name twice product { label } } pageInfo { hasNextPage } } }"
        )
    assert len(seen) == 1
    assert not errors
    assert orjson.dumps(found["nodes"][1]) == b'{"a":2,"name":"Deal 1","twice":2,"product":{"label":"Plough"}}'
    (got,) = calls  # one call for both aliases
    assert [row["probability"] for row in got] == [0, 1, 2]
    assert got[0] == {
        "id": got[0]["id"], "probability": 0, "amount": Decimal("1.5000"), "opened_on": date(2026, 2, 3),
        "stage_entered_at": AT, "kind": deals.DealKind.NEW,
    }  # fmt: skip
    assert isinstance(got[0]["id"], UUID)
    assert isinstance(got[0]["kind"], deals.DealKind)


@pytest.mark.parametrize(
    "field, message",
    [
        ("broken", "This field could not be computed."),
        ("short", "This field could not be computed."),
        ("slow", "This field could not be computed."),
        ("refused", "The score server is closed on Sundays."),
    ],
)
async def test_a_failure_is_null_with_errors(scored, ctx, rows, field, message):
    found, errors = await ask(scored, ctx, f"{{ deals {{ edges {{ node {{ name x: {field} }} }} }} }}")
    assert [edge["node"] for edge in found["edges"]] == [{"name": f"Deal {n}", "x": None} for n in range(3)]
    assert [e.path for e in errors] == [["deals", "edges", n, "node", "x"] for n in range(3)]
    assert {e.message for e in errors} == {message}


async def test_one_value_may_fail_alone(scored, ctx, rows):
    found, errors = await ask(scored, ctx, "{ deals { nodes { oneBad } } }")
    assert [n["oneBad"] for n in found["nodes"]] == ["Deal 0", None, "Deal 2"]
    assert [e.path for e in errors] == [["deals", "nodes", 1, "oneBad"]]


async def test_values_may_be_records(scored, ctx, rows):
    with ctx.db.counting() as seen:
        found, errors = await ask(
            scored, ctx, "{ deals { nodes { best { name label } other: best { id } unknown { name } } } }"
        )
    assert not errors
    nothing = {"best": None, "other": None, "unknown": None}
    assert found["nodes"] == [
        nothing,
        {"best": {"name": "Plough", "label": "Plough"}, "other": {"id": f"product_{number(1)}"}, "unknown": None},
        nothing,
    ]
    assert len(seen) == 4  # the page, and one for each selection of records


async def test_no_rows_no_call(scored, ctx):
    calls.clear()
    found, errors = await ask(scored, ctx, "{ deals { nodes { twice } } }")
    assert (found, errors, calls) == ({"nodes": []}, [], [])


async def test_a_long_alias(scored, ctx, rows):
    found, errors = await ask(scored, ctx, f"{{ deals(first: 1) {{ nodes {{ {'z' * 70}: twice name }} }} }}")
    assert (found, errors) == ({"nodes": [{"z" * 70: 0, "name": "Deal 0"}]}, [])
