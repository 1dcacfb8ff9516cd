"""Orders: ours made there, and where they stand there shown here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crmcore.domain.deals import Order as CrmOrder
from crmcore.domain.deals import OrderStatus, move_order
from crmcore.errors import Refusal, Refusals
from crmcore.plugins import Change, Crm, Update
from crmcore_erp import parties, products
from crmcore_erp.adapter import ErpKind, NewLine, NewOrder, Order, OrderStep, Refused
from crmcore_erp.bindings import bind, binding_of, settled
from crmcore_erp.comparing import Base
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpOrder, ErpOutcome
from crmcore_erp.parties import Met
from crmcore_erp.putting import Done, Put, put
from crmcore_erp.reading import Node, bindings, chunks, exact, global_id, key_of, nodes, order, order_lines

TABLE: Final = "order"

_S = OrderStatus
_WAY: Final = (_S.DRAFT, _S.PLACED, _S.CONFIRMED, _S.IN_FULFILMENT, _S.SHIPPED, _S.DELIVERED, _S.CLOSED)
_REACHED: Final[Mapping[OrderStep, OrderStatus]] = {
    OrderStep.DRAFT: _S.PLACED,
    OrderStep.QUOTATION: _S.PLACED,
    OrderStep.CONFIRMED: _S.CONFIRMED,
    OrderStep.PROCESSING: _S.IN_FULFILMENT,
    OrderStep.SHIPPED: _S.SHIPPED,
    OrderStep.DELIVERED: _S.DELIVERED,
    OrderStep.DONE: _S.CLOSED,
    OrderStep.CANCELLED: _S.CANCELLED,
}
"""What an order is here, by how far it has come there."""

FINAL: Final = (OrderStep.DONE, OrderStep.CANCELLED)


async def meet(link: Link, key: UUID) -> Met:
    """Make an order there, unless it is there, and move it as far as the settings say. May be done again."""
    binding = await binding_of(link.crm, ErpKind.ORDER, TABLE, key)
    if binding is not None:
        made, external = False, binding["externalId"]
    else:
        node = await order(link.crm, key)
        if node is None or node["status"] in (_S.CANCELLED, _S.RETURNED):
            return Met(ErpOutcome.SKIPPED)
        found = await link.erp.find_order(global_id(TABLE, key))
        made, external = found is None, found.id if found else (await _make(link, key, node)).id
        await link.crm.write([bind(link.crm, ErpKind.ORDER, TABLE, key, external, node["number"])])
    now = await link.erp.advance_order(external, link.settings.step)
    done = await take(link, [now])
    faults = [one.error for one in done if one.outcome == ErpOutcome.FAILED]
    if faults:
        raise Refused(faults[0])
    changed = any(one.outcome != ErpOutcome.UNCHANGED for one in done)
    return Met(ErpOutcome.CREATED if made else ErpOutcome.UPDATED if changed else ErpOutcome.UNCHANGED, external)


async def _make(link: Link, key: UUID, node: Node) -> Order:
    """The order there, with its customer and products before it."""
    lines = await order_lines(link.crm, key)
    if not lines:
        raise Refused("The order has no lines.")
    buyer = key_of(node["customer"]["id"])
    party = (await parties.meet(link, buyer)).external_id  # with the addresses that it has by now
    if party is None:
        raise Refused("The customer is deleted.")
    placed = node["placedAt"]
    new = NewOrder(
        key=global_id(TABLE, key), number=node["number"], party=party, currency=node["currency"],
        lines=tuple(await _lines(link, lines)),
        placed_on=datetime.fromisoformat(placed).astimezone(UTC).date() if placed else None,
    )  # fmt: skip
    return await link.erp.create_order(new)


async def _lines(link: Link, lines: Sequence[Node]) -> list[NewLine]:
    wanted = {line["product"]["id"] for line in lines if line["product"]}
    held = await bindings(link.crm, ErpKind.PRODUCT, records=wanted)
    there = {one["record"]["id"]: one["externalId"] for one in held if one["record"]}
    for id in sorted(wanted - there.keys()):
        there[id] = await products.introduce(link, key_of(id))
    return [
        NewLine(
            product=there[line["product"]["id"]] if line["product"] else "",
            description=line["description"] or "",
            quantity=exact(line["quantity"]),
            unit_price=_reduced(exact(line["unitPrice"]["amount"]), exact(line["discount"])),
        )
        for line in lines
    ]


def _reduced(price: Decimal, discount: Decimal) -> Decimal:
    """The price after the discount: the ERP has no other place for it."""
    return (price * (1 - discount)).quantize(Decimal("0.0001"))


async def take(link: Link, orders: Sequence[Order]) -> list[Done]:
    """Show where orders that are known here stand there, and move them on as far."""
    found = await bindings(link.crm, ErpKind.ORDER, external=[one.id for one in orders])
    known = {one["externalId"]: one for one in found if one["record"]}
    held = await _shown(link.crm, [one["record"]["id"] for one in known.values()])
    rows, told = [], {one.id: one for one in orders if one.id in known}
    for one in told.values():
        key = key_of(known[one.id]["record"]["id"])
        row = held.get(key)
        rows.append(Put(external_id=one.id, model=ErpOrder, id=row, values=_values(key, one)))
    done = []
    changes: list[Change] = []
    for answer in await put(link.crm, rows):
        there = told[answer.external_id]
        key = key_of(known[there.id]["record"]["id"])
        base = Base({"key": there.key}, {"state": there.state, "total": str(there.total)})
        changes += settled(link.crm, known[there.id], base, there.number or known[there.id]["externalKey"])
        done.append(await _moved(link.crm, key, there, answer))
    if changes:
        await link.crm.write(changes)
    return done


def _values(key: UUID, one: Order) -> dict[str, Any]:
    names = ("state", "invoice_state", "shipment_state", "currency", "untaxed", "tax", "total")
    return {"order_id": key, "number": one.number or None, "step": one.step} | {n: getattr(one, n) for n in names}


async def _shown(crm: Crm, ids: Sequence[str]) -> dict[UUID, UUID]:
    """Which orders have a state shown already, and in which record."""
    found: dict[UUID, UUID] = {}
    for chunk in chunks(ids):
        rows = await nodes(crm, "erpOrders", "ErpOrderFilter", {"orderId": {"in": chunk}}, "order { id }")
        found |= {key_of(row["order"]["id"]): key_of(row["id"]) for row in rows}
    return found


async def _moved(crm: Crm, key: UUID, there: Order, answer: Done) -> Done:
    """Move the order here as far as it has come there; what the rules here refuse is said and changes nothing."""
    node = await order(crm, key)
    if node is None or answer.id is None:
        return Done(external_id=there.id, id=key, outcome=answer.outcome, error=answer.error)
    try:
        await crm.write([Update(CrmOrder, key, {"external_status": there.state})])
        for status in _way(OrderStatus(node["status"]), _REACHED[there.step]):
            await move_order(crm.ctx, key, status=status)
    except (Refusal, Refusals) as refused:
        return Done(external_id=there.id, id=key, outcome=ErpOutcome.FAILED, error=refused.message)
    return Done(external_id=there.id, id=key, outcome=answer.outcome)


def _way(here: OrderStatus, there: OrderStatus) -> list[OrderStatus]:
    """The moves between the two: never back."""
    if there == here or here not in _WAY:
        return []
    if there == _S.CANCELLED:
        return [_S.CANCELLED]
    return list(_WAY[_WAY.index(here) + 1 : _WAY.index(there) + 1])
