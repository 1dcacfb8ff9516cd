"""Signatures as Standard Webhooks has them: HMAC-SHA256 over the message's id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from uuid import UUID

_PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A key for one endpoint: 32 random bytes."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def message_id(delivery: UUID) -> str:
    """The message's id for receivers, the same in every attempt."""
    return f"msg_{delivery.hex}"


def signed_headers(delivery: UUID, at: datetime, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """The headers that say which message it is, and that it is ours: one signature for each key."""
    name, moment = message_id(delivery), int(at.timestamp())
    told = f"{name}.{moment}.".encode() + body
    signatures = [
        "v1,"
        + base64.b64encode(hmac.digest(base64.b64decode(key.removeprefix(_PREFIX)), told, hashlib.sha256)).decode()
        for key in keys
    ]
    return {"webhook-id": name, "webhook-timestamp": str(moment), "webhook-signature": " ".join(signatures)}
