"""Filters and orders by custom fields on a large table: what the databases' own plans say, and that they answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from crmcore.domain.customers import Customer
from crmcore.kit.sql import Sql, Statement
from crmcore.platform.database import Database
from tests.custom.conftest import Custom
from tests.databases import Databases, apart
from tests.fixtures import TestCrm, open_crm
from tests.query.large import CUSTOMERS, fill

ROWS = 20_000
FIELDS = {"word": "TEXT", "count": "NUMBER", "rare": "TEXT"}


async def _fill(url: str) -> None:
    """Every second customer has a word; each has a count; every thousandth has the same rare word."""
    async with open_crm(url) as crm:
        custom = Custom(crm)
        for key, type_ in FIELDS.items():
            await custom.define(key, type_)
        await fill(crm.crm.db, crm.tenant, Customer, ROWS, CUSTOMERS, name="pattern")
        for key, (column, made, which) in {
            "word": ("text", "'word ' || (n % 5003)", "n % 2 = 0"),
            "count": ("number", "n % 1000", "1 = 1"),
            "rare": ("text", "'rare'", "n % 1000 = 0"),
        }.items():
            await _values(crm.crm.db, crm.tenant, custom.ids[key].removeprefix("custom_field_"), column, made, which)


async def _values(db: Database, tenant: Any, field: str, column: str, made: str, which: str) -> None:
    postgres = db.dialect == "postgres"
    new = "gen_random_uuid()" if postgres else "lower(hex(randomblob(16)))"
    cast = "::uuid" if postgres else ""
    folded = f", {made}" if column == "text" else ""
    async with db.transaction() as tx:
        await tx.execute(Sql(
            f"INSERT INTO custom_value (id, tenant_id, field_id, record_id, {column}{', folded' if folded else ''}) "
            f"SELECT {new}, '{tenant}'{cast}, '{field}'{cast}, c.id, {made}{folded} "
            f"FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM customer) c WHERE {which}"
        ))  # fmt: skip
        await tx.execute(Sql("ANALYZE"))


@pytest.fixture
async def large(databases: Databases) -> AsyncIterator[TestCrm]:
    url = databases.filled("custom", lambda made: apart(lambda: _fill(made)))
    async with open_crm(url) as crm:
        yield crm
    databases.drop(url)


async def plan(crm: TestCrm, monkeypatch: pytest.MonkeyPatch, query: str, **variables: Any) -> tuple[Any, str]:
    """The answer to a query, and the plan of its statement."""
    seen: list[tuple[Statement, Any]] = []
    db: Any = crm.crm.db
    fetch = type(db).fetch_text

    async def spy(self: Any, statement: Statement, run: Any = None) -> Any:
        seen.append((statement, run))
        return await fetch(self, statement, run)

    with monkeypatch.context() as patch:
        patch.setattr(type(db), "fetch_text", spy)
        data = await crm.gql(query, **variables)
    statement, run = seen[-1]
    head = "EXPLAIN " if db.dialect == "postgres" else "EXPLAIN QUERY PLAN "
    rows = await db.fetch(Statement(head + statement.text, statement.binds), run)
    return data, "\n".join(str(row["QUERY PLAN" if db.dialect == "postgres" else "detail"]) for row in rows)


FILTERS = [
    ({"key": "word", "text": {"eq": "word 42"}}, 2, "ix_custom_value_text"),
    ({"key": "word", "text": {"in": ["word 42", "word 44"]}}, 4, "ix_custom_value_text"),
    ({"key": "word", "text": {"iEq": "WORD 42"}}, 2, "ix_custom_value_folded"),
    ({"key": "count", "number": {"eq": 7}}, 20, "ix_custom_value_number"),
    ({"key": "count", "number": {"gte": 998}}, 40, "ix_custom_value_number"),
    ({"key": "rare", "text": {"eq": "rare"}}, 20, "ix_custom_value_text"),
]


@pytest.mark.parametrize("condition, found, index", FILTERS)
async def test_a_selective_filter_begins_at_its_index(
    large: TestCrm, monkeypatch: pytest.MonkeyPatch, condition: Any, found: int, index: str
):
    query = "query($where: CustomerFilter) { customers(where: $where) { totalCount } }"
    data, told = await plan(large, monkeypatch, query, where={"custom": [condition]})
    assert data["customers"]["totalCount"] == found
    assert index in told, told


ORDER = """query($by: [CustomerOrder!], $after: String) {
  customers(orderBy: $by, first: 20, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }"""


@pytest.mark.parametrize("key, index", [("count", "ix_custom_value_number"), ("word", "ix_custom_value_folded")])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_a_page_by_a_custom_field_is_read_from_its_index(
    large: TestCrm, monkeypatch: pytest.MonkeyPatch, key: str, index: str, direction: str
):
    by = [{"custom": {"key": key}, "direction": direction}]
    data, first = await plan(large, monkeypatch, ORDER, by=by, after=None)
    assert index in first, first
    _, deep = await plan(large, monkeypatch, ORDER, by=by, after=data["customers"]["pageInfo"]["endCursor"])
    assert index in deep, deep
    for told in (first, deep):
        lines = told.splitlines()
        here = next(n for n, line in enumerate(lines) if index in line)
        above = "\n".join(lines[max(0, here - 4) : here])
        assert "Sort" not in above, told
