"""What follows from a change of an endpoint: its first key, its place in the log, and what is still to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from crmcore.kit.sql import Sql
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.events import EVENTS
from crmcore.platform.record import Change, Draft, effect
from crmcore.platform.terms import Terms
from crmcore.platform.webhooks.deliveries import cancel
from crmcore.platform.webhooks.models import WebhookEndpoint, WebhookState
from crmcore.platform.webhooks.secrets import make_secret

_LAST: Final = "(SELECT coalesce(max(sequence), 0) FROM event)"


@effect(WebhookEndpoint)
async def keep_step(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """New endpoints begin with what happens next, and so do those that come back from deletion or from being disabled.
    One that is deleted or disabled gives up what is pending; one that is resumed has a clean slate."""
    now = ctx.clock()
    for draft in drafts:
        if draft.operation == "create":
            await _place(ctx, tx, draft.id)
            await make_secret(tx, ctx.tenant_id, draft.id, now)
    over = [d.id for d in drafts if d.operation == "delete" or _became(d, WebhookState.DISABLED)]
    if over:
        await cancel(tx, ctx.tenant_id, over)
    again = [d for d in drafts if d.operation != "create" and _became(d, WebhookState.ACTIVE)]
    fresh = [d.id for d in drafts if d.operation == "restore"]
    fresh += [d.id for d in again if (d.before or {})["state"] == WebhookState.DISABLED]
    if fresh:
        await _move(tx, f"sequence = {_LAST}, ", fresh)
    if resumed := [d.id for d in again if d.id not in fresh]:
        await _move(tx, "", resumed)
    tx.announce(EVENTS)
    return ()


def _became(draft: Draft, state: WebhookState) -> bool:
    return draft.operation == "update" and draft.changed("state") and draft.after["state"] == state


async def _place(ctx: Context, tx: Transaction, endpoint_id: UUID) -> None:
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "INSERT INTO webhook_cursor (endpoint_id, tenant_id, sequence, failures) VALUES (", term.key(endpoint_id), ", ",
        term.key(ctx.tenant_id), f", {_LAST}, 0)",
    ))  # fmt: skip


async def _move(tx: Transaction, also: str, ids: Iterable[UUID]) -> None:
    await tx.execute(Sql(
        f"UPDATE webhook_cursor SET {also}failures = 0, failing_since = NULL, rest_until = NULL WHERE ",
        Terms(tx.dialect).among("endpoint_id", ids),
    ))  # fmt: skip
