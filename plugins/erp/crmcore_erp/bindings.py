"""Bindings: saved as soon as there is something to bind, so that nothing is made twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmcore.plugins import Create, Crm, Delete, Update
from crmcore_erp.adapter import ErpKind
from crmcore_erp.comparing import Base, digest
from crmcore_erp.models import ErpBinding, ErpBindingState
from crmcore_erp.reading import Node, bindings, global_id, key_of


async def binding_of(crm: Crm, kind: ErpKind, table: str, key: UUID) -> Node | None:
    """The binding of a record here."""
    found = await bindings(crm, kind, records=[global_id(table, key)])
    return found[0] if found else None


def base_of(binding: Node) -> Base:
    return Base(binding["ours"], binding["theirs"])


def bind(
    crm: Crm, kind: ErpKind, table: str, key: UUID, external_id: str, name: str, base: Base | None = None
) -> Create:
    """A new binding; without a base both sides have yet to be compared."""
    base = base or Base()
    values = {
        "kind": kind, "record_type": table, "record_id": key, "external_id": external_id, "external_key": name,
        "ours": base.ours, "theirs": base.theirs, "base_hash": digest(base), "synced_at": crm.now(),
    }  # fmt: skip
    return Create(ErpBinding, values)


def settled(crm: Crm, binding: Node, base: Base, name: str) -> list[Update]:
    """Both sides agree now: nothing to write where they did before."""
    hashed = digest(base)
    if (hashed, name, ErpBindingState.BOUND) == (binding["baseHash"], binding["externalKey"], binding["state"]):
        return []
    values: dict[str, Any] = {"ours": base.ours, "theirs": base.theirs, "base_hash": hashed, "external_key": name}
    values |= {"synced_at": crm.now(), "state": ErpBindingState.BOUND}
    return [Update(ErpBinding, key_of(binding["id"]), values)]


def turned(crm: Crm, binding: Node, state: ErpBindingState) -> Update:
    """One side is there no more, or again."""
    return Update(ErpBinding, key_of(binding["id"]), {"state": state, "synced_at": crm.now()})


def forget(binding: Node) -> Delete:
    return Delete(ErpBinding, key_of(binding["id"]))
