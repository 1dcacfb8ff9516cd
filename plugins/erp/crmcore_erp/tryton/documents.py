"""Orders, invoices and shipments of Tryton."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final

from crmcore_erp.adapter import (
    Invoice,
    Missing,
    NewLine,
    NewOrder,
    Order,
    OrderLine,
    OrderStep,
    Package,
    Payment,
    Refused,
    Shipment,
)
from crmcore_erp.tryton.company import Company
from crmcore_erp.tryton.wire import Wire

Row = Mapping[str, Any]

ORDER: Final = (
    "number", "reference", "party", "state", "invoice_state", "shipment_state", "currency.code", "untaxed_amount",
    "tax_amount", "total_amount", "sale_date", "last_modified_at", "lines.type", "lines.product", "lines.description",
    "lines.quantity", "lines.unit_price", "lines.amount", "shipments.state",
)  # fmt: skip
INVOICE: Final = (
    "number", "party", "type", "sales", "state", "currency.code", "total_amount", "amount_to_pay", "invoice_date",
    "last_modified_at", "payment_lines.date", "payment_lines.credit", "payment_lines.debit",
    "payment_lines.move.number", "lines_to_pay.maturity_date",
)  # fmt: skip
SHIPMENT: Final = (
    "number", "state", "carrier.party.name", "shipping_reference", "effective_date", "last_modified_at",
    "outgoing_moves.sale", "packages.number", "packages.shipping_reference", "packages.shipping_tracking_url",
)  # fmt: skip

_STEPS: Final = {
    "draft": OrderStep.DRAFT,
    "quotation": OrderStep.QUOTATION,
    "confirmed": OrderStep.CONFIRMED,
    "processing": OrderStep.PROCESSING,
    "done": OrderStep.DONE,
    "cancelled": OrderStep.CANCELLED,
}
_BUTTONS: Final = (
    (OrderStep.DRAFT, OrderStep.QUOTATION, "quote"),
    (OrderStep.QUOTATION, OrderStep.CONFIRMED, "confirm"),
    (OrderStep.CONFIRMED, OrderStep.PROCESSING, "process"),
)
_RANK: Final = {step: rank for rank, step in enumerate(OrderStep)}
_LEFT: Final = ("shipped", "done")


def order_of(row: Row) -> Order:
    return Order(
        id=str(row["id"]),
        key=row["reference"] or "",
        number=row["number"] or "",
        party=str(row["party"]),
        step=_step(row),
        state=row["state"],
        invoice_state=row["invoice_state"],
        shipment_state=row["shipment_state"],
        currency=row["currency"]["code"],
        untaxed=row["untaxed_amount"] or Decimal(0),
        tax=row["tax_amount"] or Decimal(0),
        total=row["total_amount"] or Decimal(0),
        placed_on=row["sale_date"],
        lines=tuple(_line_of(one) for one in row["lines"] if one["type"] == "line"),
    )


def _step(row: Row) -> OrderStep:
    """An order that is processed is as far as its shipments; a state that we do not know is one under way."""
    step = _STEPS.get(row["state"], OrderStep.PROCESSING)
    if step == OrderStep.PROCESSING:
        if row["shipment_state"] == "sent":
            return OrderStep.DELIVERED
        if any(one["state"] in _LEFT for one in row["shipments"]):
            return OrderStep.SHIPPED
    return step


def _line_of(row: Row) -> OrderLine:
    return OrderLine(
        product=str(row["product"] or ""),
        description=row["description"] or "",
        quantity=Decimal(str(row["quantity"] or 0)),
        unit_price=row["unit_price"] or Decimal(0),
        amount=row["amount"] or Decimal(0),
    )


def invoice_of(row: Row) -> Invoice:
    due_dates = [one["maturity_date"] for one in row["lines_to_pay"] if one["maturity_date"]]
    return Invoice(
        id=str(row["id"]),
        number=row["number"] or "",
        party=str(row["party"]),
        orders=tuple(str(one) for one in row["sales"]),
        state=row["state"],
        open=row["state"] == "posted",
        currency=row["currency"]["code"],
        total=row["total_amount"] or Decimal(0),
        due=(row["amount_to_pay"] or Decimal(0)) if row["state"] in ("posted", "paid") else Decimal(0),
        issued_on=row["invoice_date"],
        due_on=max(due_dates, default=None),
        payments=tuple(
            Payment(
                id=str(one["id"]),
                number=(one["move"] or {}).get("number") or "",
                amount=(one["credit"] or Decimal(0)) - (one["debit"] or Decimal(0)),
                paid_on=one["date"],
            )
            for one in row["payment_lines"]
        ),
    )


def shipment_of(row: Row) -> Shipment:
    packages = tuple(
        Package(
            number=one["number"] or "",
            tracking_number=one["shipping_reference"] or "",
            tracking_url=one["shipping_tracking_url"] or "",
        )
        for one in row["packages"]
    )
    tracked = [one.tracking_number for one in packages if one.tracking_number]
    carrier = (row["carrier"] or {}).get("party") or {}
    return Shipment(
        id=str(row["id"]),
        number=row["number"] or "",
        orders=tuple(sorted({str(one["sale"]) for one in row["outgoing_moves"] if one["sale"]})),
        state=row["state"],
        shipped=row["state"] in _LEFT,
        delivered=row["state"] == "done",
        carrier=carrier.get("name") or "",
        tracking_number=row["shipping_reference"] or next(iter(tracked), ""),
        shipped_on=row["effective_date"],
        packages=packages,
    )


async def orders(wire: Wire, ids: Collection[str]) -> list[Order]:
    return [order_of(row) async for row in wire.by_ids("sale.sale", ids, ORDER)]


async def find_order(wire: Wire, key: str) -> Order | None:
    rows = await wire.search("sale.sale", [["reference", "=", key]], ORDER, order=[("id", "ASC")], limit=1)
    return order_of(rows[0]) if rows else None


async def create_order(wire: Wire, company: Company, values: NewOrder) -> Order:
    party = await wire.search(
        "party.party", [["id", "=", int(values.party)]], ["addresses.invoice", "addresses.delivery", "addresses.active"]
    )
    if not party:
        raise Missing(f"The ERP has no party {values.party}.")
    places = [one for one in party[0]["addresses"] if one["active"]]
    if not places:
        raise Refused("The customer has no address, and the ERP takes no order without one: give it one.")
    billing = next((one for one in places if one["invoice"]), places[0])
    shipping = next((one for one in places if one["delivery"]), billing)
    made = await wire.create(
        "sale.sale",
        {
            "party": int(values.party),
            "invoice_address": billing["id"],
            "shipment_address": shipping["id"],
            "currency": company.currency_id(values.currency),
            "reference": values.key,
            "description": values.number,
            "sale_date": values.placed_on,
            "lines": [["create", await _lines(wire, values.lines)]],
        },
    )
    [order] = await orders(wire, [str(made)])
    return order


async def _lines(wire: Wire, lines: Collection[NewLine]) -> list[dict[str, Any]]:
    """Unit and taxes of a line are its product's: Tryton's REST interface fills in nothing."""
    wanted = {line.product for line in lines if line.product}
    fields = ["sale_uom", "default_uom", "account_category.customer_taxes"]
    found = {str(row["id"]): row async for row in wire.by_ids("product.product", wanted, fields)}
    if missing := wanted - found.keys():
        raise Missing(f"The ERP has no product {', '.join(sorted(missing))}.")
    made = []
    for line in lines:
        values: dict[str, Any] = {
            "type": "line",
            "quantity": float(line.quantity),
            "unit_price": line.unit_price,
            "description": line.description or None,
        }
        if line.product:
            row = found[line.product]
            taxes = (row["account_category"] or {}).get("customer_taxes") or []
            values |= {
                "product": int(line.product),
                "unit": row["sale_uom"] or row["default_uom"],
                "taxes": [["add", list(taxes)]] if taxes else [],
            }
        made.append(values)
    return made


async def advance_order(wire: Wire, id: str, to: OrderStep) -> Order:
    """One button after the other; each is a transaction of its own there, so what was reached stays."""
    order = await _one(wire, id)
    for at, after, button in _BUTTONS:
        if order.step == at and _RANK[after] <= _RANK[to]:
            await wire.press("sale.sale", int(id), button)
            order = await _one(wire, id)
    return order


async def _one(wire: Wire, id: str) -> Order:
    found = await orders(wire, [id])
    if not found:
        raise Missing(f"The ERP has no order {id}.")
    return found[0]


async def invoices(wire: Wire, ids: Collection[str]) -> list[Invoice]:
    return [invoice_of(row) async for row in wire.by_ids("account.invoice", ids, INVOICE) if row["type"] == "out"]


async def shipments(wire: Wire, ids: Collection[str]) -> list[Shipment]:
    return [shipment_of(row) async for row in wire.by_ids("stock.shipment.out", ids, SHIPMENT)]
