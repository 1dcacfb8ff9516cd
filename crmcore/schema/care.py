"""Care plans and touchpoints in the graph."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from crmcore.domain import care as models
from crmcore.domain.customers import Channel
from crmcore.query import Many, field, record

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction
    from crmcore.schema.contacts import Contact
    from crmcore.schema.customers import Customer
    from crmcore.schema.people import User


@record(models.CarePlan)
class CarePlan:
    """How a customer is cared for over a period, so that no promise is forgotten."""

    customer: Customer | None = field("The customer who is cared for.")
    name: str = field("What the plan is called.")
    goal: str | None = field("What it is to achieve.")
    status: models.CarePlanStatus = field("Where it stands; change it with carePlanActivate and the like.", write="create")
    starts_on: date = field("First day.")
    ends_on: date | None = field("Last day.")
    touchpoints: Many[Touchpoint] = field("The contacts it plans.")


@record(models.Touchpoint)
class Touchpoint:
    """One planned contact with a customer."""

    care_plan: CarePlan | None = field("The plan it belongs to.")
    customer: Customer | None = field("The plan's customer.", write="never")
    contact: Contact | None = field("The person to contact.")
    user: User | None = field("The colleague who does it.")
    occasion: models.Occasion = field("Why the customer is contacted.")
    planned_on: date = field("The day it is planned for; change it with touchpointReschedule.", write="create")
    window_from: date | None = field("First day on which it still fits.")
    window_to: date | None = field("Last day on which it still fits.")
    channel: Channel | None = field("How the customer is contacted.")
    status: models.TouchpointStatus = field("Where it stands; change it with touchpointComplete and the like.", write="create")
    done_at: datetime | None = field("When it was done.", write="create")
    outcome: models.Outcome | None = field("How it went.", write="create")
    skip_reason: str | None = field("Why it was skipped.", write="create")
    next_step: str | None = field("What follows.")
    reschedule_count: int = field("How often it was put off.", write="never")
    interactions: Many[Interaction] = field("The exchange that fulfilled it.")
