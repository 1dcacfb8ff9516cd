"""The database of an app: what every room reads and writes through, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, Protocol

from crmcore.errors import ConfigError
from crmcore.kit.sql import Dialect, Sql, Statement, ident
from crmcore.platform.driver import (
    CheckViolation,
    DatabaseError,
    ForeignKeyViolation,
    IntegrityViolation,
    NotNullViolation,
    Retryable,
    Row,
    StatementTimeout,
    StorageFull,
    TransactionOver,
    Unavailable,
    UniqueViolation,
)
from crmcore.platform.postgres import open_postgres
from crmcore.platform.signals import Signals
from crmcore.platform.sqlite import SqliteDatabase, file_of
from crmcore.platform.transaction import Transaction, retrying

__all__ = [
    "CheckViolation",
    "Database",
    "DatabaseError",
    "ForeignKeyViolation",
    "IntegrityViolation",
    "NotNullViolation",
    "Retryable",
    "Row",
    "StatementTimeout",
    "StorageFull",
    "Transaction",
    "TransactionOver",
    "Unavailable",
    "UniqueViolation",
    "connect",
    "dialect_of",
    "retrying",
]


class Database(Protocol):
    """One database and its connections; made by `connect`, one per app, given back by `close`.

    Reads go through `fetch_text` and `fetch`, on connections that are in no transaction; what is written, and what must
    be read with it, goes through `transaction`.
    """

    @property
    def dialect(self) -> Dialect: ...

    @property
    def url(self) -> str: ...

    @property
    def signals(self) -> Signals:
        """Who waits for work is woken through these; a transaction announces by `Transaction.announce`."""
        ...

    async def fetch_text(self, statement: Statement, run: Any = None) -> str | bytes | None:
        """The one column of the one row of a statement that makes finished JSON; None for no row or null."""

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        """All rows of a reading statement."""
        ...

    def transaction(self, *, serializable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """A transaction: committed when the block ends, rolled back when it raises or is cancelled.

        SQLite begins it IMMEDIATE, so there is one at a time; PostgreSQL runs it READ COMMITTED unless `serializable`.
        It cannot be nested in one task: inside it, use `Transaction.savepoint`. `retrying` runs a whole one again.
        """
        ...

    def counting(self) -> AbstractContextManager[list[str]]:
        """The text of every statement that this task and its children run in the block, in order; one for those that
        are sent together.

        Transaction control (BEGIN, COMMIT, savepoints) is not counted.
        """
        ...

    async def close(self) -> None:
        """Give back all connections."""


async def refresh_statistics(db: Database, tables: Iterable[str] = ()) -> None:
    """Tell PostgreSQL's planner what the tables hold, all unless named, after many rows came at once: by itself it
    looks a minute later, and until then plans badly, keeping plans that it made of empty tables."""
    if db.dialect == "postgres":
        async with db.transaction() as tx:
            await tx.execute(Sql("ANALYZE ", ", ".join(map(ident, sorted(tables)))))


def dialect_of(url: str) -> Dialect:
    """Which database a URL names. ConfigError for one that crmcore does not know."""
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        return "sqlite"
    if scheme in ("postgres", "postgresql"):
        return "postgres"
    raise ConfigError(
        f"{scheme!r} is no database crmcore knows: use sqlite:///crmcore.db or postgresql://user@host/name."
    )


async def connect(
    url: str,
    *,
    connections: int = 10,
    readers: int = 4,
    statement_timeout_ms: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Database:
    """Open the database that `url` names.

    `connections` is the size of PostgreSQL's pool, `readers` SQLite's reading threads; `settings` are PostgreSQL's
    session settings. ConfigError, for the operator, if it cannot be opened.
    """
    if dialect_of(url) == "sqlite":
        return SqliteDatabase(url, file_of(url), readers=readers)
    limits = {"statement_timeout": str(statement_timeout_ms), "idle_in_transaction_session_timeout": "60000"}
    return await open_postgres(url, connections=connections, settings={**limits, **(settings or {})})
