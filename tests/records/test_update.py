"""Updates: versions, conflicts, what is told, and marks that are handed over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from crmcore.domain.cases import Case, CaseStatus
from crmcore.domain.catalogue import Product
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Customer
from crmcore.errors import Conflict, Duplicate, Invalid, NotFound, Refusals
from crmcore.kit.ids import new_id
from crmcore.records import Create, Event, Refused, Update, Written, find_by_external, write
from crmcore.records.catalogue import events_of


async def made(ctx, *changes):
    return [written.id for written in await write(ctx, changes)]


async def refusals(ctx, *changes):
    with pytest.raises(Refusals) as caught:
        await write(ctx, changes)
    return caught.value.refusals


async def test_only_what_changed_is_written_and_told(ctx, read, facts):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "Ähre", "list_price": Decimal(2), "currency": "EUR"}))
    [written] = await write(ctx, [Update(Product, key, {"name": "Öhr", "list_price": Decimal("2.0000")})])
    assert written == Written(key, 2, frozenset({"name"}))
    row = await read(Product, key)
    assert (row["name"], row["name_folded"], row["list_price"], row["version"]) == ("Öhr", "ohr", Decimal(2), 2)
    told = (await facts())[1:]
    assert told == [("product.updated", key, {"version": 1, "name": "Ähre"}, {"version": 2, "name": "Öhr"}, ["name"])]


async def test_an_update_without_a_change_writes_nothing(ctx, read, facts):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    [written] = await write(ctx, [Update(Product, key, {"name": "a", "sku": "A"})])
    assert written == Written(key, 1, frozenset())
    assert (await read(Product, key))["version"] == 1
    assert len(await facts()) == 1


async def test_null_clears_what_may_be_empty(ctx, read):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a", "unit": "box"}))
    await write(ctx, [Update(Product, key, {"unit": None})])
    assert (await read(Product, key))["unit"] is None
    [refusal] = await refusals(ctx, Update(Product, key, {"sku": None}))
    assert (type(refusal), refusal.path) == (Invalid, ("sku",))


async def test_what_is_not_there(ctx):
    [refusal] = await refusals(ctx, Update(Product, new_id(), {"name": "a"}))
    assert (type(refusal), refusal.path) == (NotFound, ("id",))


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """A named event that products have for this test."""
    event = Event("product.renamed", "A new name.")
    monkeypatch.setattr(Product, "special", replace(Product.special, events=(event,)))
    events_of.cache_clear()
    yield event
    events_of.cache_clear()


async def test_a_stale_version_is_told_what_changed_since(ctx, read, renamed):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    await write(ctx, [Update(Product, key, {"name": "b"}, expected_version=1)])
    await write(ctx, [Update(Product, key, {"tax_class": "T"}, expected_version=2, events=[renamed])])
    await write(ctx, [Update(Product, key, {"name": "c"}, expected_version=3)])
    [refusal] = await refusals(ctx, Update(Product, key, {"unit": "u"}, expected_version=2))
    assert isinstance(refusal, Conflict)
    assert (refusal.path, refusal.details) == (
        ("expectedVersion",),
        {"current_version": 4, "changed_fields": ["name", "taxClass"]},
    )
    assert (await read(Product, key))["unit"] is None


async def test_of_two_at_the_same_time_exactly_one_wins(ctx, read):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))

    async def attempt(name: str) -> object:
        try:
            await write(ctx, [Update(Product, key, {"name": name}, expected_version=1)])
        except Refusals as refused:
            return [(type(r), r.details) for r in refused.refusals]
        return name

    names = await asyncio.gather(*(attempt(f"n{i}") for i in range(4)))
    [winner] = [name for name in names if isinstance(name, str)]
    lost = (Conflict, {"current_version": 2, "changed_fields": ["name"]})
    assert [name for name in names if name != winner] == [[lost]] * 3
    row = await read(Product, key)
    assert (row["name"], row["version"]) == (winner, 2)


async def test_of_two_new_records_with_one_unique_value_exactly_one_wins(ctx):
    async def attempt(name: str) -> object:
        try:
            return (await write(ctx, [Create(Product, {"sku": "SAME", "name": name})]))[0].id
        except Refusals as refused:
            return refused.refusals[0]

    found = await asyncio.gather(*(attempt(f"n{i}") for i in range(4)))
    [winner] = [f for f in found if not isinstance(f, Duplicate)]
    losers = [f for f in found if isinstance(f, Duplicate)]
    assert len(losers) == 3
    assert {(r.path, r.details["existing_id"]) for r in losers} == {(("sku",), winner)}


async def test_several_updates_of_one_record_are_one_step(ctx, read, facts):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    first, second = await write(ctx, [Update(Product, key, {"name": "b"}), Update(Product, key, {"unit": "u"})])
    assert first == second == Written(key, 2, frozenset({"name", "unit"}))
    assert len(await facts()) == 2


async def test_each_record_gets_its_own_values_by_one_statement(ctx, read):
    keys = await made(ctx, *(Create(Product, {"sku": f"{i}", "name": "a", "unit": "old"}) for i in range(300)))
    with ctx.db.counting() as few:
        await write(ctx, [Update(Product, key, {"name": f"b{i}"}) for i, key in enumerate(keys[:2])])
    changes = [Update(Product, key, {"name": f"c{i}"} if i % 2 else {"unit": f"u{i}"}) for i, key in enumerate(keys)]
    with ctx.db.counting() as many:
        await write(ctx, changes)
    assert len(few) == len(many) == 3
    assert [((await read(Product, keys[i]))["name"], (await read(Product, keys[i]))["unit"]) for i in (0, 1, 298, 299)] == [
        ("b0", "u0"), ("c1", "old"), ("a", "u298"), ("c299", "old"),
    ]  # fmt: skip


async def test_a_unique_value_may_pass_from_one_record_to_another(ctx, read):
    a, b = await made(ctx, Create(Customer, {"name": "a", "tax_id": "X"}), Create(Customer, {"name": "b"}))
    [taken] = await refusals(ctx, Update(Customer, b, {"tax_id": "X"}))
    assert (type(taken), taken.details) == (Duplicate, {"existing_id": a})
    await write(ctx, [Update(Customer, b, {"tax_id": "X"}), Update(Customer, a, {"tax_id": None})])
    assert [(await read(Customer, k))["tax_id"] for k in (a, b)] == [None, "X"]


async def test_a_state_is_changed_by_moves_only(ctx, read):
    [customer] = await made(ctx, Create(Customer, {"name": "a"}))
    [case] = await made(ctx, Create(Case, {"number": "1", "subject": "s", "customer_id": customer}))
    [refusal] = await refusals(ctx, Update(Case, case, {"status": CaseStatus.CLOSED}))
    assert (type(refusal), refusal.path) == (Invalid, ("status",))
    await write(ctx, [Update(Case, case, {"status": CaseStatus.NEW, "subject": "t"})])  # no change is no move
    assert (await read(Case, case))["status"] == CaseStatus.NEW
    await write(ctx, [Update(Case, case, {"status": CaseStatus.OPEN}, moves=True)])
    assert (await read(Case, case))["status"] == CaseStatus.OPEN


async def test_named_facts_stand_beside_the_update(ctx, facts, renamed):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    await write(ctx, [Update(Product, key, {"name": "b"}, events=[renamed])])
    told = (await facts())[1:]
    assert [row[0] for row in told] == ["product.updated", "product.renamed"]
    assert told[0][1:] == told[1][1:]


# ---------------------------------------------------------------- one live primary


async def linked(ctx, *names):
    [customer] = await made(ctx, Create(Customer, {"name": "c"}))
    contacts = await made(ctx, *(Create(Contact, {"last_name": name}) for name in names))
    return customer, contacts


async def test_a_new_primary_takes_over_in_the_same_command(ctx, read, facts):
    customer, (ann, bob) = await linked(ctx, "Ann", "Bob")
    [first] = await made(ctx, Create(ContactLink, {"customer_id": customer, "contact_id": ann, "is_primary": True}))
    [second] = await made(ctx, Create(ContactLink, {"customer_id": customer, "contact_id": bob, "is_primary": True}))
    assert [(await read(ContactLink, k))["is_primary"] for k in (first, second)] == [False, True]
    await write(ctx, [Update(ContactLink, first, {"is_primary": True})])
    assert [(await read(ContactLink, k))["is_primary"] for k in (first, second)] == [True, False]
    assert [(t, k, a["is_primary"]) for t, k, _, a, _ in await facts() if t == "contact_link.updated"] == [
        ("contact_link.updated", first, False),
        ("contact_link.updated", second, False),
        ("contact_link.updated", first, True),
    ]


async def test_two_new_primaries_in_one_command_are_refused(ctx):
    customer, (ann, bob) = await linked(ctx, "Ann", "Bob")
    [refusal] = await refusals(
        ctx,
        *(Create(ContactLink, {"customer_id": customer, "contact_id": k, "is_primary": True}) for k in (ann, bob)),
    )
    assert (type(refusal), refusal.index, refusal.path) == (Duplicate, 1, ("isPrimary",))


async def test_a_primary_that_is_updated_in_the_same_command_yields_too(ctx, read):
    customer, (ann, bob) = await linked(ctx, "Ann", "Bob")
    first, second = await made(
        ctx,
        Create(ContactLink, {"customer_id": customer, "contact_id": ann, "is_primary": True}),
        Create(ContactLink, {"customer_id": customer, "contact_id": bob}),
    )
    await write(ctx, [Update(ContactLink, first, {"role": "USER"}), Update(ContactLink, second, {"is_primary": True})])
    rows = [await read(ContactLink, k) for k in (first, second)]
    assert [(r["is_primary"], r["role"]) for r in rows] == [(False, "USER"), (True, None)]


async def test_two_new_primaries_at_the_same_time_leave_one(ctx, read):
    customer, contacts = await linked(ctx, "Ann", "Bob", "Cem")
    links = await asyncio.gather(
        *(
            made(ctx, Create(ContactLink, {"customer_id": customer, "contact_id": k, "is_primary": True}))
            for k in contacts
        )
    )
    marks = [(await read(ContactLink, link))["is_primary"] for [link] in links]
    assert sorted(marks) == [False, False, True]


async def test_a_refused_takeover_leaves_the_old_primary(ctx, read):
    customer, (ann, _) = await linked(ctx, "Ann", "Bob")
    [first] = await made(ctx, Create(ContactLink, {"customer_id": customer, "contact_id": ann, "is_primary": True}))
    bad = Create(ContactLink, {"customer_id": customer, "contact_id": new_id(), "is_primary": True})
    [answer] = await write(ctx, [bad], partial=True)
    assert isinstance(answer, Refused)
    assert (await read(ContactLink, first))["is_primary"] is True


# ---------------------------------------------------------------- external references


async def test_external_references_are_replaced_as_a_list(ctx, facts):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}, external_refs=[("erp", "1"), ("shop", "x")]))
    [written] = await write(ctx, [Update(Product, key, {}, external_refs=[("erp", "2"), ("shop", "x")])])
    assert written == Written(key, 2, frozenset({"external_refs"}))
    assert await find_by_external(ctx, Product, "erp", ["1", "2"]) == {"2": key}
    assert await find_by_external(ctx, Product, "shop", ["x"]) == {"x": key}
    assert (await facts())[-1] == (
        "product.updated",
        key,
        {"version": 1, "external_refs": [{"system": "erp", "externalId": "1"}, {"system": "shop", "externalId": "x"}]},
        {"version": 2, "external_refs": [{"system": "erp", "externalId": "2"}, {"system": "shop", "externalId": "x"}]},
        ["external_refs"],
    )
    assert await write(ctx, [Update(Product, key, {}, external_refs=[("shop", "x"), ("erp", "2")])]) == [
        Written(key, 2, frozenset())
    ]
    await write(ctx, [Update(Product, key, {"name": "b"})])
    assert await find_by_external(ctx, Product, "erp", ["2"]) == {"2": key}
    await write(ctx, [Update(Product, key, {}, external_refs=[])])
    assert await find_by_external(ctx, Product, "erp", ["2"]) == {}
