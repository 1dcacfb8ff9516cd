"""Orders: numbers, totals, moves, and what a customer's orders say about the customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crmcore.domain.customers import Customer
from crmcore.domain.deals.models import Order, OrderLine
from crmcore.domain.deals.rules import OrderStatus
from crmcore.errors import Invalid
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Change, Draft, Update, check, effect, give_numbers, move, summary, targets

_BOUGHT: Final = tuple(s for s in OrderStatus if s not in (OrderStatus.DRAFT, OrderStatus.CANCELLED))


async def move_order(ctx: Context, id: UUID, *, status: OrderStatus, expected_version: int | None = None) -> UUID:
    """Move an order on: place, confirm, fulfil, ship, deliver, close, cancel or take it back."""

    def guard(row: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"placed_at": row["placed_at"] or ctx.clock()} if status == OrderStatus.PLACED else {}

    return await move(ctx, Order, id, status, guard=guard, expected_version=expected_version)


@check(Order)
async def number_and_date(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """An order has a number, one currency for good, and a time of placing once it is no draft any more."""
    await give_numbers(ctx, tx, [d for d in drafts if d.before is None], "O-")
    for draft in drafts:
        after = draft.after
        if after["status"] in _BOUGHT and after["placed_at"] is None:
            after["placed_at"] = ctx.clock()
        if draft.before is not None and draft.changed("currency"):
            draft.refuse(Invalid("The currency of an order stays: create another order.", "currency"))


@check(OrderLine)
async def fit_the_order(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A line is in its order's currency, and has a place in it."""
    orders = await targets(ctx, tx, drafts, "order_id")
    for draft in drafts:
        order = orders.get(draft.after["order_id"])
        if order is None:
            continue
        if draft.after["currency"] is None:
            draft.after["currency"] = order["currency"]
        elif order["currency"] is not None and draft.after["currency"] != order["currency"]:
            draft.refuse(Invalid(f"The order is in {order['currency']}: leave currency out.", "currency"))
    await _take_places(ctx, tx, [d for d in drafts if d.after["position"] is None])


async def _take_places(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """Lines without a position come after the others of their order, in the order in which they were given."""
    ids = {draft.after["order_id"] for draft in drafts}
    last = await summary(ctx, tx, OrderLine, by="order_id", ids=ids, take={"last": ("max", "position")})
    place = {key: found["last"] or 0 for key, found in last.items()}
    for peer in drafts[0].peers.values() if drafts else ():
        if peer.model is OrderLine and peer.after["order_id"] in place:
            place[peer.after["order_id"]] = max(place[peer.after["order_id"]], peer.after["position"] or 0)
    for draft in drafts:
        key = draft.after["order_id"]
        if key is not None:
            place[key] += 1
            draft.after["position"] = place[key]


@effect(OrderLine)
async def keep_total(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """An order's total is the sum of its living lines."""
    touched = [d for d in drafts if d.operation != "update" or d.changed("order_id", "total")]
    orders = {row["order_id"] for d in touched for row in (d.before, d.after) if row}
    sums = await summary(ctx, tx, OrderLine, by="order_id", ids=orders, take={"total": ("sum", "total")})
    return [Update(Order, key, {"total": found["total"] or Decimal(0)}) for key, found in sums.items()]


@effect(Order)
async def keep_first_and_last(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """A customer knows when they first and last ordered; drafts and cancelled orders do not count."""
    touched = [d for d in drafts if d.operation != "update" or d.changed("customer_id", "placed_at", "status")]
    customers = {row["customer_id"] for d in touched for row in (d.before, d.after) if row}
    found = await summary(
        ctx, tx, Order, by="customer_id", ids=customers,
        take={"first_order_at": ("min", "placed_at"), "last_order_at": ("max", "placed_at")}, only=("status", _BOUGHT),
    )  # fmt: skip
    return [Update(Customer, key, values) for key, values in found.items()]
