"""What began in the ERP and is taken over where the settings say so: customers with their addresses, and orders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from crmcore_erp.adapter import Address, ErpKind, Order, OrderStep, Party
from crmcore_erp.bindings import bind
from crmcore_erp.comparing import Base
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpOutcome
from crmcore_erp.parties import TABLE, meet, said, told
from crmcore_erp.putting import Done
from crmcore_erp.reading import bindings, bound, chunks, customer, key_of, nodes

_GLOBAL: Final = re.compile(r"[a-z_]+_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def parties(link: Link, found: Sequence[Party]) -> list[Done]:
    """Customers of parties that nobody here knows, each with a binding. A party that was made of a customer here is
    that one's, also if the binding was lost."""
    if not link.settings.adopt:
        return []
    known = {one["externalId"] for one in await bindings(link.crm, ErpKind.PARTY, external=[p.id for p in found])}
    new = [one for one in found if one.id not in known and one.active]
    own = await _here(link, "customers", "CustomerFilter", [f"customer_{one.key.removeprefix('CRM-')}" for one in new])
    return [
        await _rebound(link, one, key)
        if (key := own.get(f"customer_{one.key.removeprefix('CRM-')}"))
        else await _customer(link, one)
        for one in new
    ]


async def _here(link: Link, root: str, filter_type: str, ids: Sequence[str]) -> dict[str, UUID]:
    """Those of these global ids, as far as they are any, that are records here."""
    found: dict[str, UUID] = {}
    for chunk in chunks([id for id in ids if _GLOBAL.fullmatch(id)]):
        found |= {
            row["id"]: key_of(row["id"]) for row in await nodes(link.crm, root, filter_type, {"id": {"in": chunk}}, "")
        }
    return found


async def _rebound(link: Link, party: Party, key: UUID) -> Done:
    met = await meet(link, key)
    return Done(external_id=party.id, id=key, outcome=met.outcome)


async def _customer(link: Link, party: Party) -> Done:
    made: dict[str, Any] = {
        "name": party.name or party.key,
        "externalRefs": [{"system": "erp", "externalId": party.key}],
        "addresses": [_address(one) for one in party.addresses if one.lines or one.city],
        "contactPoints": [
            {"type": kind, "value": value, "isPrimary": True}
            for kind, value in (("EMAIL", party.email), ("PHONE", party.phone))
            if value
        ],
    }
    made |= {"taxId": party.tax_id} if party.tax_id else {}
    upsert = """mutation($item: CustomerCreateInput!) {
      customersUpsert(matchOn: [EXTERNAL_REF], onConflict: SKIP, items: [$item]) {
        results { customer { id } errors { message } } } }"""
    [result] = (await link.crm.gql(upsert, item=made))["customersUpsert"]["results"]
    if result["customer"] is None:
        faults = "; ".join(error["message"] for error in result["errors"])
        return Done(external_id=party.id, id=None, outcome=ErpOutcome.FAILED, error=faults)
    key = key_of(result["customer"]["id"])
    node = await customer(link.crm, key)
    assert node is not None
    ours = said(node)
    pairs = dict(zip(ours["addresses"], [one.id for one in party.addresses if one.lines or one.city]))
    base = Base(ours, told(party, pairs))
    await link.crm.write([bind(link.crm, ErpKind.PARTY, TABLE, key, party.id, party.key, base)])
    return Done(external_id=party.id, id=key, outcome=ErpOutcome.CREATED)


def _address(one: Address) -> dict[str, str]:
    names = ("lines", "city", "region", "postcode", "country")
    texts = {name: getattr(one, name) for name in names if getattr(one, name)}
    return {**texts, "type": "BILLING" if one.billing else "SHIPPING"}


async def orders(link: Link, found: Sequence[Order]) -> list[Done]:
    """Orders of customers that are known here, which nobody here knows."""
    if not link.settings.adopt:
        return []
    known = {one["externalId"] for one in await bindings(link.crm, ErpKind.ORDER, external=[one.id for one in found])}
    new = [one for one in found if one.id not in known and one.number and one.step != OrderStep.CANCELLED]
    buyers = await bound(link.crm, ErpKind.PARTY, [one.party for one in new])
    sold = await bound(link.crm, ErpKind.PRODUCT, [line.product for one in new for line in one.lines if line.product])
    own = await _here(link, "orders", "OrderFilter", [one.key for one in new])
    done = []
    for one in new:
        if one.key in own:
            await link.crm.write([bind(link.crm, ErpKind.ORDER, "order", own[one.key], one.id, one.number)])
        elif one.party in buyers:
            done.append(await _order(link, one, buyers[one.party], sold))
    return done


async def _order(link: Link, one: Order, buyer: UUID, sold: dict[str, UUID]) -> Done:
    lines = []
    for line in one.lines:
        price = {"amount": str(line.unit_price), "currencyCode": one.currency}
        made: dict[str, Any] = {"quantity": str(line.quantity), "unitPrice": price}
        made |= {"description": line.description} if line.description else {}
        made |= {"productId": f"product_{sold[line.product]}"} if line.product in sold else {}
        lines.append(made)
    item = {
        "customerId": f"customer_{buyer}", "currency": one.currency, "status": "PLACED", "lines": lines,
        "externalRefs": [{"system": "erp", "externalId": one.number}], "number": f"ERP-{one.number}",
    }  # fmt: skip
    item |= {"placedAt": f"{one.placed_on}T00:00:00Z"} if one.placed_on else {}
    upsert = """mutation($item: OrderCreateInput!) {
      ordersUpsert(matchOn: [EXTERNAL_REF], onConflict: SKIP, items: [$item]) {
        results { order { id } errors { message } } } }"""
    [result] = (await link.crm.gql(upsert, item=item))["ordersUpsert"]["results"]
    if result["order"] is None:
        faults = "; ".join(error["message"] for error in result["errors"])
        return Done(external_id=one.id, id=None, outcome=ErpOutcome.FAILED, error=faults)
    key = key_of(result["order"]["id"])
    await link.crm.write([bind(link.crm, ErpKind.ORDER, "order", key, one.id, one.number)])
    return Done(external_id=one.id, id=key, outcome=ErpOutcome.CREATED)
