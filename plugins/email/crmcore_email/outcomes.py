"""What mail servers reported becomes true of the message, its address and its contact."""

from __future__ import annotations

from typing import Any, Final

from crmcore.domain.customers import ContactPoint, PointStatus
from crmcore.plugins import Crm, Update
from crmcore_email import suppression, tracking
from crmcore_email.choices import EmailMessageStatus, EmailSuppressionReason
from crmcore_email.ids import known
from crmcore_email.models import EmailMessage
from crmcore_email.reports import Report, Said

_POINTS: Final = """query($address: String!) {
  contactPoints(where: {type: {eq: EMAIL}, normalized: {eq: $address}}, first: 100) { nodes { id status } } }"""


async def apply(crm: Crm, report: Report) -> bool:
    """Whether the report was about a message of ours. Told again, it changes nothing."""
    message = await tracking.read(crm, report.message) if report.message else None
    address = (message["address"] if message else "") or report.address
    note = f"{report.status} {report.reason}".strip()
    if report.said is Said.HARD:
        await _became(crm, message, EmailMessageStatus.BOUNCED, note)
        await bounced(crm, address, note)
    elif report.said is Said.COMPLAINT:
        await _became(crm, message, EmailMessageStatus.COMPLAINED, note)
        if address:
            await suppression.suppress(crm, address, EmailSuppressionReason.COMPLAINT, note=note)
        if message is not None and not message["unsubscribedAt"]:
            await tracking.withdraw(crm, message, "complaint")
    elif report.said is Said.SOFT and message is not None:
        await crm.write([Update(EmailMessage, known(message["id"]), {"delayed_at": crm.now(), "reason": note[:600]})])
    return message is not None


async def bounced(crm: Crm, address: str, note: str) -> None:
    """An address has no mailbox: it gets no more mail, and whose it is shows so."""
    if not address:
        return
    await suppression.suppress(crm, address, EmailSuppressionReason.BOUNCE, note=note)
    points = (await crm.gql(_POINTS, address=address.casefold()))["contactPoints"]["nodes"]
    wrong = [point for point in points if point["status"] != PointStatus.BOUNCED]
    if wrong:
        await crm.write([Update(ContactPoint, known(p["id"]), {"status": PointStatus.BOUNCED}) for p in wrong])


async def _became(crm: Crm, message: Any, status: EmailMessageStatus, note: str) -> None:
    if message is not None:
        await crm.write([Update(EmailMessage, known(message["id"]), {"status": status, "reason": note[:600] or None})])
