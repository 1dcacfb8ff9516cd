"""One listener in one tenant is told: what is due of what was put aside, then a batch from the log."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from crmcore.kit.masking import masked
from crmcore.platform.database import Database, retrying
from crmcore.platform.events import StoredEvent, read_events
from crmcore.platform.listening import waiting
from crmcore.platform.listening.cursors import Cursor, advance
from crmcore.platform.listening.listeners import Listener, Resting, Unheard
from crmcore.platform.listening.waiting import Outcome, Waiting
from crmcore.platform.webhooks.retrying import next_attempt

log = logging.getLogger("crmcore.plugins")

BATCH: Final = 200
"""Events that are read at once."""

WIDTH: Final = 10
"""Records of which a listener is told at the same time."""

_SLICE: Final = 5.0
"""Seconds after which a batch is recorded: what is not told by then is put aside, and due at once."""

_REST: Final = timedelta(seconds=15)
"""How long a listener that rests is left alone."""

_FAR: Final = 5000
"""So many events without any that is wanted are remembered in memory only: a place is written when it matters."""

_LONGEST: Final = 2000


@dataclass(slots=True)
class Teller:
    """Tells listeners, for the process `me`. `stopping` says that nothing more is begun."""

    db: Database
    me: UUID
    clock: Callable[[], datetime]
    stopping: bool = False
    resting: dict[UUID, datetime] = field(default_factory=dict)
    _seen: dict[UUID, int] = field(default_factory=dict)

    def place(self, cursor: Cursor) -> int:
        """Up to where there is nothing left to look at in the log."""
        return max(cursor.sequence, self._seen.get(cursor.id, 0))

    def is_ready(self, cursor: Cursor, upto: int) -> bool:
        """Whether there is something to do."""
        now = self.clock()
        if (until := self.resting.get(cursor.id)) is not None and now < until:
            return False
        return self.place(cursor) < upto or (cursor.due_at is not None and cursor.due_at <= now)

    async def tell(self, listener: Listener, cursor: Cursor, upto: int) -> int:
        """Do some of what there is to do; how many events were told or put aside."""
        if not await listener.ready(cursor.tenant_id):
            self.resting[cursor.id] = self.clock() + _REST
            return 0
        told, more = await self._due(listener, cursor)
        if not more and not self.stopping and self.place(cursor) < upto:
            told += await self._batch(listener, cursor, upto)
        return told

    # ------------------------------------------------------------ what was put aside

    async def _due(self, listener: Listener, cursor: Cursor) -> tuple[int, bool]:
        """How many were told, and whether there may be more that are due."""
        found = await waiting.due(self.db, cursor, self.clock(), 2 * WIDTH)
        if not found:
            return 0, False
        ended: list[tuple[Waiting, str, str | None, datetime | None]] = []
        rested: list[Waiting] = []

        async def attempt(one: Waiting) -> None:
            if one.event is None:
                ended.append((one, "DEAD", "The log has the event no longer.", None))
                return
            try:
                outcome = await self._attempt(listener, one.event, one.attempts)
            except Resting:
                rested.append(one)
            else:
                ended.append((one, outcome.status, outcome.problem, outcome.again_at))

        await _some_at_once([attempt(one) for one in found])
        now = self.clock()
        if rested:
            self.resting[cursor.id] = now + _REST

        async def record() -> None:
            async with self.db.transaction() as tx:
                if ended:
                    await waiting.settle(tx, cursor, ended, now)
                for one in rested:
                    await waiting.put_off(tx, cursor, one, now + _REST)

        await retrying(record)
        return len(ended), len(found) == 2 * WIDTH and not rested

    # ------------------------------------------------------------ a batch from the log

    async def _batch(self, listener: Listener, cursor: Cursor, upto: int) -> int:
        place = self.place(cursor)
        events = await read_events(self.db, after=place, upto=upto, limit=BATCH, tenant_id=cursor.tenant_id)
        reached = events[-1].sequence if len(events) == BATCH else upto
        wanted = [event for event in events if listener.wants(event)]
        if not wanted and reached - cursor.sequence < _FAR:
            self._seen[cursor.id] = reached
            return 0
        outcomes = await self._tell_all(listener, cursor, wanted) if wanted else []
        aside = [outcome for outcome in outcomes if outcome.status != "DONE"]

        async def record() -> bool:
            async with self.db.transaction() as tx:
                if not await advance(tx, self.me, cursor, reached):
                    return False
                await waiting.add(tx, cursor, aside, self.clock())
                return True

        if not await retrying(record):
            log.warning("plugin %s is told by another process by now; some events come twice", listener.plugin)
            return 0
        self._seen[cursor.id] = reached
        return len(outcomes)

    async def _tell_all(self, listener: Listener, cursor: Cursor, wanted: Sequence[StoredEvent]) -> list[Outcome]:
        chains: dict[tuple[str, UUID], list[StoredEvent]] = defaultdict(list)
        for event in wanted:
            chains[event.record_type, event.record_id].append(event)
        held = await waiting.blocked(self.db, cursor, {event.record_id for event in wanted})
        deadline = asyncio.get_running_loop().time() + _SLICE
        outcomes: list[Outcome] = []

        async def follow(chain: Sequence[StoredEvent]) -> None:
            wait_until = held.get(chain[0].record_id)
            for event in chain:
                if wait_until is None and self._is_over(cursor, deadline):
                    wait_until = self.clock()
                if wait_until is not None:
                    outcomes.append(Outcome(event, attempted=False, again_at=wait_until))
                    continue
                try:
                    outcome = await self._attempt(listener, event, 0)
                except Resting:
                    wait_until = self.resting[cursor.id] = self.clock() + _REST
                    outcomes.append(Outcome(event, attempted=False, again_at=wait_until))
                else:
                    outcomes.append(outcome)
                    wait_until = outcome.again_at

        await _some_at_once([follow(chain) for chain in chains.values()])
        return outcomes

    def _is_over(self, cursor: Cursor, deadline: float) -> bool:
        return self.stopping or cursor.id in self.resting or asyncio.get_running_loop().time() > deadline

    async def _attempt(self, listener: Listener, event: StoredEvent, attempts: int) -> Outcome:
        """Tell it once. Resting comes through."""
        try:
            await listener.tell(event)
        except Unheard as unheard:
            again = None if unheard.final else next_attempt(attempts + 1, self.clock())
            if again is not None and unheard.at is not None:
                again = max(unheard.at, self.clock())
            return Outcome(event, attempted=True, problem=masked(str(unheard))[:_LONGEST], again_at=again)
        except Resting:
            raise
        except Exception as error:  # the database's troubles, or a bug of ours: it is told again like any other
            log.warning("telling plugin %s of %s failed", listener.plugin, event.type, exc_info=True)
            said = masked(f"{type(error).__name__}: {error}")[:_LONGEST]
            return Outcome(event, attempted=True, problem=said, again_at=next_attempt(attempts + 1, self.clock()))
        return Outcome(event, attempted=True)


async def _some_at_once(works: Iterable[Awaitable[None]]) -> None:
    """Do all of it, so many at the same time."""
    room = asyncio.Semaphore(WIDTH)

    async def one(work: Awaitable[None]) -> None:
        async with room:
            await work

    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(one(work))
