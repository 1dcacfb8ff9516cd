"""Checks and effects: what a record's own rules may do within a command."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmcore.domain.catalogue import Product
from crmcore.domain.customers import Customer
from crmcore.errors import Invalid, Policy, Refusals
from crmcore.kit.sql import Sql
from crmcore.records import Create, Delete, Refused, Update, check, effect, write


@pytest.fixture
def own_rules(monkeypatch):
    """Whatever a test registers for products is forgotten after it."""
    monkeypatch.setattr(Product, "special", replace(Product.special, checks=(), effects=()))


async def made(ctx, *changes):
    return [written.id for written in await write(ctx, changes)]


async def test_a_check_sees_all_drafts_at_once_and_may_derive(ctx, own_rules, read):
    seen = []

    @check(Product)
    async def unit(ctx, tx, drafts):
        seen.append(len(drafts))
        for draft in drafts:
            draft.after["unit"] = draft.after["unit"] or "piece"

    keys = await made(ctx, *(Create(Product, {"sku": f"{i}", "name": "a"}) for i in range(3)))
    assert seen == [3]
    assert (await read(Product, keys[0]))["unit"] == "piece"
    await write(ctx, [Update(Product, keys[0], {"name": "a"}), Delete(Product, keys[1])])
    assert seen == [3], "neither what does not change nor what is deleted is checked"


async def test_a_check_refuses_one_of_several(ctx, own_rules, facts):
    @check(Product)
    async def no_b(ctx, tx, drafts):
        for draft in drafts:
            if draft.after["name"] == "b":
                draft.refuse(Policy("No b.", "name"))

    changes = [Create(Product, {"sku": name, "name": name}) for name in "abc"]
    with pytest.raises(Refusals) as caught:
        await write(ctx, changes)
    assert [(type(r), r.index) for r in caught.value.refusals] == [(Policy, 1)]
    assert await facts() == []
    assert [isinstance(answer, Refused) for answer in await write(ctx, changes, partial=True)] == [False, True, False]


async def test_an_effect_is_made_in_the_same_transaction_with_the_same_cause(ctx, own_rules, facts):
    @effect(Product)
    async def celebrate(ctx, tx, drafts):
        return [Create(Customer, {"name": f"for {d.after['sku']}"}) for d in drafts if d.operation == "create"]

    await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    assert [f[0] for f in await facts()] == ["product.created", "customer.created"]
    causes = await ctx.db.fetch(Sql("SELECT DISTINCT cause FROM event"))
    assert [str(row["cause"]) for row in causes] == [str(ctx.cause)]


async def test_what_an_effect_may_not_do_undoes_all(ctx, own_rules, facts):
    @effect(Product)
    async def clumsy(ctx, tx, drafts):
        return [Create(Customer, {})]

    with pytest.raises(Refusals) as caught:
        await write(ctx, [Create(Product, {"sku": "A", "name": "a"})])
    assert [(type(r), r.path) for r in caught.value.refusals] == [(Invalid, ("name",))]
    assert await facts() == []


async def test_an_effect_may_change_its_own_record_again(ctx, own_rules, read):
    @effect(Product)
    async def grow(ctx, tx, drafts):
        return [Update(Product, d.id, {"name": d.after["name"] + "!"}) for d in drafts if len(d.after["name"]) < 4]

    [written] = await write(ctx, [Create(Product, {"sku": "A", "name": "a"})])
    row = await read(Product, written.id)
    assert (row["name"], row["version"], written.version) == ("a!!!", 4, 4)


async def test_effects_in_a_ring_are_a_bug(ctx, own_rules, facts):
    @effect(Product)
    async def forever(ctx, tx, drafts):
        return [Update(Product, d.id, {"name": d.after["name"] + "!"}) for d in drafts]

    with pytest.raises(RuntimeError, match="ring"):
        await write(ctx, [Create(Product, {"sku": "A", "name": "a"})])
    assert await facts() == []


async def test_an_update_of_what_is_gone_is_left_out(ctx, own_rules):
    @effect(Product)
    async def late(ctx, tx, drafts):
        return [Update(Product, d.id, {"name": "late"}) for d in drafts if d.operation == "delete"]

    [key] = await made(ctx, Create(Product, {"sku": "A", "name": "a"}))
    await write(ctx, [Delete(Product, key)])


async def test_a_command_in_a_callers_transaction_ends_with_it(ctx, facts):
    with pytest.raises(LookupError):
        async with ctx.db.transaction() as tx:
            await write(ctx, [Create(Product, {"sku": "A", "name": "a"})], tx=tx)
            await write(ctx, [Create(Product, {"sku": "B", "name": "b"})], tx=tx)
            raise LookupError
    assert await facts() == []
