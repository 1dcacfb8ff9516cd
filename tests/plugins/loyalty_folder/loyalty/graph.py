"""What the loyalty plugin puts into the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.plugins import Context, Row
from crmcore.schema import Many, Moment, batch, expression, extend, field, figure, record

from . import models

if TYPE_CHECKING:
    from crmcore.schema import Customer


async def praises(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """What we say to a visit: the louder, the more it is worth."""
    return ["Thanks" + "!" * row["points"] for row in rows]


@record(models.LoyaltyVisit, moment=Moment("created_at", of=("customer",)))
class LoyaltyVisit:
    """A visit of a customer to our shop."""

    customer: Customer | None = field("Who came.")
    visited_on: date = field("The day.")
    points: int = field("What the visit is worth.")
    praise: str | None = batch(praises, "What we say to it.", needs=("points",))
    is_recent: bool = expression(
        {"postgres": "{visited_on} > {today} - 30", "sqlite": "{visited_on} > date({today}, '-30 days')"},
        "Whether it was in the last thirty days.",
    )


async def letters(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """A greeting each; nobody called Nobody gets one, to see what a failure does."""
    if any(row["name"] == "Nobody" for row in rows):
        raise RuntimeError("Nobody cannot be greeted")
    return [f"Dear {row['name']}" for row in rows]


@extend("Customer")
class CustomerLoyalty:
    """What a customer shows of it."""

    loyalty_visits: Many[LoyaltyVisit] = field("The customer's visits.")
    loyalty_points: int | None = figure(
        "sum", "loyalty_visits", "What the recent visits are worth.", of="points", where="{isRecent: {eq: true}}"
    )
    loyalty_letter: str | None = batch(letters, "How a letter to the customer begins.", needs=("name",))


async def lengths(rows: Sequence[Row], ctx: Context) -> list[int | None]:
    """How long each subject is; silence fails, to see whose fields that takes with it."""
    if any(row["subject"] == "Silence" for row in rows):
        raise RuntimeError("Silence has no length")
    return [len(row["subject"]) for row in rows]


@extend("Interaction")
class InteractionLoyalty:
    """What an exchange shows of it."""

    loyalty_length: int | None = batch(lengths, "How long its subject is.", needs=("subject",))
