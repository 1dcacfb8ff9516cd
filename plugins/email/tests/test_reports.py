"""Reports of mail servers, read with the standard library alone."""

from __future__ import annotations

from uuid import UUID

import pytest

from crmcore_email.reports import Report, Said, is_for_good, read_reports

MESSAGE = UUID("0198f3a2-5b7c-7d10-9a44-1c2d3e4f5a6b")

DSN = b"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: bounce+%(to)s@acme.example
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary="b"
MIME-Version: 1.0

--b
Content-Type: text/plain

This is the mail system.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example
Arrival-Date: Mon, 23 Nov 2026 09:00:00 +0000

Final-Recipient: rfc822; Jane@example.com
Original-Recipient: rfc822;jane@example.com
Action: %(action)s
Status: %(status)s
Diagnostic-Code: smtp; 550 5.1.1 <jane@example.com>:
    Recipient address rejected

--b
Content-Type: %(kind)s

From: news@acme.example
Message-ID: <0198f3a25b7c7d109a441c2d3e4f5a6b@acme.example>
Subject: News

--b--
"""

ARF = b"""From: <abuse@isp.example>
To: <complaints@acme.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain; charset="US-ASCII"

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: %s
User-Agent: SomeGenerator/1.0
Version: 1
Original-Rcpt-To: <Jane@example.com>

--b
Content-Type: message/rfc822

From: <news@acme.example>
Message-ID: <0198f3a25b7c7d109a441c2d3e4f5a6b@acme.example>
Subject: News

Hello
--b--
"""


def dsn(**given: bytes) -> list[Report]:
    held = {b"to": MESSAGE.hex.encode(), b"action": b"failed", b"status": b"5.1.1", b"kind": b"message/rfc822"}
    return read_reports(DSN % (held | {name.encode(): value for name, value in given.items()}))


@pytest.mark.parametrize(
    "action, status, said",
    [
        (b"failed", b"5.1.1", Said.HARD), (b"failed", b"4.4.7", Said.SOFT), (b"delayed", b"4.4.1", Said.SOFT),
        (b"delivered", b"2.0.0", Said.DELIVERED), (b"relayed", b"2.0.0", Said.DELIVERED),
    ],
)  # fmt: skip
def test_what_became_of_a_mail(action: bytes, status: bytes, said: Said):
    [found] = dsn(action=action, status=status)
    assert (found.said, found.message, found.address, found.status) == (
        said, MESSAGE, "jane@example.com", status.decode()
    )  # fmt: skip
    assert found.reason == "550 5.1.1 <jane@example.com>: Recipient address rejected"


@pytest.mark.parametrize("kind", [b"message/rfc822", b"text/rfc822-headers"])
def test_without_our_return_path_the_message_is_known_by_its_headers(kind: bytes):
    """Some relays make a return path of their own."""
    [found] = dsn(to=b"", kind=kind)
    assert found.message == MESSAGE


def test_a_complaint():
    assert read_reports(ARF % b"abuse") == [
        Report(Said.COMPLAINT, MESSAGE, "jane@example.com", "", "abuse: SomeGenerator/1.0")
    ]
    assert read_reports(ARF % b"not-spam") == []


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe\x00",
        b"Subject: I am on holiday\n\nBack on Monday",
        DSN[:400],
        b"Content-Type: multipart/report\n\n",
    ],
)
def test_what_is_no_report_says_nothing(raw: bytes):
    assert read_reports(raw) == []


def test_a_mailbox_that_is_not_there_is_told_from_mail_that_is_not_wanted():
    assert is_for_good(550, "5.1.1 User unknown")
    assert is_for_good(550, "No such user here")
    assert not is_for_good(550, "5.7.1 Message looks like spam")
    assert not is_for_good(554, "Transaction failed")
    assert not is_for_good(552, "5.2.2 Mailbox full")
