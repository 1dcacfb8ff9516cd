"""Addresses that get no mail: kept as hashes, asked at the moment of sending."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crmcore.domain.contacts import ConsentPurpose
from crmcore.domain.customers import Channel
from crmcore.errors import Invalid
from crmcore.plugins import Context, Create, Crm, Delete, PluginEvent, crm_of
from crmcore_email.addresses import address_hash, normal
from crmcore_email.choices import EmailSuppressionReason
from crmcore_email.ids import contact_id, known
from crmcore_email.models import EmailSuppression

_PAGE: Final = 60  # an address may be on the list for several things
_LISTED: Final = """query($hashes: [String!]) { emailSuppressions(where: {addressHash: {in: $hashes}}, first: 200) {
  nodes { id addressHash reason purpose at } } }"""
_FOR: Final = """query($hashes: [String!], $purpose: ConsentPurpose!) {
  emailSuppressions(where: {addressHash: {in: $hashes}, or: [{purpose: {isNull: true}}, {purpose: {eq: $purpose}}]},
    first: 200) { nodes { addressHash reason } } }"""
_ADDRESSES: Final = """query($id: ID!, $purpose: ConsentPurpose!) { contact(id: $id) {
  consents(where: {channel: {eq: EMAIL}, purpose: {eq: $purpose}, inForce: {eq: true}}, first: 1) { nodes { id } }
  contactPoints(where: {type: {eq: EMAIL}}, first: 50) { nodes { normalized } } } }"""


async def suppressed(crm: Crm, addresses: Collection[str], purpose: str) -> Mapping[str, str]:
    """Of these addresses those that get no mail for this purpose, each with the reason."""
    hashes = {address_hash(crm.tenant_id, address): address for address in addresses}
    found: dict[str, str] = {}
    listed = list(hashes)
    for start in range(0, len(listed), _PAGE):
        wanted = listed[start : start + _PAGE]
        for row in (await crm.gql(_FOR, hashes=wanted, purpose=purpose))["emailSuppressions"]["nodes"]:
            found[hashes[row["addressHash"]]] = row["reason"]
    return found


async def suppress(
    crm: Crm, address: str, reason: EmailSuppressionReason, purpose: str | None = None, note: str = ""
) -> UUID:
    """Put an address on the list, unless it is there for the same; the record's id."""
    hashed = address_hash(crm.tenant_id, address)
    for row in await _rows(crm, [hashed]):
        if row["purpose"] in (None, purpose):
            return known(row["id"])
    values = {
        "address_hash": hashed, "reason": reason, "purpose": purpose, "note": note[:600] or None, "at": crm.now(),
    }  # fmt: skip
    [written] = await crm.write([Create(EmailSuppression, values)])
    return written.id


async def add(ctx: Context, *, address: str, purpose: ConsentPurpose | None = None, note: str | None = None) -> UUID:
    """Put an address on the list by hand."""
    try:
        written = normal(address)
    except Invalid as refusal:
        raise Invalid(refusal.message, "address") from None
    return await suppress(crm_of(ctx, "email"), written, EmailSuppressionReason.MANUAL, purpose, note or "")


async def forgive(event: PluginEvent, crm: Crm) -> None:
    """Who unsubscribed and then consents anew gets mail again. Events come late: what was said before the farewell, or
    taken back since, is no consent to mail after it."""
    said: Mapping[str, Any] = event.after or {}
    if said.get("state") != "GRANTED" or said.get("channel") != Channel.EMAIL or not said.get("contact_id"):
        return
    asked = {"id": contact_id(said["contact_id"]), "purpose": said["purpose"]}
    contact = (await crm.gql(_ADDRESSES, **asked))["contact"]
    points = contact["contactPoints"]["nodes"] if contact and contact["consents"]["nodes"] else []
    hashes = [address_hash(crm.tenant_id, point["normalized"]) for point in points]
    gone = [
        Delete(EmailSuppression, known(row["id"]))
        for row in (await _rows(crm, hashes) if hashes else ())
        if row["reason"] == EmailSuppressionReason.UNSUBSCRIBE
        and row["purpose"] == said["purpose"]
        and datetime.fromisoformat(row["at"]) < event.at
    ]
    if gone:
        await crm.write(gone)


async def _rows(crm: Crm, hashes: Collection[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await crm.gql(_LISTED, hashes=list(hashes)))["emailSuppressions"]["nodes"]
    return rows
