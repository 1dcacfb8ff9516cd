"""Definitions of custom fields: records like others, with rules of their own; what one tenant has, others do not see."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.platform.identity import create_tenant, create_token
from tests.custom.conftest import Custom
from tests.fixtures import TestCrm


@pytest.mark.parametrize(
    "given, path, said",
    [
        ({"key": "Vip"}, "key", "must begin with a small letter"),
        ({"key": "a-b"}, "key", "must begin with a small letter"),
        ({"key": "v", "of": "spaceship"}, "recordType", "no type of record"),
        ({"key": "v", "of": "external_ref"}, "recordType", "no type of record"),
        ({"key": "v", "of": "stage_transition"}, "recordType", "no value could be given to stage_transition records"),
        ({"key": "v", "type": "SELECT"}, "options", "is required"),
        ({"key": "v", "type": "SELECT", "options": ["a", "a"]}, "options", "twice"),
        ({"key": "v", "type": "SELECT", "options": [" "]}, "options", "1 to 100 characters"),
        ({"key": "v", "options": ["a"]}, "options", "Only SELECT"),
        ({"key": "v", "type": "REFERENCE"}, "referenceType", "is required"),
        ({"key": "v", "type": "REFERENCE", "referenceType": "spaceship"}, "referenceType", "no type of record"),
        ({"key": "v", "referenceType": "customer"}, "referenceType", "Only REFERENCE"),
        ({"key": "v", "type": "BOOLEAN", "isUnique": True}, "isUnique", "cannot be unique"),
    ],
)
async def test_what_makes_no_field_is_refused(custom: Custom, given: Any, path: str, said: str):
    [error] = (await custom.defined(**given))["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", path])
    assert said in error["message"]


async def test_a_key_is_unique_among_a_types_living_fields(custom: Custom):
    first = await custom.define("vip")
    [error] = (await custom.defined("vip", "NUMBER"))["errors"]
    assert (error["code"], error["existing"], error["path"]) == ("DUPLICATE", first, ["input", "key"])
    await custom.define("vip", of="deal")


async def test_options_in_use_stay(custom: Custom):
    await custom.define("size", "SELECT", options=["S", "M", "L"])
    id_ = await custom.create({"key": "size", "select": "M"})
    [error] = await custom.change("size", options=["S", "XL"])
    assert (error["code"], error["path"]) == ("POLICY", ["input", "options"])
    assert "M (1)" in error["message"]
    assert await custom.change("size", options=["M", "XL"]) == []
    assert (await custom.update(id_, {"key": "size", "select": "L"}))["errors"][0]["code"] == "VALIDATION"
    assert (await custom.update(id_, {"key": "size", "select": "XL"}))["errors"] == []
    assert await custom.change("size", options=["XL"]) == []


async def test_there_is_an_end_to_fields(custom: Custom, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("crmcore.records.custom.defining.MOST_FIELDS", 2)
    await custom.define("a")
    await custom.define("b")
    await custom.define("c", of="deal")
    [error] = (await custom.defined("d"))["errors"]
    assert (error["code"], error["path"]) == ("LIMIT", ["input", "recordType"])
    assert await custom.change("a", "Delete") == []
    await custom.define("d")


async def test_deletion_hides_values_and_restoration_brings_them_back(custom: Custom):
    await custom.define("vip", "NUMBER")
    id_ = await custom.create({"key": "vip", "number": 1})
    assert await custom.change("vip", "Delete") == []
    assert await custom.values(id_) == {}
    assert (await custom.update(id_, {"key": "vip", "number": 2}))["errors"][0]["code"] == "VALIDATION"
    old = dict(custom.ids)
    await custom.define("vip", "TEXT")
    assert await custom.values(id_) == {"vip": None}
    await custom.update(id_, {"key": "vip", "text": "new"})
    assert await custom.values(id_) == {"vip": "new"}
    new, custom.ids = custom.ids, old
    [taken] = await custom.change("vip", "Restore")
    assert taken["code"] == "DUPLICATE"
    custom.ids = new
    assert await custom.change("vip", "Delete") == []
    custom.ids = old
    assert await custom.change("vip", "Restore") == []
    assert await custom.values(id_) == {"vip": 1}


async def test_definitions_are_listed_in_order_and_changed(custom: Custom, crm: TestCrm):
    await custom.define("b", position=1)
    await custom.define("a", position=1)
    await custom.define("c", position=0)
    id_ = await custom.create()
    assert list(await custom.values(id_)) == ["c", "a", "b"]
    assert await custom.change("c", position=2, label="Last") == []
    assert list(await custom.values(id_)) == ["a", "b", "c"]
    query = '{ customFields(where: {recordType: {eq: "customer"}}, orderBy: [{field: POSITION}, {field: KEY}]) { nodes { label version } } }'
    found = (await crm.gql(query))["customFields"]["nodes"]
    assert found == [{"label": "A", "version": 1}, {"label": "B", "version": 1}, {"label": "Last", "version": 2}]


async def test_one_request_may_define_a_field_and_use_it(custom: Custom, crm: TestCrm):
    await custom.define("other")
    await custom.create({"key": "other", "text": "known to the process now"})
    done = await crm.gql(
        """mutation {
          customFieldCreate(input: {recordType: "customer", key: "vip", label: "VIP", type: NUMBER, isRequired: true}) { errors { message } }
          without: customerCreate(input: {name: "A"}) { errors { path } }
          customerCreate(input: {name: "A", customFields: [{key: "vip", number: 3}]}) {
            customer { customFields(keys: ["vip"]) { ... on CustomNumber { number } } } errors { message } }
        }"""
    )
    assert done["without"]["errors"] == [{"path": ["input", "customFields"]}]
    assert done["customerCreate"] == {"customer": {"customFields": [{"number": 3}]}, "errors": []}


async def test_another_tenant_has_its_own_fields(custom: Custom, crm: TestCrm):
    await custom.define("vip", "NUMBER")
    mine = await custom.create({"key": "vip", "number": 1})
    async with crm.crm.db.transaction() as tx:
        tenant = await create_tenant(tx, "other", "Other")
        token = await create_token(tx, tenant, "test")
    ours = crm.client.headers["authorization"]
    crm.client.headers["authorization"] = f"Bearer {token.text}"
    assert (await crm.gql("{ customFields { totalCount } }"))["customFields"]["totalCount"] == 0
    assert (await custom.created({"key": "vip", "number": 1}))["errors"][0]["path"] == [
        "input",
        "customFields",
        "0",
        "key",
    ]
    await custom.define("vip", "TEXT", isRequired=True)
    theirs = await custom.create({"key": "vip", "text": "x"})
    assert await custom.values(theirs) == {"vip": "x"}
    crm.client.headers["authorization"] = ours
    assert await custom.values(mine) == {"vip": 1}
    assert (await custom.created())["errors"] == []
