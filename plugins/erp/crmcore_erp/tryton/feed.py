"""What changed in Tryton: each kind is fed by one or more models, each with its own place in the cursor.

A place is the time and id of the last record seen. A run begins a little before it and then goes on from page to page:
what comes twice is the same, and whoever asks sees that nothing is new.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from crmcore_erp.adapter import ErpKind
from crmcore_erp.tryton.wire import Domain, Wire

OVERLAP: Final = timedelta(seconds=30)
"""How far back a page begins: a transaction there may be committed later than its records are dated."""

SOURCES: Final[Mapping[ErpKind, tuple[tuple[str, str, Domain], ...]]] = {
    ErpKind.PARTY: (("party.party", "id", []), ("party.address", "party", [])),
    ErpKind.PRODUCT: (
        ("product.product", "id", [["salable", "=", True]]),
        ("product.template", "products", [["salable", "=", True]]),
    ),
    ErpKind.STOCK: (("stock.move", "product", [["state", "in", ["draft", "assigned", "done", "cancelled"]]]),),
    ErpKind.ORDER: (("sale.sale", "id", []), ("stock.shipment.out", "outgoing_moves.sale", [])),
    ErpKind.INVOICE: (("account.invoice", "id", [["type", "=", "out"]]),),
    ErpKind.SHIPMENT: (("stock.shipment.out", "id", []), ("stock.package", "shipment", [])),
}
"""Which models feed a kind, and by which field each leads to the records of the kind."""

MODELS: Final = {
    ErpKind.PARTY: "party.party",
    ErpKind.PRODUCT: "product.product",
    ErpKind.STOCK: "product.product",
    ErpKind.ORDER: "sale.sale",
    ErpKind.INVOICE: "account.invoice",
    ErpKind.SHIPMENT: "stock.shipment.out",
}


async def changed_ids(
    wire: Wire, kind: ErpKind, cursor: Mapping[str, Any] | None, size: int, *, go_on: bool
) -> tuple[list[str], dict[str, Any], bool]:
    """The ids of records of the kind that changed since the cursor, the next cursor, and whether there is more."""
    found: dict[str, None] = {}
    after: dict[str, Any] = dict(cursor or {})
    more = False
    for model, leads, domain in SOURCES[kind]:
        rows = await _step(wire, model, leads, [*domain, *_since(after.get(model), go_on)], size)
        more = more or len(rows) >= size
        for row in rows:
            found.update(dict.fromkeys(_led_to(row, leads)))
        if rows and _place(rows[-1]) != after.get(model):
            after[model] = _place(rows[-1])
    return list(found), after, more


def _since(place: Mapping[str, Any] | None, go_on: bool) -> Domain:
    """What comes after a place; at the beginning of a run from a little before it."""
    if place is None:
        return []
    at = datetime.fromisoformat(place["at"])
    if not go_on:
        return [["last_modified_at", ">=", at - OVERLAP]]
    same = [["last_modified_at", "=", at], ["id", ">", place["id"]]]
    return [["OR", [["last_modified_at", ">", at]], same]]


async def _step(wire: Wire, model: str, leads: str, domain: Domain, size: int) -> list[dict[str, Any]]:
    """The next records of a model, oldest change first."""
    fields = ["last_modified_at", *([leads] if leads != "id" else [])]
    order = [("last_modified_at", "ASC"), ("id", "ASC")]
    return await wire.search(model, domain, fields, order=order, limit=size)


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": row["last_modified_at"].isoformat(), "id": row["id"]}


def _led_to(row: Mapping[str, Any], leads: str) -> list[str]:
    value: Any = row
    for name in leads.split("."):
        value = [part for one in _listed(value) if isinstance(one, Mapping) for part in _listed(one.get(name))]
    return [str(one).rpartition(",")[2] for one in _listed(value) if one]


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


async def deleted_since(wire: Wire, kind: ErpKind, ids: Collection[str], since: datetime) -> set[str]:
    """Tryton keeps deletions in its log, but not those that follow from others: it says when to look what is gone."""
    models = [model for model, leads, _ in SOURCES[kind] if leads in ("id", "products")]
    of_these: Domain = ["OR", *([["resource", "like", f"{model},%"]] for model in models)]
    domain: Domain = [["event", "=", "delete"], ["create_date", ">=", since], of_these]
    if not ids or not await wire.search("ir.model.log", domain, ["event"], limit=1):
        return set()
    return set(ids) - await present(wire, kind, ids)


async def present(wire: Wire, kind: ErpKind, ids: Collection[str]) -> set[str]:
    """Those that are there, archived ones too."""
    return {str(row["id"]) async for row in wire.by_ids(MODELS[kind], ids, ["id"])}
