"""Transactions that survive cancellation: whatever happens to the task, the connection comes back usable.

BEGIN, COMMIT and ROLLBACK run to their end even when the task is cancelled meanwhile; the cancellation is raised after
them. A deadline round a transaction (`asyncio.timeout`) is therefore safe, and so is a client that goes away.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Protocol, TypeVar

from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform.driver import Retryable, Row, TransactionOver, record, rendered

T = TypeVar("T")


class Session(Protocol):
    """One connection for the time of one transaction; what the two drivers supply."""

    dialect: ClassVar[Dialect]

    async def begin(self, serializable: bool) -> None: ...

    async def commit(self) -> None:
        """Raises when the rows are not durable afterwards."""

    async def rollback(self) -> None:
        """Leaves no transaction open, whatever state the connection is in."""

    async def control(self, text: str) -> None:
        """A savepoint statement."""

    async def rows(self, text: str, values: Sequence[Any]) -> list[Row]: ...

    async def affected(self, text: str, values: Sequence[Any]) -> int: ...

    async def release(self) -> None:
        """Give the connection back; after this the session is dead. Never waits, so nothing can cut it short."""


async def settle(work: Awaitable[T]) -> T:
    """The result of `work`, which is run to its end even if this task is cancelled; the cancellation comes after it."""
    future = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            try:
                await asyncio.wait((future,))
            except asyncio.CancelledError:
                continue
        if not future.cancelled():
            future.exception()  # looked at, so that asyncio does not report it as lost
        raise


class Transaction:
    """What a command writes through. Its statements run one after the other, on one connection."""

    __slots__ = ("_open", "_savepoints", "_session", "dialect")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open = True
        self._savepoints = 0
        self.dialect: Dialect = session.dialect

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        """All rows of a statement, `... RETURNING` included."""
        statement = self._next(tree)
        return await self._session.rows(statement.text, statement.values(run))

    async def execute(self, tree: Sql | Statement, run: Any = None) -> int:
        """Run a statement; the number of rows that it changed."""
        statement = self._next(tree)
        return await self._session.affected(statement.text, statement.values(run))

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail alone: what it changed is undone when the block raises or is cancelled."""
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        session = self._session
        await settle(session.control(f"SAVEPOINT {name}"))
        try:
            yield
        except BaseException:
            await settle(session.control(f"ROLLBACK TO SAVEPOINT {name}"))
            await settle(session.control(f"RELEASE SAVEPOINT {name}"))
            raise
        await settle(session.control(f"RELEASE SAVEPOINT {name}"))

    def _next(self, tree: Sql | Statement) -> Statement:
        if not self._open:
            raise TransactionOver("The transaction is over: a task that outlives it must open its own.")
        statement = rendered(tree, self.dialect)
        record(statement.text)
        return statement

    def _end(self) -> None:
        self._open = False


@asynccontextmanager
async def transact(acquire: Callable[[], Awaitable[Session]], *, serializable: bool) -> AsyncIterator[Transaction]:
    """The life of one transaction on the session that `acquire` gives; only `acquire` itself may be cut short."""
    session = await acquire()
    try:
        await settle(session.begin(serializable))
        transaction = Transaction(session)
        try:
            yield transaction
        finally:
            transaction._end()
        await settle(session.commit())
    except BaseException:
        await settle(_abandon(session))
        raise
    await session.release()


async def _abandon(session: Session) -> None:
    try:
        await session.rollback()
    finally:
        await session.release()


async def retrying(work: Callable[[], Awaitable[T]], *, attempts: int = 6, pause: float = 0.02) -> T:
    """Run `work`, a whole transaction, again when the database asks for it, after growing random pauses."""
    for attempt in range(1, attempts):
        try:
            return await work()
        except Retryable:
            await asyncio.sleep(random.uniform(0.5, 1.5) * pause * 2**attempt)  # noqa: S311  not a secret
    return await work()
