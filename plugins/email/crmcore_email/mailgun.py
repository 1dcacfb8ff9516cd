"""What Mailgun tells by its webhook."""

from __future__ import annotations

from typing import Any

from crmcore_email.addresses import message_of
from crmcore_email.reports import Report, Said


def report_of(event: Any) -> Report | None:
    """An event as a report; None for one that says nothing of delivery, such as an open."""
    if not isinstance(event, dict):
        return None
    said = _said(str(event.get("event", "")), str(event.get("severity", "")))
    if said is None:
        return None
    status = _dict(event.get("delivery-status"))
    headers = _dict(_dict(event.get("message")).get("headers"))
    words = str(status.get("message") or status.get("description") or "")
    return Report(
        said,
        message_of(str(headers.get("message-id", ""))),
        str(event.get("recipient", "")).strip().casefold(),
        str(status.get("enhanced-code") or status.get("code") or ""),
        " ".join(words.split())[:500],
    )


def _said(event: str, severity: str) -> Said | None:
    if event == "failed":
        return Said.HARD if severity == "permanent" else Said.SOFT
    return {"complained": Said.COMPLAINT, "delivered": Said.DELIVERED}.get(event)


def _dict(held: Any) -> dict[str, Any]:
    return held if isinstance(held, dict) else {}
