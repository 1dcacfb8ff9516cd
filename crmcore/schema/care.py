"""Care plans and touchpoints in the graph."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from crmcore.domain import care as models
from crmcore.domain.customers import Channel
from crmcore.query import Many, Moment, field, record
from crmcore.schema.actions import action, arg

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
    status: models.CarePlanStatus = field("Where it stands; carePlanActivate and the like move it.", write="create")
    starts_on: date = field("First day.")
    ends_on: date | None = field("Last day.")
    touchpoints: Many[Touchpoint] = field("The contacts it plans.")


@record(models.Touchpoint, moment=Moment("done_at", of=("customer", "contact")))
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
    status: models.TouchpointStatus = field("Where it stands; touchpointComplete and the like move it.", write="create")
    done_at: datetime | None = field("When it was done.", write="create")
    outcome: models.Outcome | None = field("How it went.", write="create")
    skip_reason: str | None = field("Why it was skipped.", write="create")
    next_step: str | None = field("What follows.")
    reschedule_count: int = field("How often it was put off.", write="never")
    interactions: Many[Interaction] = field("The exchange that fulfilled it.")


@action(models.CarePlan, models.activate_care_plan)
class CarePlanActivate:
    """Begin a plan that was a draft."""


@action(models.CarePlan, models.pause_care_plan)
class CarePlanPause:
    """Let a plan rest."""

    reason: str | None = arg("Why it rests.")


@action(models.CarePlan, models.resume_care_plan)
class CarePlanResume:
    """Go on with a plan that rested."""


@action(models.CarePlan, models.complete_care_plan)
class CarePlanComplete:
    """End a plan that did what it was for."""


@action(models.CarePlan, models.cancel_care_plan)
class CarePlanCancel:
    """End a plan before its time."""

    reason: str | None = arg("Why it ends.")


@action(models.Touchpoint, models.complete_touchpoint)
class TouchpointComplete:
    """Say that a planned contact took place, and how it went."""

    outcome: models.Outcome = arg("How it went.")
    interaction: Interaction | None = arg("The exchange that it was; of the same customer.")
    next_step: str | None = arg("What follows.")


@action(models.Touchpoint, models.skip_touchpoint)
class TouchpointSkip:
    """Leave a planned contact out."""

    reason: str = arg("Why it is left out.")


@action(models.Touchpoint, models.reschedule_touchpoint)
class TouchpointReschedule:
    """Plan a contact for another day; how often is counted."""

    planned_on: date = arg("The new day.")
    window_from: date | None = arg("First day on which it still fits.")
    window_to: date | None = arg("Last day on which it still fits.")
    reason: str | None = arg("Why it is put off.")
