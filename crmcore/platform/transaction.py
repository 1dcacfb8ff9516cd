"""Transactions that survive cancellation: whatever happens to the task, the connection comes back usable.

BEGIN, COMMIT and ROLLBACK run to their end even when the task is cancelled meanwhile; the cancellation is raised after
them. A deadline round a transaction (`asyncio.timeout`) is therefore safe, and so is a client that goes away.

A transaction begins with its first statement that writes or locks. Where the database makes a transaction of a single
statement by itself, a command that only looks and then puts its new rows in with one statement needs no other trip.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from itertools import accumulate
from typing import Any, ClassVar, Final, Protocol, TypeVar

from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform.driver import DatabaseError, Retryable, Row, TransactionOver, record, rendered

T = TypeVar("T")
Sent = tuple[str, Sequence[Any]]
"""A statement's text and its values."""

_PLACE: Final = re.compile(r"\$(\d+)")


class Session(Protocol):
    """One connection for the time of one transaction; what the two drivers supply."""

    dialect: ClassVar[Dialect]
    lone: ClassVar[bool]
    """Whether a statement outside a transaction may run here, and is one by itself."""
    scrubs: bool
    """Whether the commit is to leave nothing of what was deleted in the database's files, as far as it can."""

    async def begin(self, serializable: bool) -> None: ...

    async def commit(self) -> None:
        """Raises when the rows are not durable afterwards."""

    async def rollback(self) -> None:
        """Leaves no transaction open, whatever state the connection is in."""

    async def control(self, text: str) -> None:
        """A savepoint statement."""

    async def rows(self, text: str, values: Sequence[Any]) -> list[Row]: ...

    async def affected(self, text: str, values: Sequence[Any]) -> int: ...

    async def together(self, text: str, statements: Sequence[Sent]) -> None:
        """Run statements that were joined to `text`, in one trip. Retryable if one of them leant on what has gone."""

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
    """What a command writes through. Its statements run one after the other, on one connection.

    New rows may wait for each other (`add`): they go out together, on PostgreSQL as one statement, before anything else
    runs and before the end. `holds` names what the transaction has got until its end, such as a lock; a savepoint that
    is undone gives back what it got.
    """

    __slots__ = (
        "_announce", "_leaning", "_open", "_savepoints", "_serializable", "_session", "_waiting", "announced", "begun",
        "dialect", "holds",
    )  # fmt: skip

    def __init__(self, session: Session, announce: Callable[[str], None], serializable: bool) -> None:
        self._session = session
        self._announce = announce
        self._serializable = serializable
        self._open = True
        self.begun = False
        self._savepoints = 0
        self._waiting: dict[str, Sent] = {}
        self._leaning: list[Sent] = []
        self.announced: set[str] = set()
        self.holds: set[str] = set()
        self.dialect: Dialect = session.dialect

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        """All rows of a statement, `... RETURNING` included."""
        await self.send()
        await self.begin()
        text, values = self._next(tree, run)
        record(text)
        return await self._session.rows(text, values)

    async def execute(self, tree: Sql | Statement, run: Any = None) -> int:
        """Run a statement; the number of rows that it changed."""
        await self.send()
        await self.begin()
        text, values = self._next(tree, run)
        record(text)
        return await self._session.affected(text, values)

    async def look(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        """All rows of a statement that neither writes nor locks: what is committed now, and what was written here."""
        if self._waiting:
            return await self.fetch(tree, run)
        text, values = self._next(tree, run)
        record(text)
        return await self._session.rows(text, values)

    def lean(self, tree: Sql | Statement, run: Any = None) -> None:
        """What is written holds only if this locking condition does: it is asked, and what it names locked, with the
        rows that are sent next; Retryable then, if it does not. For PostgreSQL, where others write meanwhile."""
        self._leaning.append(self._next(tree, run))

    async def add(self, table: str, tree: Sql | Statement, run: Any = None) -> None:
        """Run a statement that only puts rows into `table`: with the next one that is no such, or with `send`.

        What the database says against it is raised there too.
        """
        if table in self._waiting:
            await self.send()
        self._waiting[table] = self._next(tree, run)

    def announce(self, channel: str) -> None:
        """Tell those who wait for the channel, here and in other processes, once this is committed."""
        self.announced.add(channel)

    def scrub(self) -> None:
        """Once this is committed, leave nothing of what was deleted in the files that the database keeps here."""
        self._session.scrubs = True

    async def send(self, *, last: bool = False) -> None:
        """Run what waits. Foreign keys are looked at when all of it is there; each table is written once.

        `last` says that nothing follows: where nothing has begun yet, this is the whole transaction and its end.
        """
        if not self._waiting:
            return
        if last and self._session.lone and not (self.begun or self._serializable):
            self._open = False
            await settle(self._alone())
        else:
            await self.begin()
            await self._send()

    async def _alone(self) -> None:
        await self._send()
        self._tell()

    async def _send(self) -> None:
        waiting, leaning = list(self._waiting.values()), self._leaning
        self._waiting.clear()
        self._leaning = []
        if len(waiting) == 1 and not leaning:
            [(text, values)] = waiting
            record(text)
            await self._session.affected(text, values)
            return
        texts = tuple(text for text, _ in waiting)
        text = _as_one(texts, tuple(t for t, _ in leaning)) if self.dialect == "postgres" else ";\n".join(texts)
        record(text)
        await self._session.together(text, [*waiting, *leaning])

    async def begin(self) -> None:
        """Begin, if that has not happened."""
        if not self.begun and self._open:
            await settle(self._session.begin(self._serializable))
            self.begun = True

    async def commit(self) -> None:
        """The end: what was done is durable, and announced even if the task is cancelled meanwhile."""
        self._open = False
        if self.begun:
            await settle(self._commit())
        else:
            self._tell()

    async def _commit(self) -> None:
        await self._session.commit()
        self._tell()

    def _tell(self) -> None:
        while self.announced:
            self._announce(self.announced.pop())

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A part that can fail alone: what it changed is undone when the block raises or is cancelled."""
        await self.send()
        await self.begin()
        self._savepoints += 1
        name = f"part_{self._savepoints}"
        session = self._session
        held = frozenset(self.holds)
        await settle(session.control(f"SAVEPOINT {name}"))
        try:
            yield
            await self.send()
        except BaseException:
            self._waiting.clear()
            self.holds.intersection_update(held)
            await settle(session.control(f"ROLLBACK TO SAVEPOINT {name}"))
            await settle(session.control(f"RELEASE SAVEPOINT {name}"))
            raise
        try:
            await settle(session.control(f"RELEASE SAVEPOINT {name}"))
        except DatabaseError:  # the block swallowed an error after which PostgreSQL does nothing more
            self.holds.intersection_update(held)
            await settle(session.control(f"ROLLBACK TO SAVEPOINT {name}"))
            await settle(session.control(f"RELEASE SAVEPOINT {name}"))
            raise

    def _next(self, tree: Sql | Statement, run: Any) -> Sent:
        if not self._open:
            raise TransactionOver("The transaction is over: a task that outlives it must open its own.")
        statement = rendered(tree, self.dialect)
        return statement.text, statement.values(run)

    def end(self) -> None:
        """Whoever still holds it can do nothing with it."""
        self._open = False


def _numbered_from(text: str, before: int) -> str:
    """The text with its placeholders moved up behind so many others."""
    return _PLACE.sub(lambda place: f"${int(place[1]) + before}", text)


@lru_cache(512)
def _as_one(texts: tuple[str, ...], conditions: tuple[str, ...]) -> str:
    """One statement of PostgreSQL that does what these do, their placeholders numbered through. A condition that does
    not hold divides by zero, which undoes it all."""
    counts = (len(set(_PLACE.findall(text))) for text in (*texts, *conditions))
    numbered = list(map(_numbered_from, (*texts, *conditions), accumulate(counts, initial=0)))
    parts = numbered[: len(texts)]
    if conditions:
        last = "SELECT " + ", ".join(f"1 / (CASE WHEN {one} THEN 1 ELSE 0 END)" for one in numbered[len(texts) :])
    else:
        last = parts.pop()
    named = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(parts))
    return f"WITH {named} {last}"


@asynccontextmanager
async def transact(
    acquire: Callable[[], Awaitable[Session]], announce: Callable[[str], None], *, serializable: bool
) -> AsyncIterator[Transaction]:
    """The life of one transaction on the session that `acquire` gives; only `acquire` itself may be cut short.

    `announce` is called with what the transaction has to announce, as soon as it is committed.
    """
    session = await acquire()
    try:
        transaction = Transaction(session, announce, serializable)
        if not session.lone:
            await transaction.begin()
        try:
            yield transaction
            await transaction.send(last=True)
        finally:
            transaction.end()
        await transaction.commit()
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
