"""Parties and products of Tryton, read and written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crmcore_erp.adapter import Address, Credit, NewProduct, Party, PartyValues, Product, Refused, Stock
from crmcore_erp.tryton.company import Company, country_id
from crmcore_erp.tryton.wire import Wire

Row = Mapping[str, Any]

PARTY: Final = (
    "code", "name", "active", "_timestamp", "last_modified_at", "identifiers.code", "contact_mechanisms.type",
    "contact_mechanisms.value", "addresses.street_unstructured", "addresses.city", "addresses.postal_code",
    "addresses.subdivision.name", "addresses.country.name", "addresses.invoice", "addresses.delivery",
    "addresses.active",
)  # fmt: skip
PRODUCT: Final = (
    "code", "name", "type", "active", "list_price_used", "template.active", "default_uom.name", "last_modified_at",
)  # fmt: skip
CREDIT: Final = ("credit_limit_amount", "credit_amount", "receivable", "currency.code")


def party_of(row: Row) -> Party:
    ways = row["contact_mechanisms"]
    return Party(
        id=str(row["id"]),
        key=row["code"] or "",
        name=row["name"] or "",
        tax_id=next((one["code"] for one in row["identifiers"]), ""),
        email=_way(ways, "email"),
        phone=_way(ways, "phone"),
        active=bool(row["active"]),
        addresses=tuple(_address_of(one) for one in row["addresses"] if one["active"]),
        stamp=row["_timestamp"] or "",
    )


def _way(ways: Sequence[Row], kind: str) -> str:
    return next((one["value"] or "" for one in ways if one["type"] == kind), "")


def _address_of(row: Row) -> Address:
    return Address(
        id=str(row["id"]),
        lines=row["street_unstructured"] or "",
        city=row["city"] or "",
        region=(row["subdivision"] or {}).get("name") or "",
        postcode=row["postal_code"] or "",
        country=(row["country"] or {}).get("name") or "",
        billing=bool(row["invoice"]),
        shipping=bool(row["delivery"]),
    )


def product_of(row: Row, currency: str) -> Product:
    return Product(
        id=str(row["id"]),
        sku=row["code"] or "",
        name=row["name"],
        goods=row["type"] == "goods",
        unit=(row["default_uom"] or {}).get("name") or "",
        price=row["list_price_used"],
        currency=currency,
        active=bool(row["active"] and (row["template"] or {}).get("active")),
    )


async def parties(wire: Wire, ids: Collection[str]) -> list[Party]:
    return [party_of(row) async for row in wire.by_ids("party.party", ids, PARTY)]


async def find_party(wire: Wire, key: str) -> Party | None:
    rows = await wire.search("party.party", [["code", "=", key]], PARTY, limit=1)
    return party_of(rows[0]) if rows else None


async def create_party(
    wire: Wire, company: Company, key: str, values: PartyValues, addresses: Sequence[Address]
) -> Party:
    """One request, so a party is there with all its addresses or not at all."""
    made = await wire.create(
        "party.party",
        {
            "code": key,
            "name": values.name,
            "active": values.active,
            "identifiers": _new([{"type": None, "code": values.tax_id}] if values.tax_id else []),
            "contact_mechanisms": _new([{"type": kind, "value": text} for kind, text in _ways(values).items() if text]),
            "addresses": _new([await _address(wire, company, one) for one in addresses]),
        },
    )
    [party] = await parties(wire, [str(made)])
    return party


async def update_party(
    wire: Wire, company: Company, party: Party, values: PartyValues, addresses: Sequence[Address]
) -> Party:
    rows = await wire.search(
        "party.party", [["id", "=", int(party.id)]], ["identifiers.code", "contact_mechanisms.type"]
    )
    held = rows[0] if rows else {"identifiers": [], "contact_mechanisms": []}
    change: dict[str, Any] = {"name": values.name} if values.name != party.name else {}
    if values.tax_id != party.tax_id:
        change["identifiers"] = _put(held["identifiers"][:1], {"type": None, "code": values.tax_id}, values.tax_id)
    ways: list[Any] = []
    for kind, text in _ways(values).items():
        if text != getattr(party, kind):
            own = [one for one in held["contact_mechanisms"] if one["type"] == kind][:1]
            ways += _put(own, {"type": kind, "value": text}, text)
    known = {one.id: one for one in party.addresses}
    places: list[Any] = []
    for one in addresses:
        if one.id and one != known.get(one.id):
            places.append(["write", [int(one.id)], {**await _address(wire, company, one), "active": True}])
        elif not one.id:
            places += _new([await _address(wire, company, one)])
    change |= {"contact_mechanisms": ways} if ways else {}
    change |= {"addresses": places} if places else {}
    await _write_party(wire, party, change, active=values.active)
    [now] = await parties(wire, [party.id])
    return now


async def _write_party(wire: Wire, party: Party, change: Row, *, active: bool) -> None:
    """What is out of use cannot be changed: it is put to use before, or out of it after."""
    own = int(party.id)
    if active and not party.active:
        await wire.update("party.party", own, {"active": True})
    if change and wire.locks and active == party.active:
        await wire.update_locked("party.party", own, change, party.stamp)
    elif change:
        await wire.update("party.party", own, change)
    if party.active and not active:
        await wire.update("party.party", own, {"active": False})


def _ways(values: PartyValues) -> dict[str, str]:
    return {"email": values.email, "phone": values.phone}


def _new(rows: Sequence[Row]) -> list[Any]:
    return [["create", list(rows)]] if rows else []


def _put(held: Sequence[Row], values: Row, text: str) -> list[Any]:
    """Change the one that is there, make one, or take it away."""
    if not held:
        return _new([values]) if text else []
    return [["write", [held[0]["id"]], values]] if text else [["delete", [held[0]["id"]]]]


async def _address(wire: Wire, company: Company, one: Address) -> dict[str, Any]:
    return {
        "street_unstructured": one.lines,
        "city": one.city,
        "postal_code": one.postcode,
        "country": await country_id(wire, company, one.country),
        "invoice": one.billing,
        "delivery": one.shipping,
    }


async def archive_addresses(wire: Wire, ids: Collection[str]) -> None:
    async for row in wire.by_ids("party.address", ids, ["active"]):
        if row["active"]:
            await wire.update("party.address", row["id"], {"active": False})


async def credit(wire: Wire, company: Company, ids: Collection[str]) -> list[Credit]:
    return [
        Credit(
            party=str(row["id"]),
            limit=row["credit_limit_amount"],
            used=row["credit_amount"] or Decimal(0),
            receivable=row["receivable"] or Decimal(0),
            currency=(row["currency"] or {}).get("code") or company.currency,
        )
        async for row in wire.by_ids("party.party", ids, CREDIT)
    ]


async def products(wire: Wire, company: Company, ids: Collection[str]) -> list[Product]:
    return [product_of(row, company.currency) async for row in wire.by_ids("product.product", ids, PRODUCT)]


async def find_product(wire: Wire, company: Company, sku: str) -> Product | None:
    rows = await wire.search("product.product", [["code", "=", sku]], PRODUCT, order=[("id", "ASC")], limit=1)
    return product_of(rows[0], company.currency) if rows else None


async def create_product(wire: Wire, company: Company, values: NewProduct) -> Product:
    if values.currency and values.currency != company.currency:
        raise Refused(f"The ERP keeps prices in {company.currency}; the product's is in {values.currency}.")
    made = await wire.create(
        "product.template",
        {
            "name": values.name,
            "code": values.sku,
            "type": "goods" if values.goods else "service",
            "default_uom": company.unit,
            "sale_uom": company.unit,
            "salable": True,
            "list_price": values.price,
            "account_category": company.category,
            "products": [["create", [{}]]],
        },
    )
    rows = await wire.search("product.product", [["template", "=", made]], PRODUCT, limit=1)
    return product_of(rows[0], company.currency)


async def stock(wire: Wire, company: Company, ids: Collection[str]) -> list[Stock]:
    """What lies in the storage of all warehouses, and what of it nobody waits for."""
    context = {"locations": company.storages, "stock_date_end": date.max}
    rows = wire.by_ids("product.product", ids, ["quantity", "forecast_quantity", "type"], context)
    return [
        Stock(
            product=str(row["id"]),
            on_hand=_exact(row["quantity"]),
            available=_exact(row["forecast_quantity"]),
        )
        async for row in rows
        if row["type"] == "goods"
    ]


def _exact(quantity: float | None) -> Decimal:
    return Decimal(str(quantity or 0)).quantize(Decimal("0.0001"))
