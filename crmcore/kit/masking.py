"""Texts that are kept or logged: without secrets, and without what a database would not take."""

from __future__ import annotations

import re
from typing import Final

_SECRETS: Final = (
    re.compile(r"\b(crm_live_[0-9A-Za-z]{4})[0-9A-Za-z_]+"),
    re.compile(r"\b(whsec_)[0-9A-Za-z+/=_-]+"),
    re.compile(r"(://[^\s:/@]*:)[^\s@]+(?=@)"),
    re.compile(r"(?i)\b((?:bearer|basic)\s+)[0-9a-z._~+/=-]+"),
    re.compile(r"(?i)((?:password|passwd|secret|token|api[_-]?key|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;&]+"),
)


def masked(text: str) -> str:
    """The text with stars for tokens, keys, passwords and the like."""
    for pattern in _SECRETS:
        text = pattern.sub(r"\1***", text)
    return text.replace("\0", "").encode(errors="replace").decode()
