"""Care: contacts with a customer that are planned ahead, so that no important customer is missed."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.care import events, rules
from crmcore.domain.customers import Channel
from crmcore.platform.access import Access, through
from crmcore.platform.fields import Choice, Day, Int, Text, UtcDatetime
from crmcore.platform.machine import Machine
from crmcore.platform.record import OwnedRecord, Record, Rules, reference


class Occasion(StrEnum):
    """Why a customer is contacted."""

    CADENCE = "CADENCE"
    BIRTHDAY = "BIRTHDAY"
    ANNIVERSARY = "ANNIVERSARY"
    POST_PURCHASE = "POST_PURCHASE"
    CONTRACT_END = "CONTRACT_END"
    AFTER_COMPLAINT = "AFTER_COMPLAINT"
    HOLIDAY = "HOLIDAY"
    INACTIVE = "INACTIVE"


class Outcome(StrEnum):
    """How a touchpoint went."""

    POSITIVE = "POSITIVE"
    NEUTRAL = "NEUTRAL"
    NEGATIVE = "NEGATIVE"
    NO_REACH = "NO_REACH"


class CarePlan(OwnedRecord):
    customer: Any = reference("core.Customer", "CASCADE")
    name = Text(200)
    goal = Text(1000, null=True)
    status = Choice(rules.CarePlanStatus, default=rules.CarePlanStatus.DRAFT)
    starts_on = Day()
    ends_on = Day(null=True)

    special: ClassVar[Rules] = Rules(
        rules=(rules.plan_period,),
        machine=Machine("status", rules.CarePlanStatus.DRAFT, rules.CARE_PLAN_MOVES),
        events=events.CARE_PLAN_EVENTS,
        search=("name",),
    )

    class Meta(OwnedRecord.Meta):
        table = "care_plan"


class Touchpoint(Record):
    """One planned contact. `customer` is the plan's, kept beside it for lists."""

    care_plan: Any = reference("core.CarePlan", "CASCADE")
    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    user: Any = reference("core.User", "SET NULL", null=True)
    occasion = Choice(Occasion, default=Occasion.CADENCE)
    planned_on = Day()
    window_from = Day(null=True)
    window_to = Day(null=True)
    channel = Choice(Channel, null=True)
    status = Choice(rules.TouchpointStatus, default=rules.TouchpointStatus.PLANNED)
    done_at = UtcDatetime(null=True)
    outcome = Choice(Outcome, null=True)
    skip_reason = Text(500, null=True)
    next_step = Text(500, null=True)
    reschedule_count = Int(default=0)

    special: ClassVar[Rules] = Rules(
        rules=(rules.touchpoint_window,),
        derives=("customer_id",),
        machine=Machine("status", rules.TouchpointStatus.PLANNED, rules.TOUCHPOINT_MOVES, rules.TOUCHPOINT_REQUIRES),
        events=events.TOUCHPOINT_EVENTS,
    )
    access: ClassVar[Access] = through("care_plan")

    class Meta(Record.Meta):
        table = "touchpoint"
        indexes = (
            ("tenant_id", "planned_on", "id"),
            ("tenant_id", "status", "planned_on", "id"),
            ("tenant_id", "customer_id", "planned_on", "id"),
            ("tenant_id", "customer_id", "done_at", "id"),
            ("tenant_id", "contact_id", "done_at", "id"),
        )
