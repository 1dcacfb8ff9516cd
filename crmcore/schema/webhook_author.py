"""What the graph does for webhooks: filters are asked and selections read, with the policy that the actor has now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from graphql import Undefined

from crmcore.errors import BadInput
from crmcore.kit.ids import to_global
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.database import Unavailable
from crmcore.platform.events import StoredEvent
from crmcore.platform.predicates import readable
from crmcore.platform.webhooks import Delivery, Endpoint, Unsendable, WebhookState
from crmcore.query import Where, matching
from crmcore.records.webhooks import stop_endpoint
from crmcore.schema.coercion import Coercion
from crmcore.schema.errors import UNAVAILABLE
from crmcore.schema.record_filters import RECORD_FILTERS, filters_by_type
from crmcore.schema.running import Request, Runner
from crmcore.schema.webhooks.selecting import document


class GraphAuthor:
    """`platform.webhooks.Author` for one app. `context` makes the context of a policy."""

    def __init__(self, runner: Runner, context: Callable[[Policy], Context]) -> None:
        self.runner = runner
        self.context = context
        self._filters = Coercion(runner.schema.core).of(runner.schema.core.type_map[RECORD_FILTERS])

    async def choose(self, endpoint: Endpoint, events: Sequence[StoredEvent]) -> Sequence[StoredEvent]:
        ctx = self._acting(endpoint)
        filters = self._filters_of(endpoint)
        ids: defaultdict[str, set[UUID]] = defaultdict(set)
        for event in events:
            ids[event.record_type].add(event.record_id)
        seen = {type_: await self._seen(ctx, type_, keys, filters) for type_, keys in ids.items()}
        return [event for event in events if event.record_id in seen[event.record_type]]

    async def _seen(self, ctx: Context, type_: str, ids: set[UUID], filters: Mapping[str, Where]) -> set[UUID]:
        record = self.runner.engine.registry.by_table.get(type_)
        if record is None or not readable(ctx.policy, record.model):
            return set()
        where = filters.get(record.name)
        if where is None and ctx.policy.reach is Reach.TENANT:
            return ids
        try:
            return await matching(self.runner.engine, ctx, record, ids, where, deleted=True)
        except BadInput as bad:
            raise Unsendable(f"Its filter cannot be asked any more: {bad.message}") from bad

    def _filters_of(self, endpoint: Endpoint) -> dict[str, Where]:
        if endpoint.filters is None:
            return {}
        given = self._filters(endpoint.filters)
        if given is Undefined:
            raise Unsendable("Its filter does not fit the schema any more: give it again.")
        return filters_by_type(self.runner.engine.registry, given)

    async def read(self, endpoint: Endpoint, deliveries: Sequence[Delivery]) -> Mapping[UUID, Any] | None:
        if endpoint.payload is None:
            return None
        keys = [delivery.record_id for delivery in deliveries]
        ids = [to_global(delivery.record_type, delivery.record_id) for delivery in deliveries]
        text = document(self.runner.engine.registry, endpoint.event_types, endpoint.payload)
        answer = await self.runner.run(self._acting(endpoint), Request(text, {"ids": ids}))
        if answer.data is None or (nodes := orjson.loads(orjson.dumps(answer.data))["nodes"]) is None:
            error = answer.errors[0]
            if error["extensions"]["code"] == UNAVAILABLE:
                raise Unavailable(error["message"])
            raise Unsendable(f"Its payload cannot be read any more: {error['message']}")
        return {key: node for key, node in zip(keys, nodes, strict=True) if node is not None}

    async def stop(self, endpoint: Endpoint, state: WebhookState, reason: str) -> None:
        system = Policy(endpoint.tenant_id, Actor(ActorKind.SYSTEM))
        await stop_endpoint(self.context(system), endpoint.id, state, reason)

    def _acting(self, endpoint: Endpoint) -> Context:
        assert endpoint.policy is not None
        return self.context(endpoint.policy)
