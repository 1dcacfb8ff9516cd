"""PostgreSQL through asyncpg: statements prepared once per connection, errors under crmcore's names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any, ClassVar, Final, TypeVar, cast

import asyncpg

from crmcore.errors import ConfigError
from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform import driver
from crmcore.platform.driver import Counted, Row, record, rendered
from crmcore.platform.pool import Pool
from crmcore.platform.signals import PostgresSignals
from crmcore.platform.transaction import Sent, Transaction, transact

T = TypeVar("T")
OLDEST: Final = 150000
_KEY: Final = re.compile(r"Key \((?P<columns>.+?)\)=")
_LOST: Final = (
    asyncpg.exceptions.ConnectionDoesNotExistError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.TooManyConnectionsError,
    asyncpg.InternalClientError,
    OSError,  # refused, reset, timed out
)
DRIVER_ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


class PostgresSession:
    """A connection of the pool for the time of one transaction."""

    dialect: ClassVar[Dialect] = "postgres"
    lone: ClassVar[bool] = True

    def __init__(self, database: PostgresDatabase, connection: Any, task: asyncio.Task[Any] | None) -> None:
        self._database = database
        self._connection = connection
        self._task = task
        self._running = 0
        self._released = False
        self.scrubs = False

    async def begin(self, serializable: bool) -> None:
        await self._run(self._connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE" if serializable else "BEGIN"))

    async def commit(self) -> None:
        done = await self._run(self._connection.execute("COMMIT"))
        if done != "COMMIT":
            raise driver.TransactionOver("An error inside the transaction was swallowed: nothing of it is saved.")

    async def rollback(self) -> None:
        connection = self._connection
        if connection.is_closed() or not connection.is_in_transaction():
            return
        try:
            await connection.execute("ROLLBACK")
        except BaseException:
            connection.terminate()
            raise

    async def control(self, text: str) -> None:
        await self._run(self._connection.execute(text))

    async def rows(self, text: str, values: Sequence[Any]) -> list[Row]:
        return cast("list[Row]", await self._run(self._connection.fetch(text, *values)))

    async def affected(self, text: str, values: Sequence[Any]) -> int:
        done = await self._run(self._connection.execute(text, *values))
        count = done.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def together(self, text: str, statements: Sequence[Sent]) -> None:
        try:
            await self._run(self._connection.execute(text, *(value for _, values in statements for value in values)))
        except asyncpg.exceptions.DivisionByZeroError as error:
            raise driver.Retryable("What was looked at has changed since.") from error

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._released:  # the connection is somebody else's by now
            work.close()
            raise driver.TransactionOver("The transaction is over: a task that outlives it must open its own.")
        self._running += 1
        try:
            return await _mapped(work)
        except driver.Unavailable as error:
            _distrust(self._connection, error.__cause__ or error)
            raise
        finally:
            self._running -= 1

    async def release(self) -> None:
        """Code that goes on although its call is over may have something under way: then nobody else gets this."""
        connection = self._connection
        self._released = True
        if not connection.is_closed() and (self._running or connection.is_in_transaction()):
            connection.terminate()
        self._database.give_back(connection, self._task)


class PostgresDatabase(Counted):
    """A PostgreSQL database; made by `open_postgres`."""

    dialect: ClassVar[Dialect] = "postgres"

    def __init__(self, url: str, pool: Pool) -> None:
        self.url = url
        self.signals = PostgresSignals(partial(_open_for_signals, url), DRIVER_ERRORS)
        self._pool = pool
        self._holders: set[asyncio.Task[Any] | None] = set()

    async def fetch_text(self, statement: Statement, run: Any = None) -> str | bytes | None:
        text, values = statement.text, statement.values(run)
        record(text)
        return cast("bytes | None", await self._read("fetchval", text, values))

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        statement = rendered(tree, "postgres")
        text, values = statement.text, statement.values(run)
        record(text)
        return cast("list[Row]", await self._read("fetch", text, values))

    async def _read(self, how: str, text: str, values: list[Any]) -> Any:
        """A read whose connection died is run once more, on a new one: the server may have been restarted."""
        try:
            return await self._read_once(how, text, values)
        except DRIVER_ERRORS as error:
            refused = translated(error)
            if not isinstance(refused, driver.Unavailable):
                raise refused from error
        self._pool.forget()
        return await _mapped(self._read_once(how, text, values))

    async def _read_once(self, how: str, text: str, values: list[Any]) -> Any:
        connection = await self._pool.acquire()
        try:
            found = await getattr(connection, how)(text, *values)
        except BaseException as error:
            _distrust(connection, error)
            self._pool.release(connection, tired=True)
            raise
        self._pool.release(connection)
        return found

    def transaction(self, *, serializable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        return transact(self._acquire, self.signals.announce, serializable=serializable)

    async def _acquire(self) -> PostgresSession:
        task = asyncio.current_task()
        if task in self._holders:
            raise RuntimeError("A transaction is open in this task: use its savepoint() instead of another one.")
        connection = await _mapped(self._pool.acquire())
        self._holders.add(task)
        return PostgresSession(self, connection, task)

    def give_back(self, connection: Any, task: asyncio.Task[Any] | None) -> None:
        self._holders.discard(task)
        self._pool.release(connection)

    async def close(self) -> None:
        await self.signals.close()
        await self._pool.close()


async def open_postgres(
    url: str, *, connections: int = 10, settings: Mapping[str, str] | None = None
) -> PostgresDatabase:
    """Connect, at least once, so that a wrong address is known at the start. ConfigError if that fails."""

    async def open_one() -> Any:
        connection = await asyncpg.connect(
            url,
            statement_cache_size=256,  # the server holds a plan of each, for every connection
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            timeout=10,
            server_settings={"application_name": "crmcore", "timezone": "UTC", "jit": "off", **(settings or {})},
        )
        try:  # an answer is finished JSON: its bytes go out as they came
            await connection.set_type_codec(
                "json", schema="pg_catalog", encoder=str.encode, decoder=bytes, format="binary"
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    pool = Pool(open_one, connections)
    try:
        first = await pool.acquire()
        version = await first.fetchval("SELECT current_setting('server_version_num')::int")
        pool.release(first)
    except (*DRIVER_ERRORS, ValueError) as error:
        raise ConfigError(f"PostgreSQL cannot be reached: {error}.") from error
    if version < OLDEST:
        await pool.close()
        raise ConfigError(f"PostgreSQL {version // 10000} is too old: crmcore needs {OLDEST // 10000} or newer.")
    return PostgresDatabase(url, pool)


async def _open_for_signals(url: str) -> Any:
    """NOTIFY writes a commit record, which need not wait for the disk: a signal may get lost with the server."""
    settings = {"application_name": "crmcore signals", "synchronous_commit": "off", "jit": "off"}
    return await asyncpg.connect(url, timeout=10, server_settings=settings)


def _distrust(connection: Any, error: BaseException) -> None:
    """The server's goodbye may find the driver between two states: such a connection answers nothing any more."""
    if isinstance(error, asyncpg.InternalClientError):
        connection.terminate()


async def _mapped(work: Awaitable[T]) -> T:
    try:
        return await work
    except DRIVER_ERRORS as error:
        raise translated(error) from error


def translated(error: Exception) -> Exception:
    if isinstance(error, asyncpg.exceptions.IntegrityConstraintViolationError):
        return _integrity(error)
    if isinstance(error, asyncpg.exceptions.SerializationError | asyncpg.exceptions.DeadlockDetectedError):
        return driver.Retryable(str(error))
    if isinstance(error, asyncpg.exceptions.QueryCanceledError | asyncpg.exceptions.LockNotAvailableError):
        return driver.StatementTimeout(str(error))
    if isinstance(error, asyncpg.exceptions.DiskFullError):
        return driver.StorageFull(str(error))
    if isinstance(error, asyncpg.exceptions.InFailedSQLTransactionError):
        return driver.TransactionOver(str(error))
    if isinstance(error, _LOST) or (isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)):
        return driver.Unavailable(str(error))
    return error


def _integrity(error: asyncpg.PostgresError) -> driver.IntegrityViolation:
    kinds: dict[str, type[driver.IntegrityViolation]] = {
        "23505": driver.UniqueViolation,
        "23503": driver.ForeignKeyViolation,
        "23502": driver.NotNullViolation,
        "23514": driver.CheckViolation,
    }
    match = _KEY.search(error.detail or "")
    names = match["columns"].split(", ") if match else [error.column_name] if error.column_name else []
    columns = tuple(name.strip('"') for name in names)
    kind = kinds.get(error.sqlstate or "", driver.IntegrityViolation)
    # the detail names values, which are personal data: it stays out of the message
    return kind(str(error).partition("\n")[0], error.constraint_name or "", error.table_name or "", columns)
