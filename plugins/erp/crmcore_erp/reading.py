"""What the exchange reads here: by the graph, as everybody does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crmcore.plugins import Crm
from crmcore_erp.adapter import ErpKind

PAGE: Final = 100

Node = Mapping[str, Any]


def key_of(id: str) -> UUID:
    """The key in a global id."""
    return UUID(id.rpartition("_")[2])


def global_id(table: str, key: UUID) -> str:
    return f"{table}_{key}"


def chunks(items: Collection[str]) -> Iterator[list[str]]:
    """A hundred at a time, each once."""
    listed = sorted(set(items))
    for start in range(0, len(listed), PAGE):
        yield listed[start : start + PAGE]


async def nodes(crm: Crm, root: str, filter_type: str, where: Mapping[str, Any], fields: str) -> list[Node]:
    """All records that fit, page by page."""
    document = (
        f"query($where: {filter_type}, $after: String) {{ found: {root}(where: $where, first: {PAGE}, after: $after) "
        f"{{ nodes {{ id {fields} }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    found: list[Node] = []
    after = None
    while True:
        page = (await crm.gql(document, where=where, after=after))["found"]
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


BINDING: Final = "version recordType record { id } kind externalId externalKey ours theirs baseHash state"


async def bindings(
    crm: Crm, kind: ErpKind, *, external: Collection[str] | None = None, records: Collection[str] | None = None
) -> list[Node]:
    """The bindings of these ids in the ERP, or of these global ids here, or all of a kind."""
    fixed = {"kind": {"eq": kind}}
    if external is None and records is None:
        return await nodes(crm, "erpBindings", "ErpBindingFilter", fixed, BINDING)
    name, wanted = ("externalId", external) if external is not None else ("recordId", records)
    found: list[Node] = []
    for chunk in chunks(wanted or ()):
        found += await nodes(crm, "erpBindings", "ErpBindingFilter", {**fixed, name: {"in": chunk}}, BINDING)
    return found


async def bound(crm: Crm, kind: ErpKind, external: Collection[str]) -> dict[str, UUID]:
    """The keys of the records here, by their ids in the ERP; what is not bound or deleted is left out."""
    found = await bindings(crm, kind, external=external)
    return {one["externalId"]: key_of(one["record"]["id"]) for one in found if one["record"]}


CUSTOMER: Final = """
query($id: ID!) {
  customer(id: $id) {
    id version name taxId
    addresses(orderBy: [{field: ID}], first: 100) { nodes { id type lines city region postcode country } }
    contactPoints(where: {type: {in: [EMAIL, PHONE]}}, orderBy: [{field: ID}], first: 100) {
      nodes { id type value isPrimary }
    }
  }
}
"""

ORDER: Final = """
query($id: ID!) {
  order(id: $id) {
    id version number status currency placedAt customer { id }
  }
}
"""


async def customer(crm: Crm, key: UUID) -> Node | None:
    """A customer with what the ERP is told of it; None if it is deleted."""
    found: Node | None = (await crm.gql(CUSTOMER, id=global_id("customer", key)))["customer"]
    return found


async def order(crm: Crm, key: UUID) -> Node | None:
    """An order; None if it is deleted."""
    found: Node | None = (await crm.gql(ORDER, id=global_id("order", key)))["order"]
    return found


async def order_lines(crm: Crm, key: UUID) -> list[Node]:
    """The lines of an order, in their order."""
    fields = "position description quantity unitPrice { amount } discount product { id sku }"
    where = {"orderId": {"eq": global_id("order", key)}}
    return sorted(await nodes(crm, "orderLines", "OrderLineFilter", where, fields), key=lambda one: one["position"])


def way(points: Sequence[Node], kind: str) -> str:
    """The value of the contact point that counts: the primary one, or the oldest."""
    own = [one for one in points if one["type"] == kind]
    first = next((one for one in own if one["isPrimary"]), own[0] if own else None)
    return str(first["value"]) if first else ""


def exact(text: str | None) -> Decimal:
    return Decimal(text or 0)
