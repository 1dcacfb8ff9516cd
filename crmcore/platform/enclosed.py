"""A database as one open transaction sees it: what is written and what is read afterwards last together, or not at all.

A mutation that is only tried (`dryRun`), or whose answer must be kept with its effect, runs on one of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from typing import Any

from crmcore.kit.sql import Dialect, Sql, Statement
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.signals import Signals


class Enclosed:
    """A Database over an open transaction of `outer`. Its transactions are savepoints; its reads see what was written.

    Reads of several tasks take turns: there is one connection. On PostgreSQL each is a savepoint too, so that one that
    fails does not take the transaction with it.
    """

    def __init__(self, outer: Database, tx: Transaction) -> None:
        self._outer = outer
        self._tx = tx
        self._turn = asyncio.Lock()

    @property
    def dialect(self) -> Dialect:
        return self._outer.dialect

    @property
    def url(self) -> str:
        return self._outer.url

    @property
    def signals(self) -> Signals:
        return self._outer.signals

    async def fetch_text(self, statement: Statement, run: Any = None) -> str | bytes | None:
        rows = await self.fetch(statement, run)
        return rows[0][0] if rows else None  # type: ignore[index]  # both drivers' rows are known by place too

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        async with self._turn:
            if self.dialect == "sqlite":
                return await self._tx.fetch(tree, run)
            async with self._tx.savepoint():
                return await self._tx.fetch(tree, run)

    def transaction(self, *, serializable: bool = False) -> AbstractAsyncContextManager[Transaction]:
        """A part of the open transaction: undone alone when it raises. Its isolation is that of the whole."""
        return self._part()

    @asynccontextmanager
    async def _part(self) -> AsyncIterator[Transaction]:
        async with self._tx.savepoint():
            yield self._tx

    def counting(self) -> AbstractContextManager[list[str]]:
        return self._outer.counting()

    async def close(self) -> None:
        raise RuntimeError("An enclosed database is closed by the end of its transaction.")
