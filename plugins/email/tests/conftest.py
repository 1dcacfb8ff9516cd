"""A mail server that runs, and an app whose email plugin sends to it."""

from __future__ import annotations

import asyncio
import email
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope

from crmcore.testing import TestCrm

COUNTS = """query($id: ID!) { emailCampaign(id: $id) { status recipients problem queuedCount sentCount bouncedCount
  complainedCount suppressedCount failedCount openedCount clickedCount unsubscribedCount } }"""
MESSAGES = """query($id: ID!) { emailCampaign(id: $id) { messages(first: 200) {
  nodes { id status reason address attempts contact { name } } } } }"""
SEND = """mutation($id: ID!, $input: EmailCampaignSendInput) { emailCampaignSend(id: $id, input: $input) {
  emailCampaign { id status } errors { code message path } } }"""
MAIL = """mutation($input: EmailMessageSendInput!) { emailMessageSend(input: $input) {
  emailMessage { id status subject address } errors { code message path } } }"""


@dataclass
class MailServer:
    """An SMTP server on this machine. It keeps what it took; `refuses` says what it answers to a recipient, each
    answer once per list entry."""

    port: int = 0
    taken: list[Envelope] = field(default_factory=list)
    refuses: dict[str, list[str]] = field(default_factory=dict)
    at_data: dict[str, list[str]] = field(default_factory=dict)
    connections: int = 0
    password: str = ""
    server: asyncio.Server | None = None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.password and not session.authenticated:
            return "530 5.7.0 Sign in"
        if self.refuses.get(address):
            return self.refuses[address].pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        said = self.at_data.get(envelope.rcpt_tos[0])
        if said:
            answer = said.pop(0)
            if answer == "hang up":
                server.transport.abort()
            return answer
        self.taken.append(envelope)
        return "250 2.0.0 taken"

    async def start(self) -> None:
        def connected() -> SMTP:
            self.connections += 1
            given: dict[str, Any] = {}
            if self.password:
                given = {"authenticator": self.signs_in, "auth_require_tls": False}
            return SMTP(self, hostname="mail.test", loop=asyncio.get_running_loop(), **given)

        self.server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    def signs_in(self, server: Any, session: Any, envelope: Any, mechanism: str, held: Any) -> AuthResult:
        return AuthResult(success=held.password == self.password.encode(), handled=False)

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    def mails(self) -> dict[str, EmailMessage]:
        """What each recipient got."""
        return {one.rcpt_tos[0]: email.message_from_bytes(one.content, policy=default) for one in self.taken}

    def counts(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for one in self.taken:
            found[one.rcpt_tos[0]] = found.get(one.rcpt_tos[0], 0) + 1
        return found


class Story:
    """What the stories of the tests are made of."""

    def __init__(self, crm: TestCrm) -> None:
        self.crm = crm

    async def person(
        self, name: str, *, address: str | None = "", consent: str = "GRANTED", customer: str = "", language: str = ""
    ) -> str:
        """A contact with an address (none: None), what they said about marketing, and the customer whose they are."""
        where = f"{name.lower()}@example.com" if address == "" else address
        points = [{"type": "EMAIL", "value": where, "isPrimary": True}] if where else []
        contact = await self.crm.create("contact", first_name=name, contact_points=points)
        if customer:
            at = await self.crm.create("customer", name=customer, **({"language": language} if language else {}))
            await self.crm.create("contactLink", customer_id=at, contact_id=contact)
        if consent:
            await self.says(contact, consent)
        return contact

    async def says(self, contact: str, state: str, purpose: str = "MARKETING") -> None:
        given = {"contactId": contact, "channel": "EMAIL", "purpose": purpose, "state": state, "method": "form"}
        await self.done("consentRecord", "ConsentRecordInput", given)

    async def done(self, name: str, kind: str, given: Any) -> dict[str, Any]:
        """The payload of a mutation with one input, without errors."""
        payload: dict[str, Any] = (
            await self.crm.gql(
                f"mutation($input: {kind}!) {{ {name}(input: $input) {{ errors {{ code message path }} }} }}",
                input=given,
            )
        )[name]
        assert payload["errors"] == []
        return payload

    async def step(self, verb: str, campaign: str) -> dict[str, Any]:
        """emailCampaignPause and its sisters."""
        text = f"mutation($id: ID!) {{ emailCampaign{verb}(id: $id) {{ emailCampaign {{ status }} errors {{ code message path }} }} }}"
        payload: dict[str, Any] = (await self.crm.gql(text, id=campaign))[f"emailCampaign{verb}"]
        return payload

    async def begun(self, campaign: str, **given: Any) -> None:
        payload = (await self.crm.gql(SEND, id=campaign, input=given or None))["emailCampaignSend"]
        assert (payload["errors"], payload["emailCampaign"]["status"]) == ([], "SCHEDULED")

    async def counts(self, campaign: str) -> dict[str, Any]:
        """Where it stands, without what is 0 or null."""
        found = (await self.crm.gql(COUNTS, id=campaign))["emailCampaign"]
        return {name: value for name, value in found.items() if value}

    async def messages(self, campaign: str) -> dict[str, dict[str, Any]]:
        """Its mails by the contact's name."""
        nodes = (await self.crm.gql(MESSAGES, id=campaign))["emailCampaign"]["messages"]["nodes"]
        return {node["contact"]["name"]: node for node in nodes}

    @staticmethod
    def paths(mail: EmailMessage) -> dict[str, list[str]]:
        """The addresses of ours that stand in a mail, by kind, without the host."""
        body = mail.get_body(("html",))
        assert body is not None
        text = body.get_content() + str(mail.get("list-unsubscribe", ""))
        found: dict[str, list[str]] = {}
        for path, kind in re.findall(r"http://[^/\"]+(/plugins/email/(\w+)/[\w-]+)", text):
            found.setdefault(kind, []).append(path)
        return found


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    held = MailServer()
    await held.start()
    yield held
    await held.stop()


@pytest.fixture
async def crm(crm_factory: Any, server: MailServer) -> TestCrm:
    given = {
        "smtp_host": "127.0.0.1",
        "smtp_port": server.port,
        "smtp_tls": "none",
        "from_address": "news@acme.example",
        "from_name": "Acme",
        "bounce_address": "bounce@acme.example",
        "mailgun_key": "mg-key",
    }
    found: TestCrm = await crm_factory(settings={"email": given})
    return found


@pytest.fixture
def story(crm: TestCrm) -> Story:
    return Story(crm)
