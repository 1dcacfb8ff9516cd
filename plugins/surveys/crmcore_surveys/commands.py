"""Recording a response that was told by other ways."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from crmcore.plugins import Context, Create, crm_of
from crmcore.schema import action, arg
from crmcore_surveys.models import SurveysResponse

if TYPE_CHECKING:
    from crmcore.schema import Contact, Customer


async def record_response(
    ctx: Context,
    *,
    customer_id: UUID,
    score: int,
    contact_id: UUID | None = None,
    comment: str | None = None,
    channel: str | None = None,
    answered_at: datetime | None = None,
) -> UUID:
    """Keep what a customer answered, now unless `answered_at` says when; the response's id."""
    values = {
        "customer_id": customer_id,
        "contact_id": contact_id,
        "score": score,
        "comment": comment,
        "channel": channel,
        "answered_at": answered_at or ctx.clock(),
    }
    crm = crm_of(ctx, "surveys")
    async with crm.transaction() as tx:
        [written] = await crm.write([Create(SurveysResponse, values)], tx)
        await crm.enqueue("follow_up", {"response": str(written.id)}, unique_key=f"follow-{written.id}", tx=tx)
    return written.id


@action(SurveysResponse, record_response, creates=True)
class SurveysResponseRecord:
    """Record what a customer answered."""

    customer: Customer = arg("Who answered.")
    contact: Contact | None = arg("The person at the customer who answered.")
    score: int = arg("From 0, not at all likely, to 10, extremely likely.")
    comment: str | None = arg("Why, in the customer's words.")
    channel: str | None = arg("How the question was asked, such as email or shop.")
    answered_at: datetime | None = arg("When the customer answered; now if left out.")
