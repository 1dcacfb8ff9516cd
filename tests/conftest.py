"""What all tests share: databases (tests/databases.py) and whole apps on them (tests/fixtures.py)."""

from __future__ import annotations

import pytest

from tests import databases as _databases
from tests.databases import database_url, databases, db, dialect, empty_database_url, tenant
from tests.fixtures import crm

__all__ = ["crm", "database_url", "databases", "db", "dialect", "empty_database_url", "tenant"]


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _databases.begin_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        _databases.end_run()
