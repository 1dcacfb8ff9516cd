"""Deletion with all parts, and its undoing."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from crmcore.domain.catalogue import Product
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, AddressType, Customer
from crmcore.domain.deals import Deal, Order, OrderLine, Pipeline, Stage, StageTransition
from crmcore.errors import Conflict, Duplicate, NotFound, Policy, Refusals, WrongState
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.records import Create, Delete, Restore, Update, Written, find_by_external, write


async def made(ctx, *changes):
    return [written.id for written in await write(ctx, changes)]


async def refusal(ctx, *changes):
    with pytest.raises(Refusals) as caught:
        await write(ctx, changes)
    [found] = caught.value.refusals
    return found


async def company(ctx):
    """A customer with two addresses, a contact and an order of one line."""
    customer, contact, order = new_id(), new_id(), new_id()
    return await made(
        ctx,
        Create(Customer, {"name": "c", "tax_id": "X"}, id=customer, external_refs=[("erp", "1")]),
        Create(Address, {"customer_id": customer, "type": AddressType.BILLING}),
        Create(Address, {"customer_id": customer, "type": AddressType.VISIT}),
        Create(Contact, {"last_name": "Ann"}, id=contact),
        Create(ContactLink, {"customer_id": customer, "contact_id": contact, "is_primary": True}),
        Create(Order, {"number": "1", "customer_id": customer, "currency": "EUR"}, id=order),
        Create(
            OrderLine,
            {"order_id": order, "position": 1, "quantity": Decimal(2), "unit_price": Decimal(3), "currency": "EUR"},
        ),
    )


MODELS = (Customer, Address, Address, Contact, ContactLink, Order, OrderLine)


async def living(read, keys):
    return [await read(model, key) is not None for model, key in zip(MODELS, keys, strict=True)]


async def test_the_parts_go_with_the_whole_and_come_back_with_it(ctx, read, facts):
    keys = await company(ctx)
    customer, first, *_ = keys
    await write(ctx, [Delete(Address, first)])
    before = len(await facts())
    assert await write(ctx, [Delete(Customer, customer)]) == [Written(customer, 2, frozenset())]
    assert await living(read, keys) == [False, False, False, True, False, False, False]
    told = (await facts())[before:]
    assert sorted(row[0] for row in told) == [
        "address.deleted", "contact_link.deleted", "customer.deleted", "order.deleted", "order_line.deleted",
    ]  # fmt: skip
    assert next(row for row in told if row[0] == "customer.deleted")[2:4] == (
        {
            "version": 1, "kind": "ORGANIZATION", "name": "c", "tax_id": "X", "roles": ["CUSTOMER"],
            "lifecycle_stage": "PROSPECT", "is_key_account": False,
        },
        None,
    )  # fmt: skip
    ids = await ctx.db.fetch(Sql("SELECT deletion_id FROM address UNION SELECT deletion_id FROM customer"))
    assert len({str(row["deletion_id"]) for row in ids}) == 2, "one for the address alone, one for the rest"

    [back] = await write(ctx, [Restore(Customer, customer)])
    assert back.version == 3
    assert await living(read, keys) == [True, False, True, True, True, True, True]
    assert (await read(Customer, customer))["deletion_id"] is None
    assert [row[0] for row in (await facts())[before + 5 :] if row[0].endswith("restored")].count(
        "address.restored"
    ) == 1


async def test_external_references_go_and_come_back_too(ctx):
    customer, *_ = await company(ctx)
    await write(ctx, [Delete(Customer, customer)])
    assert await find_by_external(ctx, Customer, "erp", ["1"]) == {}
    await write(ctx, [Restore(Customer, customer)])
    assert await find_by_external(ctx, Customer, "erp", ["1"]) == {"1": customer}
    await write(ctx, [Delete(Customer, customer)])
    [other] = await made(ctx, Create(Customer, {"name": "d"}, external_refs=[("erp", "1")]))
    taken = await refusal(ctx, Restore(Customer, customer))
    assert (type(taken), taken.path, taken.details) == (Duplicate, ("externalRefs",), {"existing_id": other})


async def test_a_whole_whose_unique_value_was_taken_stays_deleted(ctx, read):
    keys = await company(ctx)
    await write(ctx, [Delete(Customer, keys[0])])
    [other] = await made(ctx, Create(Customer, {"name": "d", "tax_id": "X"}))
    taken = await refusal(ctx, Restore(Customer, keys[0]))
    assert (type(taken), taken.path, taken.details) == (Duplicate, ("taxId",), {"existing_id": other})
    assert await living(read, keys) == [False, False, False, True, False, False, False]


async def test_a_part_does_not_come_back_without_its_whole(ctx):
    customer, address, *_ = await company(ctx)
    await write(ctx, [Delete(Customer, customer)])
    kept = await refusal(ctx, Restore(Address, address))
    assert (type(kept), kept.path) == (Policy, ("id",))
    assert kept.message == "The address belongs to a customer that is deleted: restore the customer first."


async def test_a_contact_whose_customer_went_later_waits_for_it(ctx, read):
    keys = await company(ctx)
    customer, _, _, contact, link, *_ = keys
    await write(ctx, [Delete(Contact, contact)])
    await write(ctx, [Delete(Customer, customer)])
    kept = await refusal(ctx, Restore(Contact, contact))
    assert kept.message == "The contact link belongs to a customer that is deleted: restore the customer first."
    assert await read(Contact, contact) is None
    await write(ctx, [Restore(Customer, customer)])
    assert await read(ContactLink, link) is None
    await write(ctx, [Restore(Contact, contact)])
    assert await living(read, keys) == [True] * 7


async def test_what_is_needed_is_not_deleted(ctx, read):
    [product] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    _, _, _, _, _, order, line = await company(ctx)
    await write(ctx, [Update(OrderLine, line, {"product_id": product})])
    kept = await refusal(ctx, Delete(Product, product))
    assert (type(kept), kept.path) == (Policy, ("id",))
    assert kept.message == "This product is still needed by 1 order line: delete or change those first."
    assert await read(Product, product) is not None
    await write(ctx, [Delete(Order, order)])
    await write(ctx, [Delete(Product, product)])


async def test_who_needs_several_parts_counts_once(ctx):
    """A deal names its pipeline and its stage, both of which go; its transition is a part of the deal."""
    sales, other, stage, elsewhere = (new_id() for _ in range(4))
    await made(
        ctx,
        Create(Pipeline, {"name": "Sales"}, id=sales),
        Create(Stage, {"pipeline_id": sales, "name": "New", "position": 1}, id=stage),
        Create(Pipeline, {"name": "Other"}, id=other),
        Create(Stage, {"pipeline_id": other, "name": "New", "position": 1}, id=elsewhere),
    )
    deal = {"name": "d", "stage_entered_at": ctx.clock(), "probability": 10}
    here, _, moved = await made(
        ctx,
        *(Create(Deal, {**deal, "pipeline_id": sales, "stage_id": stage}) for _ in range(2)),
        Create(Deal, {**deal, "pipeline_id": other, "stage_id": elsewhere}),
    )
    at = {"at": ctx.clock()}
    await made(ctx, Create(StageTransition, {**at, "deal_id": here, "to_stage_id": stage}))
    kept = await refusal(ctx, Delete(Pipeline, sales))
    assert kept.message == "This pipeline is still needed by 2 deals: delete or change those first."
    await made(ctx, Create(StageTransition, {**at, "deal_id": moved, "from_stage_id": stage, "to_stage_id": elsewhere}))
    kept = await refusal(ctx, Delete(Pipeline, sales))
    assert kept.message == (
        "This pipeline is still needed by 2 deals and 1 stage transition: delete or change those first."
    )
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Delete(Pipeline, sales), Delete(Pipeline, other)])
    assert [r.message.split(":")[0] for r in caught.value.refusals] == [
        "This pipeline is still needed by 2 deals and 1 stage transition",
        "This pipeline is still needed by 1 deal",
    ]


async def test_children_in_the_hierarchy_hold_their_parent(ctx):
    [parent] = await made(ctx, Create(Customer, {"name": "p"}))
    children = await made(ctx, *(Create(Customer, {"name": f"{i}", "parent_id": parent}) for i in range(3)))
    kept = await refusal(ctx, Delete(Customer, parent))
    assert kept.message == "This customer is still needed by 3 customers: delete or change those first."
    await write(ctx, [Delete(Customer, key) for key in (*children, parent)])


async def test_a_loose_reference_neither_holds_nor_goes(ctx, read):
    a, b = await made(ctx, Create(Product, {"sku": "A", "name": "a"}), Create(Product, {"sku": "B", "name": "b"}))
    await write(ctx, [Update(Product, b, {"successor_of_id": a})])
    await write(ctx, [Delete(Product, a)])
    assert (await read(Product, b))["successor_of_id"] == a
    await write(ctx, [Restore(Product, a)])


async def test_what_lives_cannot_be_restored_and_what_is_gone_cannot_be_deleted(ctx):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    state = await refusal(ctx, Restore(Product, key))
    assert (type(state), state.path) == (WrongState, ("id",))
    await write(ctx, [Delete(Product, key)])
    assert isinstance(await refusal(ctx, Delete(Product, key)), NotFound)
    assert isinstance(await refusal(ctx, Update(Product, key, {"name": "b"})), NotFound)
    assert isinstance(await refusal(ctx, Restore(Product, new_id())), NotFound)


async def test_versions_are_checked_here_too(ctx, read):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    stale = await refusal(ctx, Delete(Product, key, expected_version=7))
    assert (type(stale), stale.details["current_version"]) == (Conflict, 1)
    await write(ctx, [Delete(Product, key, expected_version=1)])
    assert isinstance(await refusal(ctx, Restore(Product, key, expected_version=1)), Conflict)
    await write(ctx, [Restore(Product, key, expected_version=2)])
    assert (await read(Product, key))["version"] == 3


async def test_a_deleted_value_is_free_at_once(ctx):
    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    await write(ctx, [Create(Product, {"sku": "A", "name": "b"}), Delete(Product, key)])


async def test_a_new_child_and_a_deletion_at_the_same_time(ctx, read):
    """Whoever comes first: no living part is left with a deleted whole."""
    for _ in range(6):
        [customer] = await made(ctx, Create(Customer, {"name": "c"}))

        async def child(customer=customer):
            try:
                return (await made(ctx, Create(Address, {"customer_id": customer, "type": AddressType.VISIT})))[0]
            except Refusals as refused:
                return [type(r) for r in refused.refusals]

        address, _ = await asyncio.gather(child(), write(ctx, [Delete(Customer, customer)]))
        assert await read(Customer, customer) is None
        assert address == [NotFound] or await read(Address, address) is None


async def test_statements_do_not_grow_with_the_number_of_parts(ctx):
    few, many = await made(ctx, Create(Customer, {"name": "few"}), Create(Customer, {"name": "many"}))
    for customer, count in ((few, 1), (many, 200)):
        await made(ctx, *(Create(Address, {"customer_id": customer, "type": AddressType.VISIT}) for _ in range(count)))
    counts = []
    for customer in (few, many):
        for change in (Delete(Customer, customer), Restore(Customer, customer)):
            with ctx.db.counting() as seen:
                await write(ctx, [change])
            counts.append(len(seen))
    assert counts[:2] == counts[2:]
