"""Addresses on the web: those that a browser may be sent to."""

from __future__ import annotations

from urllib.parse import urlsplit


def normal_url(text: str) -> str:
    """The address trimmed. ValueError unless it begins with http:// or https:// and names a host."""
    found = text.strip()
    try:
        parts = urlsplit(found)
        good = parts.scheme.lower() in ("http", "https") and parts.hostname and not any(c.isspace() for c in found)
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an address that begins with http:// or https://")
    return found
