"""Filling migrated databases with the same rows, then statistics.

Two tenants share every table, so that a statement without its tenant predicate would be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import asyncpg

from benchmarks.company import Company, Ids, Size
from crmcore.kit import times
from crmcore.migrations import CORE
from crmcore.platform.database import connect
from crmcore.platform.metadata import load_models
from crmcore.platform.record import Record
from crmcore.platform.search import fill_entries
from crmcore.platform.sqlite import connect_file, file_of


class Store(Protocol):
    """A migrated database that takes rows."""

    async def open(self) -> None: ...

    async def take(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None: ...

    async def close(self) -> None:
        """All rows are in."""

    async def settle(self) -> None:
        """Gather statistics, write what is still in memory."""


class PostgresStore:
    """COPY straight into the tables."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        self._connection = await asyncpg.connect(self._url)
        await self._connection.execute("SET session_replication_role = replica")  # no foreign key check row by row

    async def take(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        await self._connection.copy_records_to_table(table, columns=columns, records=rows)

    async def close(self) -> None:
        await self._connection.close()

    async def settle(self) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
        await connection.close()


class SqliteStore:
    """One transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> None:
        self._connection = connect_file(self._path, foreign_keys=False)
        self._connection.execute("BEGIN")

    async def take(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        named = ", ".join(f'"{column}"' for column in columns)
        text = f'INSERT INTO "{table}" ({named}) VALUES ({", ".join("?" for _ in columns)})'
        self._connection.executemany(text, ([_AS.get(type(v), _same)(v) for v in row] for row in rows))

    async def close(self) -> None:
        self._connection.execute("COMMIT")
        self._connection.close()

    async def settle(self) -> None:
        connection = connect_file(self._path)
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()


def _same(value: Any) -> Any:
    return value


_AS: dict[type, Any] = {
    UUID: str, asyncpg.pgproto.pgproto.UUID: str, datetime: times.to_text, date: date.isoformat,
}  # fmt: skip
"""How SQLite keeps what PostgreSQL has a type for."""


def store(url: str) -> Store:
    return SqliteStore(file_of(url)) if url.startswith("sqlite:") else PostgresStore(url)


async def load(urls: Iterable[str], tenants: Sequence[UUID], size: Size) -> Ids:
    """Fill the databases and gather statistics; the keys of the first tenant."""
    stores = {url: store(url) for url in urls}
    companies = [
        Company(tenant, size if n == 0 else Size(max(size.customers // 4, 10)), seed=n)
        for n, tenant in enumerate(tenants)
    ]
    for each in stores.values():
        await each.open()
    for company in companies:
        for table, columns, rows in company.tables():
            made = list(rows)
            for each in stores.values():
                await each.take(table, columns, made)
    for url, each in stores.items():
        await each.close()
        await _find_by_words(url)
        await each.settle()
    return companies[0].ids


async def _find_by_words(url: str) -> None:
    """What the write engine would have written for the search."""
    models = (await load_models([CORE]))["core"].values()
    db = await connect(url, connections=2)
    try:
        async with db.transaction() as tx:
            for model in models:
                special = model.special if issubclass(model, Record) else None
                if special is not None and special.search and not special.finds:
                    await fill_entries(tx, model._meta.db_table, special.search)
    finally:
        await db.close()


async def copy(table: str, keys: Sequence[UUID], origin: str, urls: Iterable[str]) -> None:
    """Put rows of a PostgreSQL database into others too."""
    connection = await asyncpg.connect(origin)
    try:
        rows = await connection.fetch(f'SELECT * FROM "{table}" WHERE id = ANY($1)', keys)
    finally:
        await connection.close()
    for url in urls:
        other = store(url)
        await other.open()
        await other.take(table, list(rows[0].keys()), [tuple(row) for row in rows])
        await other.close()
