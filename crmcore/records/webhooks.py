"""Commands on webhook endpoints, which are records like others: made and changed by the write engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Forbidden, Invalid, NotFound, Refusals, WrongState
from crmcore.platform.access import Reach
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.events import EVENTS
from crmcore.platform.record import Event
from crmcore.platform.webhooks import WebhookEndpoint, WebhookState, deliveries, secrets
from crmcore.platform.webhooks.events import DISABLED, PAUSED, RESUMED, ROTATED
from crmcore.records.changes import Create, Update
from crmcore.records.rows import Row, load
from crmcore.records.write import write

MOST_REPLAYED: Final = 1000
"""Deliveries that are named at once."""

_LONGEST_OVERLAP: Final = timedelta(days=7)


async def create_endpoint(
    ctx: Context, values: Mapping[str, Any], id: UUID | None = None, *, secret: str = ""
) -> tuple[UUID, str]:
    """A new endpoint, for the caller; its id and its secret, which is not told again. `secret` is that of another,
    which this one shares."""

    async def attempt() -> tuple[UUID, str]:
        async with ctx.db.transaction() as tx:
            [written] = await write(
                ctx, [Create(WebhookEndpoint, {**values, **_actor(ctx), "secret_at": ctx.clock()}, id)], tx=tx
            )
            await tx.send()
            if secret:
                await secrets.share_secret(tx, ctx.tenant_id, written.id, secret)
                return written.id, secret
            [made] = await secrets.signing_keys(tx, ctx.tenant_id, written.id, ctx.clock())
            return written.id, made

    return await retrying(attempt)


async def update_endpoint(
    ctx: Context,
    id: UUID,
    values: Mapping[str, Any],
    expected_version: int | None = None,
    fits: Callable[[Mapping[str, Any]], None] = lambda _endpoint: None,
) -> UUID:
    """Change an endpoint. From now on its messages hold what the caller may see. `fits` may refuse what it becomes."""

    async def change(tx: Transaction, row: Row) -> None:
        fits({**row, **values})
        configured = {**values, **_actor(ctx)} if values else {}
        await write(ctx, [Update(WebhookEndpoint, id, configured, expected_version)], tx=tx)

    return await _changed(ctx, id, change)


async def pause_endpoint(
    ctx: Context, id: UUID, reason: str | None = None, expected_version: int | None = None
) -> UUID:
    """Send nothing for a while; what happens meanwhile is sent later."""

    async def change(tx: Transaction, row: Row) -> None:
        if row["state"] is not WebhookState.ACTIVE:
            raise _wrong(row, WebhookState.ACTIVE)
        await _set(ctx, tx, id, WebhookState.PAUSED, reason, PAUSED, expected_version)

    return await _changed(ctx, id, change)


async def resume_endpoint(ctx: Context, id: UUID, expected_version: int | None = None) -> UUID:
    """Send again, for whom it was: after a pause also what happened meanwhile."""

    async def change(tx: Transaction, row: Row) -> None:
        if row["state"] is WebhookState.ACTIVE:
            raise _wrong(row, WebhookState.PAUSED, WebhookState.DISABLED)
        values = {"state": WebhookState.ACTIVE, "state_reason": None}
        await write(ctx, [Update(WebhookEndpoint, id, values, expected_version, events=[RESUMED])], tx=tx)

    return await _changed(ctx, id, change)


async def stop_endpoint(ctx: Context, id: UUID, state: WebhookState, reason: str) -> None:
    """Pause or disable an endpoint because of how it fares; nothing if it is not active any more."""

    async def attempt() -> None:
        async with ctx.db.transaction() as tx:
            row = (await load(ctx, tx, WebhookEndpoint, [id], "NO KEY UPDATE")).get(id)
            if row is not None and row["state"] is WebhookState.ACTIVE:
                event = PAUSED if state is WebhookState.PAUSED else DISABLED
                await _set(ctx, tx, id, state, reason[:500], event)

    await retrying(attempt)


async def rotate_secret(ctx: Context, id: UUID, overlap: timedelta = secrets.OVERLAP) -> tuple[UUID, str]:
    """A new secret for the endpoint, which is not told again. The old one signs beside it for a while."""
    if not timedelta() <= overlap <= _LONGEST_OVERLAP:
        raise Refusals([Invalid("overlapHours: from 0 to 168 hours, which is a week.", "overlap_hours")])
    made: list[str] = []

    async def change(tx: Transaction, row: Row) -> None:
        made[:] = [await secrets.make_secret(tx, ctx.tenant_id, id, ctx.clock(), overlap)]
        await write(ctx, [Update(WebhookEndpoint, id, {"secret_at": ctx.clock()}, events=[ROTATED])], tx=tx)

    return await _changed(ctx, id, change), made[0]


async def test_endpoint(ctx: Context, id: UUID) -> tuple[UUID, UUID]:
    """Send a message that says nothing but that it arrives; the ids of the endpoint and of the delivery."""
    made: list[UUID] = []

    async def change(tx: Transaction, row: Row) -> None:
        if row["state"] is not WebhookState.ACTIVE:
            raise _wrong(row, WebhookState.ACTIVE)
        made[:] = [await deliveries.add_test(tx, ctx.tenant_id, id, ctx.clock())]
        tx.announce(EVENTS)

    return await _changed(ctx, id, change), made[0]


async def replay_deliveries(
    ctx: Context,
    id: UUID,
    *,
    ids: Sequence[UUID] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    statuses: Sequence[str] = (),
) -> tuple[UUID, int]:
    """Send deliveries of the endpoint again that are over: those of `ids`, or all of a time. How many they are."""
    if (ids is None) == (since is None):
        raise Refusals([Invalid("Say which: either ids, or since and perhaps until.", "ids")])
    if ids is not None and len(ids) > MOST_REPLAYED:
        raise Refusals([Invalid(f"ids: at most {MOST_REPLAYED} at once; use since and until for more.", "ids")])
    count: list[int] = []

    async def change(tx: Transaction, row: Row) -> None:
        now = ctx.clock()
        count[:] = [await deliveries.replay(
            tx, ctx.tenant_id, id, now, ids=ids, since=since, until=until, statuses=statuses
        )]  # fmt: skip
        tx.announce(EVENTS)

    return await _changed(ctx, id, change), count[0]


async def _changed(ctx: Context, id: UUID, change: Any) -> UUID:
    """Run a change of an endpoint that the caller may configure, in one transaction."""

    async def attempt() -> None:
        async with ctx.db.transaction() as tx:
            row = (await load(ctx, tx, WebhookEndpoint, [id], "NO KEY UPDATE")).get(id)
            if row is None:
                raise Refusals([NotFound("There is no such webhook endpoint.", "id")])
            own = (row["actor_kind"], row["actor_id"]) == (ctx.actor.kind, ctx.actor.id)
            if ctx.policy.reach is not Reach.TENANT and not own:
                raise Refusals([Forbidden("Somebody else configured this endpoint, who may see more than you.", "id")])
            await change(tx, row)

    await retrying(attempt)
    return id


async def _set(
    ctx: Context,
    tx: Transaction,
    id: UUID,
    state: WebhookState,
    reason: str | None,
    event: Event,
    expected_version: int | None = None,
) -> None:
    values = {"state": state, "state_reason": reason}
    await write(ctx, [Update(WebhookEndpoint, id, values, expected_version, events=[event])], tx=tx)


def _actor(ctx: Context) -> dict[str, Any]:
    """For whom the endpoint's messages are made, and whose it is: whoever configures it."""
    actor = ctx.actor
    whose = {"owner_id": actor.user_id, "team_id": actor.team_id}
    return {"actor_kind": actor.kind, "actor_id": actor.id, "reach": ctx.policy.reach, **whose}


def _wrong(row: Row, *needed: WebhookState) -> Refusals:
    said = f"The endpoint is {row['state']}, and must be {' or '.join(needed)} for this."
    return Refusals([WrongState(said, "id", current=str(row["state"]), allowed=[str(one) for one in needed])])
