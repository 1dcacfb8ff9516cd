"""What was said and done with a customer, and what is to do."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar

from crmcore.domain.activities import rules
from crmcore.kit.choices import Choices
from crmcore.platform.access import Access, through
from crmcore.platform.fields import Choice, Flag, Int, Text, UtcDatetime
from crmcore.platform.record import OwnedRecord, Record, Rules, reference


class InteractionKind(StrEnum):
    """The form of an exchange."""

    CALL = "CALL"
    EMAIL = "EMAIL"
    MEETING = "MEETING"
    NOTE = "NOTE"
    CHAT = "CHAT"
    VISIT = "VISIT"


class Direction(Choices):
    """Who spoke to whom."""

    IN = "IN", "The customer to us."
    OUT = "OUT", "We to the customer."
    INTERNAL = "INTERNAL", "We among ourselves."


class Sentiment(StrEnum):
    """How the customer sounded."""

    POSITIVE = "POSITIVE"
    NEUTRAL = "NEUTRAL"
    NEGATIVE = "NEGATIVE"


class Interaction(Record):
    kind = Choice(InteractionKind)
    direction = Choice(Direction)
    at = UtcDatetime()
    duration_seconds = Int(null=True)
    subject = Text(300, null=True)
    body = Text(20000, null=True)
    is_first_response = Flag(default=False)
    sentiment = Choice(Sentiment, null=True)
    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    deal: Any = reference("core.Deal", "SET NULL", null=True)
    case: Any = reference("core.Case", "SET NULL", null=True)
    touchpoint: Any = reference("core.Touchpoint", "SET NULL", null=True)
    user: Any = reference("core.User", "SET NULL", null=True)

    special: ClassVar[Rules] = Rules(
        personal=("subject", "body"),
        rules=(rules.positive_duration,),
        search=("subject",),
    )
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "interaction"
        indexes = (
            ("tenant_id", "at", "id"),
            ("tenant_id", "customer_id", "at", "id"),
            ("tenant_id", "contact_id", "at", "id"),
            ("tenant_id", "deal_id", "at", "id"),
            ("tenant_id", "case_id", "at", "id"),
        )


class TaskStatus(StrEnum):
    """Whether a task is still to do."""

    OPEN = "OPEN"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


class Task(OwnedRecord):
    """The owner is the assignee."""

    subject = Text(300)
    description = Text(5000, null=True)
    due_at = UtcDatetime(null=True)
    status = Choice(TaskStatus, default=TaskStatus.OPEN)
    done_at = UtcDatetime(null=True)
    customer: Any = reference("core.Customer", "CASCADE", null=True)
    deal: Any = reference("core.Deal", "CASCADE", null=True)
    case: Any = reference("core.Case", "CASCADE", null=True)

    special: ClassVar[Rules] = Rules(rules=(rules.done_has_time,), search=("subject",))

    class Meta(OwnedRecord.Meta):
        table = "task"
        indexes = (("tenant_id", "due_at", "id"),)
