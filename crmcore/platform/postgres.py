"""PostgreSQL through asyncpg: one pool, statements prepared once per connection, errors under crmcore's names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Final, TypeVar, cast

import asyncpg

from crmcore.errors import ConfigError
from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform import driver
from crmcore.platform.driver import Counted, Row, record, rendered
from crmcore.platform.transaction import Transaction, transact

T = TypeVar("T")
OLDEST: Final = 150000
_KEY: Final = re.compile(r"Key \((?P<columns>.+?)\)=")
_LOST: Final = (
    asyncpg.exceptions.ConnectionDoesNotExistError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.TooManyConnectionsError,
    OSError,  # refused, reset, timed out
)
_DRIVER: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)


class Connection(asyncpg.Connection):  # type: ignore[misc]
    """A connection that needs no clean-up between uses: crmcore sets nothing on a session and leaves no transaction."""

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class PostgresSession:
    """A connection of the pool for the time of one transaction."""

    dialect: ClassVar[Dialect] = "postgres"

    def __init__(self, database: PostgresDatabase, connection: Any, task: asyncio.Task[Any] | None) -> None:
        self._database = database
        self._connection = connection
        self._task = task

    async def begin(self, serializable: bool) -> None:
        await _mapped(self._connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE" if serializable else "BEGIN"))

    async def commit(self) -> None:
        done = await _mapped(self._connection.execute("COMMIT"))
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
        await _mapped(self._connection.execute(text))

    async def rows(self, text: str, values: Sequence[Any]) -> list[Row]:
        return cast("list[Row]", await _mapped(self._connection.fetch(text, *values)))

    async def affected(self, text: str, values: Sequence[Any]) -> int:
        done = await _mapped(self._connection.execute(text, *values))
        count = done.rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def release(self) -> None:
        connection = self._connection
        if not connection.is_closed() and connection.is_in_transaction():
            connection.terminate()
        await self._database.give_back(connection, self._task)


class PostgresDatabase(Counted):
    """A PostgreSQL database; made by `open_postgres`."""

    dialect: ClassVar[Dialect] = "postgres"

    def __init__(self, url: str, pool: Any) -> None:
        self.url = url
        self.pool = pool
        self._holders: set[asyncio.Task[Any] | None] = set()

    async def fetch_text(self, statement: Statement, run: Any = None) -> str | bytes | None:
        text, values = statement.text, statement.values(run)
        record(text)
        try:
            return cast("str | None", await self.pool.fetchval(text, *values))
        except _DRIVER as error:
            await self._again(error)
        return cast("str | None", await _mapped(self.pool.fetchval(text, *values)))

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        statement = rendered(tree, "postgres")
        text, values = statement.text, statement.values(run)
        record(text)
        try:
            return cast("list[Row]", await self.pool.fetch(text, *values))
        except _DRIVER as error:
            await self._again(error)
        return cast("list[Row]", await _mapped(self.pool.fetch(text, *values)))

    async def _again(self, error: Exception) -> None:
        """Return if a read may be run once more: its connection died, and so have the others of the pool, perhaps."""
        refused = _translated(error)
        if not isinstance(refused, driver.Unavailable):
            raise refused from error
        await self.pool.expire_connections()

    def transaction(self, *, serializable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        return transact(self._acquire, serializable=serializable)

    async def _acquire(self) -> PostgresSession:
        task = asyncio.current_task()
        if task in self._holders:
            raise RuntimeError("A transaction is open in this task: use its savepoint() instead of another one.")
        connection = await _mapped(self.pool.acquire())
        self._holders.add(task)
        return PostgresSession(self, connection, task)

    async def give_back(self, connection: Any, task: asyncio.Task[Any] | None) -> None:
        self._holders.discard(task)
        await self.pool.release(connection)

    async def close(self) -> None:
        try:
            async with asyncio.timeout(5):
                await self.pool.close()
        except TimeoutError:
            self.pool.terminate()


async def open_postgres(
    url: str, *, connections: int = 10, settings: Mapping[str, str] | None = None
) -> PostgresDatabase:
    """Connect, at least once, so that a wrong address is known at the start. ConfigError if that fails."""
    try:
        pool = await asyncpg.create_pool(
            dsn=url,
            min_size=1,
            max_size=connections,
            max_queries=2**31,
            max_inactive_connection_lifetime=0,
            connection_class=Connection,
            statement_cache_size=1000,
            max_cached_statement_lifetime=0,
            max_cacheable_statement_size=0,
            timeout=10,
            server_settings={"application_name": "crmcore", "timezone": "UTC", "jit": "off", **(settings or {})},
        )
        version = await pool.fetchval("SELECT current_setting('server_version_num')::int")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError) as error:
        raise ConfigError(f"PostgreSQL cannot be reached: {error}.") from error
    if version < OLDEST:
        await pool.close()
        raise ConfigError(f"PostgreSQL {version // 10000} is too old: crmcore needs {OLDEST // 10000} or newer.")
    return PostgresDatabase(url, pool)


async def _mapped(work: Awaitable[T]) -> T:
    try:
        return await work
    except _DRIVER as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Exception:
    if isinstance(error, asyncpg.exceptions.IntegrityConstraintViolationError):
        return _integrity(error)
    if isinstance(error, asyncpg.exceptions.SerializationError | asyncpg.exceptions.DeadlockDetectedError):
        return driver.Retryable(str(error))
    if isinstance(error, asyncpg.exceptions.QueryCanceledError | asyncpg.exceptions.LockNotAvailableError):
        return driver.StatementTimeout(str(error))
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
