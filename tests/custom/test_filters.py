"""`where: {custom: [...]}`: typed conditions on fields that the tenant defined, alone and inside others."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.kit.sql import Sql
from crmcore.plugins import Plugins
from crmcore.query import operators
from crmcore.query.operators import Operator, unlike
from tests.custom.conftest import Custom
from tests.fixtures import TestCrm, open_crm

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
        ("tags", "multiSelect", {"hasAll": ["y"]}, "AB"),
        ("tags", "multiSelect", {"hasAll": ["x", "y", "x"]}, "A"),
        ("tags", "multiSelect", {"hasAll": ["x", "z"]}, ""),
        ("tags", "multiSelect", {"hasAll": []}, "ABCD"),
        ("size", "select", {"ne": "S"}, "BCD"),
        ("size", "select", {"iEq": "s"}, "A"),
        ("tags", "multiSelect", {"isEmpty": True}, "CD"),
        ("tags", "multiSelect", {"isEmpty": False}, "AB"),
        ("team", "reference", {"eq": north}, "A"),
        ("team", "reference", {"ne": north}, "BCD"),
        ("word", "text", {}, "ABCD"),
    ]:
        assert await find(crm, {"custom": [{"key": key, member: condition}]}) == names, (key, condition)


async def test_whole_addresses_and_numbers_are_looked_for_as_they_are_kept(custom: Custom, crm: TestCrm):
    for key, type_ in (("phone", "PHONE"), ("mail", "EMAIL"), ("site", "URL")):
        await custom.define(key, type_)
    phone, mail, site = "+49 (0)30 123", " A@B.de", " https://b.de/A "
    await custom.create(
        {"key": "phone", "phone": phone}, {"key": "mail", "email": mail}, {"key": "site", "url": site}, name="A"
    )
    await custom.create({"key": "phone", "phone": "030 4"}, {"key": "mail", "email": "c@b.de"}, name="B")
    await custom.create(name="C")
    for key, member, condition, names in [
        *(("phone", "phone", {"eq": given}, "A") for given in (phone, "0049-30-123", "+4930123")),
        ("phone", "phone", {"ne": phone}, "BC"),
        ("phone", "phone", {"in": [phone, "(030) 4"]}, "AB"),
        ("phone", "phone", {"notIn": [phone]}, "BC"),
        ("phone", "phone", {"startsWith": "+49"}, "A"),
        ("phone", "phone", {"contains": "30"}, "AB"),
        ("phone", "phone", {"eq": None}, "C"),
        ("mail", "email", {"eq": mail}, "A"),
        ("mail", "email", {"ne": "A@B.DE"}, "BC"),
        ("mail", "email", {"in": ["C@b.de", mail]}, "AB"),
        ("mail", "email", {"notIn": ["C@b.de"]}, "AC"),
        ("mail", "email", {"endsWith": "@b.de"}, "AB"),
        ("mail", "email", {"lt": "b"}, "A"),
        ("site", "url", {"eq": site}, "A"),
        ("site", "url", {"ne": site}, "BC"),
    ]:
        assert await find(crm, {"custom": [{"key": key, member: condition}]}) == names, (key, condition)


async def test_a_new_operator_is_one_entry(database_url: str, monkeypatch: pytest.MonkeyPatch):
    """What operators.py promises, for custom fields too: also for an operator with a row to itself."""
    longer = Operator(
        "longerThan", ("text",), "value", "Has more characters.",
        lambda c: Sql("length(", c.value, ") > length(", c.given(), ")"), ranged=True,
    )  # fmt: skip
    unlike_prefix = Operator(
        "startsNotWith", ("text",), "value", "Does not begin so.",
        lambda c: unlike(c.dialect.starts_with(c.value, c.given())), complement=True, null=False,
    )  # fmt: skip
    monkeypatch.setattr(operators, "OPERATORS", (*operators.OPERATORS, longer, unlike_prefix))
    async with open_crm(database_url, Plugins()) as crm:
        await filled(Custom(crm))
        for condition, names in (
            ({"longerThan": "zebra"}, "AB"), ({"startsNotWith": "str"}, "ACD"), ({"startsNotWith": None}, "ABC"),
            ({"longerThan": "zebra", "startsNotWith": "str"}, "A"),
        ):  # fmt: skip
            assert await find(crm, {"custom": [{"key": "word", "text": condition}]}) == names, condition


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
        ({"key": "count", "number": {"isNull": None}}, "where.custom.0.number.isNull: null is no value here"),
        ({"key": "tags", "multiSelect": {"isEmpty": None}}, "where.custom.0.multiSelect.isEmpty: null is no value"),
        ({"key": "tags", "multiSelect": {"hasAll": None}}, "where.custom.0.multiSelect.hasAll: null is no value"),
        (
            {"key": "tags", "multiSelect": {"hasAll": ["x", "X"]}},
            "multiSelect.hasAll: tags has no option 'X', but x, y.",
        ),
        ({"key": "tags", "multiSelect": {"has": ""}}, "multiSelect.has: tags has no option '', but x, y."),
        ({"key": "size", "select": {"eq": "Nope"}}, "where.custom.0.select.eq: size has no option 'Nope', but S, M."),
        ({"key": "size", "select": {"notIn": ["S", "s"]}}, "select.notIn: size has no option 's', but S, M."),
        ({"key": "phone", "phone": {"eq": "home"}}, "where.custom.0.phone.eq: must be a phone number"),
        ({"key": "mail", "email": {"in": ["a@b.de", "a"]}}, "where.custom.0.email.in: must be an email address"),
        ({"key": "site", "url": {"ne": "b.de"}}, "where.custom.0.url.ne: must be an address that begins with http"),
        ({"key": "team", "reference": {"eq": "deal_0198f3a2-7c1e-7000-8000-000000000000"}}, "is no team id"),
    ],
)
async def test_what_cannot_be_asked_is_bad_input(custom: Custom, crm: TestCrm, condition: Any, said: str):
    await custom.define("count", "NUMBER")
    await custom.define("team", "REFERENCE", referenceType="team")
    await custom.define("size", "SELECT", options=["S", "M"])
    await custom.define("tags", "MULTI_SELECT", options=["x", "y"])
    for key, type_ in (("phone", "PHONE"), ("mail", "EMAIL"), ("site", "URL")):
        await custom.define(key, type_)
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
