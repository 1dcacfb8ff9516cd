"""Tables with many rows, made in the database from one row; and how the database goes about a statement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.sql import Sql, Statement, ident, join
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.query.arguments import Run
from tests.query.conftest import Seed
from tests.query.graph import Graph

CUSTOMERS: Final = {
    "name": "'Name ' || (i * 7919 % 10007)",
    "name_folded": "'name ' || (i * 7919 % 10007)",
    "employees": "i % 1000",
    "is_key_account": "i % 3 = 0",
}
"""Names with ties, in another order than the rows came."""

TASKS: Final = {"due_at": "CASE WHEN i % 2 = 0 THEN {moment} END"}
"""Every other one has no date."""


async def fill(db: Database, tenant: UUID, model: Any, rows: int, columns: Mapping[str, str], **pattern: Any) -> None:
    """Copies of one row with the values of `pattern`, which differ in their ids, in their times (three rows each) and
    in these columns: SQL of `i`, which counts from 0. Statistics are gathered afterwards."""
    original = await Seed(db, tenant)(model, **pattern)
    postgres = db.dialect == "postgres"
    if postgres:
        moment = "(timestamptz '2026-01-01 00:00:00+00' + make_interval(secs => i / 3))"
        id_ = "('10000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"
    else:
        moment = "strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || (i / 3) || ' seconds')"
        id_ = "printf('10000000-0000-7000-8000-%012x', i)"
    made = {name: f"p.{ident(name)}" for name in model._meta.fields_db_projection}
    made |= {"id": id_, "created_at": moment, "updated_at": moment}
    made |= {name: expression.format(moment=moment) for name, expression in columns.items()}
    numbers = f"generate_series(0, {rows - 1}) AS n(i)" if postgres else "n"
    counted = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1}) "
    table = ident(model._meta.db_table)
    insert = f"INSERT INTO {table} ({', '.join(map(ident, made))}) {'' if postgres else counted}"
    async with db.transaction() as tx:
        source = f" FROM {table} p, {numbers} WHERE p.id = '{original}'"
        await tx.execute(Sql(insert, "SELECT ", join(", ", made.values()), source))
        await tx.execute(Sql(f"DELETE FROM {table} WHERE id = '{original}'"))
        await tx.execute(Sql("ANALYZE"))


class Walked:
    """How the database gets at the rows of a document's only root field: read off its own account of it."""

    def __init__(self, graph: Graph, ctx: Context) -> None:
        self.graph = graph
        self.ctx = ctx

    async def lines(self, text: str, variables: Mapping[str, Any]) -> list[str]:
        """One line for each step that touches a table; PostgreSQL has run it, so it says how many rows were looked at."""
        ((root, reading),) = self.graph.readings(text, variables).values()
        run = Run(self.ctx, reading.variables)
        plan = self.graph.engine.plan(run, root, reading)
        if self.ctx.db.dialect == "sqlite":
            asked = Statement(f"EXPLAIN QUERY PLAN {plan.statement.text}", plan.statement.binds)
            steps = await self.ctx.db.fetch(asked, run)
            below: dict[int, list[str]] = {}
            for step in steps:
                below.setdefault(step["parent"], []).append(step["detail"])
            return [_beside(step["detail"], below[step["parent"]]) for step in steps]
        asked = Statement(f"EXPLAIN (ANALYZE, FORMAT JSON) {plan.statement.text}", plan.statement.binds)
        (row,) = await self.ctx.db.fetch(asked, run)
        return [_told(node) for node in _nodes(orjson.loads(row[0])[0]["Plan"])]


def _beside(step: str, others: list[str]) -> str:
    """What is sorted is told, too."""
    return f"{step} of {', '.join(others)}" if "TEMP B-TREE" in step else step


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _told(node: dict[str, Any]) -> str:
    looked = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    index = node.get("Index Name", node.get("Relation Name", ""))
    return f"{node['Node Type']} {index} [{node.get('Index Cond', '')}] {int(looked)} rows"
