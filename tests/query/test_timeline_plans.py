"""A page of a long timeline reads what it shows and little more."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from crmcore.kit.sql import Sql, Statement
from crmcore.kit.times import to_text
from crmcore.query.arguments import Run
from tests.query.happenings import T0, TIMELINE, company

__all__ = ["company"]

MANY = 50_000
DEPTHS = [{}, {"until": to_text(T0 + timedelta(minutes=MANY // 2))}, {"direction": "ASC", "last": 10}]


@pytest.fixture
async def long(ctx, company, dialect):
    """50,000 exchanges of one customer, a minute apart, beside the rest."""
    numbers, at = (
        f"SELECT n.n AS n FROM generate_series(1, {MANY}) AS n(n)",
        "'2026-03-01T12:00:00Z'::timestamptz + v.n * interval '1 minute'",
    )
    id_ = "('00000001-0000-7000-8000-' || lpad(v.n::text, 12, '0'))::uuid"
    if dialect == "sqlite":
        numbers = f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {MANY}) SELECT n FROM c"
        at = "strftime('%Y-%m-%dT%H:%M:%S', '2026-03-01T12:00:00', '+' || v.n || ' minutes') || '.000000+00:00'"
        id_ = "'00000001-0000-7000-8000-' || printf('%012d', v.n)"
    columns = "tenant_id, version, created_at, created_by_kind, updated_at, updated_by_kind, kind, direction, is_first_response, customer_id"
    found = await ctx.db.fetch(Sql("SELECT count(*) AS n FROM interaction"))
    async with ctx.db.transaction() as tx:
        await tx.execute(Sql(
            f"INSERT INTO interaction (id, at, {columns}) SELECT {id_}, {at}, {columns} FROM ({numbers}) v, "
            "(SELECT * FROM interaction WHERE deleted_at IS NULL ORDER BY id LIMIT 1) i"
        ))  # fmt: skip
        if dialect == "postgres":
            await tx.execute(Sql("ANALYZE"))
    assert found[0]["n"] > 0
    return company


@pytest.mark.parametrize("more", DEPTHS, ids=["first", "middle", "last"])
async def test_a_page_of_a_long_timeline_reads_little(graph, ctx, long, dialect, more):
    """Each type's index gives the rows in order, and only as many as the page may need."""
    size = {} if "last" in more else {"first": 10}
    variables = {"id": f"customer_{long.customer}", **size, **more}
    page = TIMELINE.replace("totalCount", "")
    found = (await graph.ask(ctx, page, variables))["customer"]["timeline"]
    assert len(found["nodes"]) == 10
    after = {} if "last" in more else {"after": found["pageInfo"]["endCursor"]}
    plan = await explained(graph, ctx, page, {**variables, **after})
    if dialect == "sqlite":
        scans = [line for line in plan if "ix_interaction" in line and "customer_id" in line]
        assert scans
        assert all("ix_interaction_customer_id_at" in line for line in scans), plan
        assert not [
            line
            for line in plan
            if line.startswith("SCAN")
            and not line.startswith(("SCAN (", "SCAN p", "SCAN v", "SCAN l", "SCAN ~", "SCAN CONSTANT"))
        ], plan
    else:
        nodes = [node for root in plan for node in _nodes(root["Plan"])]
        read = [
            n
            for n in nodes
            if n.get("Relation Name") == "interaction"
            and n.get("Index Name", "")
            in ("ix_interaction_customer_id_at", "ix_interaction_at")  # nearly all are the customer's
        ]
        assert read, [n.get("Index Name") for n in nodes]
        assert all(n["Actual Rows"] <= 11 for n in read)
        assert sum(n.get("Rows Removed by Filter", 0) * n["Actual Loops"] for n in nodes) < 100


async def explained(graph, ctx, text, variables):
    """The plan of a document's one statement, run."""
    ((root, reading),) = graph.readings(text, variables).values()
    run = Run(ctx, reading.variables)
    statement = graph.engine.plan(run, root, reading).statement
    if ctx.db.dialect == "sqlite":
        rows = await ctx.db.fetch(Statement(f"EXPLAIN QUERY PLAN {statement.text}", statement.binds), run)
        return [row["detail"] for row in rows]
    async with ctx.db.transaction() as tx:
        rows = await tx.fetch(Statement(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}", statement.binds), run)
    found = rows[0]["QUERY PLAN"]
    return orjson.loads(found) if isinstance(found, str | bytes) else found


def _nodes(node):
    yield node
    for child in node.get("Plans", ()):
        yield from _nodes(child)
