"""What was taken is recorded many at a time: while one transaction is written, the next ones gather."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from crmcore.platform.database import Database, retrying
from crmcore.platform.webhooks.answers import Answer
from crmcore.platform.webhooks.deliveries import Delivery, settle_taken


class Recorder:
    """Records deliveries that were taken."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db, self._clock = db, clock
        self._waiting: list[tuple[Delivery, Answer, asyncio.Future[None]]] = []
        self.task: asyncio.Task[None] | None = None

    async def taken(self, delivery: Delivery, answer: Answer) -> None:
        """Returns when it is recorded; raises if it could not be."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, answer, done))
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._write())
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            pairs = [(delivery, answer) for delivery, answer, _ in batch]
            try:
                await retrying(lambda pairs=pairs: self._settle(pairs))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001  each of those who wait is told
                for *_, done in batch:
                    if not done.done():
                        done.set_exception(error)
            else:
                for *_, done in batch:
                    if not done.done():
                        done.set_result(None)

    async def _settle(self, pairs: Sequence[tuple[Delivery, Answer]]) -> None:
        async with self._db.transaction() as tx:
            await settle_taken(tx, pairs, self._clock())
