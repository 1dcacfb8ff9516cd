"""The few pages that recipients see: without script, without anything from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Final

from crmcore.plugins import WebResponse

_HEADERS: Final = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "x-robots-tag": "noindex",
}

PIXEL: Final = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent GIF of one point."""


def page(title: str, body: str, status: int = 200) -> WebResponse:
    """A page; `body` is HTML."""
    return WebResponse(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 32em; margin: 10vh auto; padding: 0 1em }}
button {{ font: inherit; padding: .6em 1.2em }}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>""",
        status,
        _HEADERS,
    )


def ask_to_leave(address: str) -> WebResponse:
    """The page that a link in a mail leads to: nothing has happened yet."""
    return page(
        "Unsubscribe",
        f"<p>Send no more mail of this kind to {escape(hidden(address))}?</p>"
        '<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>',
    )


def has_left() -> WebResponse:
    return page("Unsubscribed", "<p>You will get no more mail of this kind.</p>")


def unknown() -> WebResponse:
    return page("This link is not valid", "<p>It may have been cut off: copy all of it.</p>", 404)


def hidden(address: str) -> str:
    """An address that its owner knows again, and others do not learn."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}…@{domain}" if domain else "you"
