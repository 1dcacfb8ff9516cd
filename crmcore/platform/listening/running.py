"""The loop of a process that tells listeners: hold their places, tell each what there is, and wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextvars import Context
from datetime import datetime
from typing import Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.platform.database import Database, DatabaseError
from crmcore.platform.events import EVENTS, settled
from crmcore.platform.listening.cursors import Cursor, begin, hold, release
from crmcore.platform.listening.listeners import Listener
from crmcore.platform.listening.telling import Teller

log = logging.getLogger("crmcore.plugins")

_LOOK: Final = 5.0
"""Seconds after which tables are looked at although nobody said anything."""

_LOOK_SQLITE: Final = 1.0
"""The same on SQLite, where other processes are not heard."""

_TROUBLE: Final = 1.0
"""Seconds to wait when the database gives no answer."""

_TENANTS: Final = 30.0
"""How often new tenants are looked for (seconds)."""

_MOST_DRAINED: Final = 100_000


class Listening:
    """One process that tells listeners. Several may, on one database: each place is held by one at a time, and each is
    worked at by a task of its own, so that a slow listener or a flood of events holds up nobody else.

    `run` goes on until it is cancelled; `drain` does what is to be done now, and comes back.
    """

    def __init__(self, db: Database, listeners: Sequence[Listener], clock: Callable[[], datetime]) -> None:
        self.db, self.clock = db, clock
        self.listeners = {listener.plugin: listener for listener in listeners}
        self.id = new_id()
        self._teller = Teller(db, self.id, clock)
        self._news = asyncio.Event()
        self._tasks: dict[UUID, asyncio.Task[int]] = {}
        self._begun_at = float("-inf")

    async def begin(self) -> None:
        """Take note where new listeners begin: here."""
        await begin(self.db, self.listeners)
        self._begun_at = asyncio.get_running_loop().time()

    async def run(self, drain: float = 0) -> None:
        """Tell listeners until this is cancelled. What is under way then may take `drain` seconds to end; what does not
        is told again by whoever comes next."""
        if not self.listeners:
            await asyncio.Event().wait()
        self._teller.stopping = False
        hearing = asyncio.create_task(self._hear())
        try:
            while True:
                self._news.clear()
                try:
                    pause = await self._step()
                except (DatabaseError, OSError) as error:
                    log.warning("Plugins wait for the database to be told what happened: %s", error)
                    pause = _TROUBLE
                except Exception:  # the others must be told, whatever a round met
                    log.exception("Telling plugins met an error, and goes on.")
                    pause = _TROUBLE
                try:
                    async with asyncio.timeout(pause):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            hearing.cancel()
            await self.stop(drain)

    async def drain(self) -> int:
        """Tell everything that has happened, what follows from it, and what is due again now; how many events. What
        fails waits for its pause."""
        self._teller.stopping = False
        self._teller.resting.clear()
        told = 0
        while self.listeners:
            _, started = await self._round()
            if not started:
                self._forget_ended()
                return told
            ended = await asyncio.gather(*started, return_exceptions=True)
            for one in ended:
                if isinstance(one, BaseException):
                    raise one
                told += one
            if told > _MOST_DRAINED:
                raise RuntimeError("Plugins cause events without end.")
        return told

    async def stop(self, drain: float = 0) -> None:
        """End what is under way, and leave the places to others."""
        self._teller.stopping = True
        if self._tasks:
            _, late = await asyncio.wait(self._tasks.values(), timeout=drain)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            self._tasks.clear()
        try:
            if self.listeners:
                await release(self.db, self.id)
        except (DatabaseError, OSError) as error:
            log.warning("The places of plugins in the log could not be given back: %s", error)

    async def _step(self) -> float:
        """Begin what can be done now; seconds until there may be more without anybody saying so."""
        cursors, _ = await self._round()
        waits = [(cursor.due_at - self.clock()).total_seconds() for cursor in cursors if cursor.due_at is not None]
        return max(min([self._poll, *waits]), 0.2)

    async def _round(self) -> tuple[list[Cursor], list[asyncio.Task[int]]]:
        """The places that are held, and the tasks that were begun."""
        self._forget_ended()
        if asyncio.get_running_loop().time() - self._begun_at > _TENANTS:
            await self.begin()
        upto = await settled(self.db)
        cursors = await hold(self.db, self.id, self.listeners, self.clock())
        started = []
        for cursor in cursors:
            if cursor.id not in self._tasks and self._teller.is_ready(cursor, upto):
                self._teller.resting.pop(cursor.id, None)
                work = self._work(cursor, upto)
                name = f"events for plugin {cursor.plugin}"
                task = asyncio.get_running_loop().create_task(work, name=name, context=Context())
                self._tasks[cursor.id] = task
                started.append(task)
        return cursors, started

    async def _work(self, cursor: Cursor, upto: int) -> int:
        try:
            return await self._teller.tell(self.listeners[cursor.plugin], cursor, upto)
        except (DatabaseError, OSError) as error:
            log.warning("Plugin %s waits for the database to be told what happened: %s", cursor.plugin, error)
            await asyncio.sleep(_TROUBLE)
            return 0
        except Exception:  # what one plugin's events meet must not stop the others
            log.exception("Telling plugin %s met an error, and goes on.", cursor.plugin)
            await asyncio.sleep(_TROUBLE)
            return 0
        finally:
            self._news.set()

    def _forget_ended(self) -> None:
        for key in [key for key, task in self._tasks.items() if task.done()]:
            del self._tasks[key]

    @property
    def _poll(self) -> float:
        return _LOOK_SQLITE if self.db.dialect == "sqlite" else _LOOK

    async def _hear(self) -> None:
        while True:
            if await self.db.signals.wait(EVENTS, self._poll):
                self._news.set()
