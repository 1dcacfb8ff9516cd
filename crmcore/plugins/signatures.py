"""Whether a request is from who it says: signatures over its body, as Standard Webhooks has them, and plain ones."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from crmcore.errors import Unauthenticated
from crmcore.kit import times
from crmcore.plugins.web import WebRequest

WINDOW: Final = 300
"""Seconds that a signed message may be old, or ahead."""

_PREFIX: Final = "whsec_"
_LONGEST: Final = 8192


class BadSignature(Unauthenticated):
    """The request is not signed by who holds the secret, or is old. A route that lets this out answers 401."""


def verify_signature(
    request: WebRequest,
    secret: str | Sequence[str],
    *,
    header: str = "",
    now: datetime | None = None,
    window: int = WINDOW,
) -> None:
    """Return if the request's body is signed with the secret, or with one of several; BadSignature otherwise.

    Without `header` the signature is that of Standard Webhooks: `webhook-id`, `webhook-timestamp` and
    `webhook-signature`, the secret written `whsec_...`; a message older or newer than `window` seconds is refused, so
    that one that was overheard cannot be sent again later (`now` is `crm.now()`). Within the window the same message
    may come twice: remember `webhook-id` where that matters.

    With `header` it is the hexadecimal HMAC-SHA256 of the body in that header, alone or after `sha256=`. Such a
    signature knows no time.
    """
    secrets = [secret] if isinstance(secret, str) else list(secret)
    if not secrets or not all(secrets):
        raise BadSignature("There is no secret to check the signature with.")
    if header:
        found = request.headers.get(header, "")[:_LONGEST].strip().removeprefix("sha256=").lower()
        good = any(_alike(_plain(one, request.body), found) for one in secrets)
    else:
        good = _is_standard(request, secrets, now or times.now(), window)
    if not good:
        raise BadSignature("The signature is missing, wrong, or too old.")


def signed(body: bytes, secret: str, *, id: str, at: datetime) -> dict[str, str]:
    """The headers of Standard Webhooks for a body: for tests, and for who sends to another crmcore."""
    moment = str(int(at.timestamp()))
    signature = base64.b64encode(_standard(secret, id, moment, body)).decode()
    return {"webhook-id": id, "webhook-timestamp": moment, "webhook-signature": f"v1,{signature}"}


def signed_plainly(body: bytes, secret: str) -> str:
    """The hexadecimal HMAC-SHA256 of a body."""
    return _plain(secret, body)


def _is_standard(request: WebRequest, secrets: Iterable[str], now: datetime, window: int) -> bool:
    id, moment = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    given = request.headers.get("webhook-signature", "")
    if not (id and given and moment.isascii() and moment.isdigit() and len(moment) < 13) or len(given) > _LONGEST:
        return False
    if abs(now.timestamp() - int(moment)) > window:
        return False
    parts = [part.partition(",")[2] for part in given.split() if part.startswith("v1,")]
    wanted = [base64.b64encode(_standard(one, id, moment, request.body)).decode() for one in secrets]
    return any(_alike(part, one) for part in parts for one in wanted)


def _standard(secret: str, id: str, moment: str, body: bytes) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error as error:
        raise BadSignature("The secret is none of Standard Webhooks: it is written whsec_ and Base64.") from error
    return hmac.digest(key, f"{id}.{moment}.".encode() + body, hashlib.sha256)


def _plain(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _alike(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode(errors="replace"))
