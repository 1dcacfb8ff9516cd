"""What all tests share: databases (tests/databases.py) and whole apps on them (tests/fixtures.py)."""

from __future__ import annotations

from tests.databases import database_url, db, empty_database_url, tenant
from tests.fixtures import crm

__all__ = ["crm", "database_url", "db", "empty_database_url", "tenant"]
