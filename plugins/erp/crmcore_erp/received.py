"""Credit, invoices with their payments, and shipments with their tracking numbers, as the ERP says."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from crmcore.plugins import Change, Delete
from crmcore_erp.adapter import Credit, ErpKind, Invoice, Shipment
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpAccount, ErpInvoice, ErpOutcome, ErpPayment, ErpShipment
from crmcore_erp.putting import Done, Put, put
from crmcore_erp.reading import Node, bound, chunks, exact, global_id, key_of, nodes

_ACCOUNT: Final = "creditLimit creditUsed receivable currency customer { id }"


async def credit(link: Link, found: Sequence[Credit]) -> list[Done]:
    """What customers that are known here may owe and owe."""
    here = await bound(link.crm, ErpKind.PARTY, [one.party for one in found])
    held: dict[UUID, Node] = {}
    for chunk in chunks([global_id("customer", key) for key in here.values()]):
        rows = await nodes(link.crm, "erpAccounts", "ErpAccountFilter", {"customerId": {"in": chunk}}, _ACCOUNT)
        held |= {key_of(row["customer"]["id"]): row for row in rows}
    puts = []
    for one in found:
        key = here.get(one.party)
        row = held.get(key) if key else None
        if key is not None and not (row and _same(row, one)):
            values = {
                "customer_id": key, "credit_limit": one.limit, "credit_used": one.used, "receivable": one.receivable,
                "currency": one.currency, "synced_at": link.crm.now(),
            }  # fmt: skip
            puts.append(
                Put(external_id=one.party, model=ErpAccount, id=key_of(row["id"]) if row else None, values=values)
            )
    return await put(link.crm, puts)


def _same(row: Node, one: Credit) -> bool:
    limit = None if row["creditLimit"] is None else exact(row["creditLimit"])
    held = (limit, exact(row["creditUsed"]), exact(row["receivable"]), row["currency"])
    return held == (one.limit, one.used, one.receivable, one.currency)


async def invoices(link: Link, found: Sequence[Invoice]) -> list[Done]:
    """Invoices to customers that are known here, with what was paid; what these customers owe is asked for anew."""
    crm = link.crm
    buyers = await bound(crm, ErpKind.PARTY, [one.party for one in found])
    orders = await bound(crm, ErpKind.ORDER, [id for one in found for id in one.orders])
    mine = [one for one in found if one.party in buyers]
    held = await _held(link, "erpInvoices", "ErpInvoiceFilter", [one.id for one in mine])
    rows = [
        Put(external_id=one.id, model=ErpInvoice, id=held.get(one.id), values=_invoice(one, buyers, orders))
        for one in mine
    ]
    done = await put(crm, rows)
    keys = {one.external_id: one.id for one in done}
    paid = [(one, payment) for one in mine for payment in one.payments if keys[one.id]]
    known = await _held(link, "erpPayments", "ErpPaymentFilter", [payment.id for _, payment in paid])
    payments = [
        Put(
            external_id=one.id, model=ErpPayment, id=known.get(payment.id),
            values={
                "invoice_id": keys[one.id], "external_id": payment.id, "number": payment.number or None,
                "amount": payment.amount, "currency": one.currency, "paid_on": payment.paid_on,
            },
        )
        for one, payment in paid
    ]  # fmt: skip
    done += [one for one in await put(crm, payments) if one.outcome == ErpOutcome.FAILED]
    if mine:
        await credit(link, await link.erp.credit({one.party for one in mine}))
    return done


def _invoice(one: Invoice, buyers: Mapping[str, UUID], orders: Mapping[str, UUID]) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: getattr(one, name) for name in ("state", "currency", "total", "due", "issued_on", "due_on")
    }
    order = next((orders[id] for id in one.orders if id in orders), None)
    values |= {"customer_id": buyers[one.party], "order_id": order, "external_id": one.id}
    return values | {"number": one.number or None}


async def shipments(link: Link, found: Sequence[Shipment]) -> list[Done]:
    """Shipments of orders that are known here; of goods of several orders, one for each."""
    orders = await bound(link.crm, ErpKind.ORDER, [id for one in found for id in one.orders])
    held: dict[tuple[str, UUID], Any] = {}
    for chunk in chunks([one.id for one in found]):
        rows = await nodes(
            link.crm, "erpShipments", "ErpShipmentFilter", {"externalId": {"in": chunk}},
            "externalId shippedAt order { id }",
        )  # fmt: skip
        held |= {(row["externalId"], key_of(row["order"]["id"])): row for row in rows if row["order"]}
    puts = []
    for one in found:
        for order in [orders[id] for id in one.orders if id in orders]:
            row = held.get((one.id, order))
            values = _shipment(one, order)
            if one.shipped and not (row and row["shippedAt"]):
                values["shipped_at"] = link.crm.now()
            puts.append(
                Put(external_id=one.id, model=ErpShipment, id=key_of(row["id"]) if row else None, values=values)
            )
    return await put(link.crm, puts)


def _shipment(one: Shipment, order: UUID) -> dict[str, Any]:
    packages = [
        {"number": p.number, "trackingNumber": p.tracking_number, "trackingUrl": p.tracking_url} for p in one.packages
    ]
    return {
        "order_id": order, "external_id": one.id, "number": one.number or None, "state": one.state,
        "carrier": one.carrier or None, "tracking_number": one.tracking_number or None, "packages": packages,
        "shipped_on": one.shipped_on,
    }  # fmt: skip


async def _held(link: Link, root: str, filter_type: str, ids: Collection[str]) -> dict[str, UUID]:
    """The records here of these ids there."""
    found: dict[str, UUID] = {}
    for chunk in chunks(ids):
        rows = await nodes(link.crm, root, filter_type, {"externalId": {"in": chunk}}, "externalId")
        found |= {row["externalId"]: key_of(row["id"]) for row in rows}
    return found


async def drop_invoices(link: Link, ids: Collection[str]) -> list[Change]:
    """Draft invoices that the ERP deleted."""
    held = await _held(link, "erpInvoices", "ErpInvoiceFilter", ids)
    return [Delete(ErpInvoice, key) for key in held.values()]
