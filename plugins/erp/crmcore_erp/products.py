"""Products, prices and stock: the ERP's catalogue taken over, or ours made there where the settings say so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Final
from uuid import UUID

from crmcore.domain.catalogue import Product as CrmProduct
from crmcore.domain.catalogue import ProductType
from crmcore.plugins import Change, Update
from crmcore_erp.adapter import ErpKind, NewProduct, Product, Refused, Stock
from crmcore_erp.bindings import bind, settled, turned
from crmcore_erp.comparing import Base
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpBindingState, ErpOutcome, ErpStock
from crmcore_erp.putting import Done, Put, put
from crmcore_erp.reading import Node, bindings, bound, chunks, exact, global_id, key_of, nodes

TABLE: Final = "product"


async def take(link: Link, products: Sequence[Product]) -> list[Done]:
    """Take over products with their prices. One that is new here is found by its stock-keeping unit or made; the stock
    of those that were bound is asked for too."""
    crm = link.crm
    known = {one["externalId"]: one for one in await bindings(crm, ErpKind.PRODUCT, external=[p.id for p in products])}
    by_sku = await _by_sku(link, [p.sku for p in products if p.sku and p.id not in known])
    ours = link.settings.product_owner == "CRM"
    rows, done = [], []
    for product in products:
        held = known.get(product.id)
        if held is not None and (held["theirs"] == _snapshot(product) or not held["record"]):
            continue
        here = key_of(held["record"]["id"]) if held else by_sku.get(product.sku)
        if not product.sku:
            said = "It has no code in the ERP: give it one, so that it can be told apart."
            done.append(Done(external_id=product.id, id=None, outcome=ErpOutcome.SKIPPED, error=said))
        elif not ours:
            rows.append(Put(external_id=product.id, model=CrmProduct, id=here, values=_values(product)))
        elif here is not None:
            done.append(Done(external_id=product.id, id=here, outcome=ErpOutcome.UNCHANGED))
    done += await put(crm, rows)
    new = await _bind(link, done, {p.id: p for p in products}, known)
    if new:
        await stock(link, await link.erp.read(ErpKind.STOCK, new))
    return done


async def _bind(link: Link, done: Sequence[Done], products: dict[str, Product], known: dict[str, Node]) -> list[str]:
    """Note what was taken over; the ids of those that are new."""
    changes: list[Change] = []
    new = []
    for one in done:
        if one.id is None:
            continue
        product = products[one.external_id]
        base = Base({"sku": product.sku}, _snapshot(product))
        if one.external_id in known:
            changes += settled(link.crm, known[one.external_id], base, product.sku)
        else:
            changes.append(bind(link.crm, ErpKind.PRODUCT, TABLE, one.id, product.id, product.sku, base))
            new.append(product.id)
    if changes:
        await link.crm.write(changes)
    return new


def _snapshot(product: Product) -> dict[str, object]:
    return {**asdict(product), "price": None if product.price is None else f"{product.price:.4f}"}


def _values(product: Product) -> dict[str, object]:
    values: dict[str, object] = {
        "sku": product.sku, "name": product.name, "unit": product.unit or None, "is_active": product.active,
        "type": ProductType.GOODS if product.goods else ProductType.SERVICE,
    }  # fmt: skip
    return values | {"list_price": product.price, "currency": product.currency}


async def _by_sku(link: Link, skus: Collection[str]) -> dict[str, UUID]:
    found: dict[str, UUID] = {}
    for chunk in chunks(skus):
        rows = await nodes(link.crm, "products", "ProductFilter", {"sku": {"in": chunk}}, "sku")
        found |= {row["sku"]: key_of(row["id"]) for row in rows}
    return found


async def stock(link: Link, levels: Sequence[Stock]) -> list[Done]:
    """What lies in the warehouses, of the products that are known here."""
    here = await bound(link.crm, ErpKind.PRODUCT, [one.product for one in levels])
    held: dict[UUID, Node] = {}
    for chunk in chunks([global_id(TABLE, key) for key in here.values()]):
        rows = await nodes(
            link.crm, "erpStocks", "ErpStockFilter", {"productId": {"in": chunk}}, "product { id } onHand available"
        )
        held |= {key_of(row["product"]["id"]): row for row in rows}
    puts = []
    for one in levels:
        key = here.get(one.product)
        row = held.get(key) if key else None
        same = row and (exact(row["onHand"]), exact(row["available"])) == (one.on_hand, one.available)
        if key is not None and not same:
            values = {
                "product_id": key,
                "on_hand": one.on_hand,
                "available": one.available,
                "synced_at": link.crm.now(),
            }
            puts.append(
                Put(external_id=one.product, model=ErpStock, id=key_of(row["id"]) if row else None, values=values)
            )
    return await put(link.crm, puts)


async def introduce(link: Link, key: UUID) -> str:
    """The ERP's id of a product here: found there by its stock-keeping unit, or made where the catalogue is ours."""
    document = "query($id: ID!) { product(id: $id) { id sku name type listPrice { amount currencyCode } } }"
    node = (await link.crm.gql(document, id=global_id(TABLE, key)))["product"]
    if node is None:
        raise Refused("The product is deleted.")
    product = await link.erp.find_product(node["sku"])
    if product is None:
        if link.settings.product_owner != "CRM":
            raise Refused(f"The ERP has no product {node['sku']}: make it there first.")
        price = node["listPrice"] or {"amount": "0", "currencyCode": ""}
        new = NewProduct(
            sku=node["sku"], name=node["name"], price=exact(price["amount"]), currency=price["currencyCode"],
            goods=node["type"] == ProductType.GOODS,
        )  # fmt: skip
        product = await link.erp.create_product(new)
    base = Base({"sku": product.sku}, _snapshot(product))
    await link.crm.write([bind(link.crm, ErpKind.PRODUCT, TABLE, key, product.id, product.sku, base)])
    return product.id


async def gone(link: Link, binding: Node) -> list[Change]:
    """A product that the ERP deleted is no longer sold; where the catalogue is ours, it is only bound no more."""
    changes: list[Change] = [turned(link.crm, binding, ErpBindingState.GONE)]
    if binding["record"] and link.settings.product_owner == "ERP":
        changes.append(Update(CrmProduct, key_of(binding["record"]["id"]), {"is_active": False}))
    return changes
