"""The demo's company through the API: the console's examples run, statements are constant, both databases say the same."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

import crmcore.http
from tests.command_line import asked
from tests.databases import Databases
from tests.fixtures import TestCrm, open_crm

EXAMPLES = json.loads((Path(crmcore.http.__file__).parent / "console" / "examples.json").read_text())
QUERIES = [e for group in EXAMPLES["groups"] for e in group["examples"] if "needs" not in e]


def company(databases: Databases) -> str:
    """A database with a small demo company, the same on every database."""
    return databases.filled("company", lambda url: asked(url, "demo", "--scale", "0.05", "--today", "2026-11-22"))


@pytest.fixture
async def demo(databases: Databases) -> AsyncIterator[TestCrm]:
    url = company(databases)
    async with open_crm(url) as opened:
        yield opened
    databases.drop(url)


@pytest.fixture
async def both() -> AsyncIterator[list[TestCrm]]:
    """The same company on SQLite and on PostgreSQL."""
    async with AsyncExitStack() as stack:
        opened = []
        for dialect in ("sqlite", "postgres"):
            databases = Databases(dialect)
            url = company(databases)
            stack.callback(databases.drop, url)
            opened.append(await stack.enter_async_context(open_crm(url, secret="the same for both")))
        yield opened


async def variables(crm: TestCrm, example: dict[str, Any]) -> dict[str, Any]:
    """The variables that an example takes from a query of its own, as the console does."""
    if "prepare" not in example:
        return {}
    data = await crm.gql("\n".join(example["prepare"]["query"]))
    found = {}
    for name, path in example["prepare"]["variables"].items():
        value: Any = data
        for step in path:
            value = value[step]
        found[name] = value
    return found


@pytest.mark.parametrize("example", QUERIES, ids=lambda example: example["title"])
async def test_the_console_s_examples_run(demo: TestCrm, example: dict[str, Any]):
    data = await demo.gql("\n".join(example["query"]), **await variables(demo, example))
    assert data
    assert all(value is not None for value in data.values())
    errors = [value["errors"] for value in data.values() if isinstance(value, dict) and value.get("errors")]
    assert bool(errors) is (example["title"] == "A refused change")


PAGE = """query($id: ID!) { customer(id: $id) {
  name kind industry owner { name } team { name } addresses { nodes { city } } contactPoints { nodes { value } }
  contactLinks { nodes { role isPrimary contact { name contactPoints { nodes { value } } } } }
  deals(where: {stage: {type: {eq: OPEN}}}) { totalCount nodes { name amount { amount currencyCode } stage { name } } }
  cases(where: {status: {notIn: [CLOSED, REJECTED]}}) { nodes { number subject status } }
  interactions(orderBy: [{field: AT, direction: DESC}], first: 10) { nodes { at kind subject contact { name } } }
  touchpoints(where: {status: {in: [PLANNED, DUE]}}, orderBy: [{field: PLANNED_ON}], first: 3) { nodes { plannedOn } }
  orders(first: 5) { totalCount nodes { number total { amount } lines { nodes { product { name } quantity } } } }
} }"""
LIST = """query($first: Int!) { customers(first: $first, orderBy: [{field: NAME}]) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id name contacts { nodes { name } } deals { nodes { name stage { name } } } cases { nodes { number status } } }
} }"""


async def test_statements_do_not_depend_on_the_data(demo: TestCrm):
    """One for the token, one for the root field: whatever the page holds."""
    found = await demo.gql("{ customers(first: 100) { nodes { id deals { totalCount } } } }")
    by_deals = sorted(found["customers"]["nodes"], key=lambda node: node["deals"]["totalCount"])
    poor, rich = by_deals[0]["id"], by_deals[-1]["id"]
    assert by_deals[0]["deals"]["totalCount"] < by_deals[-1]["deals"]["totalCount"]
    for query, given in [(PAGE, {"id": poor}), (PAGE, {"id": rich}), (LIST, {"first": 1}), (LIST, {"first": 50})]:
        with demo.crm.db.counting() as seen:
            await demo.gql(query, **given)
        assert len(seen) == 2, seen


AGREE = [
    *[("\n".join(e["query"]), e) for e in QUERIES if not "\n".join(e["query"]).lstrip().startswith("mutation")],
    (LIST.replace("$first: Int!", "$first: Int = 50"), {}),
    ("""{ customers(first: 7, orderBy: [{field: EMPLOYEES, direction: DESC}, {parent: {field: NAME}}]) {
       edges { cursor node { name employees annualRevenue { amount currencyCode } roles createdAt birthDate
       isKeyAccount externalRefs { system externalId } } } pageInfo { endCursor hasNextPage startCursor } } }""", {}),
    ("""{ customers(last: 7, orderBy: [{field: INDUSTRY}]) { nodes { name industry } pageInfo { hasPreviousPage } } }""",
     {}),
    ("""{ dealAggregate(groupBy: [{stage: {field: TYPE}}, {field: CURRENCY}]) { keys { field value } count
       sum { amount { amount currencyCode } probability } avg { amount { amount } probability }
       min { amount { amount } } max { amount { amount } } } }""", {}),
    ("""{ customers(where: {name: {iContains: "MÜ"}, or: [{deals: {some: {stage: {type: {eq: WON}}}}},
       {cases: {count: {gte: 1}}}, {not: {industry: {isNull: true}}}]}) { totalCount nodes { name } } }""", {}),
]  # fmt: skip


UNSIGNED = re.compile(r'(?<=ursor": ")[\w-]{16}')
"""The signature of a cursor, its first 12 bytes: it is the tenant's, and the two have tenants of their own."""


async def test_both_databases_give_equal_answers(both: list[TestCrm]):
    """The same values, formats, order and key order, to the byte: only white space may differ."""
    for query, example in AGREE:
        texts = []
        for crm in both:
            response = await crm.post(query, await variables(crm, example))
            assert "errors" not in response.json(), response.text
            texts.append(UNSIGNED.sub("", json.dumps(response.json(), ensure_ascii=False)))
        assert texts[0] == texts[1]
