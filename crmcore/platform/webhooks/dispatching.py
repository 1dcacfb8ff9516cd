"""From the log of events to deliveries: each endpoint has a place in the log, and goes through it in batches.

Endpoints of a tenant that stand at one place go on together: the log is read once for all of them. What they want is
added, and their places are moved, in one transaction; so every event is dispatched once to each endpoint.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from crmcore.platform.database import Database, DatabaseError
from crmcore.platform.events import StoredEvent, read_events
from crmcore.platform.webhooks import deliveries
from crmcore.platform.webhooks.author import Author, Unsendable
from crmcore.platform.webhooks.endpoints import Endpoint, advance
from crmcore.platform.webhooks.models import WebhookState

log = logging.getLogger("crmcore.webhooks")

BATCH: Final = 500
"""Events that are read at once."""

_GONE: Final = "Whoever configured it last left, or their token is revoked or expired. Configure it again to go on."


class _Lost(Exception):
    """Another process has the endpoint now."""


async def dispatch(
    db: Database, author: Author, me: UUID, endpoints: Iterable[Endpoint], upto: int, clock: Callable[[], datetime]
) -> bool:
    """Take each endpoint one batch further, at most to the sequence `upto`. Whether one of them has moved."""
    standing: dict[tuple[UUID, int], list[Endpoint]] = defaultdict(list)
    for endpoint in endpoints:
        if endpoint.policy is None:
            await author.stop(endpoint, WebhookState.DISABLED, _GONE)
        elif endpoint.sequence < upto:
            standing[endpoint.tenant_id, endpoint.sequence].append(endpoint)
    moved = False
    for (tenant_id, after), together in standing.items():
        events = await read_events(db, after=after, upto=upto, limit=BATCH, tenant_id=tenant_id)
        reached = events[-1].sequence if len(events) == BATCH else upto
        moved |= await _dispatch(db, author, me, together, events, reached, clock)
    return moved


async def _dispatch(
    db: Database,
    author: Author,
    me: UUID,
    endpoints: Sequence[Endpoint],
    events: Sequence[StoredEvent],
    reached: int,
    clock: Callable[[], datetime],
) -> bool:
    chosen: list[tuple[Endpoint, StoredEvent]] = []
    moving: list[Endpoint] = []
    for endpoint in endpoints:
        wanted = [event for event in events if endpoint.wants(event)]
        try:
            chosen += [(endpoint, event) for event in (await author.choose(endpoint, wanted) if wanted else ())]
        except Unsendable as reason:
            await author.stop(endpoint, WebhookState.PAUSED, str(reason))
        except DatabaseError:
            raise
        except Exception:  # a bug that one endpoint meets must not stop the others
            log.exception("The events for webhook endpoint %s could not be looked at.", endpoint.id)
        else:
            moving.append(endpoint)
    if not moving:
        return False
    try:
        async with db.transaction() as tx:
            if not await advance(tx, me, moving, reached):
                raise _Lost
            await deliveries.add(tx, chosen, clock())
    except _Lost:  # nothing is lost but this round: whoever has them now begins where they stand
        return False
    return True
