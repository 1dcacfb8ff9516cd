"""A caller who sees only what is theirs changes only that; the rest is as if it were not there."""

from __future__ import annotations

import pytest

from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, AddressType, Customer
from crmcore.domain.people import User
from crmcore.errors import Duplicate, NotFound, Refusals
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.records import Create, Delete, Restore, Update, write


@pytest.fixture
async def world(ctx, graph):
    """Ann's context; her customer, Bob's, and an address, contact and link of each."""
    ann, bob = await write(ctx, [Create(User, {"name": n, "email": f"{n}@example.com"}) for n in ("ann", "bob")])
    keys = {}
    for name, user in (("mine", ann), ("theirs", bob)):
        customer = (await write(ctx, [Create(Customer, {"name": name, "tax_id": name, "owner_id": user.id})]))[0].id
        contact = (await write(ctx, [Create(Contact, {"last_name": name})]))[0].id
        address, link = await write(
            ctx,
            [
                Create(Address, {"customer_id": customer, "type": AddressType.VISIT}),
                Create(ContactLink, {"customer_id": customer, "contact_id": contact}),
            ],
        )
        keys[name] = {Customer: customer, Contact: contact, Address: address.id, ContactLink: link.id}
    policy = Policy(ctx.tenant_id, Actor(ActorKind.USER, ann.id, ann.id), Reach.OWN)
    return Context(ctx.db, policy, graph, clock=ctx.clock), keys


CHANGED = {Customer: {"name": "x"}, Contact: {"title": "x"}, Address: {"city": "x"}, ContactLink: {"role": "USER"}}


async def refusals(ctx, *changes):
    with pytest.raises(Refusals) as caught:
        await write(ctx, changes)
    return [(type(r), r.path) for r in caught.value.refusals]


@pytest.mark.parametrize("model", CHANGED)
async def test_theirs_is_not_there(world, ctx, read, model):
    own, keys = world
    key = keys["theirs"][model]
    assert await refusals(own, Update(model, key, CHANGED[model])) == [(NotFound, ("id",))]
    assert await refusals(own, Delete(model, key)) == [(NotFound, ("id",))]
    assert (await read(model, key))["version"] == 1
    await write(ctx, [Delete(model, key)])
    assert await refusals(own, Restore(model, key)) == [(NotFound, ("id",))]
    assert await read(model, key) is None


@pytest.mark.parametrize("model", CHANGED)
async def test_mine_is(world, read, model):
    own, keys = world
    key = keys["mine"][model]
    await write(own, [Update(model, key, CHANGED[model])])
    await write(own, [Delete(model, key)])
    await write(own, [Restore(model, key)])
    assert (await read(model, key))["version"] == 4


async def test_what_is_theirs_cannot_be_named(world):
    own, keys = world
    assert await refusals(
        own, Create(Address, {"customer_id": keys["theirs"][Customer], "type": AddressType.VISIT})
    ) == [(NotFound, ("customerId",))]


async def test_a_unique_value_of_theirs_is_taken_but_not_told_by_whom(world):
    own, _ = world
    with pytest.raises(Refusals) as caught:
        await write(own, [Create(Customer, {"name": "a", "tax_id": "theirs"})])
    [taken] = caught.value.refusals
    assert (type(taken), taken.path, taken.details) == (Duplicate, ("taxId",), {"existing_id": None})


async def test_the_parts_go_too_whoever_sees_them(world, ctx, read):
    own, keys = world
    shared = (
        await write(
            ctx, [Create(ContactLink, {"customer_id": keys["theirs"][Customer], "contact_id": keys["mine"][Contact]})]
        )
    )[0].id
    await write(own, [Delete(Contact, keys["mine"][Contact])])
    assert await read(ContactLink, shared) is None
