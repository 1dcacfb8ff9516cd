"""Endpoints, which are records of the tenant, and what is kept for each of them: secrets, progress and deliveries."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from tortoise.models import Model

from crmcore.kit.choices import Choices
from crmcore.platform.access import TENANT_REACH, Access, ActorKind, Reach
from crmcore.platform.fields import BigInt, Choice, Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.record import OwnedRecord, Rules
from crmcore.platform.tables import FilledIndex, UniqueIndex
from crmcore.platform.webhooks import rules
from crmcore.platform.webhooks.events import ENDPOINT_EVENTS


class WebhookState(Choices):
    """Whether events are sent to an endpoint."""

    ACTIVE = "ACTIVE", "Events are sent."
    PAUSED = "PAUSED", "Nothing is sent; what happens meanwhile is sent when the endpoint is resumed."
    DISABLED = "DISABLED", "Nothing is sent, and what happens meanwhile is not sent later either."


class WebhookDeliveryStatus(Choices):
    """What became of a delivery."""

    PENDING = "PENDING", "It is to be sent, for the first time or again."
    DELIVERED = "DELIVERED", "The receiver took it."
    DEAD = "DEAD", "All attempts failed. It is sent again only if you replay it."
    CANCELLED = "CANCELLED", "The endpoint was deleted or disabled before it could be sent."


class WebhookEndpoint(OwnedRecord):
    """`filters` holds `RecordFilters` as clients write them, `changed_fields` names of the API, `payload` a selection.

    Messages hold what the actor may see who configured the endpoint last: `actor_kind`, `actor_id` and `reach`. That
    user is the owner: an address, and whether it is told anything, is not for everybody.
    """

    url = Text(2000)
    description = Text(1000, null=True)
    event_types = Json()
    filters = Json(null=True)
    changed_fields = Json(default=list)
    payload = Text(10_000, null=True)
    state = Choice(WebhookState, default=WebhookState.ACTIVE)
    state_reason = Text(500, null=True)
    secret_at = UtcDatetime(null=True)
    actor_kind = Choice(ActorKind)
    actor_id = Uuid(null=True)
    reach = Choice(Reach)

    special: ClassVar[Rules] = Rules(rules=(rules.url_fits, rules.event_types_fit), events=ENDPOINT_EVENTS)

    class Meta(OwnedRecord.Meta):
        table = "webhook_endpoint"


class WebhookSecret(Model):
    """A key that signs an endpoint's messages, until `ends_at`."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    endpoint_id = Uuid()
    secret = Text(200)
    created_at = UtcDatetime()
    ends_at = UtcDatetime(null=True)

    class Meta(Model.Meta):
        table = "webhook_secret"
        indexes: ClassVar[Any] = (("tenant_id", "endpoint_id", "created_at"),)


class WebhookCursor(Model):
    """How far an endpoint's events are dispatched, who does it (`lease`), and how its receiver fares.

    `failures` counts attempts that failed since the last that succeeded, the first of them at `failing_since`; until
    `rest_until` nothing is sent.
    """

    endpoint_id = Uuid(primary_key=True)
    tenant_id = Uuid()
    sequence = BigInt()
    lease = Uuid(null=True)
    leased_until = UtcDatetime(null=True)
    failures = Int(default=0)
    failing_since = UtcDatetime(null=True)
    rest_until = UtcDatetime(null=True)

    class Meta(Model.Meta):
        table = "webhook_cursor"
        indexes: ClassVar[Any] = (("tenant_id", "endpoint_id"),)


class WebhookDelivery(Model):
    """One message for one endpoint. Its id is the message's, in every attempt. `next_at` is set while it is pending;
    `sequence` and `event_id` are null for a test. `answer` is the beginning of what the receiver said, for operators.
    """

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    endpoint_id = Uuid()
    sequence = BigInt(null=True)
    event_id = Uuid(null=True)
    type = Text(120)
    record_type = Text(63)
    record_id = Uuid()
    status = Choice(WebhookDeliveryStatus)
    attempts = Int(default=0)
    made_at = UtcDatetime()
    next_at = UtcDatetime(null=True)
    attempted_at = UtcDatetime(null=True)
    duration_ms = Int(null=True)
    response_code = Int(null=True)
    problem = Text(500, null=True)
    answer = Text(500, null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "webhook_delivery"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "endpoint_id", "sequence"), name="uq_webhook_delivery_sequence"),
            FilledIndex(
                fields=("tenant_id", "endpoint_id", "next_at"), name="ix_webhook_delivery_due", filled="next_at"
            ),
            FilledIndex(
                fields=("tenant_id", "endpoint_id", "record_id", "sequence", "next_at"),
                name="ix_webhook_delivery_order", filled="next_at",
            ),
            ("tenant_id", "endpoint_id", "made_at", "id"),
            ("tenant_id", "made_at", "id"),
            ("tenant_id", "id"),
        )  # fmt: skip


TEST: Final = "webhook.test"
"""The type of a message that a test sends."""
