"""Email addresses and phone numbers that are unique where the tenant asks: switched on and off, and in a race."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from crmcore.domain.customers import ContactPoint, Customer, update_uniqueness
from crmcore.errors import Refusals
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.records import Create, Delete, Restore, Update, write
from tests.fixtures import TestCrm

UPDATE = """mutation($input: UniquenessUpdateInput!) { uniquenessUpdate(input: $input) {
  uniqueness { emails phones } errors { code message path ... on DuplicateError { existing } } } }"""
POINT = """mutation($input: ContactPointCreateInput!) { contactPointCreate(input: $input) {
  contactPoint { id } errors { code message path ... on DuplicateError { existing } } } }"""
CHANGE = """mutation($id: ID!, $input: ContactPointUpdateInput!) { contactPointUpdate(id: $id, input: $input) {
  errors { code path ... on DuplicateError { existing } } } }"""
ONE = "mutation($id: ID!) { %s(id: $id) { errors { code message path ... on DuplicateError { existing } } } }"


@pytest.fixture
async def customer(crm: TestCrm) -> str:
    data = await crm.gql('mutation { customerCreate(input: {name: "Acme"}) { customer { id } } }')
    return str(data["customerCreate"]["customer"]["id"])


async def test_it_is_asked_for_and_holds_for_all_ways_to_write(crm: TestCrm, customer: str):
    async def point(value: str, kind: str = "EMAIL") -> Any:
        given = {"customerId": customer, "type": kind, "value": value}
        return (await crm.gql(POINT, input=given))["contactPointCreate"]

    async def wish(**wishes: bool) -> Any:
        return (await crm.gql(UPDATE, input=wishes))["uniquenessUpdate"]

    first, second = await point("Info@acme.com"), await point("info@ACME.com")
    refused = await wish(emails=True)
    assert refused["uniqueness"] is None
    [error] = refused["errors"]
    assert (error["code"], error["path"]) == ("DUPLICATE", ["input", "emails"])
    assert error["message"].startswith("info@acme.com is a value of 2 living contact points")
    assert error["existing"] == first["contactPoint"]["id"]

    other = second["contactPoint"]["id"]
    assert (await crm.gql(ONE % "contactPointDelete", id=other))["contactPointDelete"]["errors"] == []
    assert (await wish(emails=True))["uniqueness"] == {"emails": True, "phones": False}
    [error] = (await point("INFO@acme.com"))["errors"]
    assert (error["code"], error["path"], error["existing"]) == (
        "DUPLICATE", ["input", "value"], first["contactPoint"]["id"],
    )  # fmt: skip
    [error] = (await crm.gql(ONE % "contactPointRestore", id=other))["contactPointRestore"]["errors"]
    assert (error["code"], error["path"], error["existing"]) == ("DUPLICATE", ["id"], first["contactPoint"]["id"])
    assert error["message"].startswith("value is taken by a living record")

    third = (await point("sales@acme.com"))["contactPoint"]["id"]
    changed = await crm.gql(CHANGE, id=third, input={"value": "info@acme.com"})
    assert [e["code"] for e in changed["contactPointUpdate"]["errors"]] == ["DUPLICATE"]
    assert (await point("+49 30 1234567", "PHONE"))["errors"] == []
    assert (await point("0049 30 1234567", "MOBILE"))["errors"] == [], "nobody asked for phones"
    assert [e["path"] for e in (await wish(phones=True))["errors"]] == [["input", "phones"]]

    await crm.gql(ONE % "contactPointDelete", id=first["contactPoint"]["id"])
    assert (await crm.gql(ONE % "contactPointRestore", id=other))["contactPointRestore"]["errors"] == []
    assert (await wish(emails=False))["uniqueness"] == {"emails": False, "phones": False}
    assert (await point("info@acme.com"))["errors"] == []
    data = await crm.gql("{ uniquenesses { nodes { emails phones } } }")
    assert data["uniquenesses"]["nodes"] == [{"emails": False, "phones": False}]


async def _doubles(ctx: Any) -> int:
    rows = await ctx.db.fetch(
        Sql("SELECT normalized FROM contact_point WHERE deleted_at IS NULL GROUP BY normalized HAVING count(*) > 1")
    )
    return len(rows)


async def test_the_switch_and_writers_at_the_same_time(ctx: Any):
    """Whoever comes first: with the switch on, no value is there twice."""
    key = new_id()
    await write(ctx, [Create(Customer, {"name": "Acme"}, id=key)])

    async def add(value: str) -> bool:
        try:
            await write(ctx, [Create(ContactPoint, {"customer_id": key, "type": "EMAIL", "value": value})])
        except Refusals:
            return False
        return True

    async def switch(on: bool) -> bool:
        try:
            await update_uniqueness(ctx, emails=on)
        except Refusals:
            return False
        return on

    for number in range(5):
        await switch(False)
        done = await asyncio.gather(*(add(f"a{number}@acme.com") for _ in range(3)), switch(True))
        if done[-1]:
            assert await _doubles(ctx) == 0
            assert sum(done[:3]) == 1
        else:
            keep: set[str] = set()
            rows = await ctx.db.fetch(Sql("SELECT id, normalized FROM contact_point WHERE deleted_at IS NULL"))
            for row in rows:
                if row["normalized"] in keep:
                    await write(ctx, [Delete(ContactPoint, UUID(str(row["id"])))])
                keep.add(row["normalized"])


async def test_a_hundred_writers_of_one_address(ctx: Any):
    await update_uniqueness(ctx, emails=True)
    key = new_id()
    await write(ctx, [Create(Customer, {"name": "Acme"}, id=key)])

    async def add() -> list[str]:
        try:
            await write(ctx, [Create(ContactPoint, {"customer_id": key, "type": "EMAIL", "value": "a@acme.com"})])
        except Refusals as refused:
            return [r.code for r in refused.refusals]
        return []

    answers = await asyncio.gather(*(add() for _ in range(100)))
    assert sorted(answers) == [[], *([["DUPLICATE"]] * 99)]


async def test_a_family_does_not_come_back_with_a_value_that_is_taken(ctx: Any):
    await update_uniqueness(ctx, phones=True)
    one, two, point = new_id(), new_id(), new_id()
    phone = {"type": "PHONE", "value": "+49 30 1234567"}
    await write(
        ctx, [Create(Customer, {"name": "One"}, id=one), Create(ContactPoint, {**phone, "customer_id": one}, id=point)]
    )
    await write(ctx, [Update(ContactPoint, point, {"type": "FAX"})])
    await write(ctx, [Update(ContactPoint, point, {"type": "MOBILE"})])
    await write(ctx, [Delete(Customer, one)])
    await write(ctx, [Create(Customer, {"name": "Two"}, id=two), Create(ContactPoint, {**phone, "customer_id": two})])
    with pytest.raises(Refusals) as caught:
        await write(ctx, [Restore(Customer, one)])
    assert [(r.code, r.path) for r in caught.value.refusals] == [("DUPLICATE", ("value",))]
