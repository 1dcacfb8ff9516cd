"""Deliveries go out: many at once, of each record one after the other, and a receiver that fails is given rest."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from crmcore import __version__
from crmcore.platform.database import Database, DatabaseError, retrying
from crmcore.platform.webhooks import deliveries
from crmcore.platform.webhooks.addresses import Target
from crmcore.platform.webhooks.answers import Answer
from crmcore.platform.webhooks.author import Author, Unsendable
from crmcore.platform.webhooks.deliveries import Delivery
from crmcore.platform.webhooks.endpoints import Endpoint
from crmcore.platform.webhooks.health import note_failure, note_success
from crmcore.platform.webhooks.messages import body
from crmcore.platform.webhooks.models import WebhookState
from crmcore.platform.webhooks.recording import Recorder
from crmcore.platform.webhooks.retrying import FAILING, next_attempt, wished_pause
from crmcore.platform.webhooks.secrets import signing_keys
from crmcore.platform.webhooks.sending import Sender
from crmcore.platform.webhooks.signing import signed_headers

log = logging.getLogger("crmcore.webhooks")

WIDTH: Final = 20
"""Deliveries of one endpoint that are under way at once; one at a time after a failure."""

_ROOM: Final = 5
"""Attempts that must have ended before others are begun, so that not each end costs a look at the tables."""

_TROUBLE: Final = timedelta(seconds=30)
_GONE: Final = Answer(None, "The event is kept no longer: there is nothing to send.", 0)
_HEADERS: Final = {"Content-Type": "application/json", "User-Agent": f"crmcore/{__version__}", "Accept": "*/*"}


class Deliverer:
    """What is under way of this process. `finished` is called after each attempt."""

    def __init__(
        self,
        db: Database,
        author: Author,
        me: UUID,
        sender: Sender,
        clock: Callable[[], datetime],
        finished: Callable[[], None],
    ) -> None:
        self.db, self.author, self.me, self.sender, self.clock = db, author, me, sender, clock
        self._finished = finished
        self._under_way: defaultdict[UUID, dict[UUID, asyncio.Task[None]]] = defaultdict(dict)
        self._troubled: dict[UUID, datetime] = {}
        self._recorder = Recorder(db, clock)

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """The attempts under way, and what records them."""
        found = [task for records in self._under_way.values() for task in records.values()]
        writing = self._recorder.task
        return found if writing is None or writing.done() else [*found, writing]

    def waits(self, endpoint: Endpoint) -> datetime | None:
        """From when on the endpoint's next delivery can be begun. None if there is none, or if attempts are under way,
        whose end is told."""
        if endpoint.due_at is None or self._under_way.get(endpoint.id):
            return None
        return max(filter(None, (endpoint.due_at, endpoint.rest_until, self._troubled.get(endpoint.id))))

    async def start(self, endpoint: Endpoint) -> int:
        """Begin the endpoint's deliveries that are due and for which there is room; how many."""
        now = self.clock()
        records = self._under_way[endpoint.id]
        room = (1 if endpoint.failures else WIDTH) - len(records)
        waits = (endpoint.due_at, endpoint.rest_until, self._troubled.get(endpoint.id))
        if room < (_ROOM if records else 1) or any(at is not None and at > now for at in waits):
            return 0
        found = await deliveries.due(self.db, self.me, endpoint, now, limit=room, busy=[*records])
        first: dict[UUID, Delivery] = {}
        for delivery in found:  # tests of an endpoint share its id and may be due together
            first.setdefault(delivery.record_id, delivery)
        try:
            return await self._begin(endpoint, [*first.values()]) if first else 0
        except DatabaseError:
            raise
        except Exception as error:  # noqa: BLE001  a bug that one endpoint meets must not stop the others
            self._trouble(endpoint, error)
            return 0

    async def _begin(self, endpoint: Endpoint, found: Sequence[Delivery]) -> int:
        try:
            data = await self.author.read(endpoint, found)
        except Unsendable as reason:
            await self.author.stop(endpoint, WebhookState.PAUSED, str(reason))
            return 0
        keys = await signing_keys(self.db, endpoint.tenant_id, endpoint.id, self.clock())
        records = self._under_way[endpoint.id]
        for delivery in found:
            task = asyncio.create_task(self._attempt(endpoint, delivery, body(delivery, data), keys))
            records[delivery.record_id] = task
            task.add_done_callback(partial(self._done, endpoint, delivery.record_id))
        return len(found)

    def _done(self, endpoint: Endpoint, record_id: UUID, task: asyncio.Task[None]) -> None:
        records = self._under_way[endpoint.id]
        del records[record_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._trouble(endpoint, error)
        if len(records) <= WIDTH - _ROOM:
            self._finished()

    def _trouble(self, endpoint: Endpoint, error: BaseException) -> None:
        """What nobody foresaw, or the database away for long: what was sent but not recorded is sent again, later."""
        self._troubled[endpoint.id] = self.clock() + _TROUBLE
        log.error("Webhook endpoint %s waits after an error.", endpoint.id, exc_info=error)

    async def _attempt(self, endpoint: Endpoint, delivery: Delivery, message: bytes, keys: Sequence[str]) -> None:
        if delivery.sequence is not None and delivery.event is None:
            answer = _GONE
        else:
            headers = signed_headers(delivery.id, self.clock(), message, keys)
            answer = await self.sender.post(Target.of(endpoint.url), {**_HEADERS, **headers}, message)
        if answer.taken and not endpoint.failures:
            await self._recorder.taken(delivery, answer)
            return
        failing_since = await retrying(lambda: self._record(endpoint, delivery, answer))
        if answer.code == 410:
            await self.author.stop(endpoint, WebhookState.DISABLED, "The receiver answered 410: it wants no more.")
        elif failing_since is not None and failing_since <= self.clock() - FAILING:
            said = f"The receiver has taken nothing since {failing_since:%Y-%m-%d %H:%M} UTC. {answer.problem}"
            await self.author.stop(endpoint, WebhookState.PAUSED, said)

    async def _record(self, endpoint: Endpoint, delivery: Delivery, answer: Answer) -> datetime | None:
        """Record an attempt; since when the receiver has been failing, if it has."""
        now = self.clock()
        wish = wished_pause(answer.retry_after, now) if answer.retry_after else None
        over = answer.taken or answer is _GONE or answer.code == 410
        again_at = None if over else next_attempt(delivery.attempts + 1, now, wish)
        async with self.db.transaction() as tx:
            if not await deliveries.settle(tx, delivery, answer, now, again_at=again_at) or answer is _GONE:
                return None
            if answer.taken:
                await note_success(tx, endpoint)
                return None
            return await note_failure(tx, endpoint, now, wish)
