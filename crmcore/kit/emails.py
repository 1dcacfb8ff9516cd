"""Email addresses: the shape that can be delivered to, and the one form in which two are compared."""

from __future__ import annotations

import re
from typing import Final

_LOCAL: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}")
_LABEL: Final = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")


def normal_email(text: str) -> str:
    """The address trimmed and in lower case. ValueError if mail could not be sent to it.

    The local part may be any printable text of at most 64 characters without dots at its ends or in a row (RFC 5321,
    quoted local parts left out); the domain needs two labels and may be written in any script (RFC 6531).
    """
    address = text.strip()
    local, at, domain = address.rpartition("@")
    labels = domain.split(".")
    good = (
        at
        and len(address) <= 254
        and _LOCAL.fullmatch(local)
        and not (local.startswith(".") or local.endswith(".") or ".." in local)
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and not labels[-1].isdigit()
    )
    if not good:
        raise ValueError("must be an email address, like anna@example.com")
    return f"{local.casefold()}@{domain.casefold()}"
