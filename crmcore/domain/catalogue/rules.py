"""What is valid about products."""

from __future__ import annotations

from collections.abc import Iterable

from crmcore.errors import Invalid, Refusal
from crmcore.platform.record import Draft


def price_has_currency(draft: Draft) -> Iterable[Refusal]:
    """A list price is not negative, and says in which currency it is."""
    price = draft.after.get("list_price")
    if price is None:
        return
    if price < 0:
        yield Invalid("listPrice must not be negative.", "listPrice")
    if draft.after.get("currency") is None:
        yield Invalid("A list price needs its currency: give currency too, like EUR.", "currency")
