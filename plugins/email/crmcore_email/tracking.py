"""Opens, clicks and farewells: what recipients do with a mail stands with it, and on their timelines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.domain.activities import Direction, Interaction, InteractionKind
from crmcore.domain.contacts import ConsentPurpose, ConsentState, record_consent
from crmcore.domain.customers import Channel
from crmcore.errors import Refusal, Refusals
from crmcore.plugins import Create, Crm, Update, WebRequest
from crmcore_email import suppression
from crmcore_email.choices import EmailSuppressionReason
from crmcore_email.ids import key_of, known, message_gid
from crmcore_email.models import EmailMessage

SOON: Final = timedelta(seconds=2)
"""Nobody opens a mail sooner than this after it was sent: a program looks into it."""

_PROGRAMS: Final = (
    "bot", "crawler", "spider", "scan", "preview", "monitor", "python", "curl", "wget", "httpclient", "go-http",
    "barracuda", "proofpoint", "mimecast", "safelinks",
)  # fmt: skip
_READ: Final = """query($id: ID!) { emailMessage(id: $id) {
  id version subject address purpose sentAt openedAt machineOpenedAt clickedAt unsubscribedAt
  contact { id } customer { id } campaign { name links } } }"""

Message = Mapping[str, Any]


async def read(crm: Crm, key: UUID) -> Message | None:
    """What there is to know of a message."""
    found: Message | None = (await crm.gql(_READ, id=message_gid(key)))["emailMessage"]
    return found


def is_program(request: WebRequest, message: Message, now: datetime) -> bool:
    """Whether it was likely not a reader: by what it calls itself, or because it came at once. Apple's mail program
    fetches all images by itself and calls itself `Mozilla/5.0` alone."""
    agent = request.headers.get("user-agent", "").strip().lower()
    sent = message["sentAt"] and datetime.fromisoformat(message["sentAt"])
    return (
        agent in ("", "mozilla/5.0")
        or any(word in agent for word in _PROGRAMS)
        or (sent is not None and now - sent < SOON)
        or request.headers.get("purpose", request.headers.get("sec-purpose", "")).lower().startswith("prefetch")
    )


async def saw(crm: Crm, message: Message, *, program: bool) -> None:
    """A mail was opened: the first time counts."""
    column = "machine_opened_at" if program else "opened_at"
    if message["machineOpenedAt" if program else "openedAt"]:
        return
    told = "Opened by a program" if program else "Opened"
    await _note(crm, message, {column: crm.now()}, f"{told}: {message['subject'] or ''}", "", program=program)


async def followed(crm: Crm, message: Message, url: str, *, program: bool) -> None:
    """A link was followed: the first of a mail counts for a reader, a program's does not."""
    if program:
        await saw(crm, message, program=True)
    elif not message["clickedAt"]:
        await _note(crm, message, {"clicked_at": crm.now()}, f"Clicked: {message['subject'] or ''}", url, program=False)


async def left(crm: Crm, message: Message) -> None:
    """Who got a mail wants no more of its kind: said once, and as often as it is said again the same."""
    purpose = ConsentPurpose(message["purpose"])
    if message["address"]:
        await suppression.suppress(
            crm, message["address"], EmailSuppressionReason.UNSUBSCRIBE, purpose, f"By {message['id']}"
        )
    if message["unsubscribedAt"]:
        return
    await withdraw(crm, message, "unsubscribe link")
    await _note(
        crm, message, {"unsubscribed_at": crm.now()}, f"Unsubscribed: {message['subject'] or ''}", "", program=False
    )


async def withdraw(crm: Crm, message: Message, method: str) -> None:
    """What the recipient said is a consent withdrawn, with the message as its evidence."""
    contact = key_of(message["contact"]["id"]) if message["contact"] else None
    if contact is not None:
        await record_consent(
            crm.ctx, contact_id=contact, channel=Channel.EMAIL, purpose=ConsentPurpose(message["purpose"]),
            state=ConsentState.WITHDRAWN, method=method, evidence=f"{message['id']} to {message['address']}",
        )  # fmt: skip


async def _note(
    crm: Crm, message: Message, values: Mapping[str, Any], subject: str, body: str, *, program: bool
) -> None:
    """Write it with the message and on the timeline. Of two at the same time, one is the first."""
    changes: list[Any] = [
        Update(EmailMessage, known(message["id"]), values, expected_version=message["version"]),
    ]
    if message["customer"]:
        said = {
            "kind": InteractionKind.EMAIL, "direction": Direction.INTERNAL if program else Direction.IN,
            "at": crm.now(), "subject": subject[:300], "body": body or None,
            "customer_id": known(message["customer"]["id"]),
            "contact_id": key_of(message["contact"]["id"]) if message["contact"] else None,
        }  # fmt: skip
        changes.append(Create(Interaction, said))
    try:
        await crm.write(changes)
    except (Refusal, Refusals) as refused:
        crm.log.info("Not counted: %s", refused)
