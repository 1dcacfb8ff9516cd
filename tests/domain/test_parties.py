"""Customers, contacts, how they are reached, and the people who serve them."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from crmcore.domain.activities import Direction, Interaction, InteractionKind, Task, TaskStatus
from crmcore.domain.contacts import Contact, ContactLink, NameOrder
from crmcore.domain.customers import Address, AddressType, ContactPoint, Customer, CustomerKind, PointType
from crmcore.domain.people import Team, User
from crmcore.errors import Invalid, Refusals
from crmcore.kit.ids import new_id
from crmcore.records import Create, Delete, Update, write
from tests.domain.conftest import NOW, made, refusal


@pytest.mark.parametrize("model", [Customer, Team])
async def test_nobody_stands_below_themselves(ctx, read, model):
    a = await made(ctx, model, name="a")
    b = await made(ctx, model, name="b", parent_id=a)
    c = await made(ctx, model, name="c", parent_id=b)
    for parent in (a, b, c):
        ring = await refusal(write(ctx, [Update(model, a, {"parent_id": parent})]))
        assert (type(ring), ring.path) == (Invalid, ("parentId",))
    assert (await read(model, a))["version"] == 1
    await write(ctx, [Update(model, a, {"parent_id": c}), Update(model, b, {"parent_id": None})])
    assert (await read(model, a))["parent_id"] == c


async def test_a_ring_inside_one_command(ctx):
    a, b = new_id(), new_id()
    with pytest.raises(Refusals) as caught:
        await write(
            ctx,
            [
                Create(Customer, {"name": "a", "parent_id": b}, id=a),
                Create(Customer, {"name": "b", "parent_id": a}, id=b),
            ],
        )
    assert [(r.index, r.path) for r in caught.value.refusals] == [(0, ("parentId",)), (1, ("parentId",))]


async def test_two_moves_at_the_same_time_close_no_ring(ctx, read):
    for _ in range(4):
        a, b = [await made(ctx, Customer, name=name) for name in "ab"]
        found = await asyncio.gather(
            write(ctx, [Update(Customer, a, {"parent_id": b})]),
            write(ctx, [Update(Customer, b, {"parent_id": a})]),
            return_exceptions=True,
        )
        assert [type(f) for f in found].count(Refusals) == 1


@pytest.mark.parametrize(
    "values, path",
    [
        ({"kind": CustomerKind.ORGANIZATION, "birth_date": date(1980, 1, 1)}, "birthDate"),
        ({"kind": CustomerKind.PERSON, "employees": 3}, "employees"),
        ({"founded_year": 0}, "foundedYear"),
        ({"time_zone": "Berlin"}, "timeZone"),
        ({"annual_revenue": 5}, "annualRevenueCurrency"),
    ],
)
async def test_what_does_not_fit_a_customer(ctx, values, path):
    assert (await refusal(made(ctx, Customer, name="a", **values))).path == (path,)


@pytest.mark.parametrize(
    "kind, value, normalized",
    [
        (PointType.EMAIL, " Ann.Lee@EXAMPLE.com ", "ann.lee@example.com"),
        (PointType.EMAIL, "jörg@müller.de", "jörg@müller.de"),
        (PointType.PHONE, "(5) 555-4729", "55554729"),
        (PointType.PHONE, "+49 (0)30 123-45 x7", "+493012345;ext=7"),
        (PointType.MOBILE, "0049 171 1234567", "+491711234567"),
        (PointType.FAX, "88.60.15.31", "88601531"),
        (PointType.IM, " ÄnnA ", "anna"),
    ],
)
async def test_a_contact_point_is_compared_in_one_form(ctx, customer, read, kind, value, normalized):
    point = await made(ctx, ContactPoint, customer_id=customer, type=kind, value=value)
    row = await read(ContactPoint, point)
    assert (row["value"], row["normalized"]) == (value, normalized)


@pytest.mark.parametrize(
    "kind, value",
    [
        (PointType.EMAIL, "ann"), (PointType.EMAIL, "ann@localhost"), (PointType.EMAIL, "a b@example.com"),
        (PointType.EMAIL, "a..b@example.com"), (PointType.EMAIL, "@example.com"), (PointType.EMAIL, "a@-x.com"),
        (PointType.EMAIL, "x" * 65 + "@example.com"), (PointType.EMAIL, "a@1.2.3.4"),
        (PointType.PHONE, "12"), (PointType.PHONE, "1-800-FLOWERS"), (PointType.PHONE, "1" * 16),
    ],
)  # fmt: skip
async def test_a_contact_point_that_reaches_nobody(ctx, customer, kind, value):
    wrong = await refusal(made(ctx, ContactPoint, customer_id=customer, type=kind, value=value))
    assert (type(wrong), wrong.path) == (Invalid, ("value",))


async def test_a_point_or_address_has_exactly_one_party(ctx, customer):
    contact = await made(ctx, Contact, last_name="Ann")
    none = await refusal(made(ctx, Address, type=AddressType.VISIT))
    both = await refusal(made(ctx, Address, type=AddressType.VISIT, customer_id=customer, contact_id=contact))
    assert (none.path, both.path) == (("customerId",), ("contactId",))
    assert await made(ctx, Address, type=AddressType.VISIT, contact_id=contact)


@pytest.mark.parametrize(
    "values, name",
    [
        ({"first_name": "Anna", "last_name": "Weiß"}, "Anna Weiß"),
        ({"first_name": "Anna", "last_name": "Nagy", "native_name_order": NameOrder.FAMILY_FIRST}, "Nagy Anna"),
        ({"first_name": "芳", "last_name": "王", "native_name_order": NameOrder.FAMILY_FIRST}, "王芳"),
        ({"last_name": " Cher "}, "Cher"),
        ({"name": "Madonna"}, "Madonna"),
    ],
)
async def test_names_are_written_as_people_write_them(ctx, read, values, name):
    contact = await made(ctx, Contact, **values)
    assert (await read(Contact, contact))["name"] == name


async def test_a_contacts_name_follows_its_parts(ctx, read):
    contact = await made(ctx, Contact, first_name="Anna", last_name="Weiß")
    await write(ctx, [Update(Contact, contact, {"last_name": "Müller"})])
    row = await read(Contact, contact)
    assert (row["name"], row["name_folded"]) == ("Anna Müller", "anna muller")
    nameless = await refusal(write(ctx, [Update(Contact, contact, {"first_name": None, "last_name": None})]))
    assert nameless.path == ("name",)


async def test_a_link_does_not_end_before_it_begins(ctx, customer):
    contact = await made(ctx, Contact, last_name="Ann")
    values = {"valid_from": date(2026, 2, 1), "valid_to": date(2026, 1, 31)}
    assert (await refusal(made(ctx, ContactLink, customer_id=customer, contact_id=contact, **values))).path == (
        "validTo",
    )


async def test_a_users_email_can_be_sent_to(ctx):
    assert (await refusal(made(ctx, User, name="a", email="nope"))).path == ("email",)


async def test_the_last_interaction_is_kept(ctx, customer, read):
    def said(direction, days):
        at = NOW - timedelta(days=days)
        return Create(
            Interaction, {"customer_id": customer, "kind": InteractionKind.CALL, "direction": direction, "at": at}
        )

    _, new, _ = await write(ctx, [said(Direction.OUT, 9), said(Direction.IN, 4), said(Direction.INTERNAL, 1)])
    assert (await read(Customer, customer))["last_interaction_at"] == NOW - timedelta(days=4)
    await write(ctx, [Delete(Interaction, new.id)])
    assert (await read(Customer, customer))["last_interaction_at"] == NOW - timedelta(days=9)


async def test_a_task_that_is_done_has_a_time(ctx, read):
    task = await made(ctx, Task, subject="Call")
    early = await refusal(write(ctx, [Update(Task, task, {"done_at": NOW})]))
    assert early.path == ("doneAt",)
    await write(ctx, [Update(Task, task, {"status": TaskStatus.DONE})])
    assert (await read(Task, task))["done_at"] == NOW
    await write(ctx, [Update(Task, task, {"status": TaskStatus.OPEN})])
    assert (await read(Task, task))["done_at"] is None
