"""Conflicts: found by a comparison, listed, and decided by somebody who knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Invalid, WrongState
from crmcore.plugins import Change, Create, Crm, Update
from crmcore_erp.bindings import base_of, forget
from crmcore_erp.comparing import Base, digest
from crmcore_erp.models import ErpBinding, ErpConflict, ErpConflictState
from crmcore_erp.reading import BINDING, Node, global_id, key_of, nodes

CONFLICT: Final = f"version fields state kind recordType record {{ id }} binding {{ id {BINDING} }}"


async def raise_conflict(crm: Crm, binding: Node, table: str, key: UUID, fields: Sequence[Mapping[str, Any]]) -> None:
    """Ask somebody to decide; a conflict of the same record that is still open is brought up to date."""
    where = {"bindingId": {"eq": binding["id"]}, "state": {"eq": ErpConflictState.OPEN}}
    held = await nodes(crm, "erpConflicts", "ErpConflictFilter", where, "fields")
    if held:
        await crm.write([Update(ErpConflict, key_of(held[0]["id"]), {"fields": list(fields)})])
        return
    values = {
        "binding_id": key_of(binding["id"]), "kind": binding["kind"], "record_type": table, "record_id": key,
        "fields": list(fields),
    }  # fmt: skip
    await crm.write([Create(ErpConflict, values)])


async def conflict(crm: Crm, key: UUID) -> Node | None:
    """A conflict with its binding."""
    document = f"query($id: ID!) {{ erpConflict(id: $id) {{ id {CONFLICT} }} }}"
    found: Node | None = (await crm.gql(document, id=global_id("erp_conflict", key)))["erpConflict"]
    return found


def decided(crm: Crm, found: Node, ours: Sequence[str], theirs: Sequence[str], version: int | None) -> list[Change]:
    """What a decision changes here. The side that yields is taken for unchanged, so the next comparison carries the
    other one's value over."""
    if found["state"] != ErpConflictState.OPEN:
        raise WrongState("The conflict is decided already.", current=found["state"], allowed=[])
    names = [one["field"] for one in found["fields"]]
    _all_once(names, ours, theirs)
    binding, base = found["binding"], base_of(found["binding"])
    by_name = {one["field"]: one for one in found["fields"]}
    resolution = {**dict.fromkeys(ours, "OURS"), **dict.fromkeys(theirs, "THEIRS")}
    values = {"state": ErpConflictState.RESOLVED, "resolution": resolution, "resolved_at": crm.now()}
    changes: list[Change] = [Update(ErpConflict, key_of(found["id"]), values, expected_version=version)]
    if "existence" in by_name:
        return [*changes, forget(binding)] if "existence" in ours else changes
    now = Base(
        {**(base.ours or {}), **{name: by_name[name]["ours"] for name in theirs}},
        {**(base.theirs or {}), **{name: by_name[name]["theirs"] for name in ours}},
    )
    told = {"ours": now.ours, "theirs": now.theirs, "base_hash": digest(now)}
    return [*changes, Update(ErpBinding, key_of(binding["id"]), told)]


def _all_once(names: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> None:
    for argument, given in (("ours", ours), ("theirs", theirs)):
        strange = [name for name in given if name not in names]
        if strange:
            raise Invalid(f"{', '.join(strange)[:200]} is not in the conflict: it has {', '.join(names)}.", argument)
    both = [name for name in ours if name in theirs]
    left = [name for name in names if name not in ours and name not in theirs]
    if both or left:
        text = f"Decide each field once: {', '.join(both or left)} is {'given twice' if both else 'left out'}."
        raise Invalid(text, "theirs" if both else "ours")
