"""The loop of a process that sends webhooks: hold endpoints, dispatch what happened, send what is due, and wait."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from crmcore.kit.ids import new_id
from crmcore.platform.database import Database, DatabaseError
from crmcore.platform.events import EVENTS, settled
from crmcore.platform.webhooks.addresses import Guard
from crmcore.platform.webhooks.author import Author
from crmcore.platform.webhooks.dispatching import dispatch
from crmcore.platform.webhooks.endpoints import Endpoint, hold, release

if TYPE_CHECKING:
    from crmcore.platform.webhooks.delivering import Deliverer

log = logging.getLogger("crmcore.webhooks")

_LOOK: Final = 5.0
"""Seconds after which tables are looked at although nobody said anything."""

_LOOK_SQLITE: Final = 1.0
"""The same on SQLite, where other processes are not heard."""

_TROUBLE: Final = 1.0
"""Seconds to wait when the database gives no answer."""


class Webhooks:
    """One process that sends webhooks. Several may, on one database: each endpoint is served by one at a time.

    `run` goes on until it is cancelled; `deliver_due` does what is to be done now, and comes back.
    """

    def __init__(
        self,
        db: Database,
        author: Author,
        clock: Callable[[], datetime],
        guard: Guard,
        trusted: ssl.SSLContext | None = None,
    ) -> None:
        self.db, self.author, self.clock, self.guard = db, author, clock, guard
        self.id = new_id()
        self._trusted = trusted
        self._news = asyncio.Event()
        self._made: Deliverer | None = None

    @property
    def _deliverer(self) -> Deliverer:
        """Made when it is needed: the HTTP client takes memory that servers without a worker are spared."""
        if self._made is None:
            from crmcore.platform.webhooks.delivering import Deliverer
            from crmcore.platform.webhooks.sending import Sender

            sender = Sender(self.guard, self._trusted)
            self._made = Deliverer(self.db, self.author, self.id, sender, self.clock, self._news.set)
        return self._made

    async def run(self, drain: float = 0) -> None:
        """Send webhooks until this is cancelled. What is under way then may take `drain` seconds to end; what does not
        is sent again by whoever comes next."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._news.clear()
                try:
                    pause = await self._step()
                except (DatabaseError, OSError) as error:
                    log.warning("Webhooks wait for the database: %s", error)
                    pause = _TROUBLE
                except Exception:  # webhooks must go on, whatever a round met
                    log.exception("Webhooks met an error, and go on.")
                    pause = _TROUBLE
                try:
                    async with asyncio.timeout(pause):
                        await self._news.wait()
                except TimeoutError:
                    pass
        finally:
            listening.cancel()
            await self.stop(drain)

    async def deliver_due(self) -> int:
        """Dispatch everything that has happened and attempt everything that is due, until nothing is; how many attempts
        there were."""
        attempts = 0
        while True:
            _, moved, started = await self._round()
            attempts += started
            if tasks := self._deliverer.tasks:
                await asyncio.wait(tasks)
            elif not moved and not started:
                return attempts

    async def stop(self, drain: float = 0) -> None:
        """End the attempts under way, and leave the endpoints to others."""
        if self._made is not None:
            if tasks := self._made.tasks:
                _, late = await asyncio.wait(tasks, timeout=drain)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)
            await self._made.sender.close()
            self._made = None
        try:
            await release(self.db, self.id)
        except (DatabaseError, OSError) as error:
            log.warning("The leases of webhook endpoints could not be given back: %s", error)

    async def _step(self) -> float:
        """Do what can be done now; seconds until there may be more without anybody saying so."""
        endpoints, moved, _ = await self._round()
        if moved:
            return 0
        return min([self._poll, *(self._wait(endpoint) for endpoint in endpoints)])

    async def _round(self) -> tuple[list[Endpoint], bool, int]:
        """The endpoints as they were, whether their places in the log have moved, and how many attempts were begun."""
        upto = await settled(self.db)
        endpoints = await hold(self.db, self.id, self.clock())
        moved = await dispatch(self.db, self.author, self.id, endpoints, upto, self.clock)
        if moved:
            endpoints = await hold(self.db, self.id, self.clock())
        started = 0
        for endpoint in endpoints:
            if endpoint.policy is not None and endpoint.due_at is not None:
                started += await self._deliverer.start(endpoint)
        return endpoints, moved, started

    def _wait(self, endpoint: Endpoint) -> float:
        """Seconds until the endpoint must be looked at; while attempts are under way, their end is told."""
        at = self._deliverer.waits(endpoint)
        return self._poll if at is None else max((at - self.clock()).total_seconds(), 0.05)

    @property
    def _poll(self) -> float:
        return _LOOK_SQLITE if self.db.dialect == "sqlite" else _LOOK

    async def _listen(self) -> None:
        while True:
            if await self.db.signals.wait(EVENTS, self._poll):
                self._news.set()
