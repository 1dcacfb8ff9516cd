"""Partial commands: what is refused is answered, the rest is made."""

from __future__ import annotations

from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Customer
from crmcore.errors import Duplicate, Invalid, NotFound
from crmcore.kit.ids import new_id
from crmcore.records import Create, Delete, Refused, Update, Written, write


def told(answers):
    return [
        [(type(r), r.path) for r in answer.refusals] if isinstance(answer, Refused) else "written" for answer in answers
    ]


async def test_the_good_ones_are_made(ctx, read):
    [old] = await write(ctx, [Create(Customer, {"name": "old", "tax_id": "X"})])
    good = new_id()
    answers = await write(
        ctx,
        [
            Create(Customer, {"name": "good"}, id=good),
            Create(Customer, {}),
            Create(Customer, {"name": "dup", "tax_id": "X"}),
            Update(Customer, old.id, {"name": "new"}),
            Update(Customer, new_id(), {"name": "new"}),
            Delete(Customer, new_id()),
        ],
        partial=True,
    )
    assert told(answers) == [
        "written",
        [(Invalid, ("name",))],
        [(Duplicate, ("taxId",))],
        "written",
        [(NotFound, ("id",))],
        [(NotFound, ("id",))],
    ]
    assert answers[3] == Written(old.id, 2, frozenset({"name"}))
    assert (await read(Customer, good))["name"] == "good"


async def test_what_names_a_refused_record_falls_with_it(ctx, facts):
    customer, contact, grandchild = new_id(), new_id(), new_id()
    answers = await write(
        ctx,
        [
            Create(Customer, {}, id=customer),
            Create(Contact, {"last_name": "Ann"}, id=contact),
            Create(ContactLink, {"customer_id": customer, "contact_id": contact}),
            Create(Customer, {"name": "child", "parent_id": customer}, id=grandchild),
            Create(Customer, {"name": "grandchild", "parent_id": grandchild}),
        ],
        partial=True,
    )
    assert told(answers) == [
        [(Invalid, ("name",))],
        "written",
        [(NotFound, ("customerId",))],
        [(NotFound, ("parentId",))],
        [(NotFound, ("parentId",))],
    ]
    assert [row[0] for row in await facts()] == ["contact.created"]


async def test_a_group_stands_or_falls_together(ctx, facts):
    answers = await write(
        ctx,
        [
            Create(Customer, {"name": "a"}),
            Create(Contact, {}),
            Create(Customer, {"name": "b"}),
            Create(Contact, {"last_name": "Bo"}),
        ],
        partial=True,
        groups=["row 1", "row 1", "row 2", "row 2"],
    )
    assert told(answers) == [[(Invalid, ("name",))], [(Invalid, ("name",))], "written", "written"]
    assert [row[0] for row in await facts()] == ["contact.created", "customer.created"]


async def test_of_two_equal_new_ones_the_first_is_made_unless_it_falls(ctx):
    answers = await write(
        ctx,
        [
            Create(Customer, {"name": "a", "tax_id": "X", "employees": -1}),
            Create(Customer, {"name": "b", "tax_id": "X"}),
            Create(Customer, {"name": "c", "tax_id": "X"}),
        ],
        partial=True,
    )
    assert told(answers) == [[(Invalid, ("employees",))], "written", [(Duplicate, ("taxId",))]]


async def test_a_thousand_take_as_many_statements_as_two(ctx):
    def changes(count, stem):
        return [Create(Customer, {"name": "a", "tax_id": f"{stem}{i}"} if i % 2 else {}) for i in range(count)]

    with ctx.db.counting() as few:
        await write(ctx, changes(2, "few"), partial=True)
    with ctx.db.counting() as many:
        answers = await write(ctx, changes(1000, "many"), partial=True)
    assert sum(isinstance(a, Refused) for a in answers) == 500
    assert len(few) == len(many)


async def test_nothing_to_do(ctx):
    with ctx.db.counting() as seen:
        assert await write(ctx, []) == []
        assert told(await write(ctx, [Create(Customer, {})], partial=True)) == [[(Invalid, ("name",))]]
    assert seen == []
