"""A context for the write engine on a fresh database."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Database
from crmcore.platform.metadata import load_models
from crmcore.records import RecordGraph, graph_of

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


@pytest.fixture
async def graph() -> RecordGraph:
    return graph_of(await load_models([CORE]))


@pytest.fixture
def ctx(db: Database, tenant: UUID, graph: RecordGraph) -> Context:
    """The system acts, at noon or so."""
    return Context(db, Policy(tenant, Actor(ActorKind.SYSTEM)), graph, clock=lambda: NOW)
