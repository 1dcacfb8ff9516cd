"""`where: {custom: [...]}`: typed conditions on fields that the tenant defined, alone and inside others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.custom.conftest import Custom
from tests.fixtures import TestCrm

FIND = (
    "query($where: CustomerFilter) { customers(where: $where, orderBy: [{field: NAME}]) { nodes { name } totalCount } }"
)


async def find(crm: TestCrm, where: Any) -> str:
    """The names that are found, in their order."""
    found = (await crm.gql(FIND, where=where))["customers"]
    assert found["totalCount"] == len(found["nodes"])
    return "".join(node["name"] for node in found["nodes"])


async def filled(custom: Custom) -> dict[str, str]:
    """Customers A to C with values, D without any."""
    await custom.define("word", "TEXT")
    await custom.define("count", "NUMBER")
    await custom.define("rate", "DECIMAL")
    await custom.define("vip", "BOOLEAN")
    await custom.define("day", "DATE")
    await custom.define("at", "DATE_TIME")
    await custom.define("size", "SELECT", options=["S", "M"])
    await custom.define("tags", "MULTI_SELECT", options=["x", "y", "z"])
    await custom.define("team", "REFERENCE", referenceType="team")
    made = await custom.crm.gql('mutation { teamCreate(input: {name: "North"}) { team { id } } }')
    north = made["teamCreate"]["team"]["id"]
    await custom.create(
        {"key": "word", "text": "Straße"}, {"key": "count", "number": 1}, {"key": "rate", "decimal": "0.5"},
        {"key": "vip", "boolean": True}, {"key": "day", "date": "2026-01-01"}, {"key": "at", "dateTime": "2026-01-01T00:00:00Z"},
        {"key": "size", "select": "S"}, {"key": "tags", "multiSelect": ["x", "y"]}, {"key": "team", "reference": north}, name="A",
    )  # fmt: skip
    await custom.create(
        {"key": "word", "text": "strasse 2"}, {"key": "count", "number": 2}, {"key": "rate", "decimal": "10"},
        {"key": "vip", "boolean": False}, {"key": "day", "date": "2026-02-01"}, {"key": "at", "dateTime": "2026-02-01T00:00:00Z"},
        {"key": "size", "select": "M"}, {"key": "tags", "multiSelect": ["y"]}, name="B",
    )  # fmt: skip
    await custom.create({"key": "word", "text": "zebra"}, {"key": "count", "number": 3}, name="C")
    await custom.create(name="D")
    return {"north": north}


async def test_operators_of_every_type(custom: Custom, crm: TestCrm):
    north = (await filled(custom))["north"]
    for key, member, condition, names in [
        ("word", "text", {"eq": "Straße"}, "A"),
        ("word", "text", {"ne": "Straße"}, "BCD"),
        ("word", "text", {"in": ["zebra", "strasse 2"]}, "BC"),
        ("word", "text", {"notIn": ["zebra"]}, "ABD"),
        ("word", "text", {"startsWith": "str"}, "B"),
        ("word", "text", {"iStartsWith": "STR"}, "AB"),
        ("word", "text", {"iEq": "STRASSE"}, "A"),
        ("word", "text", {"contains": "e", "gte": "z"}, "C"),
        ("word", "text", {"isNull": True}, "D"),
        ("word", "text", {"isNull": False}, "ABC"),
        ("word", "text", {"eq": None}, "D"),
        ("word", "text", {"ne": None}, "ABC"),
        ("count", "number", {"gt": 1}, "BC"),
        ("count", "number", {"gt": 1, "lt": 3}, "B"),
        ("rate", "decimal", {"lte": "0.5"}, "A"),
        ("vip", "boolean", {"eq": True}, "A"),
        ("vip", "boolean", {"ne": True}, "BCD"),
        ("day", "date", {"gte": "2026-01-15"}, "B"),
        ("at", "dateTime", {"lt": "2026-01-01T01:00:00+00:00"}, "A"),
        ("size", "select", {"in": ["S", "M"]}, "AB"),
        ("tags", "multiSelect", {"has": "y"}, "AB"),
        ("tags", "multiSelect", {"hasAny": ["x", "z"]}, "A"),
        ("tags", "multiSelect", {"hasAny": []}, ""),
        ("tags", "multiSelect", {"has": "x", "hasAny": ["y"]}, "A"),
        ("tags", "multiSelect", {"isEmpty": True}, "CD"),
        ("tags", "multiSelect", {"isEmpty": False}, "AB"),
        ("team", "reference", {"eq": north}, "A"),
        ("team", "reference", {"ne": north}, "BCD"),
        ("word", "text", {}, "ABCD"),
    ]:
        assert await find(crm, {"custom": [{"key": key, member: condition}]}) == names, (key, condition)


async def test_conditions_combine_with_others_and_through_relations(custom: Custom, crm: TestCrm):
    await filled(custom)
    one, vip = {"key": "count", "number": {"gte": 2}}, {"key": "vip", "boolean": {"eq": False}}
    assert await find(crm, {"custom": [one, vip]}) == "B"
    assert await find(crm, {"or": [{"custom": [vip]}, {"name": {"eq": "D"}}]}) == "BD"
    assert await find(crm, {"not": {"custom": [one]}}) == "AD"
    assert await find(crm, {"and": [{"custom": [one]}, {"not": {"custom": [vip]}}]}) == "C"
    assert await find(crm, {"custom": []}) == "ABCD"
    [b] = (await crm.gql('{ customers(where: {name: {eq: "B"}}) { nodes { id } } }'))["customers"]["nodes"]
    await crm.gql(
        'mutation($id: ID!) { caseCreate(input: {customerId: $id, subject: "Help"}) { errors { message } } }',
        id=b["id"],
    )
    through = '{ cases(where: {customer: {custom: [{key: "vip", boolean: {eq: false}}]}}) { totalCount } }'
    assert (await crm.gql(through))["cases"]["totalCount"] == 1


@pytest.mark.parametrize(
    "condition, said",
    [
        ({"key": "nope", "text": {"eq": "x"}}, "where.custom.0.key: there is no custom field 'nope' of type customer."),
        ({"key": "count", "text": {"eq": "x"}}, "where.custom.0.text: count is a NUMBER field: give number instead."),
        ({"key": "count"}, "where.custom.0: give exactly one condition beside the key"),
        ({"key": "count", "text": {}, "number": {}}, "where.custom.0: give exactly one condition beside the key"),
        ({"key": "count", "number": {"lt": None}}, "where.custom.0.number.lt: null is no value here"),
        ({"key": "team", "reference": {"eq": "deal_0198f3a2-7c1e-7000-8000-000000000000"}}, "is no team id"),
    ],
)
async def test_what_cannot_be_asked_is_bad_input(custom: Custom, crm: TestCrm, condition: Any, said: str):
    await custom.define("count", "NUMBER")
    await custom.define("team", "REFERENCE", referenceType="team")
    answer = await crm.ask(FIND, where={"custom": [condition]})
    [error] = answer["errors"]
    assert said in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "asked, path",
    [
        ('where: {custom: [{key: "count", number: {gt: 0}}]}', ["where", "custom", "0"]),
        ('where: {not: {custom: [{key: "count", number: {isNull: true}}]}}', ["where", "not", "custom", "0"]),
        ('orderBy: [{custom: {key: "count"}}]', ["orderBy", "0", "custom"]),
    ],
)
async def test_deleted_records_are_not_found_by_their_fields(custom: Custom, crm: TestCrm, asked: str, path: list[str]):
    await custom.define("count", "NUMBER")
    gone = await custom.create({"key": "count", "number": 1})
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }", id=gone)
    query = "{ customers(deleted: %s, " + asked + ") { totalCount nodes { id } } }"
    [error] = (await crm.ask(query % "true"))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["argument"]) == ("BAD_USER_INPUT", path)
    assert "deleted records" in error["message"]
    assert "errors" not in await crm.ask(query % "false")
    assert (await crm.gql("{ customers(deleted: true, where: {custom: []}) { totalCount } }"))["customers"][
        "totalCount"
    ] == 1


async def test_a_plan_serves_all_keys_and_asks_each_run_anew(custom: Custom, crm: TestCrm):
    await filled(custom)
    query = (
        "query($k: String!, $v: Int!) { customers(where: {custom: [{key: $k, number: {eq: $v}}]}) { nodes { name } } }"
    )
    assert len((await crm.gql(query, k="count", v=2))["customers"]["nodes"]) == 1
    await custom.define("other", "NUMBER")
    misses = crm.crm.engine.plans.statistics.misses
    with crm.crm.db.counting() as seen:
        await crm.gql(query, k="count", v=3)
    assert len(seen) == 3, "the token's, the definitions once after their change, and the list's"
    with crm.crm.db.counting() as seen:
        assert (await crm.gql(query, k="other", v=2))["customers"]["nodes"] == []
    assert len(seen) == 2
    assert crm.crm.engine.plans.statistics.misses == misses
    answer = await crm.ask(query, k="word", v=2)
    assert "word is a TEXT field: give text instead" in answer["errors"][0]["message"]
    await custom.change("other", "Delete")
    assert "no custom field 'other'" in (await crm.ask(query, k="other", v=2))["errors"][0]["message"]
