"""A search reads what its words find: what the databases themselves say of it."""

from __future__ import annotations

import re

import pytest

from crmcore.domain.activities import Task
from crmcore.domain.customers import Customer
from crmcore.kit.sql import Sql
from crmcore.platform.search import fill_entries
from tests.query.large import CUSTOMERS, Walked, fill

ROWS = 20_000
PAGE = 5
MOST_LOOKED_AT = 250
"""At one step: the 222 of a kind that are found."""

WORDS = {"sqlite": "SCAN search_entry_words VIRTUAL TABLE INDEX", "postgres": "ix_search_entry_words"}
SCANS = {"sqlite": r"SCAN (?!p)[a-z]\d", "postgres": r"Seq Scan (search_entry|customer|task)\b"}
"""Steps that must not be: of SQLite's names only those of tables, and of pages (p1), have a number."""

FOUND = """query($types: [SearchType!], $first: Int, $after: String, $last: Int, $before: String) {
  search(query: "name 79", types: $types, first: $first, after: $after, last: $last, before: $before) {
    edges { match node { ... on Customer { name } ... on Task { subject } } }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""


@pytest.fixture
async def many(db, tenant):
    """Customers and tasks that are found by their names."""
    await fill(db, tenant, Customer, ROWS, CUSTOMERS, name="x")
    await fill(db, tenant, Task, ROWS, {"subject": "'Name ' || (i * 7919 % 10007)"}, subject="x")
    async with db.transaction() as tx:
        await fill_entries(tx, "customer", ["name"])
        await fill_entries(tx, "task", ["subject"])
        await tx.execute(Sql("ANALYZE"))


@pytest.mark.parametrize("types", [None, ["CUSTOMER"]], ids=["every kind", "one kind"])
async def test_an_index_leads_to_what_is_found_everywhere(many, graph, ctx, dialect, types):
    walked = Walked(graph, ctx)
    info = (await graph.ask(ctx, FOUND, {"types": types, "first": PAGE}))["search"]["pageInfo"]
    assert info["hasNextPage"]
    cursor = info["endCursor"]
    for page in ({"first": PAGE}, {"last": PAGE}, {"first": PAGE, "after": cursor}, {"last": PAGE, "before": cursor}):
        lines = await walked.lines(FOUND, {"types": types, **page})
        assert [line for line in lines if WORDS[dialect] in line], lines
        wrong = [line for line in lines if re.match(SCANS[dialect], line)]
        wrong += [line for line in lines if (rows := re.search(r"(\d+) rows$", line)) and int(rows[1]) > MOST_LOOKED_AT]
        assert not wrong, f"{page}: {wrong}\n" + "\n".join(lines)
