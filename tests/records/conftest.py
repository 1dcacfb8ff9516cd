"""A context for the write engine on a fresh database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.metadata import load_models
from crmcore.records import Record, RecordGraph, graph_of, load_any

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture
async def graph() -> RecordGraph:
    return graph_of(await load_models([CORE]))


@pytest.fixture
def ctx(db: Database, tenant: UUID, graph: RecordGraph) -> Context:
    """The system acts, at noon or so."""
    policy = Policy(tenant, Actor(ActorKind.SYSTEM), fields_version=0)
    return Context(db, policy, graph, clock=lambda: NOW)


@pytest.fixture
def facts(ctx: Context) -> Callable[[], Awaitable[list[tuple[str, Any]]]]:
    """The events so far: type, record id, before, after and changed fields."""

    async def read() -> list[Any]:
        rows = await ctx.db.fetch(
            Sql("SELECT type, record_id, before, after, changed_fields, actor_kind FROM event ORDER BY sequence")
        )
        return [
            (row["type"], UUID(str(row["record_id"])), *(_json(row[c]) for c in ("before", "after", "changed_fields")))
            for row in rows
        ]

    return read


def _json(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str) else value


@pytest.fixture
def read(ctx: Context) -> Callable[..., Awaitable[dict[str, Any] | None]]:
    """A living record by id, as Python values."""

    async def find(model: type[Record], key: UUID) -> dict[str, Any] | None:
        async with ctx.db.transaction() as tx:
            return (await load_any(ctx, tx, model, [key])).get(key)

    return find
