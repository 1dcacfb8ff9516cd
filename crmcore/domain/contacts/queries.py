"""Whether contacts may be reached: asked at the moment of writing to them, of many at once."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from uuid import UUID

from crmcore.domain.contacts.models import Consent, ConsentPurpose, ConsentState, Contact
from crmcore.domain.customers import Channel
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import select


class Reachable(StrEnum):
    """Whether a contact may be reached by a channel for a purpose, or why not."""

    YES = "YES"
    GONE = "GONE"
    DO_NOT_CONTACT = "DO_NOT_CONTACT"
    REFUSED = "REFUSED"
    NO_CONSENT = "NO_CONSENT"


async def reachable(
    ctx: Context,
    contacts: Iterable[UUID],
    channel: Channel,
    purpose: ConsentPurpose,
    *,
    tx: Transaction | None = None,
) -> dict[UUID, Reachable]:
    """For each contact whether it may be reached now; two statements, whatever the number.

    GONE is one that is not there, or not for the caller to see. MARKETING needs a consent in force; the other purposes
    may be served unless the contact has denied or withdrawn. Who asked not to be contacted at all is not, for anything.
    """
    ids = set(contacts)
    people = await select(ctx, tx, Contact, ("id",), ids, take=("id", "do_not_contact"))
    columns = ("contact_id", "channel", "purpose", "state", "expires_at", "is_current")
    said = {
        row["contact_id"]: row["state"]
        for row in await select(ctx, tx, Consent, ("contact_id",), ids, seen=False, take=columns)
        if row["is_current"]
        and (row["channel"], row["purpose"]) == (channel, purpose)
        and (row["expires_at"] is None or row["expires_at"] > ctx.clock())
    }
    found = dict.fromkeys(ids, Reachable.GONE)
    for row in people:
        found[row["id"]] = (
            Reachable.DO_NOT_CONTACT if row["do_not_contact"] else _by_consent(said.get(row["id"]), purpose)
        )
    return found


def _by_consent(state: str | None, purpose: ConsentPurpose) -> Reachable:
    if state in (ConsentState.DENIED, ConsentState.WITHDRAWN):
        return Reachable.REFUSED
    if state is None and purpose == ConsentPurpose.MARKETING:
        return Reachable.NO_CONSENT
    return Reachable.YES
