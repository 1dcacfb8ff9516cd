"""The compiled path answers what the slow one does: data, errors and order, on both databases, under every policy.

A longer run: `CRMCORE_CORPUS=5000 pytest tests/differential`. A failure prints the query, its variables and the first
difference; the seed is in the test's name.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import orjson
import pytest

from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.identity import create_tenant
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from tests.differential.company import insert, made
from tests.differential.compared import compared
from tests.differential.queries import Queries
from tests.differential.reference import CURSOR, Reference
from tests.fixtures import TestCrm, open_crm

CORPUS = int(os.environ.get("CRMCORE_CORPUS", "120"))
BATCH = 40


FRAGILE = Path(__file__).parent / "fragile_folder"
SETTINGS = {"max_aliases": 10_000, "max_depth": 40, "max_tokens": 20_000}


@pytest.mark.parametrize("reach", list(Reach))
@pytest.mark.parametrize("seed", range(max(1, CORPUS // BATCH)))
async def test_generated_queries(database_url: str, seed: int, reach: Reach) -> None:
    async with open_crm(database_url, _fragile(), **SETTINGS) as crm:
        reference = await _staged(crm, seed, reach)
        queries = Queries(reference.schema, compared(crm.crm.registry), reference.tables, Random(f"{seed} {reach}"))
        for _ in range(BATCH):
            query = queries.query()
            await _compare(crm, reference, query.text, query.variables)
        await _walk(crm, reference, queries)


def _fragile() -> Plugins:
    return Plugins.discover(Settings(plugin_paths=[FRAGILE], plugins_allow=["fragile"]))


async def _walk(crm: TestCrm, reference: Reference, queries: Queries) -> None:
    """Page after page of every kind of record, forward and backward: all that the list has, once, in its order."""
    for record in compared(crm.crm.registry).records.values():
        given = {k: v for k, v in queries.list_arguments(record).items() if k in ("where", "orderBy")}
        rows = [r for r in reference.seen(record) if reference.holds(record, r, given.get("where", {}))]
        expected = [f"{record.table}_{r['id']}" for r in reference.ordered(record, rows, given.get("orderBy"))]
        for size, cursor, far, more in (
            ("first", "after", "endCursor", "hasNextPage"),
            ("last", "before", "startCursor", "hasPreviousPage"),
        ):
            text = f"""query($where: {record.name}Filter, $orderBy: [{record.name}Order!], $at: String) {{
              list: {record.root_plural}(where: $where, orderBy: $orderBy, {size}: 3, {cursor}: $at) {{
                nodes {{ id }} pageInfo {{ {far} {more} }} }} }}"""
            walked: list[str] = []
            at: str | None = None
            while len(walked) <= len(expected):
                page = (await crm.gql(text, **given, at=at))["list"]
                ids = [n["id"] for n in page["nodes"]]
                walked = walked + ids if size == "first" else ids + walked
                at = page["pageInfo"][far]
                if not page["pageInfo"][more]:
                    break
            assert walked == expected, (record.name, size, given)


async def _staged(crm: TestCrm, seed: int, reach: Reach) -> Reference:
    """The company in the database, and the reference for a caller of it."""
    async with crm.crm.db.transaction() as tx:
        other = await create_tenant(tx, "other", "Other")
        tables = made(crm.crm.graph, seed, [crm.tenant, other])
        users = next(rows for model, rows in tables.items() if model._meta.db_table == "user")
        user = next(u for u in users if u["tenant_id"] == crm.tenant and u["deleted_at"] is None)
        user["is_active"] = True
        await insert(tx, tables)
    policy = Policy(crm.tenant, Actor(ActorKind.USER, user["id"], user["id"], user["team_id"]), reach)
    if reach is not Reach.TENANT:
        token = await crm.token_for(user_id=user["id"], reach=reach)
        crm.client.headers["authorization"] = f"Bearer {token}"
    return Reference(compared(crm.crm.registry), crm.crm.sdl(), tables, policy)


async def _compare(crm: TestCrm, reference: Reference, text: str, variables: dict[str, Any]) -> None:
    expected = reference.answer(text, variables)
    response = await crm.post(text, variables)
    answer = orjson.loads(response.content)
    told = f"\n{text}\n{orjson.dumps(variables).decode()}\n"
    refused = sorted(str(e.path) for e in expected.errors or ())
    assert refused == sorted(str(e.get("path")) for e in answer.get("errors", ())), f"{told}{answer.get('errors')}"
    different = difference(expected.data, answer.get("data"), reference.cursors)
    assert different is None, f"{told}{different}"


def difference(expected: Any, got: Any, cursors: dict[str, UUID], path: str = "") -> str | None:
    """Where two answers differ first; keys in their order count. A cursor is any text, but one for each record."""
    if isinstance(expected, dict) and isinstance(got, dict):
        if list(expected) != list(got):
            return f"{path}: keys {list(expected)} expected, got {list(got)}"
        return next((d for k in expected if (d := difference(expected[k], got[k], cursors, f"{path}.{k}"))), None)
    if isinstance(expected, list) and isinstance(got, list):
        if len(expected) != len(got):
            return f"{path}: {len(expected)} items expected, got {len(got)}\n{expected}\n{got}"
        return next(
            (d for i, (a, b) in enumerate(zip(expected, got)) if (d := difference(a, b, cursors, f"{path}.{i}"))), None
        )
    if isinstance(expected, str) and expected.startswith(CURSOR) and isinstance(got, str):
        cursors[got] = UUID(expected.removeprefix(CURSOR))
        return None
    return None if expected == got and type(expected) is type(got) else f"{path}: {expected!r} expected, got {got!r}"
