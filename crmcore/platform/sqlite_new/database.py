"""SQLite: one writing connection, a few readers, each in its own thread.

A statement is handed to a thread through a queue and its result comes back through the event loop: about half the cost
of an executor. WAL lets readers go on while a transaction writes. A cancelled read is interrupted, so that its thread
is free for the next one; a cancelled statement of a transaction runs to its end, because interrupting it would make
SQLite roll back the whole transaction behind the caller's back.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar, Final, TypeVar

from crmcore.errors import ConfigError
from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform import driver
from crmcore.platform.driver import Counted, Row, record, rendered
from crmcore.platform.sqlite_functions import add_functions
from crmcore.platform.transaction import Sent, Transaction, transact

T = TypeVar("T")
OLDEST: Final = (3, 51, 3)
"""The first version without the WAL-reset defect, which can corrupt a file silently."""

_FAILED: Final = re.compile(r"constraint failed: (?:index '(?P<index>[^']+)'|(?P<columns>.+))")
_MEMORY: Final = ("", ":memory:")


def connect_file(
    path: Path, *, query_only: bool = False, foreign_keys: bool = True, timeout_ms: int = 10_000
) -> sqlite3.Connection:
    """A connection with crmcore's settings, in autocommit: transactions are begun in words."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old: crmcore needs {'.'.join(map(str, OLDEST))} or newer, because "
            "older ones can corrupt a database. Install the package pysqlite3, or use a newer Python."
        )
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=128)
        for pragma in (
            f"busy_timeout={timeout_ms}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "cache_size=-20000",
            "temp_store=MEMORY",
            "journal_size_limit=67108864",
            "wal_autocheckpoint=10000",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")  # house(sql-text): the pragmas above, which take no binds
    except sqlite3.Error as error:
        raise ConfigError(f"The database file {path} cannot be opened: {error}.") from error
    connection.row_factory = sqlite3.Row
    add_functions(connection)
    return connection


class _Job:
    __slots__ = ("future", "loop", "work")

    def __init__(self, work: Callable[[sqlite3.Connection], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()

    def resolve(self, result: Any, error: BaseException | None) -> None:
        """Hand the outcome to the waiting task; nobody is told if the loop has gone."""
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(_deliver, self.future, result, error)


def _deliver(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class _Worker(threading.Thread):
    """A thread with its connection, which does the jobs of a queue until it meets None."""

    def __init__(self, queue: SimpleQueue[_Job | None], connection: sqlite3.Connection, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.queue = queue
        self.connection = connection
        self.current: _Job | None = None
        self._guard = threading.Lock()
        self.start()

    def run(self) -> None:
        while (job := self.queue.get()) is not None:
            if job.future.cancelled():
                continue
            with self._guard:
                self.current = job
            result, error = None, None
            try:
                result = job.work(self.connection)
            except sqlite3.Error as refused:
                error = _translated(refused, self.connection)
            except BaseException as other:  # noqa: BLE001  the waiting task gets it
                error = other
            with self._guard:
                self.current = None
            job.resolve(result, error)
            job = result = error = None
        self.connection.close()

    def interrupt(self, job: _Job | None = None) -> None:
        """Stop the job that runs now, or only `job` if it is the one; never one that comes after it."""
        with self._guard:
            if self.current is not None and (job is None or self.current is job):
                self.connection.interrupt()


class _Pool:
    """Workers on one queue: whichever is free takes the next job."""

    def __init__(self, connections: Sequence[sqlite3.Connection], name: str) -> None:
        self.queue: SimpleQueue[_Job | None] = SimpleQueue()
        self.workers = [_Worker(self.queue, c, f"{name}-{n}") for n, c in enumerate(connections)]

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a reading job; the job is interrupted when the caller is cancelled."""
        job = _Job(work)
        self.queue.put(job)
        try:
            return await job.future  # type: ignore[no-any-return]
        except asyncio.CancelledError:
            for worker in self.workers:
                worker.interrupt(job)
            raise

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of a job that runs to its end once it has begun, whoever waits for it."""
        job = _Job(work)
        self.queue.put(job)
        return await job.future  # type: ignore[no-any-return]

    async def close(self) -> None:
        for worker in self.workers:
            worker.interrupt()
            self.queue.put(None)
        loop = asyncio.get_running_loop()
        for worker in self.workers:
            await loop.run_in_executor(None, worker.join)


class SqliteSession:
    """The writing connection for the time of one transaction."""

    dialect: ClassVar[Dialect] = "sqlite"

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._pool = database.writer

    async def begin(self, serializable: bool) -> None:
        await self._pool.write(lambda c: _control(c, "BEGIN IMMEDIATE"))

    async def commit(self) -> None:
        await self._pool.write(lambda c: _control(_in_transaction(c), "COMMIT"))

    async def rollback(self) -> None:
        self._pool.workers[0].interrupt()
        await self._pool.write(lambda c: _control(c, "ROLLBACK") if c.in_transaction else None)

    async def control(self, text: str) -> None:
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
        self._database.give_back()


class SqliteDatabase(Counted):
    """A SQLite file: `transaction` on the one writing connection, reads beside it."""

    dialect: ClassVar[Dialect] = "sqlite"

    def __init__(
        self, url: str, path: Path, *, readers: int = 4, busy_timeout_ms: int = 10_000, foreign_keys: bool = True
    ) -> None:
        self.url = url
        self.path = path
        writing = connect_file(path, timeout_ms=busy_timeout_ms, foreign_keys=foreign_keys)
        self.writer = _Pool([writing], "crmcore-writer")
        reading = [connect_file(path, query_only=True, timeout_ms=busy_timeout_ms) for _ in range(readers)]
        self._readers = _Pool(reading, "crmcore-reader")
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
        return transact(self._acquire, serializable=serializable)

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
        await self._readers.close()
        await self.writer.close()


def file_of(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`. ConfigError for anything else."""
    path = url.removeprefix("sqlite:///")
    if path == url or path in _MEMORY or "?" in path:
        raise ConfigError(f"{url!r} names no SQLite file: write sqlite:///crmcore.db or sqlite:////srv/crm/crmcore.db.")
    return Path(path)


def _control(connection: sqlite3.Connection, text: str) -> None:
    connection.execute(text)


def _in_transaction(connection: sqlite3.Connection) -> sqlite3.Connection:
    """SQLite ends a transaction by itself when the disk is full: what follows must not be saved alone."""
    if not connection.in_transaction:
        raise driver.TransactionOver("SQLite has rolled the transaction back.")
    return connection


def _translated(error: sqlite3.Error, connection: sqlite3.Connection) -> BaseException:
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return _integrity(text, connection)
    code = getattr(error, "sqlite_errorcode", None)
    if (code is not None and code & 0xFF in (5, 6)) or "locked" in text:  # SQLITE_BUSY, SQLITE_LOCKED
        return driver.Retryable(text)
    if text == "interrupted":
        return driver.StatementTimeout(text)
    return error


def _integrity(text: str, connection: sqlite3.Connection) -> driver.IntegrityViolation:
    match = _FAILED.search(text)
    named = match["index"] if match and match["index"] else ""
    places = match["columns"].split(", ") if match and match["columns"] else []
    table = places[0].partition(".")[0] if places and "." in places[0] else ""
    columns = tuple(place.partition(".")[2] for place in places) if table else ()
    if text.startswith("UNIQUE"):
        return driver.UniqueViolation(text, named or _unique_index(connection, table, columns), table, columns)
    if text.startswith("FOREIGN KEY"):
        return driver.ForeignKeyViolation(text)
    if text.startswith("NOT NULL"):
        return driver.NotNullViolation(text, "", table, columns)
    if text.startswith("CHECK"):
        return driver.CheckViolation(text, places[0] if places else "")
    return driver.IntegrityViolation(text)


def _unique_index(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> str:
    """The unique index of exactly these columns; empty if there is none (a primary key of the row id)."""
    for index in connection.execute('SELECT name FROM pragma_index_list(?) WHERE "unique"', (table,)).fetchall():
        parts = connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index[0],)).fetchall()
        if tuple(part[0] for part in parts) == columns:
            return str(index[0])
    return ""
