"""What goes out: a change here asks for a job, and the job brings both sides together."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from crmcore.errors import CrmError
from crmcore.plugins import Crm, JobRun, PluginEvent, RunLater
from crmcore_erp import orders, parties, products
from crmcore_erp.adapter import ErpError, ErpKind, Unreachable
from crmcore_erp.bindings import binding_of
from crmcore_erp.linking import Link, is_set_up, link
from crmcore_erp.models import ErpDirection, ErpOutcome
from crmcore_erp.parties import Met
from crmcore_erp.reading import global_id, key_of
from crmcore_erp.runs import item, pending, settle

SEND: Final = "send"

_FIRST: Final = timedelta(seconds=2)
"""Half the pause before the second attempt; each further one is twice as long."""

_CUSTOMER: Final = frozenset({"name", "tax_id", "deleted_at"})
"""The columns of a customer that the ERP is told."""


async def ask_for(event: PluginEvent, crm: Crm) -> None:
    """Ask for what an event makes necessary; nothing while there is no ERP set up."""
    if not await is_set_up(crm):
        return
    if event.type == "deal.won":
        for key in await orders_of(crm, event.record_id):
            await ask(crm, ErpKind.ORDER, key)
        return
    found = _concerns(event)
    if found is not None and not await _left_out(crm, event, *found):
        await ask(crm, *found)


def _concerns(event: PluginEvent) -> tuple[ErpKind, UUID] | None:
    """What an event is about, if the ERP cares."""
    if event.record_type == "order":
        return ErpKind.ORDER, event.record_id
    if event.record_type == "product":
        return ErpKind.PRODUCT, event.record_id
    if event.record_type == "customer":
        cares = event.type != "customer.updated" or _CUSTOMER & set(event.changed_fields)
        return (ErpKind.PARTY, event.record_id) if cares else None
    row = event.after or event.before or {}
    return (ErpKind.PARTY, row["customer_id"]) if row.get("customer_id") else None


async def _left_out(crm: Crm, event: PluginEvent, kind: ErpKind, key: UUID) -> bool:
    """What the settings keep here: products that are the ERP's, and customers who have never ordered."""
    settings = await crm.settings()
    if kind == ErpKind.PRODUCT:
        return bool(settings.product_owner != "CRM")
    if kind == ErpKind.PARTY and settings.customers == "ORDERING":
        return await binding_of(crm, ErpKind.PARTY, parties.TABLE, key) is None
    return False


async def orders_of(crm: Crm, deal: UUID) -> list[UUID]:
    """The orders that came of a won deal; where there is none yet, one with the deal's amount is made."""
    document = """query($id: ID!) { deal(id: $id) {
      id name customer { id } product { id } amount { amount currencyCode } orders { nodes { id } } } }"""
    deal_id = global_id("deal", deal)
    found = (await crm.gql(document, id=deal_id))["deal"]
    if found is None or found["customer"] is None or found["amount"] is None:
        return []
    if found["orders"]["nodes"]:
        return [key_of(one["id"]) for one in found["orders"]["nodes"]]
    line = {"description": found["name"], "quantity": "1", "unitPrice": found["amount"]}
    line |= {"productId": found["product"]["id"]} if found["product"] else {}
    new = {
        "customerId": found["customer"]["id"], "dealId": deal_id, "currency": found["amount"]["currencyCode"],
        "status": "PLACED", "lines": [line], "externalRefs": [{"system": "erp-deal", "externalId": deal_id}],
    }  # fmt: skip
    upsert = """mutation($item: OrderCreateInput!) {
      ordersUpsert(matchOn: [EXTERNAL_REF], onConflict: SKIP, items: [$item]) {
        results { order { id } errors { message } } } }"""
    [result] = (await crm.gql(upsert, item=new))["ordersUpsert"]["results"]
    if result["order"] is None:
        raise CrmError(f"The deal's order was refused: {'; '.join(e['message'] for e in result['errors'])}")
    return [key_of(result["order"]["id"])]


async def ask(crm: Crm, kind: ErpKind, key: UUID, item: UUID | None = None) -> None:
    """Have a record sent; while it waits, asking again changes nothing."""
    payload = {"kind": kind, "record": str(key), "item": str(item) if item else None}
    await crm.enqueue(SEND, payload, unique_key=None if item else f"{kind} {key}")


async def send(crm: Crm, run: JobRun) -> dict[str, str]:
    """The job: what it does can be done again, so it does not matter where an earlier attempt ended."""
    kind, key = ErpKind(run.payload["kind"]), UUID(run.payload["record"])
    place = UUID(run.payload["item"]) if run.payload["item"] else run.id
    if await item(crm, place) is None:
        await crm.write([pending(place, ErpDirection.OUT, kind, key, None)])
    try:
        met = await settle(crm, place, lambda: _meet(crm, kind, key))
    except (ErpError, CrmError) as fault:  # worth trying again, and nobody's fault here
        asked = fault.pause if isinstance(fault, Unreachable) else None
        raise RunLater(fault.message, at=crm.now() + (asked or _FIRST * 2**run.job.attempts)) from fault
    return {"outcome": met.outcome if met else ErpOutcome.FAILED}


async def _meet(crm: Crm, kind: ErpKind, key: UUID) -> Met:
    both = await link(crm)
    if kind == ErpKind.PARTY:
        return await parties.meet(both, key)
    if kind == ErpKind.PRODUCT:
        return await _product(both, key)
    return await orders.meet(both, key)


async def _product(both: Link, key: UUID) -> Met:
    """A product is made there once; what is changed here later is not sent."""
    held = await binding_of(both.crm, ErpKind.PRODUCT, products.TABLE, key)
    if held is not None:
        return Met(ErpOutcome.UNCHANGED, held["externalId"])
    return Met(ErpOutcome.CREATED, await products.introduce(both, key))
