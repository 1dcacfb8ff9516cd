"""Databases of the core for its tests, made by the test kit (crmcore/testing/databases.py)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from crmcore.platform.database import Database, connect
from crmcore.platform.identity import find_tenant
from crmcore.testing.databases import Databases, apart

__all__ = ["Databases", "apart"]


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database of the core with the default tenant."""
    url = databases.migrated()
    yield url
    databases.drop(url)


@pytest.fixture
def empty_database_url(databases: Databases) -> Iterator[str]:
    """A database without tables."""
    url = databases.empty()
    yield url
    databases.drop(url)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """An open, migrated database."""
    database = await connect(database_url, connections=5)
    yield database
    await database.close()


@pytest.fixture
async def tenant(db: Database) -> UUID:
    """The default tenant."""
    found = await find_tenant(db)
    assert found is not None
    return found
