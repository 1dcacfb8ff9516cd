"""Recording a response, and reading the latest ones of a page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from crmcore.plugins import Context, Create, Row, latest, write
from crmcore_surveys.models import SurveysResponse


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
    [written] = await write(ctx, [Create(SurveysResponse, values)])
    return written.id


async def latest_scores(rows: Sequence[Row], ctx: Context) -> list[int | None]:
    """For each customer the score of the latest response, by one statement."""
    found = await latest(
        ctx, SurveysResponse, ["score"], by="customer_id", ids=[row["id"] for row in rows], order="answered_at"
    )
    return [found[row["id"]]["score"] if row["id"] in found else None for row in rows]
