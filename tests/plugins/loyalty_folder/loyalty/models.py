"""What the loyalty plugin stores."""

from __future__ import annotations

from typing import Any, ClassVar

from crmcore.plugins import Access, Day, Int, Record, Rules, Unique, reference, through


class LoyaltyVisit(Record):
    """One visit a day."""

    customer: Any = reference("core.Customer", "CASCADE")
    visited_on = Day()
    points = Int(default=1)

    special: ClassVar[Rules] = Rules(unique=(Unique(("customer_id", "visited_on")),))
    access: ClassVar[Access] = through("customer")

    class Meta(Record.Meta):
        table = "loyalty_visit"
