"""Service cases: questions, requests and complaints, from first word to solution."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.cases import events, rules
from crmcore.domain.customers import Channel
from crmcore.kit.choices import Choices
from crmcore.platform.access import Access, through
from crmcore.platform.fields import Choice, Int, Text, UtcDatetime
from crmcore.platform.machine import Machine
from crmcore.platform.record import OwnedRecord, Record, Rules, Unique, reference


class CaseType(StrEnum):
    """What a case is about."""

    ENQUIRY = "ENQUIRY"
    SERVICE_REQUEST = "SERVICE_REQUEST"
    COMPLAINT = "COMPLAINT"
    TECHNICAL = "TECHNICAL"
    SUGGESTION = "SUGGESTION"
    ORDER_ENQUIRY = "ORDER_ENQUIRY"


class CasePriority(StrEnum):
    """How soon a case must be served."""

    LOW = "LOW"
    NORMAL = "NORMAL"
    HIGH = "HIGH"
    URGENT = "URGENT"


class CaseSeverity(StrEnum):
    """How bad the effect on the customer is."""

    MINOR = "MINOR"
    MAJOR = "MAJOR"
    CRITICAL = "CRITICAL"


class Case(OwnedRecord):
    """The owner is the assignee."""

    number = Text(40)
    type = Choice(CaseType, default=CaseType.ENQUIRY)
    subject = Text(300)
    description = Text(20000, null=True)
    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    product: Any = reference("core.Product", "SET NULL", null=True)
    priority = Choice(CasePriority, default=CasePriority.NORMAL)
    severity = Choice(CaseSeverity, null=True)
    status = Choice(rules.CaseStatus, default=rules.CaseStatus.NEW)
    channel = Choice(Channel, null=True)
    category = Text(200, null=True)
    root_cause = Text(500, null=True)
    resolution = Text(5000, null=True)
    resolution_code = Text(60, null=True)
    reopen_count = Int(default=0)
    parent_case: Any = reference("core.Case", "SET NULL", null=True)
    merged_into: Any = reference("core.Case", "SET NULL", null=True)
    first_response_at = UtcDatetime(null=True)
    resolved_at = UtcDatetime(null=True)
    closed_at = UtcDatetime(null=True)

    special: ClassVar[Rules] = Rules(
        unique=(Unique(("number",)),),
        derives=("number",),
        machine=Machine("status", rules.CaseStatus.NEW, rules.CASE_MOVES, rules.CASE_REQUIRES),
        events=events.CASE_EVENTS,
        search=("subject", "number"),
    )

    class Meta(OwnedRecord.Meta):
        table = "case"
        indexes = (("tenant_id", "created_at", "id"), ("tenant_id", "customer_id", "status", "id"))


class CaseEventKind(Choices):
    """What happened to a case."""

    CREATED = "CREATED", "It was raised."
    MOVED = "MOVED", "It came to another status."
    ASSIGNED = "ASSIGNED", "It got another assignee."


class CaseEvent(Record):
    """Append-only: one row for each time a case is raised, comes to another status or gets another assignee.

    `to_status` is where it begins or moves to, `from_status` where it moves from; `assignee` is set where it is
    assigned.
    """

    case: Any = reference("core.Case", "CASCADE")
    kind = Choice(CaseEventKind)
    from_status = Choice(rules.CaseStatus, null=True)
    to_status = Choice(rules.CaseStatus, null=True)
    assignee: Any = reference("core.User", "SET NULL", null=True)
    at = UtcDatetime()
    reason = Text(5000, null=True)

    access: ClassVar[Access] = through("case")

    class Meta(Record.Meta):
        table = "case_event"
        indexes = (("tenant_id", "case_id", "at", "id"),)
