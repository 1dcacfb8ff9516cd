"""Interactions and tasks in the graph."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from crmcore.domain import activities as models
from crmcore.query import Moment, expression, field, record

if TYPE_CHECKING:
    from crmcore.schema.care import Touchpoint
    from crmcore.schema.cases import Case
    from crmcore.schema.contacts import Contact
    from crmcore.schema.customers import Customer
    from crmcore.schema.deals import Deal
    from crmcore.schema.people import User


@record(models.Interaction, moment=Moment("at", of=("customer", "contact", "deal", "case")))
class Interaction:
    """One exchange with a customer: a call, a mail, a meeting, a note."""

    kind: models.InteractionKind = field("The form of the exchange.")
    direction: models.Direction = field("Who spoke.")
    at: datetime = field("When it took place.")
    duration_seconds: int | None = field("How long it took.")
    subject: str | None = field("What it was about.")
    body: str | None = field("What was said.")
    is_first_response: bool = field("Whether it was our first answer to a case.")
    sentiment: models.Sentiment | None = field("How the customer sounded.")
    customer: Customer | None = field("The customer.")
    contact: Contact | None = field("The person we spoke with.")
    deal: Deal | None = field("The deal it was about.")
    case: Case | None = field("The case it was about.")
    touchpoint: Touchpoint | None = field("The planned care contact that it fulfils.")
    user: User | None = field("The colleague who took part.")


@record(models.Task)
class Task:
    """Something to do; its owner is the assignee."""

    subject: str = field("What is to do.")
    description: str | None = field("More about it.")
    due_at: datetime | None = field("When it must be done.")
    status: models.TaskStatus = field("Whether it is still to do.")
    done_at: datetime | None = field("When it was done.")
    is_overdue: bool = expression(
        "({status} = 'OPEN' AND {due_at} IS NOT NULL AND {due_at} < {now})",
        "Whether it is still to do although it is past its time.",
    )
    customer: Customer | None = field("The customer it is for.")
    deal: Deal | None = field("The deal it is for.")
    case: Case | None = field("The case it is for.")
