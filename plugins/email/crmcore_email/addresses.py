"""Email addresses: the one form in which two are compared, what is kept of one that gets no mail, where bounces go."""

from __future__ import annotations

import hashlib
import re
from typing import Final
from uuid import UUID

from crmcore.errors import Invalid

_ADDRESS: Final = re.compile(
    r"(?P<local>[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64})@(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63})"
)
_RETURN: Final = re.compile(r"\+([0-9a-f]{32})@", re.ASCII)
_MESSAGE_ID: Final = re.compile(r"<?([0-9a-f]{32})@", re.ASCII)


def normal(text: str) -> str:
    """The address trimmed and in lower case. Invalid if mail could not be sent to it."""
    address = text.strip().casefold()
    if len(address) > 254 or not _ADDRESS.fullmatch(address):
        raise Invalid(f"{text[:80]!r} is no email address: write it like anna@example.com.", "to")
    return address


def address_hash(tenant_id: UUID, address: str) -> str:
    """What is kept of an address: it can be asked whether one is on the list, not who is."""
    return hashlib.sha256(tenant_id.bytes + address.strip().casefold().encode()).hexdigest()


def domain_of(address: str) -> str:
    """What stands behind the @."""
    return address.rpartition("@")[2].rstrip(">").strip()


def return_path(bounce_address: str, message: UUID) -> str:
    """The envelope's sender of one message, by which a bounce says what it is about: `bounce+<message>@...`."""
    local, _, domain = bounce_address.rpartition("@")
    return f"{local}+{message.hex}@{domain}"


def message_id(message: UUID, domain: str) -> str:
    """The Message-ID of a message."""
    return f"<{message.hex}@{domain}>"


def message_of(text: str) -> UUID | None:
    """The message that a return path or a Message-ID names."""
    found = _RETURN.search(text) or _MESSAGE_ID.search(text)
    return UUID(found[1]) if found else None


def wire(address: str) -> str:
    """The address as mail servers are told it: domains in other scripts in their ASCII form."""
    local, _, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return address
