"""Tokens that we give away and take back: signed, with an end, and safe in a URL.

Whoever holds one can read what is in it, but neither change it nor make one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

_SIGNATURE: Final = 16
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Unsealed:
    """What a token says."""

    tenant_id: UUID
    data: dict[str, Any]


def seal(secret: bytes, purpose: str, tenant_id: UUID, data: Mapping[str, Any], expires: datetime | None) -> str:
    """A token for these data, which are JSON and small. It is only good for its purpose. ValueError if it is too long
    for a URL."""
    until = None if expires is None else int(expires.timestamp())
    told = orjson.dumps([tenant_id.hex, until, dict(data)])
    text = base64.urlsafe_b64encode(_signature(secret, purpose, told) + told).rstrip(b"=").decode()
    if len(text) > _LONGEST:
        raise ValueError(f"A token has at most {_LONGEST} characters: put ids into it, not what they stand for.")
    return text


def unseal(secret: bytes, purpose: str, text: str, now: datetime) -> Unsealed | None:
    """What a token says; None if it is not ours, not for this purpose, or its time is over."""
    if not text.isascii() or len(text) > _LONGEST:
        return None
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    signature, told = found[:_SIGNATURE], found[_SIGNATURE:]
    if not hmac.compare_digest(signature, _signature(secret, purpose, told)):
        return None
    tenant, until, data = orjson.loads(told)
    if until is not None and now.timestamp() >= until:
        return None
    return Unsealed(UUID(tenant), data)


def _signature(secret: bytes, purpose: str, told: bytes) -> bytes:
    key = hmac.digest(secret, f"sealed for {purpose}".encode(), hashlib.sha256)
    return hmac.digest(key, told, hashlib.sha256)[:_SIGNATURE]
