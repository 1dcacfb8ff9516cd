"""The core's graph over a database with a handful of rows, written as they are: the engine is tested alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID

import pytest

from crmcore.kit.sql import Sql, ident, join, value
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.metadata import load_models
from crmcore.query import ReadEngine, Registry, build
from tests.query.graph import Graph, schema_of

AREAS = ("activities", "care", "cases", "catalogue", "contacts", "customers", "deals", "people")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def declarations() -> list[Any]:
    """What the core puts into the graph."""
    found: dict[str, Any] = {}
    for area in AREAS:
        for held in vars(import_module(f"crmcore.schema.{area}")).values():
            declared = getattr(held, "__crm_record__", None)
            if declared is not None:
                found[declared.name] = declared
    return list(found.values())


_graphs: dict[str, Any] = {}


@pytest.fixture
async def registry() -> Registry:
    if "registry" not in _graphs:
        await load_models([CORE])
        _graphs["registry"] = build(declarations())
        _graphs["schema"] = schema_of(_graphs["registry"])
    return _graphs["registry"]


@pytest.fixture
def engine(registry: Registry, dialect: str) -> ReadEngine:
    return ReadEngine(registry, _graphs["schema"], dialect, b"a secret")  # type: ignore[arg-type]


@pytest.fixture
def graph(registry: Registry, engine: ReadEngine) -> Graph:
    return Graph(registry, engine)


@pytest.fixture
def ctx(db: Database, tenant: UUID) -> Context:
    return Context(db, Policy(tenant, Actor(ActorKind.SYSTEM)))


def number(n: int) -> UUID:
    """A key that says its number."""
    return UUID(int=n)


@dataclass
class Seed:
    """Writes rows without any engine: `await seed(models.Customer, name="Acme")` returns the key, which counts up."""

    db: Database
    tenant: UUID
    keys: Any = field(default_factory=lambda: itertools.count(1))

    async def __call__(self, model: Any, **values: Any) -> UUID:
        return (await self.many(model, [values]))[0]

    async def many(self, model: Any, rows: list[dict[str, Any]]) -> list[UUID]:
        dialect = self.db.dialect
        columns = {c: model._meta.fields_map[a] for a, c in model._meta.fields_db_projection.items()}
        made = []
        for given in rows:
            n = next(self.keys)
            row: dict[str, Any] = {
                "id": number(n), "tenant_id": self.tenant, "version": 1, "created_by_kind": ActorKind.SYSTEM,
                "updated_by_kind": ActorKind.SYSTEM, "created_at": BEGINNING + timedelta(seconds=n),
                "updated_at": BEGINNING + timedelta(seconds=n),
            }  # fmt: skip
            for name, column in columns.items():
                default = getattr(column, "default", None)
                if name not in row and default is not None:
                    row[name] = default() if callable(default) else default
            row.update(given)
            from crmcore.kit.text import fold

            for name, column in columns.items():
                if getattr(column, "of", None) in row and name not in given and row[column.of] is not None:
                    row[name] = fold(row[column.of])
            made.append(row)
        for row in made:
            names = ", ".join(ident(c) for c in row)
            binds = [value(_driver(columns[c], v, dialect), columns[c].pg_type) for c, v in row.items()]
            tree = Sql(f"INSERT INTO {ident(model._meta.db_table)} ({names}) VALUES (", join(", ", binds), ")")
            async with self.db.transaction() as tx:
                await tx.execute(tree)
        return [row["id"] for row in made]


def _driver(column: Any, held: Any, dialect: Any) -> Any:
    if held is None:
        return None
    if column.kind == "choice":
        return str(held)
    return column.to_driver(held, dialect)


@pytest.fixture
def seed(db: Database, tenant: UUID) -> Seed:
    return Seed(db, tenant)
