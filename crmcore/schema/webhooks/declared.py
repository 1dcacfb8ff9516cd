"""Webhook endpoints and their deliveries in the graph."""

from __future__ import annotations

from datetime import datetime

from crmcore.platform.webhooks import WebhookDeliveryStatus, WebhookState
from crmcore.platform.webhooks import models as stored
from crmcore.query import Actor, FreeData, Many, field, log, record
from crmcore.schema.scalars import ID


@record(stored.WebhookEndpoint, writes=("delete", "restore"))
class WebhookEndpoint:
    """An address of yours to which events are sent, each as a signed POST. Make one with webhookEndpointCreate."""

    url: str = field("Where messages are sent.")
    description: str | None = field("What it is for.")
    event_types: list[str] = field('Which events: "deal.won", "deal.*" for all of a kind, "*" for all.')
    where: FreeData | None = field("Which records, as it was given: RecordFilters.", column="filters")
    changed_fields: list[str] = field("Of updates, only those that change one of these fields; empty: all.")
    payload: str | None = field("The selection that is in every message as data; null for none.")
    state: WebhookState = field("Whether events are sent.")
    state_reason: str | None = field("Why it is paused or disabled.")
    secret_at: datetime | None = field("When its present secret was made.")
    actor: Actor = field("Who configured it last: messages hold what they may see.")
    deliveries: Many[WebhookDelivery] = field("The messages for it.", via="endpoint")


@log(stored.WebhookDelivery)
class WebhookDelivery:
    """A message for an endpoint, and how its attempts went. The latest come first with orderBy: {field: MADE_AT,
    direction: DESC}."""

    endpoint: WebhookEndpoint | None = field("Where it is sent.")
    type: str = field("The type of its event, or webhook.test.")
    record_type: str = field("The kind of record that it is about, as the prefix of its global id.")
    record_id: ID = field("The key of that record, without the prefix.")
    sequence: int | None = field("The place of its event in the log; null for a test.")
    status: WebhookDeliveryStatus = field("What became of it.")
    attempts: int = field("How often it was sent, since it was made or replayed.")
    made_at: datetime = field("When it was made.")
    next_at: datetime | None = field("When it is sent next; null if it is not.")
    attempted_at: datetime | None = field("When it was sent last.")
    duration_ms: int | None = field("How long the last attempt took, in milliseconds.")
    response_code: int | None = field("What the receiver answered last; null without an answer.")
    problem: str | None = field("Why the last attempt failed.")
