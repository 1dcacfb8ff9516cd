"""What is exchanged with an ERP, in neither side's terms. Ids are the ERP's, as text; amounts are exact."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class ErpKind(StrEnum):
    """What is exchanged with the ERP."""

    PARTY = "PARTY"
    PRODUCT = "PRODUCT"
    STOCK = "STOCK"
    ORDER = "ORDER"
    INVOICE = "INVOICE"
    SHIPMENT = "SHIPMENT"


class OrderStep(StrEnum):
    """How far an order has come, whatever the ERP calls it."""

    DRAFT = "DRAFT"
    QUOTATION = "QUOTATION"
    CONFIRMED = "CONFIRMED"
    PROCESSING = "PROCESSING"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    DONE = "DONE"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """`id` is empty for one that is not in the ERP yet; `country` is its name or ISO code."""

    id: str = ""
    lines: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    billing: bool = True
    shipping: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyValues:
    """What a party is to be."""

    name: str
    tax_id: str = ""
    email: str = ""
    phone: str = ""
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Party(PartyValues):
    """Who buys. `key` is our id there, `stamp` what a locked write needs."""

    id: str
    key: str
    addresses: tuple[Address, ...] = ()
    stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What a party may owe and owes; no limit is None."""

    party: str
    limit: Decimal | None
    used: Decimal
    receivable: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    sku: str
    name: str
    price: Decimal
    currency: str = ""
    goods: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    id: str
    sku: str
    name: str
    goods: bool
    unit: str
    price: Decimal | None
    currency: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """`on_hand` lies in the warehouses now; `available` is what is left of it when all that is planned is done."""

    product: str
    on_hand: Decimal
    available: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """`product` is the ERP's id; empty for what is not in its catalogue. The price is after the discount."""

    product: str
    description: str
    quantity: Decimal
    unit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """`key` is our id, by which it is found again; `number` is what people call it here."""

    key: str
    number: str
    party: str
    currency: str
    lines: tuple[NewLine, ...]
    placed_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine:
    product: str
    description: str
    quantity: Decimal
    unit_price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`step` is how far it has come; the states are the ERP's own words."""

    id: str
    key: str
    number: str
    party: str
    step: OrderStep
    state: str
    invoice_state: str
    shipment_state: str
    currency: str
    untaxed: Decimal
    tax: Decimal
    total: Decimal
    placed_on: date | None
    lines: tuple[OrderLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    id: str
    number: str
    amount: Decimal
    paid_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """`orders` are the ERP's ids of the orders that it is for; `due` is what is left to pay."""

    id: str
    number: str
    party: str
    orders: tuple[str, ...]
    state: str
    open: bool
    currency: str
    total: Decimal
    due: Decimal
    issued_on: date | None
    due_on: date | None
    payments: tuple[Payment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    number: str
    tracking_number: str
    tracking_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    id: str
    number: str
    orders: tuple[str, ...]
    state: str
    shipped: bool
    delivered: bool
    carrier: str
    tracking_number: str
    shipped_on: date | None
    packages: tuple[Package, ...] = ()
