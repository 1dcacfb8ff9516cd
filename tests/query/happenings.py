"""A customer with happenings of every kind, for tests of timelines, and what Python makes of them."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crmcore.domain import activities, care, cases, contacts, customers, deals, people

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

TIMELINE = """query($id: ID!, $types: [TimelineType!], $since: DateTime, $until: DateTime, $direction: OrderDirection,
    $first: Int, $after: String, $last: Int, $before: String) {
  customer(id: $id) { timeline(types: $types, since: $since, until: $until, direction: $direction,
      first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { __typename id timelineAt } edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


class Company:
    """A customer full of happenings at few moments; `items` are the expected ones, with their times, as Python has it."""

    def __init__(self, seed: Any) -> None:
        self.seed, self.numbers = seed, itertools.count()
        self.items: list[tuple[datetime, str, str]] = []

    async def base(self) -> None:
        seed = self.seed
        self.user = await seed(people.User, name="Ada", email="ada@example.org")
        self.customer = await seed(customers.Customer, name="Acme", owner_id=self.user)
        self.other = await seed(customers.Customer, name="Other")
        self.contact = await seed(contacts.Contact, name="Li", last_name="Li")
        pipeline = await seed(deals.Pipeline, name="Sales")
        self.stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
        place = {"pipeline_id": pipeline, "stage_id": self.stage, "probability": 1, "stage_entered_at": T0}
        self.deal = await seed(deals.Deal, name="D", customer_id=self.customer, owner_id=self.user, **place)
        self.hidden_deal = await seed(deals.Deal, name="H", customer_id=self.customer, **place)
        self.gone_deal = await seed(deals.Deal, name="G", customer_id=self.customer, deleted_at=T0, **place)
        self.other_deal = await seed(deals.Deal, name="O", customer_id=self.other, **place)
        self.case = await seed(cases.Case, number="1", subject="C", customer_id=self.customer, contact_id=self.contact)
        self.plan = await seed(
            care.CarePlan, name="P", customer_id=self.customer, starts_on=T0.date(), owner_id=self.user
        )

    async def add(self, kind: str, at: datetime | None, **more: Any) -> str:
        """One happening of the customer; its global id."""
        made: dict[str, tuple[Any, dict[str, Any]]] = {
            "interaction": (activities.Interaction, {"customer_id": self.customer, "kind": "NOTE", "direction": "IN", "at": at}),
            "stage_transition": (deals.StageTransition, {"deal_id": self.deal, "to_stage_id": self.stage, "at": at}),
            "case_event": (cases.CaseEvent, {"case_id": self.case, "kind": "MOVED", "to_status": "OPEN", "at": at}),
            "order": (deals.Order, {"customer_id": self.customer, "number": f"{next(self.numbers)}", "currency": "EUR", "placed_at": at}),
            "touchpoint": (care.Touchpoint, {"care_plan_id": self.plan, "customer_id": self.customer, "planned_on": T0.date(), "done_at": at}),
        }  # fmt: skip
        model, values = made[kind]
        key = f"{kind}_{await self.seed(model, **{**values, **more})}"
        return key

    async def expect(self, kind: str, at: datetime, **more: Any) -> str:
        key = await self.add(kind, at, **more)
        self.items.append((at, key.rpartition("_")[2], key))
        return key

    def merged(self, descending: bool = True, kinds: Any = None, since: Any = None, until: Any = None) -> list[str]:
        """What a Python merge says."""
        chosen = [
            (at, id_, key)
            for at, id_, key in self.items
            if (kinds is None or key.rpartition("_")[0].upper() in kinds)
            and (since is None or at >= since)
            and (until is None or at < until)
        ]
        return [
            key for *_, key in sorted(chosen, key=lambda i: (i[0], i[1], i[2].rpartition("_")[0]), reverse=descending)
        ]


@pytest.fixture
async def company(seed):
    """40 happenings at 9 moments, and beside them everything that must not be seen."""
    made = Company(seed)
    await made.base()
    chance = random.Random(7)
    for n in range(40):
        kind = ("interaction", "stage_transition", "case_event", "order", "touchpoint")[n % 5]
        await made.expect(
            kind, T0 + timedelta(microseconds=chance.choice((0, 1, 2, 10**6, 86400 * 10**6)) * (1 + n % 2))
        )
    await made.add("order", None)
    await made.add("touchpoint", None)
    await made.add("interaction", T0, deleted_at=T0)
    await made.add("interaction", T0, customer_id=made.other)
    await made.add("stage_transition", T0, deal_id=made.other_deal)
    await made.add("stage_transition", T0, deal_id=made.gone_deal)
    return made
