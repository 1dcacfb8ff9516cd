"""PostGraphile as a contestant: installed by npm into this folder, over the same tables, in its own schema's words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import asyncpg

from benchmarks import operations
from benchmarks.speech import GraphQL
from benchmarks.stage import Stage

HERE: Final = Path(__file__).parent
COMMAND: Final = ("env", "NODE_ENV=production", "GRAPHILE_ENV=production", str(HERE / "node_modules/.bin/node"),
                  str(HERE / "server.mjs"))  # fmt: skip
ROLE: Final = "benchmark_peer"
SINGULAR: Final = {
    "customers": "customer", "contacts": "contact", "deals": "deal", "cases": "case", "interactions": "interaction",
    "touchpoints": "touchpoint", "orders": "order", "owner": "user",
}  # fmt: skip


class Postgraphile(GraphQL):
    """Its own documents and variables; its answers in crmcore's form, made outside of what is measured."""

    def document(self, operation: str) -> str:
        return (HERE / "operations" / f"{operation}.graphql").read_text()

    def variables(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        if operation == "Q3":
            return {**variables, "id": _key(variables["id"])}
        if operation != "M1":
            return variables
        given = dict(variables["input"])
        money = given.pop("amount")
        keys = {name: _key(given[name]) for name in ("customerId", "pipelineId", "stageId")}
        amount = str(int(Decimal(money["amount"]) * 10_000))
        return {"input": {**given, **keys, "amount": amount, "currency": money["currencyCode"]}}

    def answer(self, operation: str, said: Any) -> Any:
        root = operations.ROOTS[operation]
        shaped = _shaped(said["data"][root], SINGULAR.get(root, root))
        return {**shaped, "errors": []} if operation == "M1" else shaped


def _key(global_id: str) -> str:
    return global_id.rpartition("_")[2]


def _shaped(given: Any, record: str) -> Any:
    """An answer of PostGraphile in crmcore's form; `record` is the kind of the nearest record above."""
    if isinstance(given, list):
        return [_shaped(item, record) for item in given]
    if not isinstance(given, dict):
        return given
    shaped: dict[str, Any] = {}
    for name, value in given.items():
        if name == "id":
            shaped[name] = f"{record}_{value}"
        elif f"{name}Currency" in given:
            shaped[name] = _money(value, given[f"{name}Currency"])
        elif name == "createdByKind":
            shaped["createdBy"] = {"kind": value, "id": f"{value.lower()}_{given['createdById']}"}
        elif name.lower().endswith("at") and value:
            shaped[name] = datetime.fromisoformat(value).astimezone(UTC).isoformat(timespec="microseconds")
        elif not name.endswith("Currency") and name != "createdById":
            shaped[name] = _shaped(value, record if name in {"nodes", "pageInfo"} else SINGULAR.get(name, name))
    return shaped


def _money(scaled: str | None, currency: str) -> dict[str, str] | None:
    return None if scaled is None else {"amount": f"{Decimal(scaled).scaleb(-4):.4f}", "currencyCode": currency}


def missing() -> str:
    """Why it cannot take part; empty if it can."""
    return (
        "" if (HERE / "node_modules/.bin/node").exists() else "run npm ci in benchmarks/postgraphile (make bench does)"
    )


async def prepare(stage: Stage) -> str:
    """Give PostGraphile its role in the stage's database; the URL that it connects with."""
    url = stage.urls["postgres"]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute((HERE / "setup.sql").read_text())
        database = await connection.fetchval("SELECT current_database()")
        actor = await connection.fetchval("SELECT id FROM api_token WHERE key = $1", stage.token[9:21])
        for name, value in (("tenant", stage.ids.tenant), ("actor", actor)):
            await connection.execute(f"ALTER ROLE {ROLE} IN DATABASE {database} SET benchmark.{name} = '{value}'")
    finally:
        await connection.close()
    return url.replace("://postgres:", f"://{ROLE}:", 1)
