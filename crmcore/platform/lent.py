"""An open transaction, lent to somebody else's code: what that does can be undone alone, and ends with its call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any

from crmcore.kit.sql import Sql, Statement
from crmcore.platform.database import Database, Row, Transaction, TransactionOver
from crmcore.platform.enclosed import Enclosed
from crmcore.platform.transaction import settle


class Lent(Enclosed):
    """A Database over an open transaction, for the time of a block. Its first use opens a savepoint, which is undone
    when the block raises; who never uses it costs no statement. The lender's own rows that had waited to be sent go out
    before; what they meet then (`failed`) is raised at the end of the block, whatever the borrower made of it."""

    def __init__(self, outer: Database, tx: Transaction) -> None:
        super().__init__(outer, tx)
        self.failed: BaseException | None = None
        self._over = False
        self._opening = asyncio.Lock()
        self._savepoint: AbstractAsyncContextManager[None] | None = None

    async def __aenter__(self) -> Lent:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        if self.failed is not None:
            raise self.failed
        if self._savepoint is not None:
            await self._savepoint.__aexit__(kind, error, trace)

    async def fetch(self, tree: Sql | Statement, run: Any = None) -> list[Row]:
        await self._begin()
        return await super().fetch(tree, run)

    @asynccontextmanager
    async def _part(self) -> AsyncIterator[Transaction]:
        await self._begin()
        async with super()._part() as tx:
            yield tx

    async def _begin(self) -> None:
        async with self._opening:
            if self._over:
                raise TransactionOver("The transaction was lent for one call, which is over.")
            if self._savepoint is None:
                await self._send()
                savepoint = self._tx.savepoint()
                await savepoint.__aenter__()
                self._savepoint = savepoint

    async def _send(self) -> None:
        """The lender's rows go out to the end, even when the borrower is cancelled meanwhile."""
        sending = asyncio.ensure_future(self._tx.send())
        try:
            await settle(sending)
        finally:
            self.failed = sending.exception()


__all__ = ["Lent"]
