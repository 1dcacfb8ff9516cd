"""SQLite: one writing connection, a few readers, each in its own thread.

A statement is handed to a thread through a queue and its result comes back through the event loop: about half the cost
of an executor. WAL lets readers go on while a transaction writes. A cancelled read is interrupted, so that its thread
is free for the next one; a cancelled statement of a transaction runs to its end, because interrupting it would make
SQLite roll back the whole transaction behind the caller's back.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from typing import Any, ClassVar

from crmcore.kit.sql import Dialect, Sql, Statement, ident
from crmcore.platform import driver
from crmcore.platform.driver import Counted, Row, record, rendered
from crmcore.platform.signals import Signals
from crmcore.platform.sqlite.connection import connect_file
from crmcore.platform.sqlite.threads import Pool
from crmcore.platform.transaction import Sent, Transaction, transact


class SqliteSession:
    """The writing connection for the time of one transaction."""

    dialect: ClassVar[Dialect] = "sqlite"
    lone: ClassVar[bool] = False

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._pool = database.writer
        self._released = False
        self.scrubs = False

    async def begin(self, serializable: bool) -> None:
        await self._pool.write(lambda c: _control(c, "BEGIN IMMEDIATE"))

    async def commit(self) -> None:
        await self._pool.write(lambda c: _control(_in_transaction(c), "COMMIT"))
        if self.scrubs:
            await self._pool.write(_scrub)

    async def rollback(self) -> None:
        self._pool.workers[0].interrupt()
        await self._pool.write(lambda c: _control(c, "ROLLBACK") if c.in_transaction else None)

    async def control(self, text: str) -> None:
        if self._released:  # the connection is somebody else's by now
            raise driver.TransactionOver("The transaction is over: a task that outlives it must open its own.")
        await self._pool.write(lambda c: _control(_in_transaction(c), text))

    async def rows(self, text: str, values: Sequence[Any]) -> list[Row]:
        return await self._pool.write(lambda c: _in_transaction(c).execute(text, values).fetchall())

    async def affected(self, text: str, values: Sequence[Any]) -> int:
        return await self._pool.write(lambda c: max(_in_transaction(c).execute(text, values).rowcount, 0))

    async def together(self, text: str, statements: Sequence[Sent]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for one, values in statements:
                _in_transaction(connection).execute(one, values)

        await self._pool.write(work)

    async def release(self) -> None:
        self._released = True
        self._database.give_back()


class SqliteDatabase(Counted):
    """A SQLite file: `transaction` on the one writing connection, reads beside it."""

    dialect: ClassVar[Dialect] = "sqlite"

    def __init__(
        self, url: str, path: Path, *, readers: int = 4, busy_timeout_ms: int = 10_000, foreign_keys: bool = True
    ) -> None:
        self.url = url
        self.path = path
        self.signals = Signals()
        writing = connect_file(path, timeout_ms=busy_timeout_ms, foreign_keys=foreign_keys)
        self.writer = Pool([writing], "crmcore-writer")
        reading = [connect_file(path, query_only=True, timeout_ms=busy_timeout_ms) for _ in range(readers)]
        self._readers = Pool(reading, "crmcore-reader")
        self._lock = asyncio.Lock()
        self._holder: asyncio.Task[Any] | None = None

    async def fetch_text(self, statement: Statement, run: Any = None) -> str | bytes | None:
        text, values = statement.text, statement.values(run)
        record(text)

        def one(connection: sqlite3.Connection) -> bytes | None:
            connection.text_factory = bytes
            try:
                row = connection.execute(text, values).fetchone()
            finally:
                connection.text_factory = str
            return None if row is None else row[0]

        return await self._readers.read(one)

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        statement = rendered(tree, "sqlite")
        text, values = statement.text, statement.values(run)
        record(text)
        return await self._readers.read(lambda c: c.execute(text, values).fetchall())

    def transaction(self, *, serializable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        return transact(self._acquire, self.signals.announce, serializable=serializable)

    async def _acquire(self) -> SqliteSession:
        task = asyncio.current_task()
        if self._holder is task:
            raise RuntimeError("A transaction is open in this task: use its savepoint() instead of another one.")
        await self._lock.acquire()
        self._holder = task
        return SqliteSession(self)

    def give_back(self) -> None:
        self._holder = None
        self._lock.release()

    async def close(self) -> None:
        await self.signals.close()
        await self._readers.close()
        await self.writer.close()


def _control(connection: sqlite3.Connection, text: str) -> None:
    connection.execute(text)


def _scrub(connection: sqlite3.Connection) -> None:
    """What was deleted is overwritten in the file (`secure_delete`), but for the words of the full-text indexes, which
    go when an index is merged, and for the write-ahead log. What cannot be done now is done by a later scrub."""
    with suppress(sqlite3.OperationalError):
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE '%USING fts5%'").fetchall():
            connection.execute(f"INSERT INTO {ident(name)} ({ident(name)}) VALUES ('optimize')")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _in_transaction(connection: sqlite3.Connection) -> sqlite3.Connection:
    """SQLite ends a transaction by itself when the disk is full: what follows must not be saved alone."""
    if not connection.in_transaction:
        raise driver.TransactionOver("SQLite has rolled the transaction back.")
    return connection
