"""Several records become one: what moves, what is set aside, and what the survivor has afterwards."""

from __future__ import annotations

from crmcore.domain.customers import Address, Customer
from crmcore.domain.deals import Deal
from crmcore.kit.sql import Sql
from crmcore.records import Restore, Update, find_by_external, merge, unmerge, write
from tests.merging.conftest import company, everything


async def test_everything_that_named_the_other_names_the_survivor(ctx, read, where, facts):
    ours, theirs = await company(ctx, "Acme", where), await company(ctx, "ACME Inc", where, tax_id="DE1")
    before = len(await facts())
    done = await merge(ctx, Customer, ours["customer"], [theirs["customer"]], reason="Same tax id")
    for model in ctx.graph.tables.values():
        for key in ctx.graph.naming(Customer):
            if key.model is model and key.column != "merged_into_id":
                table = model._meta.db_table
                rows = await ctx.db.fetch(
                    Sql(f'SELECT id, {key.column} AS named, deleted_at FROM "{table}" WHERE id IS NOT NULL')
                )
                named = [row for row in rows if str(row["named"]) == str(theirs["customer"])]
                assert all(row["deleted_at"] is not None for row in named), table
    survivor = await read(Customer, ours["customer"])
    assert (survivor["name"], survivor["tax_id"], survivor["merged_into_id"]) == ("Acme", "DE1", None)
    assert await read(Customer, theirs["customer"]) is None
    assert (await read(Deal, theirs["deal"]))["customer_id"] == ours["customer"]
    assert await find_by_external(ctx, Customer, "erp", ["ACME Inc"]) == {"ACME Inc": ours["customer"]}
    told = [row[0] for row in (await facts())[before:]]
    assert {"customer.merged", "customer.updated", "customer.deleted", "deal.updated"} <= set(told)
    relations = {(one.record_type, one.field): (one.moved, one.set_aside) for one in done.relations}
    assert relations["deal", "customer_id"] == (1, 0)
    assert relations["address", "customer_id"] == (2, 0), "the deleted one too"
    assert relations["contact_point", "customer_id"] == (1, 1), "both have the same email address"
    assert relations["contact_link", "is_primary"] == (0, 1)


async def test_undone_everything_is_as_it_was(ctx, where):
    ours = await company(ctx, "Acme", where)
    theirs, third = await company(ctx, "ACME Inc", where, tax_id="DE1"), await company(ctx, "Acme 3", where)
    await write(ctx, [Update(Customer, ours["customer"], {"parent_id": third["child"]})])
    before = await everything(ctx)
    done = await merge(ctx, Customer, ours["customer"], [theirs["customer"], third["customer"]])
    assert await everything(ctx) != before
    back = await unmerge(ctx, done.merge_id, model=Customer)
    assert await everything(ctx) == before
    assert back.kept_fields == []
    assert all(one.stayed == 0 for one in back.relations)


async def test_deleted_parts_come_back_to_the_survivor(ctx, read, where):
    ours, theirs = await company(ctx, "Acme", where), await company(ctx, "Other", where)
    await merge(ctx, Customer, ours["customer"], [theirs["customer"]])
    await write(ctx, [Restore(Address, theirs["gone"])])
    assert (await read(Address, theirs["gone"]))["customer_id"] == ours["customer"]
