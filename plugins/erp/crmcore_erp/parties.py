"""Customers and the ERP's parties: both sides are read, compared with what they agreed on, and brought together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from crmcore.domain.customers import ContactPoint, Customer
from crmcore.plugins import Change, Create, Update
from crmcore_erp.adapter import Address, ErpKind, Party, PartyValues, Refused
from crmcore_erp.bindings import base_of, bind, binding_of, settled, turned
from crmcore_erp.comparing import Base, agreed, merge
from crmcore_erp.conflicts import raise_conflict
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpBindingState, ErpOutcome
from crmcore_erp.reading import Node, customer, key_of, way

TABLE: Final = "customer"
FLAT: Final = ("name", "tax_id", "email", "phone")


@dataclass(frozen=True, slots=True)
class Met:
    """What became of a meeting, and with which party."""

    outcome: ErpOutcome
    external_id: str | None = None


def party_key(key: UUID) -> str:
    """Our id in the ERP, by which a party is found again whatever became of the answer that it was made."""
    return f"CRM-{key}"


def said(node: Node) -> dict[str, Any]:
    """What a customer is, as far as the ERP is concerned."""
    points = node["contactPoints"]["nodes"]
    return {
        "name": node["name"],
        "tax_id": node["taxId"] or "",
        "email": way(points, "EMAIL"),
        "phone": way(points, "PHONE"),
        "addresses": {one["id"]: _place(one) for one in node["addresses"]["nodes"]},
    }


def _place(one: Node) -> dict[str, Any]:
    """Every address but a visiting one takes invoices; only those for shipping, or for all, take goods."""
    texts = {name: one[name] or "" for name in ("lines", "city", "region", "postcode", "country")}
    return {**texts, "billing": one["type"] == "BILLING", "shipping": one["type"] in ("SHIPPING", "BILLING")}


def told(party: Party, places: Mapping[str, str]) -> dict[str, Any]:
    """What the party is; of its addresses only those that are ours, by our id, with their own."""
    known = {one.id: one for one in party.addresses}
    own = {here: _told_place(known[there]) for here, there in places.items() if there in known}
    return {**{name: getattr(party, name) for name in FLAT}, "addresses": own}


def _told_place(one: Address) -> dict[str, Any]:
    names = ("id", "lines", "city", "region", "postcode", "country", "billing", "shipping")
    return {name: getattr(one, name) for name in names}


async def meet(link: Link, key: UUID) -> Met:
    """Bring a customer and its party together, whichever side changed. May be done again at any time."""
    node = await customer(link.crm, key)
    binding = await binding_of(link.crm, ErpKind.PARTY, TABLE, key)
    if node is None:
        return await _archive(link, binding)
    if binding is None:
        return await _introduce(link, key, node)
    found = await link.erp.parties([binding["externalId"]])
    if not found:
        return await gone(link, binding)
    return await _bring_together(link, key, node, binding, found[0])


async def _introduce(link: Link, key: UUID, node: Node) -> Met:
    """The first meeting: find the party by our id or make it, and bind it at once, whatever comes afterwards."""
    ours = said(node)
    party = await link.erp.find_party(party_key(key))
    made = party is None
    if party is None:
        addresses = [_wanted(place) for place in ours["addresses"].values()]
        try:
            party = await link.erp.create_party(party_key(key), _values(ours), addresses)
        except Refused:
            party = await link.erp.find_party(party_key(key))  # somebody else made it a moment ago
            if party is None:
                raise
    base = Base(ours, told(party, _paired(ours, party))) if made else None
    await link.crm.write([bind(link.crm, ErpKind.PARTY, TABLE, key, party.id, party.key, base)])
    if not made:
        binding = await binding_of(link.crm, ErpKind.PARTY, TABLE, key)
        assert binding is not None
        await _bring_together(link, key, node, binding, party)
    return Met(ErpOutcome.CREATED if made else ErpOutcome.UPDATED, party.id)


def _paired(ours: Mapping[str, Any], party: Party) -> dict[str, str]:
    """Our addresses and the party's that are made of them: in the same order, or by what they say."""
    pairs: dict[str, str] = {}
    left = list(party.addresses)
    for here, place in ours["addresses"].items():
        same = [one for one in left if (one.lines, one.city, one.postcode) == _face(place)]
        if same:
            pairs[here] = same[0].id
            left.remove(same[0])
    return pairs


def _face(place: Mapping[str, Any]) -> tuple[str, str, str]:
    return place["lines"], place["city"], place["postcode"]


async def _bring_together(link: Link, key: UUID, node: Node, binding: Node, party: Party) -> Met:
    """Compare, write on either side what the other one decides, and note what both agree on."""
    base, ours = base_of(binding), said(node)
    paired = (base.theirs or {}).get("addresses")
    places = {h: p["id"] for h, p in paired.items()} if paired is not None else _paired(ours, party)
    theirs = told(party, places)
    merged = merge(link.owners, base, {n: ours[n] for n in FLAT}, {n: theirs[n] for n in FLAT})
    stale = _stale_places(base, ours, theirs)
    restored = binding["state"] == ErpBindingState.ARCHIVED
    pushed = bool(merged.push or stale or restored)
    if pushed:
        values = _values({**theirs, **merged.push}, active=restored or party.active)
        party, places = await _push(link, party, values, ours, places, stale)
        theirs = told(party, places)
    if merged.pull:
        await link.crm.write(_pulled(node, merged.pull))
        ours = {**ours, **merged.pull}
    undecided = [one["field"] for one in merged.conflicts]
    await link.crm.write(settled(link.crm, binding, agreed(base, ours, theirs, undecided), party.key))
    if merged.conflicts:
        await raise_conflict(link.crm, binding, TABLE, key, merged.conflicts)
        return Met(ErpOutcome.CONFLICT, party.id)
    return Met(ErpOutcome.UPDATED if pushed or merged.pull else ErpOutcome.UNCHANGED, party.id)


def _stale_places(base: Base, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> set[str]:
    """The addresses that the ERP has to be told of: new, changed on either side, or taken away here."""
    before_ours = (base.ours or {}).get("addresses", {})
    before_theirs = (base.theirs or {}).get("addresses", {})
    now, there = ours["addresses"], theirs["addresses"]
    changed = {h for h, place in now.items() if place != before_ours.get(h) or there.get(h) != before_theirs.get(h)}
    return changed | {here for here in there if here not in now}


async def _push(
    link: Link,
    party: Party,
    values: PartyValues,
    ours: Mapping[str, Any],
    places: Mapping[str, str],
    stale: set[str],
) -> tuple[Party, dict[str, str]]:
    """Write to the ERP; the party as it is then, and which of its addresses are ours."""
    alive = {one.id for one in party.addresses}
    kept = {here: there for here, there in places.items() if here in ours["addresses"] and there in alive}
    sent = [here for here in ours["addresses"] if here in stale]
    wanted = [_wanted(ours["addresses"][here], kept.get(here, "")) for here in sent]
    now = await link.erp.update_party(party, values, wanted)
    removed = [there for here, there in places.items() if here not in ours["addresses"] and there in alive]
    if removed:
        await link.erp.archive_addresses(removed)
    new = [one.id for one in now.addresses if one.id not in alive]
    fresh = [here for here in sent if here not in kept]
    return now, {**kept, **dict(zip(fresh, sorted(new, key=int)))}


def _values(flat: Mapping[str, Any], *, active: bool = True) -> PartyValues:
    return PartyValues(**{name: flat[name] for name in FLAT}, active=active)


def _wanted(place: Mapping[str, Any], id: str = "") -> Address:
    return Address(**{**place, "id": id})


def _pulled(node: Node, values: Mapping[str, Any]) -> list[Change]:
    """What the ERP decides, written here; it must still be the version that was compared."""
    key = key_of(node["id"])
    own = {name: values[name] or None for name in ("name", "tax_id") if name in values}
    changes: list[Change] = [Update(Customer, key, own, expected_version=node["version"])] if own else []
    for name, kind in (("email", "EMAIL"), ("phone", "PHONE")):
        if values.get(name):
            points = [one for one in node["contactPoints"]["nodes"] if one["type"] == kind]
            held = next((one for one in points if one["isPrimary"]), points[0] if points else None)
            if held:
                changes.append(Update(ContactPoint, key_of(held["id"]), {"value": values[name]}))
            else:
                changes.append(Create(ContactPoint, {"customer_id": key, "type": kind, "value": values[name]}))
    return changes


async def _archive(link: Link, binding: Node | None) -> Met:
    """The customer is deleted here: the party is put out of use, for its orders and invoices stay."""
    if binding is None or binding["state"] != ErpBindingState.BOUND:
        return Met(ErpOutcome.SKIPPED)
    found: Sequence[Party] = await link.erp.parties([binding["externalId"]])
    for party in found:
        values = _values({name: getattr(party, name) for name in FLAT}, active=False)
        await link.erp.update_party(party, values, [])
    await link.crm.write([turned(link.crm, binding, ErpBindingState.ARCHIVED if found else ErpBindingState.GONE)])
    return Met(ErpOutcome.DELETED, binding["externalId"])


async def gone(link: Link, binding: Node) -> Met:
    """The party was deleted in the ERP: the customer stays, and somebody decides whether it is to be made anew."""
    if binding["state"] == ErpBindingState.BOUND and binding["record"]:
        missing = {"field": "existence", "base": "both", "ours": "present", "theirs": "deleted"}
        await link.crm.write([turned(link.crm, binding, ErpBindingState.GONE)])
        await raise_conflict(link.crm, binding, TABLE, key_of(binding["record"]["id"]), [missing])
        return Met(ErpOutcome.CONFLICT, binding["externalId"])
    return Met(ErpOutcome.SKIPPED, binding["externalId"])
