"""What is valid about deals and orders, and how they move."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Invalid, Refusal, WrongState
from crmcore.kit.ids import to_global
from crmcore.kit.text import snake
from crmcore.platform.record import Draft

_STEP: Final = Decimal("0.0001")


class OrderStatus(StrEnum):
    """Where an order stands."""

    DRAFT = "DRAFT"
    PLACED = "PLACED"
    CONFIRMED = "CONFIRMED"
    IN_FULFILMENT = "IN_FULFILMENT"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


_O = OrderStatus
ORDER_MOVES: Final[Mapping[StrEnum, tuple[StrEnum, ...]]] = {
    _O.DRAFT: (_O.PLACED, _O.CANCELLED),
    _O.PLACED: (_O.CONFIRMED, _O.CANCELLED),
    _O.CONFIRMED: (_O.IN_FULFILMENT, _O.CANCELLED),
    _O.IN_FULFILMENT: (_O.SHIPPED, _O.CANCELLED),
    _O.SHIPPED: (_O.DELIVERED, _O.RETURNED),
    _O.DELIVERED: (_O.CLOSED, _O.RETURNED),
    _O.CLOSED: (),
    _O.CANCELLED: (),
    _O.RETURNED: (),
}

STAGE_TYPE_MOVES: Final[Mapping[str, tuple[str, ...]]] = {
    "OPEN": ("OPEN", "ON_HOLD", "WON", "LOST"),
    "ON_HOLD": ("OPEN",),
    "WON": ("OPEN",),
    "LOST": ("OPEN",),
}
"""Which type of stage may follow which; a stage's own `allowed_next` narrows it. Out of WON or LOST is a reopening."""

CLOSED_TYPES: Final = ("WON", "LOST")

ASKED_FOR: Final = (
    "customerId", "productId", "ownerId", "teamId", "amount", "openedOn", "expectedCloseOn", "lostReason",
    "lostToCompetitor", "source",
)  # fmt: skip
"""What a stage may ask of a deal, by the names of inputs: all that may be empty and a seller fills in."""

Row = Mapping[str, Any]


def amount_has_currency(draft: Draft) -> Iterable[Refusal]:
    """An amount is not negative, and says in which currency it is."""
    amount = draft.after.get("amount")
    if amount is None:
        return
    if amount < 0:
        yield Invalid("amount must not be negative.", "amount")
    if draft.after.get("currency") is None:
        yield Invalid("An amount needs its currency: give currency too, like EUR.", "currency")


def probability_is_percent(draft: Draft) -> Iterable[Refusal]:
    """A probability is a whole percentage."""
    probability = draft.after.get("probability")
    if probability is not None and not 0 <= probability <= 100:
        yield Invalid("probability must be from 0 to 100.", "probability")


def placed_has_time(draft: Draft) -> Iterable[Refusal]:
    """A draft has not been placed yet."""
    if draft.after.get("status") == OrderStatus.DRAFT and draft.after.get("placed_at") is not None:
        yield Invalid("placedAt belongs to an order that was placed; this one is a DRAFT.", "placedAt")


def line_total(draft: Draft) -> Iterable[Refusal]:
    """Derive the line's total. Discount is a share from 0 to 1; prices and quantities are not negative."""
    quantity, price, discount = (draft.after.get(c) for c in ("quantity", "unit_price", "discount"))
    if quantity is not None and quantity < 0:
        yield Invalid("quantity must not be negative.", "quantity")
    if price is not None and price < 0:
        yield Invalid("unitPrice must not be negative.", "unitPrice")
    if discount is not None and not 0 <= discount <= 1:
        yield Invalid("discount must be a share from 0 to 1, like 0.15 for 15 percent.", "discount")
    if quantity is not None and price is not None and discount is not None:
        draft.after["total"] = total_of(quantity, price, discount)


def total_of(quantity: Decimal, unit_price: Decimal, discount: Decimal) -> Decimal:
    """Quantity x unit price x (1 - discount), half-even to four places, exact before that."""
    with localcontext(prec=80):
        return (quantity * unit_price * (1 - discount)).quantize(_STEP, ROUND_HALF_EVEN)


def stages_after(stage: Row, stages: Sequence[Row]) -> list[Row]:
    """The stages of the pipeline to which a deal in `stage` may move, in the pipeline's order."""
    types = STAGE_TYPE_MOVES[stage["type"]]
    listed = stage["allowed_next"]
    following = [
        s
        for s in stages
        if s["id"] != stage["id"] and s["type"] in types and (not listed or to_global("stage", s["id"]) in listed)
    ]
    return sorted(following, key=lambda s: (s["position"], s["id"]))


def check_stage_move(stage: Row, target: UUID, stages: Sequence[Row]) -> None:
    """Refuse a move that the pipeline does not allow, with those that it does."""
    allowed = stages_after(stage, stages)
    if any(s["id"] == target for s in allowed):
        return
    ways = ", ".join(f"{s['name']} ({to_global('stage', s['id'])})" for s in allowed) or "none"
    raise WrongState(
        f"A deal in the stage {stage['name']} cannot move there. Allowed from here: {ways}.",
        "stageId",
        current=to_global("stage", stage["id"]),
        allowed=[to_global("stage", s["id"]) for s in allowed],
    )


def entering_needs(stage: Row, deal: Row) -> Iterable[Refusal]:
    """What a stage asks of a deal that enters it."""
    for name in stage["required_fields"] or ():
        held = deal.get(snake(name))
        if held is None or (isinstance(held, str) and not held.strip()):
            yield Invalid(f"A deal needs {name} to enter the stage {stage['name']}: set it first.", name)


def closing_needs(stage_type: str, deal: Row) -> Iterable[Refusal]:
    """What a deal must have before it may stand in a WON or LOST stage."""
    if stage_type == "WON":
        if deal.get("amount") is None:
            yield Invalid("A deal is won with an amount: set amount first, or with the move.", "amount")
        if deal.get("customer_id") is None:
            yield Invalid("A deal is won with a customer: set customerId first.", "customerId")
    elif stage_type == "LOST" and not (deal.get("lost_reason") or "").strip():
        yield Invalid("A lost deal needs a reason: give lostReason.", "lostReason")
