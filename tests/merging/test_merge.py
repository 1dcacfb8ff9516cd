"""Several records become one: what moves, what is set aside, and what the survivor has afterwards."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from crmcore.domain.activities import Interaction, Task
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, ContactPoint, Customer
from crmcore.domain.deals import Deal
from crmcore.errors import NotFound, Policy, Refusals, WrongState
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.records import (
    Create,
    CustomField,
    Delete,
    FieldValue,
    Restore,
    Update,
    find_by_external,
    merge,
    unmerge,
    write,
)
from tests.merging.conftest import NOW, company, everything, pipeline


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


async def test_a_survivor_below_the_other_takes_its_place_in_the_tree(ctx, read):
    """Group over Other over Between over Survivor: Between would stand above and below the survivor."""
    group, other, between, survivor = (new_id() for _ in range(4))
    await write(
        ctx,
        [
            Create(Customer, {"name": "Group"}, id=group),
            Create(Customer, {"name": "Other", "parent_id": group}, id=other),
            Create(Customer, {"name": "Between", "parent_id": other}, id=between),
            Create(Customer, {"name": "Survivor", "parent_id": between}, id=survivor),
        ],
    )
    before = await everything(ctx)
    done = await merge(ctx, Customer, survivor, [other])
    assert (await read(Customer, survivor))["parent_id"] == group
    assert (await read(Customer, between))["parent_id"] == survivor
    await unmerge(ctx, done.merge_id, model=Customer)
    assert await everything(ctx) == before


async def test_a_parent_that_is_lacking_is_filled_in_unless_it_stands_below(ctx, read):
    holding, other, survivor = (new_id() for _ in range(3))
    await write(
        ctx,
        [
            Create(Customer, {"name": "Survivor"}, id=survivor),
            Create(Customer, {"name": "Holding", "parent_id": survivor}, id=holding),
            Create(Customer, {"name": "Other", "parent_id": holding}, id=other),
        ],
    )
    await merge(ctx, Customer, survivor, [other])
    assert (await read(Customer, survivor))["parent_id"] is None


async def test_merges_stand_on_each_other_and_are_undone_from_the_last(ctx, read, where):
    first, second, third = [(await company(ctx, name, where))["customer"] for name in ("One", "Two", "Three")]
    before = await everything(ctx)
    early = await merge(ctx, Customer, second, [first])
    late = await merge(ctx, Customer, third, [second])
    pointers = await ctx.db.fetch(Sql("SELECT DISTINCT merged_into_id FROM customer WHERE merged_into_id IS NOT NULL"))
    assert [str(row["merged_into_id"]) for row in pointers] == [str(third)], "both lead to who lives"
    with pytest.raises(Policy, match="bring it back first"):
        await unmerge(ctx, early.merge_id, model=Customer)
    await unmerge(ctx, late.merge_id, model=Customer)
    await unmerge(ctx, early.merge_id, model=Customer)
    assert await everything(ctx) == before
    with pytest.raises(WrongState):
        await unmerge(ctx, early.merge_id, model=Customer)


async def test_what_was_changed_since_stays_and_is_told(ctx, read, where):
    ours, theirs = await company(ctx, "Acme", where), await company(ctx, "Other", where, tax_id="DE1", industry="Steel")
    third = await company(ctx, "Third", where)
    done = await merge(ctx, Customer, ours["customer"], [theirs["customer"]])
    await write(
        ctx,
        [
            Update(Customer, ours["customer"], {"industry": "Copper"}),
            Update(Deal, theirs["deal"], {"customer_id": third["customer"]}),
            Delete(Task, theirs["task"]),
            Update(ContactLink, theirs["link"], {"is_primary": True}),
        ],
    )
    back = await unmerge(ctx, done.merge_id, model=Customer)
    assert back.kept_fields == ["industry"]
    stayed = {(one.record_type, one.field): one.stayed for one in back.relations if one.stayed}
    assert stayed == {("deal", "customer_id"): 1}
    survivor, other = await read(Customer, ours["customer"]), await read(Customer, theirs["customer"])
    assert (survivor["industry"], survivor["tax_id"]) == ("Copper", None)
    assert (other["industry"], other["tax_id"]) == ("Steel", "DE1")
    assert (await read(Deal, theirs["deal"]))["customer_id"] == third["customer"]
    [task] = await ctx.db.fetch(Sql("SELECT customer_id FROM task WHERE deleted_at IS NOT NULL"))
    assert str(task["customer_id"]) == str(theirs["customer"]), "deleted since, and yet its own customer's again"
    assert (await read(ContactLink, theirs["link"]))["is_primary"]
    assert not (await read(ContactLink, ours["link"]))["is_primary"], "it was given away after the merge"


async def test_a_value_taken_meanwhile_stops_the_undoing(ctx, where):
    ours, theirs = await company(ctx, "Acme", where), await company(ctx, "Other", where, tax_id="DE1")
    done = await merge(ctx, Customer, ours["customer"], [theirs["customer"]])
    await write(ctx, [Update(Customer, ours["customer"], {"tax_id": None})])
    await write(ctx, [Create(Customer, {"name": "Third", "tax_id": "DE1"})])
    before = await everything(ctx)
    with pytest.raises(Refusals) as caught:
        await unmerge(ctx, done.merge_id, model=Customer)
    assert [(r.code, r.path) for r in caught.value.refusals] == [("DUPLICATE", ("taxId",))]
    assert await everything(ctx) == before


async def test_a_choice_takes_all_of_a_group_and_flags_hold_for_either(ctx, read):
    one, two = new_id(), new_id()
    await write(
        ctx,
        [
            Create(Contact, {"name": "王芳"}, id=one),
            Create(
                Contact, {"first_name": "Fang", "last_name": "Wang", "do_not_contact": True, "title": "CEO"}, id=two
            ),
        ],
    )
    first = await merge(ctx, Contact, one, [two])
    kept = await read(Contact, one)
    assert [kept[c] for c in ("name", "first_name", "title", "do_not_contact")] == ["王芳", None, "CEO", True]
    await unmerge(ctx, first.merge_id, model=Contact)
    await merge(ctx, Contact, one, [two], columns={"name": two})
    kept = await read(Contact, one)
    assert [kept[c] for c in ("name", "first_name", "last_name")] == ["Fang Wang", "Fang", "Wang"]


async def test_contacts_at_the_same_customer_become_one(ctx, read):
    customer, one, two, late = (new_id() for _ in range(4))
    await write(
        ctx,
        [
            Create(Customer, {"name": "Acme"}, id=customer),
            Create(Contact, {"last_name": "Lee"}, id=one),
            Create(Contact, {"last_name": "Li"}, id=two),
            Create(ContactLink, {"customer_id": customer, "contact_id": one, "role": "BUYER"}),
            Create(ContactLink, {"customer_id": customer, "contact_id": two, "is_primary": True}, id=late),
            Create(ContactPoint, {"contact_id": two, "type": "EMAIL", "value": "li@acme.com"}),
        ],
    )
    before = await everything(ctx)
    done = await merge(ctx, Contact, one, [two])
    links = await ctx.db.fetch(Sql("SELECT role FROM contact_link WHERE deleted_at IS NULL"))
    assert [row["role"] for row in links] == ["BUYER"]
    assert {(r.record_type, r.moved, r.set_aside) for r in done.relations} == {
        ("contact_link", 0, 1),
        ("contact_point", 1, 0),
    }
    with pytest.raises(NotFound):
        await unmerge(ctx, done.merge_id, model=Customer)
    await unmerge(ctx, done.merge_id, model=Contact)
    assert await everything(ctx) == before


async def test_custom_fields_follow_too(ctx, read):
    def value(key, member, what):
        return {"custom_fields": [FieldValue(key, member, what)]}

    await write(
        ctx,
        [
            Create(CustomField, {"record_type": "deal", "key": "broker", "label": "Broker", "type": "REFERENCE",
                                 "reference_type": "customer"}),
            Create(CustomField, {"record_type": "customer", "key": "rival", "label": "Rival", "type": "REFERENCE",
                                 "reference_type": "customer", "is_unique": True}),
            Create(CustomField, {"record_type": "customer", "key": "code", "label": "Code", "type": "TEXT",
                                 "is_unique": True}),
        ],
    )  # fmt: skip
    stage = await pipeline(ctx)
    ours, theirs, third, fourth, deal, gone = (new_id() for _ in range(6))
    await write(
        ctx,
        [
            Create(Customer, {"name": "Ours"}, id=ours),
            Create(Customer, {"name": "Theirs"}, id=theirs, **value("code", "text", "T")),
            Create(Customer, {"name": "Third"}, id=third, **value("rival", "reference", f"customer_{ours}")),
        ],
    )
    refers = value("broker", "reference", f"customer_{theirs}")
    await write(
        ctx,
        [
            Create(Customer, {"name": "Fourth"}, id=fourth, **value("rival", "reference", f"customer_{theirs}")),
            Create(Deal, {"name": "D", **stage}, id=deal, **refers),
            Create(Deal, {"name": "Gone", **stage}, id=gone, **refers),
        ],
    )
    await write(ctx, [Delete(Deal, gone)])
    before = await everything(ctx)
    done = await merge(ctx, Customer, ours, [theirs])
    assert list((await read(Customer, ours))["custom_fields"].values()) == ["T"]
    assert list((await read(Deal, deal))["custom_fields"].values()) == [f"customer_{ours}"]
    assert (await read(Customer, fourth))["custom_fields"] is None, "unique, and the third names the survivor already"
    assert sorted((one.record_type, one.moved, one.set_aside) for one in done.relations) == [
        ("customer", 0, 1), ("deal", 2, 0),
    ]  # fmt: skip
    await write(ctx, [Restore(Deal, gone)])
    assert list((await read(Deal, gone))["custom_fields"].values()) == [f"customer_{ours}"]
    await write(ctx, [Delete(Deal, gone)])
    await unmerge(ctx, done.merge_id, model=Customer)
    after = await everything(ctx)
    for table in ("deal", "stage_transition"):  # deleted again meanwhile
        for row in (*before[table], *after[table]):
            row["deletion_id"] = None
    assert after == before


@pytest.mark.parametrize("rows", [int(os.environ.get("CRMCORE_MERGE_ROWS", "2000"))])
async def test_many_rows_take_no_more_statements_than_one(ctx, rows):
    """Interactions, contact points with words to be found by, and deleted addresses: moved, and moved back."""

    async def pair(number: int) -> tuple[Any, Any]:
        ours, theirs = new_id(), new_id()
        of = {"customer_id": theirs}
        call = {**of, "kind": "CALL", "direction": "IN", "at": NOW}
        gone = [Create(Address, of, id=new_id()) for _ in range(number)]
        await write(
            ctx,
            [
                Create(Customer, {"name": "Ours"}, id=ours),
                Create(Customer, {"name": "Theirs"}, id=theirs),
                *(Create(Interaction, call) for _ in range(number)),
                *(Create(ContactPoint, {**of, "type": "IM", "value": f"a{i}"}) for i in range(number)),
                *gone,
            ],
        )
        await write(ctx, [Delete(Address, one.id) for one in gone])
        return ours, theirs

    counted = []
    for number in (1, rows):
        ours, theirs = await pair(number)
        with ctx.db.counting() as there:
            done = await merge(ctx, Customer, ours, [theirs])
        with ctx.db.counting() as back:
            undone = await unmerge(ctx, done.merge_id, model=Customer)
        counted.append((len(there), len(back)))
        assert {r.record_type: r.moved for r in done.relations} == {
            "address": number, "contact_point": number, "interaction": number,
        }  # fmt: skip
        assert undone.relations == done.relations
    assert counted[0] == counted[1]


async def test_a_new_child_and_a_merge_at_the_same_time(ctx, read):
    """Whoever comes first: no living child is left with a merged customer."""
    for _ in range(6):
        ours, theirs = new_id(), new_id()
        await write(ctx, [Create(Customer, {"name": "Ours"}, id=ours), Create(Customer, {"name": "Theirs"}, id=theirs)])

        async def child(theirs=theirs):
            try:
                return (await write(ctx, [Create(Task, {"subject": "t", "customer_id": theirs})]))[0].id
            except Refusals as refused:
                return [refusal.code for refusal in refused.refusals]

        made, _ = await asyncio.gather(child(), merge(ctx, Customer, ours, [theirs]))
        assert made == ["NOT_FOUND"] or (await read(Task, made))["customer_id"] == ours


async def test_two_merges_of_the_same_at_once(ctx, read):
    ours, theirs, third = new_id(), new_id(), new_id()
    await write(ctx, [Create(Customer, {"name": str(key)}, id=key) for key in (ours, theirs, third)])

    async def into(survivor):
        try:
            return (await merge(ctx, Customer, survivor, [theirs])).survivor_id
        except NotFound:
            return None

    found = await asyncio.gather(into(ours), into(third))
    assert len([one for one in found if one]) == 1
