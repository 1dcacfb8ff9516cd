"""What contacts say about being reached, kept for good."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from crmcore.domain.contacts.models import Consent, ConsentPurpose, ConsentState, Contact
from crmcore.domain.customers import Channel
from crmcore.errors import Invalid, NotFound
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Change, Create, Draft, Update, effect, find, select, together, write


async def record_consent(
    ctx: Context,
    *,
    contact_id: UUID,
    channel: Channel,
    purpose: ConsentPurpose,
    state: ConsentState,
    method: str,
    evidence: str | None = None,
    at: datetime | None = None,
    expires_at: datetime | None = None,
) -> UUID:
    """Keep what a contact said, now unless `at` says when; it is current unless they said something later."""
    said_at = ctx.clock() if at is None else at
    if said_at > ctx.clock():
        raise Invalid("A consent is not of the future: give the time at which it was said.", "at")
    values = {
        "contact_id": contact_id, "channel": channel, "purpose": purpose, "state": state, "method": method,
        "evidence": evidence, "at": said_at, "expires_at": expires_at,
    }  # fmt: skip

    async def run(tx: Transaction) -> UUID:
        try:
            await find(ctx, tx, Contact, contact_id)  # locked: of two at the same time, one sees the other
        except NotFound:
            raise NotFound("contactId names no contact, or one that you may not see.", "contactId") from None
        before = await select(ctx, tx, Consent, ("contact_id",), [contact_id], seen=False)
        later = any(
            row["is_current"] and (row["channel"], row["purpose"]) == (channel, purpose) and row["at"] > said_at
            for row in before
        )
        [written] = await write(ctx, [Create(Consent, {**values, "is_current": not later})], tx=tx)
        return written.id

    return await together(ctx, run)


@effect(Consent)
async def keep_the_last_word(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """What two contacts said who became one is one history: the last word of both is current, and a no that came after
    a yes stays one. The same where they are two again."""
    moved = [d for d in drafts if d.operation == "update" and d.changed("contact_id")]
    ids = {row["contact_id"] for d in moved for row in (d.before, d.after) if row}
    rows = await select(ctx, tx, Consent, ("contact_id",), ids, seen=False) if ids else []
    last: dict[tuple[UUID, str, str], UUID] = {}
    for row in sorted(rows, key=lambda row: (row["at"], row["id"])):
        last[row["contact_id"], row["channel"], row["purpose"]] = row["id"]
    current = set(last.values())
    wrong = [row for row in rows if row["is_current"] != (row["id"] in current)]
    return [Update(Consent, row["id"], {"is_current": not row["is_current"]}) for row in wrong]
