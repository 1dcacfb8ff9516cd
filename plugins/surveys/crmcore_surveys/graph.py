"""What surveys puts into the graph."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from crmcore.schema import Many, Moment, action, arg, batch, extend, field, figure, record
from crmcore_surveys import commands, models

if TYPE_CHECKING:
    from crmcore.schema import Contact, Customer


@record(
    models.SurveysResponse,
    writes=("delete", "restore"),
    moment=Moment("answered_at", of=("customer", "contact")),
)
class SurveysResponse:
    """What a customer answered to the question how likely they are to recommend us."""

    customer: Customer | None = field("Who answered.")
    contact: Contact | None = field("The person at the customer who answered.")
    score: int = field("From 0, not at all likely, to 10, extremely likely.")
    comment: str | None = field("Why, in the customer's words.")
    channel: str | None = field("How the question was asked, such as email or shop.")
    answered_at: datetime = field("When the customer answered.")


@extend("Customer")
class CustomerSurveys:
    """What every customer shows of it."""

    surveys_responses: Many[SurveysResponse] = field("What the customer answered to surveys.")
    surveys_average_score: Decimal | None = figure(
        "avg", "surveys_responses", "The mean score of the customer's responses; null if there is none.", of="score"
    )
    surveys_latest_score: int | None = batch(
        commands.latest_scores, "The score of the customer's latest response; null if there is none."
    )


@action(models.SurveysResponse, commands.record_response, creates=True)
class SurveysResponseRecord:
    """Record what a customer answered."""

    customer: Customer = arg("Who answered.")
    contact: Contact | None = arg("The person at the customer who answered.")
    score: int = arg("From 0, not at all likely, to 10, extremely likely.")
    comment: str | None = arg("Why, in the customer's words.")
    channel: str | None = arg("How the question was asked, such as email or shop.")
    answered_at: datetime | None = arg("When the customer answered; now if left out.")
