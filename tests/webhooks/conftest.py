"""An app that may send to 127.0.0.1, with a clock that tests move, and receivers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from crmcore.kit import times
from crmcore.platform.webhooks import Webhooks
from tests.fixtures import Answer, TestCrm, open_crm
from tests.webhooks.receiver import Receiver, receiving

ERRORS = "errors { __typename code message path }"
ENDPOINT = "webhookEndpoint { id version url eventTypes where changedFields payload state stateReason }"
CREATE = f"mutation($input: WebhookEndpointCreateInput!) {{ webhookEndpointCreate(input: $input) {{ {ENDPOINT} secret {ERRORS} }} }}"
DELIVERIES = """query($where: WebhookDeliveryFilter) { webhookDeliveries(where: $where, orderBy: [{field: SEQUENCE}]) { nodes {
  id type recordType recordId sequence status attempts nextAt attemptedAt durationMs responseCode problem endpoint { id } } } }"""


@dataclass
class Clock:
    """The time, moved by hand: it goes on, and jumps when it is told to."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return times.now() + self.ahead

    def pass_(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@dataclass
class Hooks:
    """Speaks to one tenant's app, and to its receivers."""

    crm: TestCrm
    clock: Clock
    stack: AsyncExitStack
    secrets: dict[str, str] = field(default_factory=dict)

    async def receiver(self, *answer: Any) -> Receiver:
        return await self.stack.enter_async_context(receiving(*answer))

    async def refused(self, **given: Any) -> list[Answer]:
        payload = (await self.crm.gql(CREATE, input=given))["webhookEndpointCreate"]
        assert payload["webhookEndpoint"] is None
        assert payload["secret"] is None
        errors: list[Answer] = payload["errors"]
        return errors

    async def endpoint(self, receiver: Receiver | str, *event_types: str, **given: Any) -> str:
        """The id of a new endpoint."""
        url = receiver if isinstance(receiver, str) else receiver.url
        sent = {"url": url, "eventTypes": [*event_types] or ["*"], **given}
        payload = (await self.crm.gql(CREATE, input=sent))["webhookEndpointCreate"]
        assert payload["errors"] == []
        id_: str = payload["webhookEndpoint"]["id"]
        self.secrets[id_] = payload["secret"]
        return id_

    async def act(self, verb: str, id_: str, ask: str = "", **given: Any) -> Answer:
        """The payload of a mutation of an endpoint."""
        takes = "".join(f", {name}: {_literal(value)}" for name, value in given.items())
        text = f"mutation {{ webhookEndpoint{verb}(id: {_literal(id_)}{takes}) {{ {ENDPOINT} {ask} {ERRORS} }} }}"
        payload: Answer = (await self.crm.gql(text))[f"webhookEndpoint{verb}"]
        return payload

    async def state(self, id_: str) -> tuple[str, str | None]:
        text = "query($id: ID!) { webhookEndpoint(id: $id) { state stateReason } }"
        found = (await self.crm.gql(text, id=id_))["webhookEndpoint"]
        return found["state"], found["stateReason"]

    async def customer(self, name: str = "Acme", **given: Any) -> str:
        text = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } errors { message } } }"
        payload = (await self.crm.gql(text, input={"name": name, **given}))["customerCreate"]
        assert payload["errors"] == []
        id_: str = payload["customer"]["id"]
        return id_

    async def change(self, id_: str, **given: Any) -> None:
        text = "mutation($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { errors { message } } }"
        assert (await self.crm.gql(text, id=id_, input=given))["customerUpdate"]["errors"] == []

    async def delete(self, id_: str, what: str = "customer") -> None:
        text = f"mutation($id: ID!) {{ {what}Delete(id: $id) {{ errors {{ message }} }} }}"
        assert (await self.crm.gql(text, id=id_))[f"{what}Delete"]["errors"] == []

    async def deliver(self) -> int:
        """Send what is due."""
        return await self.crm.crm.webhooks.deliver_due()

    def another(self) -> Webhooks:
        """Another process that sends webhooks."""
        crm = self.crm.crm
        return Webhooks(crm.db, crm.webhooks.author, self.clock, crm.webhooks.guard)

    async def deliveries(self, **where: Any) -> list[Answer]:
        found: list[Answer] = (await self.crm.gql(DELIVERIES, where=where))["webhookDeliveries"]["nodes"]
        return found


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def hooks(database_url: str, clock: Clock) -> AsyncIterator[Hooks]:
    async with open_crm(database_url, clock=clock, webhook_allow=["127.0.0.0/8"]) as crm, AsyncExitStack() as stack:
        yield Hooks(crm, clock, stack)
        await crm.crm.webhooks.stop()
