"""Links that anybody may follow until they expire: the file's id and the time, signed."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

LASTS: Final = timedelta(hours=1)
_GRAIN: Final = 60


def expiry(now: datetime) -> datetime:
    """When a link made now expires: at a full minute, so that one minute's links are alike."""
    last = int((now + LASTS).timestamp())
    return datetime.fromtimestamp(last - last % _GRAIN + _GRAIN, UTC)


def signed_link(secret: bytes, tenant_id: UUID, file_id: UUID, until: datetime) -> str:
    """The address of a file, on the host of the API."""
    at = int(until.timestamp())
    return f"/files/{file_id}?expires={at}&tenant={tenant_id}&signature={_signature(secret, tenant_id, file_id, at)}"


def is_signed(secret: bytes, tenant_id: UUID, file_id: UUID, expires: str, signature: str, now: datetime) -> bool:
    """Whether a link is ours and has not expired."""
    if not (expires.isascii() and expires.isdigit() and len(expires) < 13):
        return False
    expected = _signature(secret, tenant_id, file_id, int(expires))
    return hmac.compare_digest(expected.encode(), signature.encode(errors="replace")) and now.timestamp() < int(expires)


def _signature(secret: bytes, tenant_id: UUID, file_id: UUID, at: int) -> str:
    return hmac.new(secret, f"file {tenant_id} {file_id} {at}".encode(), hashlib.sha256).hexdigest()
