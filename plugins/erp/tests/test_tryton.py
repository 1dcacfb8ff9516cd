"""The adapter against a real Tryton: what it writes is there, what changes there comes back, each fault has its class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from trytond import Erp

from crmcore_erp.adapter import (
    Address,
    ErpKind,
    Missing,
    NewLine,
    NewOrder,
    NewProduct,
    OrderStep,
    PartyValues,
    Refused,
    Stale,
    Unauthorized,
    Unreachable,
)
from crmcore_erp.tryton import TrytonAdapter, Wire


async def test_masters_and_orders_go_out_and_come_back(shared: Erp):
    async with httpx.AsyncClient(timeout=30) as http:
        tryton = TrytonAdapter(Wire(http, shared.url, shared.database, shared.key))
        known = await tryton.capabilities()
        assert (known.version, known.locked_writes, known.tombstones) == ("8.2", False, True)
        shared.make("country.country", name="Germany", code="DE")

        berlin = Address(lines="Obere Str. 57", city="Berlin", postcode="12209", country="Germany")
        values = PartyValues(name="Ålfreds", tax_id="DE1", email="a@example.com", phone="+49 30 1234567")
        party = await tryton.create_party("CRM-1", values, [berlin])
        assert await tryton.find_party("CRM-1") == party
        assert (party.name, party.tax_id, party.email, party.addresses[0].country) == (
            "Ålfreds", "DE1", "a@example.com", "Germany",
        )  # fmt: skip
        with pytest.raises(Refused, match="must be unique"):
            await tryton.create_party("CRM-1", values, [])

        moved = Address(id=party.addresses[0].id, lines="Neue Str. 1", city="Bonn", country="Nowhere")
        other = PartyValues(name="Alfreds", phone="+49 30 7654321")
        party = await tryton.update_party(party, other, [moved, Address(city="Köln", billing=False)])
        assert (party.name, party.tax_id, party.email, party.phone) == ("Alfreds", "", "", "+49 30 7654321")
        assert [(one.city, one.country, one.billing) for one in party.addresses] == [
            ("Bonn", "", True), ("Köln", "", False),
        ]  # fmt: skip
        await tryton.archive_addresses([party.addresses[1].id])
        assert [one.city for one in (await tryton.parties([party.id]))[0].addresses] == ["Bonn"]

        chai = await tryton.create_product(NewProduct(sku="CHAI", name="Chai", price=Decimal("18.0000")))
        assert (await tryton.find_product("CHAI"), chai.price, chai.currency) == (chai, Decimal("18.0000"), "USD")
        lines = (
            NewLine(product=chai.id, description="", quantity=Decimal(3), unit_price=Decimal("15.3000")),
            NewLine(product="", description="Assembly", quantity=Decimal(1), unit_price=Decimal("5.0000")),
        )
        new = NewOrder(key="order-1", number="O-1", party=party.id, currency="USD", lines=lines)
        order = await tryton.create_order(new)
        assert (order.step, order.untaxed, order.tax) == (OrderStep.DRAFT, Decimal("50.90"), Decimal("4.59"))
        assert await tryton.find_order("order-1") == order
        order = await tryton.advance_order(order.id, OrderStep.QUOTATION)
        assert (order.step, order.number) == (OrderStep.QUOTATION, "1")
        confirmed = await tryton.advance_order(order.id, OrderStep.CONFIRMED)
        assert confirmed.step == OrderStep.PROCESSING  # Tryton goes on by itself
        assert (await tryton.advance_order(order.id, OrderStep.QUOTATION)) == confirmed
        [credit] = await tryton.credit([party.id])
        assert (credit.limit, credit.used) == (None, Decimal("50.90"))


async def test_changes_come_page_by_page_and_again_a_little_before_the_end(shared: Erp):
    async with httpx.AsyncClient(timeout=30) as http:
        tryton = TrytonAdapter(Wire(http, shared.url, shared.database, shared.key))
        ids = {(await tryton.create_party(f"Q-{n}", PartyValues(name=f"P {n}"), [])).id for n in range(5)}
        page = await tryton.changes_since(ErpKind.PARTY, None, size=2, go_on=False)
        found, pages = {one.id for one in page.items}, 1
        while page.more:
            page = await tryton.changes_since(ErpKind.PARTY, page.cursor, size=2, go_on=True)
            found |= {one.id for one in page.items}
            pages += 1
        assert ids <= found
        assert pages >= 3
        rest = await tryton.changes_since(ErpKind.PARTY, page.cursor, size=100, go_on=True)
        again = await tryton.changes_since(ErpKind.PARTY, page.cursor, size=100, go_on=False)
        assert (rest.items, {one.id for one in again.items} >= ids) == ((), True)

        [sku] = shared.find("product.template", [["code", "=", "SKU-1"]], "id")
        page = await tryton.changes_since(ErpKind.PRODUCT, None, size=100, go_on=False)
        shared.put("product.template", sku["id"], list_price="11.5000")
        page = await tryton.changes_since(ErpKind.PRODUCT, page.cursor, size=100, go_on=True)
        assert [(one.sku, one.price) for one in page.items] == [("SKU-1", Decimal("11.5000"))]

        gone = min(ids)
        shared.delete("party.party", gone)
        since = datetime.now(UTC) - timedelta(minutes=5)
        assert await tryton.deleted_since(ErpKind.PARTY, ids, since) == {gone}
        assert await tryton.present(ErpKind.PARTY, ids) == ids - {gone}


async def test_what_goes_wrong_says_whether_it_may_work_later(shared: Erp):
    async with httpx.AsyncClient(timeout=30) as http:
        open_wire = Wire(http, shared.url, shared.database, shared.key)
        locked = TrytonAdapter(
            Wire(http, shared.url, shared.database, shared.key, user=shared.user, password=shared.password)
        )
        party = await locked.create_party("CRM-2", PartyValues(name="First"), [])
        shared.put("party.party", party.id, name="Changed there")
        with pytest.raises(Stale) as stale:
            await locked.update_party(party, PartyValues(name="Changed here"), [])
        [now] = await locked.parties([party.id])
        assert (await locked.update_party(now, PartyValues(name="Changed here"), [])).name == "Changed here"
        faults = [stale.value]
        for wire, wrong in (
            (Wire(http, shared.url, shared.database, "no such key"), Unauthorized),
            (Wire(http, "http://127.0.0.1:9", shared.database, shared.key), Unreachable),
            (Wire(http, shared.url, shared.database, shared.key), Missing),
        ):
            with pytest.raises(wrong) as fault:
                await TrytonAdapter(wire).company() if wrong != Missing else await wire.update(
                    "party.party", 999999, {}
                )
            faults.append(fault.value)
        with pytest.raises(Refused, match="no address") as refused:
            nothing = NewOrder(key="x", number="x", party=party.id, currency="USD", lines=())
            await TrytonAdapter(open_wire).create_order(nothing)
        assert [(one.code, one.retryable) for one in [*faults, refused.value]] == [
            ("STALE", True), ("UNAUTHORIZED", False), ("UNREACHABLE", True), ("MISSING", False), ("REFUSED", False),
        ]  # fmt: skip
