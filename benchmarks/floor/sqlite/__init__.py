"""The floor on SQLite: one thread with one connection, a whole request in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import crmcore  # noqa: F401  once it is imported, sqlite3 is the library that crmcore uses
from benchmarks.floor.application import checked, key_of
from benchmarks.floor.statements import REACHES, written

TOKEN: Final = """
SELECT t.hash, t.tenant_id AS tenant, t.reach, u.id AS user, u.team_id AS team FROM api_token t
JOIN tenant n ON n.id = t.tenant_id AND n.state = 'ACTIVE'
LEFT JOIN "user" u ON u.id = t.user_id AND u.tenant_id = t.tenant_id AND u.deleted_at IS NULL AND u.is_active
WHERE t.key = ?1 AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ?2)
AND (t.user_id IS NULL OR u.id IS NOT NULL)
"""
PRAGMAS: Final = ("busy_timeout=10000", "journal_mode=WAL", "cache_size=-20000", "temp_store=MEMORY", "query_only=ON")
BOUND: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "Q1": lambda v: v,
    "Q2": lambda v: v,
    "Q3": lambda v: {"id": v["id"].rpartition("_")[2], "today": v["today"]},
    "Q4": lambda v: v,
}


class SqliteFloor:
    """The statements of this folder: reads only."""

    operations = tuple(BOUND)

    def __init__(self, database_url: str) -> None:
        self._path = database_url.removeprefix("sqlite:///")
        self._statements = {(o, reach): written("sqlite", o, reach) for o in BOUND for reach in REACHES}

    async def open(self) -> None:
        import sqlite3

        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1)
        self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")

    async def close(self) -> None:
        self._thread.shutdown()
        self._connection.close()

    async def answer(self, operation: str, token: str, variables: dict[str, Any]) -> str | None:
        return await self._loop.run_in_executor(self._thread, self._answer, operation, token, variables)

    def _answer(self, operation: str, token: str, variables: dict[str, Any]) -> str | None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        caller = checked(token, self._connection.execute(TOKEN, (key_of(token), now)).fetchone())
        statement = self._statements[operation, caller["reach"]]
        values = statement.values(dict(caller) | BOUND[operation](variables))
        found = self._connection.execute(statement.text, values).fetchone()
        return found[0] if found else None
