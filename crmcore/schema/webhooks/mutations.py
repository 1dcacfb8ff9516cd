"""Mutations of webhook endpoints: what the write engine cannot derive is a filter, a selection and a secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.platform.context import Context
from crmcore.platform.webhooks import WebhookDeliveryStatus, secrets
from crmcore.query import RecordType, Ref, Registry
from crmcore.records import webhooks as commands
from crmcore.schema.mutations import answer, identity_arguments
from crmcore.schema.record_filters import RECORD_FILTERS
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, client_key, record_key
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.webhooks.fitting import Fitting
from crmcore.schema.writing import Payload

_TABLE: Final = "webhook_endpoint"
_PATHS: Final = {"filters": ("where",), "id": ("id",), "state_reason": ("reason",)}
_REPLAY_PATHS: Final = {"id": ("endpointId",)}
Given = Mapping[str, Any]

_MADE: Final = (
    "The secret that was just made. Keep it now: only the same mutation, sent again under its idempotency key within "
    "24 hours, shows it again."
)
_EVENT_TYPES: Final = 'Which events: "deal.won", "deal.*" for all of a kind, "*" for all. At most 50.'
_PAYLOAD: Final = (
    "A selection that every message holds as data: { name customer { name } }. It is on the type of the records, if "
    "all events are about one, else on Node: { id ... on Deal { name } }. It is read when the message is sent."
)


def make_webhook_types(registry: Registry, shapes: Shapes) -> None:
    """The inputs, and the payload of all mutations of endpoints, where the graph has endpoints."""
    if _TABLE not in registry.by_table:
        return
    shapes.object(
        "WebhookEndpointPayload",
        "The WebhookEndpoint as it is now, or the errors that say why nothing was done.",
        lambda: [
            shaped("webhookEndpoint", optional(shapes["WebhookEndpoint"]), "The endpoint; null if it was refused."),
            shaped("secret", optional(str), _MADE),
            shaped("delivery", optional(shapes["WebhookDelivery"]), "The delivery of a test."),
            shaped("outcome", optional(shapes["WriteOutcome"]), "What became of it, in a batch."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )
    shapes.object(
        "WebhookDeliveriesPayload",
        "How many deliveries are sent again, or the errors that say why none.",
        lambda: [
            shaped("count", optional(int), "How many; null if it was refused."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )
    for verb, said in (
        ("Create", "A new WebhookEndpoint."),
        ("Update", "Changes of a WebhookEndpoint: a field left out stays as it is, null clears it."),
    ):
        shapes.input(f"WebhookEndpoint{verb}Input", said, partial(_inputs, shapes, verb))


def _inputs(shapes: Shapes, verb: str) -> list[Field]:
    def needed(kind: Any) -> Any:
        return kind if verb == "Create" else optional(kind)

    fields = [
        shaped("url", needed(str), "Where messages are sent: https, and an address of the public internet."),
        shaped("description", optional(str), "What it is for."),
        shaped("eventTypes", needed(listed(str)), _EVENT_TYPES),
        shaped("where", optional(shapes[RECORD_FILTERS]), "Which records, as they are when the event is looked at."),
        shaped("changedFields", optional(listed(str)), "Of updates, only those that change one of these fields."),
        shaped("payload", optional(str), _PAYLOAD),
    ]
    if verb == "Create":
        said = "An id of your own choice, for trying again: a UUID, bare or as a global id."
        fields.insert(0, shaped("id", optional(ID), said))
    return fields


def webhook_mutations(registry: Registry, shapes: Shapes) -> list[RootField]:
    """`webhookEndpointCreate` and its sisters; deleting and restoring are as for every record."""
    record = registry.by_table.get(_TABLE)
    if record is None:
        return []
    key, version = identity_arguments(record)
    create = argument("input", shapes["WebhookEndpointCreateInput"], "The new WebhookEndpoint.")
    update = argument("input", shapes["WebhookEndpointUpdateInput"], "What changes.")
    said = f"How long the old secret signs beside the new one, at most 168; {_hours(secrets.OVERLAP)} unless given."
    overlap = argument("overlapHours", optional(int), said)
    reason = argument("reason", optional(str), "Why, for those who find it paused.")
    one = optional(shapes["WebhookEndpointPayload"])
    return [
        _field("Create", one, "Create a WebhookEndpoint. The answer has its secret.",
               [create], _create(record)),
        _field("Update", one, "Change a WebhookEndpoint. Its messages hold what you may see from now on.",
               [key, update, version], _update(record)),
        _field("Pause", one, "Send nothing for a while: what happens meanwhile is sent when it is resumed.",
               [key, reason, version], _pause(record)),
        _field("Resume", one, "Send again, with the rights it had. After a pause, what happened meanwhile is sent too.",
               [key, version], _resume(record)),
        _field("RotateSecret", one, "Make a new secret. Both sign until the old one's time is over.",
               [key, overlap], _rotate(record)),
        _field("Test", one, "Send a message of the type webhook.test.", [key], _test(record)),
        RootField(shaped("webhookDeliveriesReplay", optional(shapes["WebhookDeliveriesPayload"]),
                         "Send deliveries again that are over, each with its id of then: name them, or a time.",
                         arguments=_replay_arguments(shapes)), _replay(record)),
    ]  # fmt: skip


def _field(verb: str, payload: Any, said: str, arguments: Sequence[Any], resolve: Callable[..., Any]) -> RootField:
    return RootField(shaped(f"webhookEndpoint{verb}", payload, said, arguments=arguments), resolve)


def _replay_arguments(shapes: Shapes) -> list[Any]:
    return [
        argument("endpointId", ID, "The global id of the endpoint."),
        argument("ids", optional(listed(ID)), f"Global ids of deliveries, at most {commands.MOST_REPLAYED}."),
        argument("since", optional(datetime), "All that were made at this time or later."),
        argument("until", optional(datetime), "All that were made before this time."),
        argument(
            "statuses",
            optional(listed(shapes.choice(WebhookDeliveryStatus))),
            "Only these; DEAD unless given with ids.",
        ),
    ]


# ------------------------------------------------------------ resolvers


def _create(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        sent, made = given["input"], []

        async def command(ctx: Context) -> UUID:
            chosen = sent.get("id")
            id_ = None if chosen is None else client_key(chosen, _TABLE, "input", "id")
            fitting: Fitting = info.context.webhooks
            values = await fitting.columns(ctx, sent)
            fitting.whole(values)
            key, secret = await commands.create_endpoint(ctx, values, id_)
            made.append(secret)
            return key

        return await _answered(record, info, command, lambda: {"secret": made[0]})

    return resolve


def _update(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        async def command(ctx: Context) -> UUID:
            fitting: Fitting = info.context.webhooks
            values = await fitting.columns(ctx, given["input"])
            return await commands.update_endpoint(ctx, _key(given), values, given.get("expectedVersion"), fitting.whole)

        return await _answered(record, info, command)

    return resolve


def _pause(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        async def command(ctx: Context) -> UUID:
            return await commands.pause_endpoint(ctx, _key(given), given.get("reason"), given.get("expectedVersion"))

        return await _answered(record, info, command)

    return resolve


def _resume(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        async def command(ctx: Context) -> UUID:
            return await commands.resume_endpoint(ctx, _key(given), given.get("expectedVersion"))

        return await _answered(record, info, command)

    return resolve


def _rotate(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        hours, made = given.get("overlapHours"), []

        async def command(ctx: Context) -> UUID:
            overlap = secrets.OVERLAP if hours is None else timedelta(hours=hours)
            key, secret = await commands.rotate_secret(ctx, _key(given), overlap)
            made.append(secret)
            return key

        return await _answered(record, info, command, lambda: {"secret": made[0]})

    return resolve


def _test(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        made: list[UUID] = []

        async def command(ctx: Context) -> UUID:
            key, delivery = await commands.test_endpoint(ctx, _key(given))
            made.append(delivery)
            return key

        return await _answered(record, info, command, lambda: {"delivery": Ref("WebhookDelivery", made[0])})

    return resolve


def _replay(record: RecordType) -> Callable[..., Awaitable[Payload]]:
    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        counted: list[int] = []

        async def command(ctx: Context) -> UUID:
            ids = given.get("ids")
            keys = None if ids is None else [record_key(i, "webhook_delivery", "ids") for i in ids]
            statuses = given.get("statuses")
            if statuses is None:
                statuses = () if keys is not None else (WebhookDeliveryStatus.DEAD,)
            endpoint = record_key(given["endpointId"], _TABLE, "endpointId")
            since, until = given.get("since"), given.get("until")
            key, count = await commands.replay_deliveries(
                ctx, endpoint, ids=keys, since=since, until=until, statuses=statuses
            )
            counted.append(count)
            return key

        payload = await answer(record, info, command, _REPLAY_PATHS)
        return {"count": counted[0] if counted and not payload["errors"] else None, "errors": payload["errors"]}

    return resolve


async def _answered(
    record: RecordType, info: GraphQLResolveInfo[Any], command: Any, more: Callable[[], Payload] = dict
) -> Payload:
    payload = await answer(record, info, command, _PATHS)
    told = {} if payload["errors"] else more()
    return {"secret": None, "delivery": None, **payload, **told}


def _key(given: Given) -> UUID:
    return record_key(given["id"], _TABLE, "id")


def _hours(span: timedelta) -> int:
    return int(span.total_seconds() // 3600)
