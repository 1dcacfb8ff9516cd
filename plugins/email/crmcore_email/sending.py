"""Batches and single mails on their way: who may get one is asked now, what became of it is written down.

A mail is handed over at most once. It is SENDING before the mail server hears of it, in a write that fails where
another worker has it; whoever finds it SENDING at the beginning of an attempt knows that the one before was
interrupted, and does not send it again: the mail may have gone out or not, and its reason says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.domain.contacts import ConsentPurpose, Reachable, reachable
from crmcore.domain.customers import Channel
from crmcore.plugins import Crm, Update
from crmcore_email import outcomes, suppression
from crmcore_email.addresses import domain_of, message_id, return_path, wire
from crmcore_email.choices import EmailMessageStatus as Status
from crmcore_email.choices import Why
from crmcore_email.content import Content, TemplateFault
from crmcore_email.delivery import Outcome, Pool, Unreachable, Verdict
from crmcore_email.ids import key_of, known
from crmcore_email.links import unsubscribe_url
from crmcore_email.mime import Filled, Form, form, sender
from crmcore_email.models import EmailMessage
from crmcore_email.reports import is_for_good
from crmcore_email.settings import EmailSettings

ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = timedelta(minutes=2)

FIELDS: Final = "id version status address subject attempts dueAt contact { id }"
"""What must be known of a message that is to be sent."""

Node = Mapping[str, Any]
Written = Mapping[UUID, Content | TemplateFault]


@dataclass(slots=True)
class Round:
    """Messages that are sent together. `strangers` are recipients who are no contacts: an address that somebody gave,
    not a contact who is gone. `changes` is what becomes of each, by key."""

    crm: Crm
    settings: EmailSettings
    pool: Pool
    purpose: ConsentPurpose
    form: Form
    strangers: bool = False
    changes: dict[UUID, dict[str, Any]] = field(default_factory=dict)

    async def admitted(self, nodes: Sequence[Node]) -> list[Node]:
        """Those who may get it now. What is against the others is noted."""
        people = {key for node in nodes if node["contact"] and (key := key_of(node["contact"]["id"]))}
        may = await reachable(self.crm.ctx, people, Channel.EMAIL, self.purpose)
        listed = await suppression.suppressed(self.crm, {node["address"] for node in nodes}, self.purpose)
        found = []
        for node in nodes:
            if why := self._against(node, may, listed):
                self.note(node, Status.SUPPRESSED, why)
            else:
                found.append(node)
        return found

    def _against(self, node: Node, may: Mapping[UUID, Reachable], listed: Mapping[str, str]) -> str:
        if node["address"] in listed:
            return f"{Why.SUPPRESSED}: {listed[node['address']]}"
        if node["contact"] is None:
            return "" if self.strangers else Reachable.GONE
        standing = may[known(node["contact"]["id"])]
        return "" if standing is Reachable.YES else standing

    def note(self, node: Node, status: Status, reason: str = "", **more: Any) -> None:
        self.changes[known(node["id"])] = {"status": status, "reason": reason[:600] or None, **more}

    async def write(self) -> None:
        """Write down what became of them."""
        noted, self.changes = self.changes, {}
        if noted:
            await self.crm.write([Update(EmailMessage, key, values) for key, values in noted.items()])

    async def send(self, nodes: Sequence[Node], written: Written) -> None:
        """Hand over what is written; what is against it, or went wrong, is noted and written down. Unreachable if
        there is no mail server: what was not handed over waits as before."""
        ready = []
        for node in nodes:
            content = written[known(node["id"])]
            if isinstance(content, TemplateFault):
                self.note(node, Status.FAILED, f"{Why.TEMPLATE}: {content.message}")
            else:
                ready.append((node, content))
        await self.write()
        if not ready:
            return
        claims = [
            Update(
                EmailMessage,
                known(node["id"]),
                {"status": Status.SENDING, "attempts": node["attempts"] + 1, "subject": content.subject},
                expected_version=node["version"],
            )
            for node, content in ready
        ]
        await self.crm.write(claims)
        mails = await self.crm.in_thread(self.form.fill_all, [self._filled(node, content) for node, content in ready])
        handing = (self._hand_over(node, mail) for (node, _), mail in zip(ready, mails, strict=True))
        said_of = await asyncio.gather(*handing)
        bounced = []
        for (node, _), outcome in zip(ready, said_of, strict=True):
            self._take(node, outcome)
            if isinstance(outcome, Outcome) and outcome.verdict is Verdict.REFUSED and outcome.recipient:
                if is_for_good(outcome.code, outcome.text):
                    bounced.append((node["address"], outcome.text))
        await self.write()
        for address, said in bounced:
            await outcomes.bounced(self.crm, address, said)
        if lost := next((one for one in said_of if isinstance(one, Unreachable)), None):
            raise lost

    def _filled(self, node: Node, content: Content) -> Filled:
        key = known(node["id"])
        return Filled(
            wire(node["address"]), message_id(key, domain_of(self.settings.from_address)), self.crm.now(), content,
            unsubscribe_url(self.crm, key, self.purpose), self.settings.unsubscribe_address,
        )  # fmt: skip

    async def _hand_over(self, node: Node, mail: bytes) -> Outcome | Unreachable:
        own = self.settings
        back = return_path(own.bounce_address, known(node["id"])) if own.bounce_address else own.from_address
        try:
            return await self.pool.send(back, wire(node["address"]), mail)
        except Unreachable as error:
            return error

    def _take(self, node: Node, outcome: Outcome | Unreachable) -> None:
        """Note what the mail server said."""
        attempts = node["attempts"] + 1
        if isinstance(outcome, Unreachable):
            self.note(node, Status.QUEUED, "", attempts=node["attempts"])
            return
        said = f"{outcome.code} {outcome.text}".strip()
        if outcome.verdict is Verdict.TAKEN:
            self.note(node, Status.SENT, "", sent_at=self.crm.now(), due_at=None, content=None)
        elif outcome.verdict is Verdict.UNSURE:
            self.note(node, Status.FAILED, f"{Why.INTERRUPTED}: {outcome.text}")
        elif outcome.verdict is Verdict.LATER and attempts < ATTEMPTS:
            pause = _FIRST_PAUSE * 2 ** (attempts - 1)
            self.note(node, Status.QUEUED, f"{Why.REFUSED}: {said}", due_at=self.crm.now() + pause)
        elif outcome.recipient:
            self.note(node, Status.BOUNCED, said, due_at=None)
        else:
            self.note(node, Status.FAILED, f"{Why.REFUSED}: {said}", due_at=None)


def interrupted(round_: Round, nodes: Sequence[Node]) -> None:
    """Note those that an attempt before this one left in the middle."""
    for node in nodes:
        round_.note(node, Status.FAILED, f"{Why.INTERRUPTED}: the worker ended while the mail was under way.")


def is_due(node: Node, now: datetime) -> bool:
    """Whether a message that waits may be tried."""
    return node["dueAt"] is None or datetime.fromisoformat(node["dueAt"]) <= now


def form_of(settings: EmailSettings, purpose: ConsentPurpose, list_id: str = "") -> Form:
    """What the mails of a kind have alike."""
    return form(
        sender(settings.from_name, settings.from_address), reply_to=settings.reply_to, list_id=list_id,
        unsubscribable=purpose != ConsentPurpose.TRANSACTIONAL,
    )  # fmt: skip
