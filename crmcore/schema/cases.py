"""Service cases in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmcore.domain import cases as models
from crmcore.domain.customers import Channel
from crmcore.query import Many, Moment, Timeline, field, record
from crmcore.schema.actions import action, arg

if TYPE_CHECKING:
    from crmcore.schema.activities import Interaction, Task
    from crmcore.schema.catalogue import Product
    from crmcore.schema.contacts import Contact
    from crmcore.schema.customers import Customer
    from crmcore.schema.people import User


@record(models.Case)
class Case:
    """A question, request or complaint of a customer; its owner is the assignee."""

    number: str = field("Case number, unique among living cases; made unless given.", derived=True)
    type: models.CaseType = field("What it is about.")
    subject: str = field("The matter in one line.")
    description: str | None = field("The matter in full.")
    customer: Customer | None = field("Whose case it is.")
    contact: Contact | None = field("The person who raised it.")
    product: Product | None = field("The product it is about.")
    priority: models.CasePriority = field("How soon it must be served.")
    severity: models.CaseSeverity | None = field("How bad the effect on the customer is.")
    status: models.CaseStatus = field("Where it stands; caseOpen, caseResolve and the like move it.", write="create")
    channel: Channel | None = field("How it reached us.")
    category: str | None = field("Category path, such as Delivery / Late.")
    root_cause: str | None = field("What was behind it.")
    resolution: str | None = field("How it was solved.", write="create")
    resolution_code: str | None = field("The solution's code, for statistics.", write="create")
    reopen_count: int = field("How often it was reopened.", write="never")
    parent_case: Case | None = field("The case this one belongs to.")
    merged_into: Case | None = field("The case in which this one goes on.", write="never")
    first_response_at: datetime | None = field("When we first answered.", write="create")
    resolved_at: datetime | None = field("When it was solved.", write="create")
    closed_at: datetime | None = field("When it was closed.", write="create")
    events: Many[CaseEvent] = field("What happened to it.")
    timeline: Timeline = field("What happened to it: its events and exchanges.")
    interactions: Many[Interaction] = field("Exchanges about it.")
    tasks: Many[Task] = field("What is to do for it.")


@record(models.CaseEvent, writes=(), moment=Moment("at", of=("case", "case.customer", "case.contact")))
class CaseEvent:
    """A case was raised, came to another status or got another assignee. Written by the engine, never changed."""

    case: Case | None = field("The case.")
    kind: models.CaseEventKind = field("What happened.")
    from_status: models.CaseStatus | None = field("The status it left; null unless it moved.")
    to_status: models.CaseStatus | None = field("The status in which it began, or to which it moved.")
    assignee: User | None = field("The colleague it was assigned to; null unless it was assigned.")
    at: datetime = field("When.")
    reason: str | None = field("Why it moved; how it was solved, where it was.")


@action(models.Case, models.open_case)
class CaseOpen:
    """Take a case up, or go on with one that waited."""


@action(models.Case, models.wait_case)
class CaseWait:
    """Wait for the customer or for a third party."""

    third_party: bool | None = arg("Whether it is a third party that we wait for; the customer unless given.")
    reason: str | None = arg("What we wait for.")


@action(models.Case, models.hold_case)
class CaseHold:
    """Put a case on hold."""

    reason: str | None = arg("Why it rests.")


@action(models.Case, models.resolve_case)
class CaseResolve:
    """Say how a case was solved."""

    resolution: str = arg("How it was solved.")
    resolution_code: str | None = arg("The solution's code, for statistics.")
    root_cause: str | None = arg("What was behind it.")


@action(models.Case, models.close_case)
class CaseClose:
    """Close a resolved case for good."""


@action(models.Case, models.reopen_case)
class CaseReopen:
    """Open a resolved case again, within 30 days of its solution."""

    reason: str = arg("Why it is not solved after all.")


@action(models.Case, models.reject_case)
class CaseReject:
    """End a new or open case that is none."""

    reason: str = arg("Why it is none; becomes its resolution.")


@action(models.Case, models.mark_case_duplicate)
class CaseMarkDuplicate:
    """End a new or open case that says what another one said first."""

    original: Case = arg("The case in which it goes on.")


@action(models.Case, models.merge_case)
class CaseMerge:
    """End a new or open case whose matter is dealt with in another one."""

    into: Case = arg("The case in which it goes on; not one that was rejected, merged or a duplicate.")
