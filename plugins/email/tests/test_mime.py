"""The bytes of a mail, read again by the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from uuid import UUID, uuid4

import pytest

from crmcore.errors import Invalid
from crmcore_email.addresses import address_hash, message_id, message_of, normal, return_path
from crmcore_email.content import Content
from crmcore_email.mime import Filled, form, sender

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_a_mail_comes_back_as_it_was_meant():
    html = "<p>Grüße, 王芳</p>\n" + "x" * 2000
    own = Filled("anna@example.com", "<1@acme.example>", NOW, Content("Grüße an 王芳 " * 5, html, "Grüße\nzwei\n"),
                 "https://crm.example/u/abc", "unsubscribe@acme.example")  # fmt: skip
    ready = form(sender("Ächme", "news@acme.example"), list_id="c1.acme.example", unsubscribable=True)
    raw = ready.fill(own)
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 998 and line.isascii() for line in raw.split(b"\r\n"))
    mail = message_from_bytes(raw, policy=default)
    assert mail["subject"] == ("Grüße an 王芳 " * 5).strip()
    assert (mail["from"], mail["to"], mail["message-id"]) == (
        "Ächme <news@acme.example>",
        "anna@example.com",
        "<1@acme.example>",
    )
    assert mail["date"].datetime == NOW
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert mail["list-unsubscribe"].split() == [
        "<https://crm.example/u/abc>,",
        "<mailto:unsubscribe@acme.example?subject=unsubscribe>",
    ]
    assert mail.get_body(("html",)).get_content().replace("\r\n", "\n") == html
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == "Grüße\nzwei\n"
    other = message_from_bytes(
        ready.fill(Filled("b@example.com", "<2@x>", NOW, Content("S", "h", "t"))), policy=default
    )
    assert (other["subject"], other.get_body(("html",)).get_content()) == ("S", "h")


def test_nobody_puts_a_header_into_another():
    """Line ends in what recipients are called or what a subject says end nothing."""
    own = Filled("a@b.example\r\nBcc: x@y.example", "<1@a>", NOW, Content("Hi\r\nBcc: x@y.example", "h", "t"))
    mail = message_from_bytes(form("a@b.example").fill(own), policy=default)
    assert mail["bcc"] is None
    assert mail["subject"] == "Hi Bcc: x@y.example"


def test_addresses():
    message = uuid4()
    assert message_of(return_path("bounce@acme.example", message)) == message
    assert message_of(message_id(message, "acme.example")) == message
    assert message_of("postmaster@acme.example") is None
    assert normal("  Anna@Example.COM ") == "anna@example.com"
    tenant = UUID(int=1)
    assert address_hash(tenant, "ANNA@example.com ") == address_hash(tenant, "anna@example.com")
    assert address_hash(UUID(int=2), "anna@example.com") != address_hash(tenant, "anna@example.com")
    for wrong in (
        "",
        "anna",
        "anna@localhost",
        "a b@example.com",
        "a@b.example\r\nBcc: x",
        "a@-b.example",
        "x" * 65 + "@a.example",
    ):
        with pytest.raises(Invalid):
            normal(wrong)
