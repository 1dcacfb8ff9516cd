"""What the surveys plugin stores."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from crmcore.errors import Invalid, Refusal
from crmcore.plugins import Access, Draft, Int, Record, Rules, Text, UtcDatetime, reference, through

LOWEST, HIGHEST = 0, 10


def score_in_range(draft: Draft) -> Iterator[Refusal]:
    """A score is the answer to "How likely are you to recommend us?"."""
    score = draft.after["score"]
    if score is not None and not LOWEST <= score <= HIGHEST:
        yield Invalid(f"A score is a whole number from {LOWEST} to {HIGHEST}.", "score")


class SurveysResponse(Record):
    """One answer of a customer to a survey. Its history is the customer's, so it goes where the customer goes."""

    customer: Any = reference("core.Customer", "CASCADE")
    contact: Any = reference("core.Contact", "SET NULL", null=True)
    score = Int()
    comment = Text(4000, null=True)
    channel = Text(40, null=True)
    answered_at = UtcDatetime()

    special: ClassVar[Rules] = Rules(rules=(score_in_range,))
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "surveys_response"
        indexes = (
            ("tenant_id", "customer_id", "answered_at", "id"),
            ("tenant_id", "contact_id", "answered_at", "id"),
        )
