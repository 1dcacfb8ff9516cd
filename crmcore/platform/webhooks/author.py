"""What webhooks need of the rooms above: who may see what, what matches a filter, and what a selection reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from crmcore.platform.events import StoredEvent
from crmcore.platform.webhooks.deliveries import Delivery
from crmcore.platform.webhooks.endpoints import Endpoint
from crmcore.platform.webhooks.models import WebhookState


class Unsendable(Exception):
    """What the endpoint asks for cannot be answered, today or tomorrow: its filter or selection does not fit the schema
    any more. The text says why, for the tenant."""


class Author(Protocol):
    """The application, as webhooks see it. `endpoint.policy` says for whom it answers."""

    async def choose(self, endpoint: Endpoint, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        """Those events, in their order, whose records the endpoint's actor may see and its filters match. Unsendable if
        a filter cannot be asked any more."""
        ...

    async def read(self, endpoint: Endpoint, deliveries: Sequence[Delivery]) -> Mapping[UUID, Any] | None:
        """What the endpoint's selection reads of the deliveries' records, ready for JSON; those that are deleted or not
        to be seen are left out. None if it has no selection. Unsendable if that cannot be answered any more."""
        ...

    async def stop(self, endpoint: Endpoint, state: WebhookState, reason: str) -> None:
        """Pause or disable the endpoint, with an event that says so."""
        ...
