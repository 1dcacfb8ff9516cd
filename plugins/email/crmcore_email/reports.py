"""What mail servers say of mails that were sent: delivery status notifications (RFC 3464), complaints (RFC 5965)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from crmcore_email.addresses import message_of

_STATUS: Final = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")


class Said(StrEnum):
    """What became of a mail."""

    HARD = "HARD"
    SOFT = "SOFT"
    COMPLAINT = "COMPLAINT"
    DELIVERED = "DELIVERED"


@dataclass(frozen=True, slots=True)
class Report:
    """What was said of one recipient. `message` is the mail, if the report names it; `status` an enhanced code such as
    5.1.1; `reason` the server's words."""

    said: Said
    message: UUID | None
    address: str
    status: str = ""
    reason: str = ""


def read_reports(raw: bytes) -> list[Report]:
    """What a mail to the return path reports; none if it is no report, such as an answer of somebody's absence."""
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    message = _message(mail)
    kind = str(mail.get_param("report-type", "")).lower() if mail.get_content_type() == "multipart/report" else ""
    parts = {part.get_content_type(): part for part in mail.walk()}
    if "message/feedback-report" in parts or kind == "feedback-report":
        return list(_complaint(parts.get("message/feedback-report"), message))
    if "message/delivery-status" in parts:
        return list(_deliveries(parts["message/delivery-status"], message))
    return []


def _message(mail: EmailMessage) -> UUID | None:
    """The mail that it is about: by the address that it came back to, else by the headers that came back with it."""
    for name in ("delivered-to", "x-original-to", "to", "x-failed-recipients"):
        for value in mail.get_all(name, []):
            if (found := message_of(str(value))) is not None:
                return found
    for part in mail.walk():
        kind = part.get_content_type()
        inner: Any = None
        if kind == "text/rfc822-headers":
            inner = message_from_bytes(part.get_payload(decode=True) or b"", policy=default)  # type: ignore[arg-type]
        elif kind == "message/rfc822":
            held = part.get_payload()
            inner = held[0] if isinstance(held, list) and held else None
        if inner is not None and (found := message_of(str(inner.get("message-id", "")))) is not None:
            return found
    return None


def _blocks(part: Message[Any, Any]) -> Iterator[Message[Any, Any]]:
    """The groups of fields of a machine's part, which the standard library reads as messages."""
    held = part.get_payload()
    if isinstance(held, list):
        yield from (block for block in held if isinstance(block, Message))


def _deliveries(part: Message[Any, Any], message: UUID | None) -> Iterator[Report]:
    for block in _blocks(part):
        action = str(block.get("action", "")).strip().lower()
        recipient = str(block.get("final-recipient") or block.get("original-recipient") or "")
        if not action or not recipient:
            continue
        diagnostic = " ".join(str(block.get("diagnostic-code", "")).split()).partition(";")[2].strip()
        found = _STATUS.search(str(block.get("status", ""))) or _STATUS.search(diagnostic)
        status = found[0] if found else ""
        said = _said(action, status)
        if said is not None:
            yield Report(said, message, _address(recipient), status, diagnostic[:500])


def _said(action: str, status: str) -> Said | None:
    if action in ("delivered", "relayed", "expanded"):
        return Said.DELIVERED
    if action == "delayed" or (action == "failed" and status.startswith("4")):
        return Said.SOFT
    return Said.HARD if action == "failed" else None


def _complaint(part: Message[Any, Any] | None, message: UUID | None) -> Iterator[Report]:
    fields: dict[str, str] = {}
    for block in _blocks(part) if part is not None else ():
        fields |= {name.lower(): str(value) for name, value in block.items()}
    kind = fields.get("feedback-type", "abuse").strip().lower()
    if kind != "not-spam":
        address = _address(fields.get("original-rcpt-to", ""))
        yield Report(Said.COMPLAINT, message, address, "", f"{kind}: {fields.get('user-agent', '')}".strip(": ")[:500])


def _address(field: str) -> str:
    return field.rpartition(";")[2].strip().strip("<>").casefold()


def is_for_good(code: int, text: str) -> bool:
    """Whether a server's refusal of a recipient says that there is no such mailbox, rather than that it does not want
    the mail."""
    if found := _STATUS.search(text):
        return found[1] == "5" and found[2] == "1"
    return code in (550, 551, 553)
