"""Unique values that change hands within one command: who has them in the end, and who falls with whom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures import Answer, TestCrm

ERRORS = "errors { code message path }"
CREATE = (
    "mutation($items: [CustomerCreateInput!]!) { done: customersCreate(items: $items) { results { customer { id } } } }"
)
UPDATE = f"""mutation($items: [CustomerUpdateItem!]!, $mode: BatchMode) {{
  done: customersUpdate(items: $items, mode: $mode) {{ results {{ outcome {ERRORS} }} {ERRORS} }} }}"""
UPSERT = f"""mutation($items: [CustomerCreateInput!]!, $mode: BatchMode) {{
  done: customersUpsert(items: $items, mode: $mode, matchOn: [ID]) {{ results {{ outcome {ERRORS} }} {ERRORS} }} }}"""
POINTS = f"""mutation($items: [ContactPointUpdateItem!]!, $mode: BatchMode) {{
  done: contactPointsUpdate(items: $items, mode: $mode) {{ results {{ outcome {ERRORS} }} {ERRORS} }} }}"""
PIPELINES = f"""mutation($items: [PipelineUpdateItem!]!) {{
  done: pipelinesUpdate(items: $items, mode: PARTIAL) {{ results {{ outcome {ERRORS} }} {ERRORS} }} }}"""


async def made(crm: TestCrm, *given: Answer) -> list[str]:
    done = await crm.gql(CREATE, items=[{"name": "Acme", **one} for one in given])
    return [result["customer"]["id"] for result in done["done"]["results"]]


def told(done: Answer) -> tuple[list[str], list[list[str]]]:
    return [result["outcome"] for result in done["results"]], [error["path"] for error in done["errors"]]


async def tax_ids(crm: TestCrm) -> list[str | None]:
    found = await crm.gql("{ customers(orderBy: [{field: CREATED_AT}, {field: ID}]) { nodes { id taxId version } } }")
    return [node["taxId"] for node in found["customers"]["nodes"]]


def item(id_: str, **given: Any) -> Answer:
    return {"id": id_, "input": given}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
async def test_who_takes_what_a_refused_one_gives_up_is_refused_with_it(crm: TestCrm, order: tuple[int, ...]):
    seven, eight, one = await made(crm, {"taxId": "T7"}, {}, {})
    items = [item(seven, taxId=None, name=""), item(eight, taxId="T7"), item(one, industry="innocent")]
    done = (await crm.gql(UPDATE, items=[items[place] for place in order], mode="PARTIAL"))["done"]
    said = dict(zip(order, done["results"]))
    assert [said[place]["outcome"] for place in range(3)] == ["REFUSED", "REFUSED", "UPDATED"]
    assert said[0]["errors"][0]["path"] == ["items", str(order.index(0)), "input", "name"]
    [error] = said[1]["errors"]
    assert (error["code"], error["path"]) == ("DUPLICATE", ["items", str(order.index(1)), "input", "taxId"])
    assert await tax_ids(crm) == ["T7", None, None]


async def test_also_who_takes_it_from_one_that_falls_later(crm: TestCrm):
    holder, first, second, third, one = await made(
        crm, {"taxId": "TX"}, {"taxId": "T1"}, {"taxId": "T2"}, {"taxId": "T3"}, {}
    )
    items = [item(third, taxId="T2"), item(second, taxId="T1"), item(first, taxId="TX"), item(one, taxId="T3")]
    done = (await crm.gql(UPDATE, items=[*items, item(holder, industry="x")], mode="PARTIAL"))["done"]
    assert told(done) == (
        ["REFUSED"] * 4 + ["UPDATED"], [["items", str(place), "input", "taxId"] for place in range(4)],
    )  # fmt: skip
    assert await tax_ids(crm) == ["TX", "T1", "T2", "T3", None]


async def test_upserts_fall_likewise(crm: TestCrm):
    seven, eight, one = await made(crm, {"taxId": "T7"}, {}, {})
    items = [
        {"id": seven, "name": "", "taxId": None}, {"id": eight, "name": "Acme", "taxId": "T7"},
        {"id": one, "name": "Acme", "industry": "innocent"},
    ]  # fmt: skip
    done = (await crm.gql(UPSERT, items=items, mode="PARTIAL"))["done"]
    assert told(done) == (
        ["REFUSED", "REFUSED", "UPDATED"], [["items", "0", "name"], ["items", "1", "taxId"]],
    )  # fmt: skip
    assert await tax_ids(crm) == ["T7", None, None]


async def unique_points(crm: TestCrm, *values: str) -> list[str]:
    """The contact points of one customer, in a tenant that wants their addresses to be unique."""
    await crm.gql("mutation { uniquenessUpdate(input: {emails: true}) { errors { code } } }")
    points = [{"type": "EMAIL", "value": value} for value in values]
    await made(crm, {"contactPoints": points})
    found = await crm.gql("{ contactPoints(orderBy: [{field: VALUE}]) { nodes { id value } } }")
    return [node["id"] for node in found["contactPoints"]["nodes"]]


async def test_contact_points_fall_likewise_and_swap(crm: TestCrm):
    a, b, c = await unique_points(crm, "a@x.example", "b@x.example", "c@x.example")
    refused = item(a, value="z@x.example", label="x" * 61)
    items = [refused, item(b, value="a@x.example"), item(c, label="innocent")]
    done = (await crm.gql(POINTS, items=items, mode="PARTIAL"))["done"]
    assert told(done) == (
        ["REFUSED", "REFUSED", "UPDATED"], [["items", "0", "input", "label"], ["items", "1", "input", "value"]],
    )  # fmt: skip
    done = (await crm.gql(POINTS, items=[item(a, value="b@x.example"), item(b, value="a@x.example")]))["done"]
    assert told(done) == (["UPDATED"] * 2, [])


async def test_a_mark_stays_where_its_holder_is_refused(crm: TestCrm):
    found = await crm.gql(
        """mutation { a: pipelineCreate(input: {name: "A", kind: SALES, isDefault: true}) { pipeline { id } errors { message } }
             b: pipelineCreate(input: {name: "B", kind: SALES}) { pipeline { id } errors { message } } }"""
    )
    a, b = found["a"]["pipeline"]["id"], found["b"]["pipeline"]["id"]
    done = (await crm.gql(PIPELINES, items=[item(a, isDefault=False, name=""), item(b, isDefault=True)]))["done"]
    assert told(done)[0] == ["REFUSED", "REFUSED"]
    assert (await crm.gql("{ pipelines(where: {isDefault: {eq: true}}) { nodes { id } } }"))["pipelines"]["nodes"] == [
        {"id": a}
    ]


@pytest.mark.parametrize("mode", ["ALL_OR_NOTHING", "PARTIAL"])
async def test_unique_values_are_swapped_and_passed_on(crm: TestCrm, mode: str):
    one, two, three = await made(crm, {"taxId": "T1"}, {"taxId": "T2"}, {"taxId": "T3"})
    done = (await crm.gql(UPDATE, items=[item(one, taxId="T2"), item(two, taxId="T1")], mode=mode))["done"]
    assert told(done) == (["UPDATED"] * 2, [])
    items = [item(one, taxId="T1"), item(two, taxId="T3"), item(three, taxId="T4")]
    done = (await crm.gql(UPDATE, items=items, mode=mode))["done"]
    assert told(done) == (["UPDATED"] * 3, [])
    assert await tax_ids(crm) == ["T1", "T3", "T4"]  # which are living, all of them
    refs = [{"system": "erp", "externalId": "1"}]
    upserted = [{"name": "New", "externalRefs": refs, "taxId": "T1"}, {"id": one, "name": "Acme", "taxId": "T5"}]
    done = (await crm.gql(UPSERT.replace("[ID]", "[ID, EXTERNAL_REF]"), items=upserted, mode=mode))["done"]
    assert told(done) == (["CREATED", "UPDATED"], [])
    found = await crm.gql("{ customers(orderBy: [{field: TAX_ID}]) { nodes { taxId version deletedAt } } }")
    assert found["customers"]["nodes"] == [
        {"taxId": id_, "version": version, "deletedAt": None}
        for id_, version in (("T1", 1), ("T3", 3), ("T4", 2), ("T5", 4))
    ]


@pytest.mark.parametrize("blank", ["", "  "])
async def test_a_blank_text_is_no_unique_value(crm: TestCrm, blank: str):
    one, _ = await made(crm, {"taxId": blank}, {"taxId": blank})
    assert await tax_ids(crm) == [None, None]
    await crm.gql(UPDATE, items=[item(one, taxId="T1")])
    done = (await crm.gql(UPDATE, items=[item(one, taxId=blank)]))["done"]
    assert told(done) == (["UPDATED"], [])
    assert await tax_ids(crm) == [None, None]
    by_tax_id = UPSERT.replace("[ID]", "[TAX_ID]")
    done = (await crm.gql(by_tax_id, items=[{"name": "Stranger", "taxId": blank}]))["done"]
    assert told(done)[0] == ["REFUSED"]
    assert done["errors"][0]["message"] == "Give a value to find the record by: TAX_ID, as matchOn says."
    assert await tax_ids(crm) == [None, None]
