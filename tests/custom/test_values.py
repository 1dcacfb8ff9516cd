"""Values of custom fields: written with the record, checked by their type, read in the order of the definitions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from tests.custom.conftest import Custom
from tests.fixtures import TestCrm


async def every_type(custom: Custom) -> None:
    for position, kind in enumerate(
        (
            "TEXT",
            "NUMBER",
            "DECIMAL",
            "BOOLEAN",
            "DATE",
            "DATE_TIME",
            "SELECT",
            "MULTI_SELECT",
            "URL",
            "EMAIL",
            "PHONE",
            "REFERENCE",
        )
    ):
        options = {"options": ["b", "a"]} if "SELECT" in kind else {}
        target = {"referenceType": "team"} if kind == "REFERENCE" else {}
        await custom.define(f"my_{kind.lower()}", kind, position=position, **options, **target)


async def team(custom: Custom) -> str:
    made = await custom.crm.gql('mutation { teamCreate(input: {name: "North"}) { team { id } } }')
    id_: str = made["teamCreate"]["team"]["id"]
    return id_


async def test_every_type_is_kept_and_read(custom: Custom):
    await every_type(custom)
    north = await team(custom)
    empty = dict.fromkeys(
        ["my_text", "my_number", "my_decimal", "my_boolean", "my_date", "my_date_time", "my_select", "my_multi_select",
         "my_url", "my_email", "my_phone", "my_reference"]
    )  # fmt: skip
    empty["my_multi_select"] = []
    nobody = await custom.create()
    assert list((await custom.values(nobody)).items()) == list(empty.items())
    full = await custom.create(
        {"key": "my_text", "text": "Grüße \"x\""}, {"key": "my_number", "number": -5}, {"key": "my_decimal", "decimal": "12.5"},
        {"key": "my_boolean", "boolean": False}, {"key": "my_date", "date": "2026-02-28"},
        {"key": "my_date_time", "dateTime": "2026-02-28T12:00:00+02:00"}, {"key": "my_select", "select": "a"},
        {"key": "my_multi_select", "multiSelect": ["a", "b", "a"]}, {"key": "my_url", "url": " https://example.com/a?b=c "},
        {"key": "my_email", "email": "Anna@Example.com"}, {"key": "my_phone", "phone": "+49 (0)30 123-45"},
        {"key": "my_reference", "reference": north},
    )  # fmt: skip
    assert await custom.values(full) == {
        "my_text": "Grüße \"x\"", "my_number": -5, "my_decimal": "12.5000", "my_boolean": False, "my_date": "2026-02-28",
        "my_date_time": "2026-02-28T10:00:00.000000+00:00", "my_select": "a", "my_multi_select": ["b", "a"],
        "my_url": "https://example.com/a?b=c", "my_email": "anna@example.com", "my_phone": "+493012345",
        "my_reference": {"id": north, "name": "North"},
    }  # fmt: skip


@pytest.mark.parametrize(
    "value, said, path",
    [
        ({"key": "nope", "text": "x"}, "no custom field 'nope'", "0.key"),
        ({"key": "my_number", "text": "x"}, "my_number is a NUMBER field: give number, not text", "0.text"),
        ({"key": "my_select", "select": "c"}, "my_select must be one of b, a", "0.select"),
        ({"key": "my_multi_select", "multiSelect": ["a", "c"]}, "must be one of", "0.multiSelect"),
        ({"key": "my_url", "url": "javascript:alert(1)"}, "must be an address that begins with http", "0.url"),
        ({"key": "my_url", "url": "http://[bad"}, "must be an address that begins with http", "0.url"),
        ({"key": "my_email", "email": "anna"}, "must be an email address", "0.email"),
        ({"key": "my_phone", "phone": "hello"}, "must be a phone number", "0.phone"),
        ({"key": "my_text", "text": "x" * 501}, "must be at most 500 characters", "0.text"),
        ({"key": "my_decimal", "decimal": "1.23456"}, "", ""),
        ({"key": "my_reference", "reference": f"customer_{uuid4()}"}, "must be the id of a team", "0.reference"),
        ({"key": "my_reference", "reference": "nonsense"}, "must be the id of a team", "0.reference"),
        ({"key": "my_reference", "reference": f"team_{uuid4()}"}, "my_reference names no team", "0.reference"),
        ({"key": "my_text"}, "Give exactly one value", "0"),
        (
            [{"key": "my_text", "text": "a"}, {"key": "my_text", "text": "b"}],
            "my_text has a value here already",
            "1.key",
        ),
        ({"key": "my_text", "text": "x", "number": 1}, "Give exactly one value", "0"),
    ],
)
async def test_what_is_no_value_of_the_field_is_refused(custom: Custom, value: Any, said: str, path: str):
    await every_type(custom)
    if not path:
        answer = await custom.crm.ask(
            'mutation($v: CustomFieldInput!) { customerCreate(input: {name: "A", customFields: [$v]}) { errors { message path } } }',
            v=value,
        )
        assert answer.get("errors") or answer["data"]["customerCreate"]["errors"]
        return
    payload = await custom.created(*(value if isinstance(value, list) else [value]))
    assert payload["customer"] is None
    [error] = payload["errors"]
    assert said in error["message"]
    assert ".".join(error["path"]) == f"input.customFields.{path}"
    assert error["code"] == ("NOT_FOUND" if "names no" in said else "VALIDATION")
    assert (await custom.crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == 0


async def test_a_partial_update_leaves_the_others_alone(custom: Custom):
    await every_type(custom)
    id_ = await custom.create({"key": "my_text", "text": "x"}, {"key": "my_number", "number": 1})
    changed = await custom.update(id_, {"key": "my_number", "number": 2})
    assert changed == {"customer": {"id": id_, "version": 2}, "errors": []}
    same = await custom.update(id_, {"key": "my_number", "number": 2})
    assert same["customer"]["version"] == 2
    await custom.update(id_, {"key": "my_text", "text": None})
    values = await custom.values(id_)
    assert (values["my_text"], values["my_number"]) == (None, 2)
    await custom.update(id_, name="Other")
    assert (await custom.values(id_))["my_number"] == 2


async def test_several_faults_are_told_at_once_and_nothing_is_saved(custom: Custom):
    await every_type(custom)
    id_ = await custom.create({"key": "my_number", "number": 1})
    payload = await custom.update(
        id_,
        {"key": "my_number", "number": 7},
        {"key": "my_email", "email": "x"},
        {"key": "nope", "text": "x"},
        name="B",
    )
    assert [e["path"] for e in payload["errors"]] == [
        ["input", "customFields", "1", "email"], ["input", "customFields", "2", "key"],
    ]  # fmt: skip
    assert (await custom.values(id_))["my_number"] == 1


async def test_required_fields(custom: Custom):
    before = await custom.create()
    await custom.define("vip", "BOOLEAN", isRequired=True)
    [missing] = (await custom.created())["errors"]
    assert (missing["code"], missing["path"]) == ("VALIDATION", ["input", "customFields"])
    assert (await custom.update(before, name="Still fine"))["errors"] == []
    made = await custom.create({"key": "vip", "boolean": False})
    [cleared] = (await custom.update(made, {"key": "vip", "boolean": None}))["errors"]
    assert cleared["path"] == ["input", "customFields", "0", "boolean"]
    assert (await custom.change("vip", isRequired=False)) == []
    assert (await custom.update(made, {"key": "vip", "boolean": None}))["errors"] == []


async def test_unique_values(custom: Custom):
    await custom.define("tag", isUnique=True)
    first = await custom.create({"key": "tag", "text": "A1"})
    [error] = (await custom.created({"key": "tag", "text": "A1"}))["errors"]
    assert (error["code"], error["existing"]) == ("DUPLICATE", first)
    assert error["path"] == ["input", "customFields", "0", "text"]
    second = await custom.create({"key": "tag", "text": "A2"})
    assert (await custom.update(second, {"key": "tag", "text": "A1"}))["errors"][0]["code"] == "DUPLICATE"
    assert (await custom.update(first, {"key": "tag", "text": "A1"}, name="B"))["errors"] == []
    await custom.update(first, {"key": "tag", "text": None})
    assert (await custom.update(second, {"key": "tag", "text": "A1"}))["errors"] == []
    delete = "mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }"
    restore = "mutation($id: ID!) { customerRestore(id: $id) { errors { code path } } }"
    await custom.crm.gql(delete, id=second)
    await custom.update(first, {"key": "tag", "text": "A1"})
    [taken] = (await custom.crm.gql(restore, id=second))["customerRestore"]["errors"]
    assert taken["code"] == "DUPLICATE"
    await custom.update(first, {"key": "tag", "text": "A3"})
    assert (await custom.crm.gql(restore, id=second))["customerRestore"]["errors"] == []
    assert (await custom.created({"key": "tag", "text": "A1"}))["errors"][0]["existing"] == second


async def test_who_takes_what_a_refused_one_gives_up_is_refused_too(custom: Custom):
    await custom.define("tag", isUnique=True)
    first, second = await custom.create({"key": "tag", "text": "A1"}), await custom.create()
    gives = {"name": "", "customFields": [{"key": "tag", "text": None}]}
    takes = {"customFields": [{"key": "tag", "text": "A1"}]}
    done = await custom.crm.gql(
        """mutation($items: [CustomerUpdateItem!]!) {
             customersUpdate(items: $items, mode: PARTIAL) { errors { code path } } }""",
        items=[{"id": first, "input": gives}, {"id": second, "input": takes}],
    )
    assert done["customersUpdate"]["errors"] == [
        {"code": "VALIDATION", "path": ["items", "0", "input", "name"]},
        {"code": "DUPLICATE", "path": ["items", "1", "input", "customFields", "0", "text"]},
    ]


async def test_a_field_becomes_unique_only_if_its_values_are(custom: Custom):
    await custom.define("n", "NUMBER")
    one, two = await custom.create({"key": "n", "number": 1}), await custom.create({"key": "n", "number": 1})
    [error] = await custom.change("n", isUnique=True)
    assert (error["code"], error["path"]) == ("DUPLICATE", ["input", "isUnique"])
    await custom.update(two, {"key": "n", "number": 2})
    assert await custom.change("n", isUnique=True) == []
    assert (await custom.created({"key": "n", "number": 1}))["errors"][0]["existing"] == one
    assert await custom.change("n", isUnique=False) == []
    assert (await custom.created({"key": "n", "number": 1}))["errors"] == []


async def test_values_follow_their_record_through_deletion_and_back(custom: Custom, crm: TestCrm):
    await custom.define("n", "NUMBER")
    id_ = await custom.create({"key": "n", "number": 5})
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }", id=id_)
    async with crm.crm.db.transaction() as tx:
        from crmcore.kit.sql import Sql

        assert [r["n"] for r in await tx.fetch(Sql("SELECT count(*) AS n FROM custom_value"))] == [0]
    await crm.gql("mutation($id: ID!) { customerRestore(id: $id) { errors { code } } }", id=id_)
    assert await custom.values(id_) == {"n": 5}


async def test_history_tells_values_by_their_keys(custom: Custom, crm: TestCrm):
    from crmcore.kit.sql import Sql

    await custom.define("n", "NUMBER")
    id_ = await custom.create({"key": "n", "number": 5})
    await custom.update(id_, {"key": "n", "number": 6})
    rows = await crm.crm.db.fetch(Sql("SELECT after, changed_fields FROM event WHERE type = 'customer.updated'"))
    import orjson

    read = [orjson.loads(v) if isinstance(v, str) else v for v in (rows[0]["after"], rows[0]["changed_fields"])]
    assert read == [{"version": 2, "custom_fields": {"n": 6}}, ["custom_fields"]]


async def test_a_reference_to_what_is_gone_reads_as_null(custom: Custom, crm: TestCrm):
    await custom.define("helps", "REFERENCE", referenceType="team")
    north = await team(custom)
    id_ = await custom.create({"key": "helps", "reference": north})
    assert (await custom.values(id_))["helps"] == {"id": north, "name": "North"}
    await crm.gql("mutation($id: ID!) { teamDelete(id: $id) { errors { code } } }", id=north)
    assert (await custom.values(id_))["helps"] is None


async def test_keys_choose_and_lists_show_them(custom: Custom, crm: TestCrm):
    await every_type(custom)
    await custom.create({"key": "my_text", "text": "x"})
    found = await crm.gql(
        '{ customers { nodes { customFields(keys: ["my_text"]) { __typename key label type ... on CustomText { text } } } } }'
    )
    assert found["customers"]["nodes"] == [
        {
            "customFields": [
                {"__typename": "CustomText", "key": "my_text", "label": "My_Text", "type": "TEXT", "text": "x"}
            ]
        }
    ]
    edges = await crm.gql(
        "{ customers(last: 1) { edges { cursor node { customFields { key } } } pageInfo { hasNextPage } } }"
    )
    assert len(edges["customers"]["edges"][0]["node"]["customFields"]) == 12


async def test_unknown_keys_are_refused(custom: Custom, crm: TestCrm):
    await custom.define("mine")
    await custom.define("theirs", of="deal")
    await custom.create()
    query = "query($keys: [String!]) { customers { nodes { customFields(keys: $keys) { key } } } }"
    for keys in (["mine"], None, []):
        assert "errors" not in await crm.ask(query, keys=keys)
    for keys, place, key in ((["nope"], "0", "nope"), (["mine", "theirs"], "1", "theirs")):
        [error] = (await crm.ask(query, keys=keys))["errors"]
        assert error["message"] == f"keys.{place}: there is no custom field {key!r} of type customer."
        assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", ["keys", place])
    literal = '{ customers { nodes { customFields(keys: ["mine"]) { key } } } }'
    assert "errors" not in await crm.ask(literal)
    await custom.change("mine", "Delete")
    assert "no custom field 'mine'" in (await crm.ask(literal))["errors"][0]["message"]


async def test_one_statement_reads_and_none_more_is_written_without_values(custom: Custom, crm: TestCrm):
    create = 'mutation { customerCreate(input: {name: "A"}) { customer { id } } }'
    await crm.gql(create)
    with crm.crm.db.counting() as before:
        await crm.gql(create)
    await every_type(custom)
    await crm.gql(create)
    with crm.crm.db.counting() as after:
        await crm.gql(create)
    assert len(after) == len(before)
    with crm.crm.db.counting() as seen:
        await crm.gql(
            "{ customers { nodes { ...Values } } } " + __import__("tests.custom.conftest", fromlist=["VALUES"]).VALUES
        )
    assert len(seen) == 2  # the token's and the list's
