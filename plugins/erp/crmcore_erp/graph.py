"""What the ERP plugin puts into the graph."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from crmcore.schema import AnyRecord, FreeData, Many, Moment, Money, action, arg, extend, field, figure, record
from crmcore_erp import commands, models
from crmcore_erp.adapter import ErpKind

if TYPE_CHECKING:
    from crmcore.schema import Customer, Order, Product


@record(models.ErpBinding, writes=("delete",))
class ErpBinding:
    """A record here and the one in the ERP that it is. Delete it to let the two go their own ways."""

    kind: ErpKind = field("What it is in the ERP.")
    record: AnyRecord | None = field("The record here; null if it is deleted or you may not see it.")
    record_type: str = field("The kind of that record, as its global id begins.")
    external_id: str = field("Its id in the ERP.")
    external_key: str | None = field("What people call it there: a party's code, a product's, an order's number.")
    ours: FreeData | None = field("What the record here was when both sides last agreed.")
    theirs: FreeData | None = field("What the ERP had then.")
    base_hash: str = field("A hash of both.")
    synced_at: datetime = field("When both sides last agreed.")
    state: models.ErpBindingState = field("Whether both sides are there.")
    conflicts: Many[ErpConflict] = field("What both sides changed.")


@record(models.ErpSyncRun, writes=())
class ErpSyncRun:
    """One look at what changed in the ERP. Looks by the clock that found nothing leave no run."""

    trigger: models.ErpTrigger = field("Why it began.")
    state: models.ErpRunState = field("What became of it.")
    started_at: datetime = field("When it began.")
    finished_at: datetime | None = field("When it ended; null while it runs.")
    seen: int = field("How many records the ERP showed.")
    changed: int = field("How many of them changed something here.")
    failed: int = field("How many could not be taken over; items say why.")
    conflicts: int = field("How many conflicts it found.")
    error: str | None = field("What ended it, if it failed.")
    items: Many[ErpSyncItem] = field("What it changed, and what it could not.")


@record(models.ErpSyncItem, writes=())
class ErpSyncItem:
    """What became of one record in the exchange. What is unchanged leaves no item."""

    run: ErpSyncRun | None = field("The run that it was part of; null for what was sent because it changed here.")
    direction: models.ErpDirection = field("Which way.")
    kind: ErpKind = field("What it is in the ERP.")
    record: AnyRecord | None = field("The record here; null if there is none yet, it is deleted or you may not see it.")
    record_type: str | None = field("The kind of that record, as its global id begins.")
    external_id: str | None = field("Its id in the ERP, as far as it is known.")
    outcome: models.ErpOutcome = field("What became of it.")
    code: str | None = field(
        "What kind of fault it was: UNREACHABLE, STALE, REFUSED, MISSING, UNAUTHORIZED or INVALID."
    )
    error: str | None = field("What went wrong, in the words of who refused it.")
    attempts: int = field("How often it was tried.")
    done_at: datetime | None = field("When it was tried last.")


@record(models.ErpConflict, writes=())
class ErpConflict:
    """Both sides changed the same since they last agreed. Nothing is overwritten until somebody decides."""

    binding: ErpBinding | None = field("What belongs together.")
    kind: ErpKind = field("What it is in the ERP.")
    record: AnyRecord | None = field("The record here.")
    record_type: str = field("The kind of that record, as its global id begins.")
    fields: FreeData = field("A list: each with field, base, ours and theirs.")
    state: models.ErpConflictState = field("Whether somebody has decided.")
    resolution: FreeData | None = field("Which side was taken, by field.")
    resolved_at: datetime | None = field("When.")


@record(models.ErpAccount, writes=())
class ErpAccount:
    """What a customer may owe and owes, as the ERP says."""

    customer: Customer | None = field("The customer.")
    credit_limit: Decimal | None = field("The most they may owe, in the account's currency; null for no limit.")
    credit_used: Decimal = field("What they owe, with what is ordered and not yet invoiced.")
    receivable: Decimal = field("What is invoiced and not yet paid.")
    currency: str = field("ISO 4217 code of the amounts.")
    synced_at: datetime = field("When the ERP said so.")


@record(models.ErpStock, writes=())
class ErpStock:
    """What the ERP has of a product in its warehouses."""

    product: Product | None = field("The product.")
    on_hand: Decimal = field("What lies there.")
    available: Decimal = field("What is left when everything that is planned is done.")
    synced_at: datetime = field("When the ERP said so.")


@record(models.ErpOrder, writes=())
class ErpOrder:
    """Where an order stands in the ERP."""

    order: Order | None = field("The order here.")
    number: str | None = field("Its number there.")
    step: str = field("How far it has come, in our words: DRAFT, QUOTATION, CONFIRMED, PROCESSING, SHIPPED and so on.")
    state: str = field("Its state, in the ERP's words.")
    invoice_state: str = field("How far it is invoiced and paid, in the ERP's words.")
    shipment_state: str = field("How far it is shipped, in the ERP's words.")
    untaxed: Money = field("Sum of its lines.")
    tax: Money = field("Taxes.")
    total: Money = field("What is to be paid.")


@record(models.ErpInvoice, writes=())
class ErpInvoice:
    """An invoice of the ERP to a customer."""

    customer: Customer | None = field("Who pays.")
    order: Order | None = field("The order that it is for.")
    external_id: str = field("Its id in the ERP.")
    number: str | None = field("Its number; null while it is a draft.")
    state: str = field("Its state, in the ERP's words.")
    total: Money = field("What is to be paid, with taxes.")
    due: Money = field("What is left to be paid.")
    issued_on: date | None = field("Its date.")
    due_on: date | None = field("When it is due.")
    payments: Many[ErpPayment] = field("What was paid.")


@record(models.ErpPayment, writes=())
class ErpPayment:
    """A payment of an invoice."""

    invoice: ErpInvoice | None = field("The invoice.")
    external_id: str = field("Its id in the ERP.")
    number: str | None = field("Its number there.")
    amount: Money = field("What was paid.")
    paid_on: date = field("When.")


@record(models.ErpShipment, writes=(), moment=Moment("shipped_at", of=("order.customer", "order.deal")))
class ErpShipment:
    """A shipment of an order's goods. It stands on the timelines when it has left."""

    order: Order | None = field("The order.")
    external_id: str = field("Its id in the ERP.")
    number: str | None = field("Its number there.")
    state: str = field("Its state, in the ERP's words.")
    carrier: str | None = field("Who carries it.")
    tracking_number: str | None = field(
        "By which the carrier finds it; that of the first package, if there are several."
    )
    packages: FreeData = field("A list: each with number, trackingNumber and trackingUrl.")
    shipped_on: date | None = field("The day it left, as the ERP says.")
    shipped_at: datetime | None = field("When we heard that it had left.")


@extend("Customer")
class CustomerErp:
    """What the ERP knows of every customer."""

    erp_accounts: Many[ErpAccount] = field("The customer's account: one, or none.")
    erp_invoices: Many[ErpInvoice] = field("Invoices to the customer.")
    erp_credit_limit: Decimal | None = figure(
        "max", "erp_accounts", "The most the customer may owe; null for no limit, or if the ERP does not know them.",
        of="credit_limit",
    )  # fmt: skip
    erp_credit_used: Decimal | None = figure(
        "max", "erp_accounts", "What the customer owes, with what is ordered and not yet invoiced.", of="credit_used"
    )


@extend("Product")
class ProductErp:
    """What the ERP knows of every product."""

    erp_stocks: Many[ErpStock] = field("What there is of it: one, or none.")
    erp_available: Decimal | None = figure(
        "max", "erp_stocks", "How many there will be when all that is planned is done.", of="available"
    )


@extend("Order")
class OrderErp:
    """What the ERP knows of every order."""

    erp_orders: Many[ErpOrder] = field("The order as it stands there: one, or none.")
    erp_invoices: Many[ErpInvoice] = field("Invoices for it.")
    erp_shipments: Many[ErpShipment] = field("Shipments of its goods.")
    erp_shipment_count: int = figure("count", "erp_shipments", "How many shipments there are.")


@action(models.ErpSyncItem, commands.replay)
class ErpSyncItemReplay:
    """Try once more what became of this item: as things are now, not as they were."""


@action(models.ErpSyncItem, commands.send, creates=True)
class ErpSyncItemSend:
    """Send one record to the ERP now: give exactly one. The item tells what becomes of it."""

    customer: Customer | None = arg("The customer, with addresses.")
    order: Order | None = arg("The order; its customer and products go first.")
    product: Product | None = arg("The product, where the settings leave the catalogue to the CRM.")


@action(models.ErpSyncRun, commands.start, creates=True)
class ErpSyncRunStart:
    """Look now what changed in the ERP."""

    from_the_beginning: bool | None = arg("Read everything anew, and look for what is gone there.")


@action(models.ErpConflict, commands.resolve)
class ErpConflictResolve:
    """Decide a conflict: each of its fields by one side. It is carried out at once, on the side that yields."""

    ours: list[str] | None = arg("The fields in which the CRM's value counts.")
    theirs: list[str] | None = arg("The fields in which the ERP's value counts.")


SHOWN: Final = (
    ErpBinding, ErpSyncRun, ErpSyncItem, ErpConflict, ErpAccount, ErpStock, ErpOrder, ErpInvoice, ErpPayment,
    ErpShipment, CustomerErp, ProductErp, OrderErp, ErpSyncItemReplay, ErpSyncItemSend, ErpSyncRunStart,
    ErpConflictResolve,
)  # fmt: skip
