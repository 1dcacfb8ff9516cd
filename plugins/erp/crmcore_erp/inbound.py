"""What comes in: what changed in the ERP since the last look, kind by kind, and what is gone there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from crmcore.errors import Refusal, Refusals
from crmcore.plugins import Change
from crmcore_erp import adopting, orders, parties, products, received
from crmcore_erp.adapter import ErpError, ErpKind, Party
from crmcore_erp.bindings import turned
from crmcore_erp.linking import Link
from crmcore_erp.models import ErpBindingState, ErpOutcome
from crmcore_erp.putting import Done
from crmcore_erp.reading import bindings, key_of, nodes
from crmcore_erp.runs import Run

KINDS: Final = (ErpKind.PRODUCT, ErpKind.STOCK, ErpKind.PARTY, ErpKind.ORDER, ErpKind.INVOICE, ErpKind.SHIPMENT)
"""What others name comes before them."""

WATCHED: Final = (ErpKind.PRODUCT, ErpKind.PARTY, ErpKind.ORDER, ErpKind.INVOICE)
"""Of what deletions are looked for."""

FEW: Final = 5
"""As many may be missing whatever share that is."""

_OVERLAP: Final = timedelta(minutes=5)


class TooManyGone(Exception):
    """More is missing in the ERP than the settings let be taken for deleted."""


async def pull(link: Link, run: Run, *, anew: bool = False) -> None:
    """Take over what changed, a page at a time: after each page the place is noted, so a run that breaks off goes on
    there. `anew` begins at the beginning, and compares all that is known here with what is there."""
    began = link.crm.now()
    for kind in KINDS:
        await _feed(link, run, kind, anew=anew)
    await _deletions(link, run, anew=anew)
    await link.crm.store.put("looked", began.isoformat())


async def _feed(link: Link, run: Run, kind: ErpKind, *, anew: bool) -> None:
    place = f"cursor {kind}"
    cursor = None if anew else await link.crm.store.get(place)
    more, go_on = True, False
    while more:
        page = await link.erp.changes_since(kind, cursor, size=link.settings.page, go_on=go_on)
        run.seen += len(page.items)
        await run.note(kind, await take(link, kind, page.items), listed=kind != ErpKind.STOCK)
        if page.cursor != cursor:
            await link.crm.store.put(place, dict(page.cursor))
        cursor, more, go_on = page.cursor, page.more, True


async def take(link: Link, kind: ErpKind, items: Sequence[Any]) -> list[Done]:
    """Take over records of a kind, as they are there now."""
    if not items:
        return []
    if kind == ErpKind.PRODUCT:
        return await products.take(link, items)
    if kind == ErpKind.STOCK:
        return await products.stock(link, items)
    if kind == ErpKind.PARTY:
        return await _parties(link, items)
    if kind == ErpKind.ORDER:
        return [*await adopting.orders(link, items), *await orders.take(link, items)]
    if kind == ErpKind.INVOICE:
        return await received.invoices(link, items)
    return await received.shipments(link, items)


async def _parties(link: Link, found: Sequence[Party]) -> list[Done]:
    """Customers whose party is another than when both agreed, one by one; then what all of them owe."""
    done = await adopting.parties(link, found)
    known = {one["externalId"]: one for one in await bindings(link.crm, ErpKind.PARTY, external=[p.id for p in found])}
    for party in found:
        binding = known.get(party.id)
        if binding is None or not binding["record"]:
            continue
        places = {h: p["id"] for h, p in ((binding["theirs"] or {}).get("addresses") or {}).items()}
        if parties.told(party, places) != binding["theirs"]:
            done.append(await _met(link, binding, party))
    await received.credit(link, await link.erp.credit(list(known)))
    return done


async def _met(link: Link, binding: Any, party: Party) -> Done:
    key = key_of(binding["record"]["id"])
    try:
        met = await parties.meet(link, key)
    except (Refusal, Refusals) as refused:
        return Done(external_id=party.id, id=key, outcome=ErpOutcome.FAILED, error=refused.message)
    except ErpError as fault:
        if fault.retryable:
            raise
        return Done(external_id=party.id, id=key, outcome=ErpOutcome.FAILED, error=fault.message)
    return Done(external_id=party.id, id=key, outcome=met.outcome)


async def _deletions(link: Link, run: Run, *, anew: bool) -> None:
    """What the ERP says it deleted, or on a full look what it does not have."""
    looked = await link.crm.store.get("looked")
    for kind in WATCHED:
        known = await _known(link, kind)
        if not known or (looked is None and not anew):
            continue
        if anew:
            gone = known - await link.erp.present(kind, known)
        else:
            gone = await link.erp.deleted_since(kind, known, datetime.fromisoformat(looked) - _OVERLAP)
        _stop_if_many(link, kind, gone, known)
        if gone:
            await run.note(kind, await _drop(link, kind, gone))


def _stop_if_many(link: Link, kind: ErpKind, gone: Collection[str], known: Collection[str]) -> None:
    share = link.settings.deletions_percent
    if len(gone) > FEW and len(gone) * 100 > share * len(known):
        raise TooManyGone(
            f"{len(gone)} of {len(known)} records of kind {kind} are missing in the ERP, more than {share} percent: "
            "nothing was deleted. Look whether the key still shows everything, or raise deletions_percent."
        )


async def _known(link: Link, kind: ErpKind) -> set[str]:
    """The ids there of what is bound here."""
    if kind == ErpKind.INVOICE:
        rows = await nodes(link.crm, "erpInvoices", "ErpInvoiceFilter", {}, "externalId")
        return {row["externalId"] for row in rows}
    held = await bindings(link.crm, kind)
    return {one["externalId"] for one in held if one["state"] != ErpBindingState.GONE}


async def _drop(link: Link, kind: ErpKind, gone: Collection[str]) -> list[Done]:
    """What it means here that records are gone there."""
    if kind == ErpKind.INVOICE:
        await link.crm.write(await received.drop_invoices(link, gone))
        return [Done(external_id=id, id=None, outcome=ErpOutcome.DELETED) for id in gone]
    done, changes = [], list[Change]()
    for binding in await bindings(link.crm, kind, external=gone):
        outcome = ErpOutcome.DELETED
        if kind == ErpKind.PARTY:
            outcome = (await parties.gone(link, binding)).outcome
        elif kind == ErpKind.PRODUCT:
            changes += await products.gone(link, binding)
        else:
            changes.append(turned(link.crm, binding, ErpBindingState.GONE))
        key = key_of(binding["record"]["id"]) if binding["record"] else None
        done.append(Done(external_id=binding["externalId"], id=key, outcome=outcome))
    await link.crm.write(changes)
    return done
