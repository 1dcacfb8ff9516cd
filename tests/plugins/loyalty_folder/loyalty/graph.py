"""What the loyalty plugin puts into the graph."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from crmcore.plugins import Context, Row
from crmcore.schema import Many, batch, extend, field, record

from . import models

if TYPE_CHECKING:
    from crmcore.schema import Customer


@record(models.LoyaltyVisit)
class LoyaltyVisit:
    """A visit of a customer to our shop."""

    customer: Customer | None = field("Who came.")
    visited_on: date = field("The day.")
    points: int = field("What the visit is worth.")


async def letters(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """A greeting each; nobody called Nobody gets one, to see what a failure does."""
    if any(row["name"] == "Nobody" for row in rows):
        raise RuntimeError("Nobody cannot be greeted")
    return [f"Dear {row['name']}" for row in rows]


@extend("Customer")
class CustomerLoyalty:
    """What a customer shows of it."""

    loyalty_visits: Many[LoyaltyVisit] = field("The customer's visits.")
    loyalty_letter: str | None = batch(letters, "How a letter to the customer begins.", needs=("name",))
