"""Invitations by the email plugin, through a mail server that runs; consent is asked at the moment of sending."""

from __future__ import annotations

import asyncio
import email
import re
from email.policy import default
from typing import Any
from urllib.parse import urlsplit

import pytest

from crmcore.testing import TestCrm

from .stories import fields_of, invitation, invited, person, survey

CONSENT = """mutation($input: ConsentRecordInput!) {
  consentRecord(input: $input) { errors { code message path } }
}"""


class Box:
    """What the mail server took."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Any]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append((envelope.rcpt_tos[0], email.message_from_bytes(envelope.content, policy=default)))
        return "250 2.0.0 taken"


async def reached(crm: TestCrm, name: str, **more: Any) -> str:
    """A contact with an email address."""
    _, contact = await person(crm, name, **more)
    await crm.create("contactPoint", contact_id=contact, type="EMAIL", value=f"{name.lower()}@example.com")
    return contact


async def test_an_invitation_is_mailed_once_to_whom_it_may_be(crm_factory: Any, request: pytest.FixtureRequest):
    """In the contact's language, with links that answer nothing; who refused, and who has no address, was not asked,
    and quarantine does not count it."""
    smtp = pytest.importorskip("aiosmtpd.smtp", reason="The mail server for tests, aiosmtpd, is not installed.")
    pytest.importorskip("aiosmtplib", reason="What the email plugin needs is not installed.")
    box, loop = Box(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: smtp.SMTP(box, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    host = {"smtp_host": "127.0.0.1", "smtp_port": server.sockets[0].getsockname()[1], "smtp_tls": "none"}
    settings = {"email": {**host, "from_address": "us@example.com"}, "surveys": {"company": "Olympus {{ 7 * 7 }}"}}
    request.addfinalizer(server.close)
    crm: TestCrm = await crm_factory("surveys", "email", settings=settings)
    asked = await survey(crm, titles={"en": "Your {{ 1 + 1 }} <case>", "zh": "您的服务体验"})
    anna, ben = await reached(crm, "Anna", language="en"), await reached(crm, "Ben", language="zh")
    _, nowhere = await person(crm, "Nowhere")
    keys = {name: await invited(crm, asked, one) for name, one in (("anna", anna), ("ben", ben), ("no", nowhere))}
    said = {"contactId": ben, "channel": "EMAIL", "purpose": "SURVEY", "state": "DENIED", "method": "phone"}
    assert (await crm.gql(CONSENT, input=said))["consentRecord"]["errors"] == []
    for _ in range(2):
        await crm.run_jobs()
        await crm.run_events()
    found = {name: await invitation(crm, key) for name, key in keys.items()}
    assert {name: (one["state"], one["skipReason"]) for name, one in found.items()} == {
        "anna": ("SENT", None), "ben": ("SUPPRESSED", "REFUSED"), "no": ("SUPPRESSED", "REFUSED"),
    }  # fmt: skip
    assert "address" in found["no"]["skipNote"]
    assert (found["anna"]["channel"], bool(found["anna"]["sentAt"])) == ("EMAIL", True)

    [(to, mail)] = box.taken
    assert (to, mail["subject"]) == ("anna@example.com", "Your {{ 1 + 1 }} <case>")
    html = mail.get_body(("html",)).get_content()
    assert "Your {{ 1 + 1 }} &lt;case&gt;" in html
    assert "Olympus {{ 7 * 7 }}" in html
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="([^"]+)"', html)]
    path = urlsplit(found["anna"]["link"]).path
    assert [urlsplit(link).path for link in links] == [path] * 6
    assert [urlsplit(link).query for link in links][:5] == [f"lang=en&v={n}" for n in range(1, 6)]
    for link in links:
        assert (await crm.http.get(f"{path}?{urlsplit(link).query}")).status_code == 200
    assert (await crm.gql("{ surveysResponses { totalCount } }"))["surveysResponses"]["totalCount"] == 0
    form = {(await fields_of(crm, asked))["SATISFACTION"]: "5"}
    assert (await crm.http.post(path, data=form)).status_code == 303
    assert (await invitation(crm, keys["anna"]))["state"] == "COMPLETED"

    granted = {**said, "state": "GRANTED"}
    assert (await crm.gql(CONSENT, input=granted))["consentRecord"]["errors"] == []
    again = await invited(crm, asked, ben, "again")
    await crm.run_jobs()
    assert (await invitation(crm, again))["state"] == "SENT"
    assert [to for to, _ in box.taken] == ["anna@example.com", "ben@example.com"]
    assert box.taken[1][1]["subject"] == "您的服务体验"
