"""The end of the log, read once for all who follow it in this process."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from typing import Final
from uuid import UUID

from crmcore.kit.sql import Dialect
from crmcore.platform.database import Database
from crmcore.platform.events.log import EVENTS
from crmcore.platform.events.order import settled
from crmcore.platform.events.reading import StoredEvent, read_events

log = logging.getLogger("crmcore.events")

_PAGE: Final = 500
_LOOK: Final[dict[Dialect, float]] = {"sqlite": 1.0, "postgres": 5.0}
"""Seconds after which the log is looked at without a signal: on SQLite other processes are not heard."""


class EventTail:
    """Follows the log while anybody does, and keeps its newest events.

    A follower has a position, the sequence up to which it knows everything, and reads on from there: from memory near
    the end, else from the log. So nothing is lost between the past and the present, followers get exactly what they
    take, and what they do not take waits in the log and not in memory.
    """

    def __init__(self, db: Database, *, keep: int = 2000) -> None:
        self._db = db
        self._kept: deque[StoredEvent] = deque(maxlen=keep)
        self._before = 0
        self._end = 0
        self._moved = asyncio.Event()
        self.followers = 0
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def followed(self) -> AsyncIterator[int]:
        """The time in which somebody follows, and the end of the log at its beginning."""
        begin = await settled(self._db)
        if self._task is None:
            self._before = self._end = begin
            self._task = asyncio.get_running_loop().create_task(self._follow(), context=Context())
        self.followers += 1
        try:
            yield begin
        finally:
            self.followers -= 1
            if not self.followers:
                self.close()

    def close(self) -> None:
        """Follow no longer, for example because the database closes."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._kept.clear()

    async def read(self, tenant_id: UUID, after: int, *, limit: int) -> tuple[list[StoredEvent], int]:
        """The tenant's first events after a position, and the position that they lead to."""
        end = self._end
        if after >= self._before:
            newer = []
            for event in reversed(self._kept):
                if event.sequence <= after:
                    break
                if event.tenant_id == tenant_id:
                    newer.append(event)
            newer.reverse()
            found = newer[:limit]
        else:
            found = await read_events(self._db, after=after, upto=end, limit=limit, tenant_id=tenant_id)
        return found, max(after, found[-1].sequence if len(found) == limit else end)

    async def beyond(self, position: int, seconds: float) -> None:
        """Return as soon as there is something after the position, or after so many seconds."""
        if self._end <= position:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._moved.wait()

    async def _follow(self) -> None:
        while True:
            try:
                await self._catch_up()
            except Exception:  # whatever it is, those who follow must not wait for ever, and all is still in the log
                log.exception("the log cannot be read")
            await self._db.signals.wait(EVENTS, _LOOK[self._db.dialect])

    async def _catch_up(self) -> None:
        upto = await settled(self._db)
        while self._end < upto:
            page = await read_events(self._db, after=self._end, upto=upto, limit=_PAGE)
            for event in page:
                if len(self._kept) == self._kept.maxlen:
                    self._before = self._kept[0].sequence
                self._kept.append(event)
            self._end = page[-1].sequence if len(page) == _PAGE else upto
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()
