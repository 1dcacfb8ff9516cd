"""Every operator finds what its description says, with the same answer from both databases."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from crmcore.domain import contacts, customers, people
from crmcore.errors import BadInput
from crmcore.query import vocabulary as words
from crmcore.query.operators import OPERATORS

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def rows(seed):
    """a to e: c has no value anywhere."""
    ada = await seed(people.User, name="Ada", email="a@example.org")
    return await seed.many(
        customers.Customer,
        [
            {
                "name": "a Ärger", "industry": "50%_\\x", "employees": 1, "annual_revenue": Decimal("1.5"),
                "annual_revenue_currency": "EUR", "birth_date": date(2000, 1, 1), "verified_at": START,
                "importance": "A", "roles": ["CUSTOMER", "PARTNER"], "is_key_account": True, "owner_id": ada,
            },
            {
                "name": "b ÄRGER", "industry": "50xyz", "employees": 2, "annual_revenue": Decimal(-2),
                "annual_revenue_currency": "USD", "birth_date": date(2001, 1, 1), "verified_at": START + timedelta(microseconds=1),
                "importance": "B", "roles": ["DEALER"],
            },
            {"name": "c 张三", "roles": []},
            {
                "name": "d o'x\"\\", "industry": "Z", "employees": 3, "annual_revenue": Decimal("1.5"),
                "annual_revenue_currency": "USD", "birth_date": date(2000, 1, 1), "verified_at": START + timedelta(days=1),
                "importance": "A", "roles": ["DEALER", "SUPPLIER"], "owner_id": ada,
            },
            {"name": "e", "industry": "", "employees": -1, "roles": ["CUSTOMER"]},
        ],
    )  # fmt: skip


def moment(micro=0):
    return (START + timedelta(microseconds=micro)).isoformat()


CASES = [
    ({"name": {"eq": "a Ärger"}}, "a"),
    ({"name": {"ne": "a Ärger"}}, "bcde"),
    ({"name": {"in": ["e", "a Ärger", "no"]}}, "ae"),
    ({"name": {"in": []}}, ""),
    ({"name": {"notIn": ["e", "a Ärger"]}}, "bcd"),
    ({"name": {"notIn": []}}, "abcde"),
    ({"name": {"contains": "ÄR"}}, "b"),
    ({"name": {"contains": ""}}, "abcde"),
    ({"name": {"iContains": "arg"}}, "ab"),
    ({"name": {"iContains": "张"}}, "c"),
    ({"name": {"iEq": "A ärger"}}, "a"),
    ({"name": {"iStartsWith": "B A"}}, "b"),
    ({"name": {"startsWith": "b Ä"}}, "b"),
    ({"name": {"startsWith": "B"}}, ""),
    ({"name": {"endsWith": "三"}}, "c"),
    ({"name": {"endsWith": ""}}, "abcde"),
    ({"name": {"endsWith": "a very long ending that no name has"}}, ""),
    ({"name": {"contains": "'x\"\\"}}, "d"),
    ({"name": {"lt": "b"}}, "a"),
    ({"name": {"gt": "b", "lte": "d"}}, "bc"),
    ({"industry": {"contains": "%_\\"}}, "a"),
    ({"industry": {"contains": "0x"}}, "b"),
    ({"industry": {"eq": ""}}, "e"),
    ({"industry": {"eq": None}}, "c"),
    ({"industry": {"ne": None}}, "abde"),
    ({"industry": {"isNull": True}}, "c"),
    ({"industry": {"isNull": False}}, "abde"),
    ({"industry": {"ne": "Z"}}, "abce"),
    ({"industry": {"notIn": ["Z"]}}, "abce"),
    ({"industry": {"gte": "50x"}}, "bd"),
    ({"name": {"iEndsWith": "ÄRGER"}}, "ab"),
    ({"name": {"iNe": "A ARGER"}}, "bcde"),
    ({"name": {"iIn": ["A ARGER", "B ärger", "no"]}}, "ab"),
    ({"name": {"iIn": []}}, ""),
    ({"industry": {"iEq": "z"}}, "d"),
    ({"industry": {"iNe": "z"}}, "abce"),
    ({"industry": {"iIn": ["Ž", "50XYZ"]}}, "bd"),
    ({"industry": {"iContains": "0X"}}, "b"),
    ({"industry": {"iContains": ""}}, "abde"),
    ({"industry": {"iStartsWith": "50X"}}, "b"),
    ({"industry": {"iEndsWith": "Y\u0301Z"}}, "b"),
    ({"industry": {"iEndsWith": ""}}, "abde"),
    ({"employees": {"gt": 1}}, "bd"),
    ({"employees": {"gte": 1}}, "abd"),
    ({"employees": {"lt": 1}}, "e"),
    ({"employees": {"lte": 1, "ne": -1}}, "a"),
    ({"employees": {"in": [1, 3]}}, "ad"),
    ({"not": {"employees": {"gt": 1}}}, "ace"),
    ({"annualRevenue": {"amount": {"eq": "1.5"}}}, "ad"),
    ({"annualRevenue": {"amount": {"gt": "-2.0001"}, "currencyCode": {"eq": "USD"}}}, "bd"),
    ({"annualRevenue": {"amount": {"in": ["-2", "1.5000"]}}}, "abd"),
    ({"annualRevenue": {"amount": {"isNull": True}}}, "ce"),
    ({"birthDate": {"eq": "2000-01-01"}}, "ad"),
    ({"birthDate": {"gt": "2000-01-01"}}, "b"),
    ({"birthDate": {"in": ["2001-01-01"]}}, "b"),
    ({"verifiedAt": {"gt": moment()}}, "bd"),
    ({"verifiedAt": {"eq": "2026-01-01T13:00:00+01:00"}}, "a"),
    ({"verifiedAt": {"lte": moment(1)}}, "ab"),
    ({"verifiedAt": {"in": [moment(1)]}}, "b"),
    ({"verifiedAt": {"relative": {"olderThanDays": 0}}}, "abd"),
    ({"birthDate": {"relative": {"thisYear": True, "timeZone": "Asia/Tokyo"}}}, ""),
    ({"importance": {"eq": "A"}}, "ad"),
    ({"importance": {"ne": "A"}}, "bce"),
    ({"importance": {"in": ["B", "C"]}}, "b"),
    ({"importance": {"eq": None}}, "ce"),
    ({"isKeyAccount": {"eq": True}}, "a"),
    ({"isKeyAccount": {"ne": True}}, "bcde"),
    ({"roles": {"has": "CUSTOMER"}}, "ae"),
    ({"roles": {"hasAny": ["PARTNER", "SUPPLIER"]}}, "ad"),
    ({"roles": {"hasAny": []}}, ""),
    ({"roles": {"hasAll": ["PARTNER", "CUSTOMER"]}}, "a"),
    ({"roles": {"hasAll": ["PARTNER", "DEALER"]}}, ""),
    ({"roles": {"hasAll": []}}, "abcde"),
    ({"roles": {"isEmpty": True}}, "c"),
    ({"roles": {"isEmpty": False, "has": "DEALER"}}, "bd"),
    ({"owner": {"name": {"eq": "Ada"}}}, "ad"),
    ({"not": {"owner": {"name": {"eq": "Ada"}}}}, "bce"),
    ({"ownerId": {"isNull": True}}, "bce"),
    ({"and": []}, "abcde"),
    ({"or": []}, ""),
    ({}, "abcde"),
    ({"or": [{"name": {"eq": "e"}}, {"employees": {"eq": 1}, "name": {"startsWith": "a"}}]}, "ae"),
    ({"and": [{"employees": {"gt": 0}}, {"not": {"employees": {"eq": 2}}}]}, "ad"),
    ({"not": {}}, ""),
]


@pytest.mark.parametrize("where, expected", CASES, ids=[str(c) for c, _ in CASES])
async def test_operators(graph, ctx, rows, where, expected):
    text = """query($w: CustomerFilter) { customers(where: $w) { nodes { name } totalCount } }"""
    found = (await graph.ask(ctx, text, {"w": where}))["customers"]
    assert "".join(node["name"][0] for node in found["nodes"]) == expected
    assert found["totalCount"] == len(expected)


def test_every_operator_has_a_case():
    used = {op for where, _ in CASES for op in _operators(where)}
    assert used == {operator.name for operator in OPERATORS}


def _operators(where):
    for key, inner in where.items():
        if key in words.LOGIC:
            for part in inner if isinstance(inner, list) else [inner]:
                yield from _operators(part)
        elif isinstance(inner, dict) and key != "relative":
            yield from _operators(inner)
        else:
            yield key


async def test_ids(graph, ctx, rows):
    text = """query($w: CustomerFilter) { customers(where: $w) { nodes { name } } }"""
    found = await graph.ask(ctx, text, {"w": {"id": {"in": [f"customer_{rows[1]}", f"customer_{rows[4]}"]}}})
    assert [n["name"] for n in found["customers"]["nodes"]] == ["b ÄRGER", "e"]
    for bad in (f"user_{rows[1]}", str(rows[1]), "", "customer_x"):
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, text, {"w": {"id": {"eq": bad}}})
        assert refused.value.path == ("where", "id", "eq")
    with pytest.raises(BadInput):
        await graph.ask(ctx, text, {"w": {"ownerId": {"in": [f"customer_{rows[1]}"]}}})


@pytest.mark.parametrize("where", [
    "{name: null}", "{name: {contains: null}}", "{name: {in: null}}", "{name: {isNull: null}}", "{and: null}",
    "{owner: null}", "{contacts: {some: null}}", "{annualRevenue: {amount: null}}", "{roles: {has: null}}",
])  # fmt: skip
async def test_null_in_place_of_a_filter_is_refused(graph, ctx, where):
    with pytest.raises(BadInput, match="null"):
        await graph.ask(ctx, f"{{ customers(where: {where}) {{ totalCount }} }}")
    with pytest.raises(BadInput, match="null"):
        await graph.ask(ctx, "query($w: CustomerFilter) { customers(where: $w) { totalCount } }", {"w": _json(where)})


def _json(text):
    import re

    return json.loads(re.sub(r"(\w+):", r'"\1":', text))


async def test_no_filter_is_everything(graph, ctx, rows):
    text = "query($w: CustomerFilter) { customers(where: $w) { totalCount } }"
    assert (await graph.ask(ctx, text, {"w": None}))["customers"]["totalCount"] == 5
    assert (await graph.ask(ctx, text))["customers"]["totalCount"] == 5
    absent = "query($n: StringFilter) { customers(where: {industry: $n, employees: {gt: 0}}) { totalCount } }"
    assert (await graph.ask(ctx, absent))["customers"]["totalCount"] == 3


@pytest.fixture
async def family(seed, rows):
    """a has Anna and Ben, b has Anna, d has a contact that was deleted."""
    anna = await seed(contacts.Contact, name="Anna", birthday=date(2000, 1, 1))
    ben = await seed(contacts.Contact, name="Ben")
    gone = await seed(contacts.Contact, name="Gone", deleted_at=START)
    links = [(rows[0], anna), (rows[0], ben), (rows[1], anna), (rows[3], gone)]
    await seed.many(contacts.ContactLink, [{"customer_id": c, "contact_id": k} for c, k in links])
    unlinked = await seed(contacts.Contact, name="Carl")
    await seed(contacts.ContactLink, customer_id=rows[4], contact_id=unlinked, deleted_at=START)


MANY = [
    ({"contacts": {"some": {"name": {"eq": "Ben"}}}}, "a"),
    ({"contacts": {"some": {}}}, "ab"),
    ({"contacts": {"none": {"name": {"eq": "Ben"}}}}, "bcde"),
    ({"contacts": {"none": {}}}, "cde"),
    ({"contacts": {"every": {"name": {"eq": "Anna"}}}}, "bcde"),
    ({"contacts": {"every": {"birthday": {"gt": "1990-01-01"}}}}, "bcde"),
    ({"contacts": {"count": {"gte": 2}}}, "a"),
    ({"contacts": {"count": {"eq": 0}}}, "cde"),
    ({"contacts": {"count": {"gte": 1, "where": {"name": {"eq": "Ben"}}}}}, "a"),
    ({"contacts": {"count": {"lt": 1, "where": {"birthday": {"isNull": True}}}}}, "bcde"),
    ({"contacts": {"count": {"where": {"name": {"eq": "Ben"}}}}}, "abcde"),
    ({"contacts": {"count": {"in": [1, 2]}, "some": {"name": {"eq": "Anna"}}}}, "ab"),
    ({"contactLinks": {"some": {"contact": {"name": {"eq": "Anna"}}}}}, "ab"),
    ({"contacts": {"some": {"customers": {"some": {"owner": {"name": {"eq": "Ada"}}}}}}}, "ab"),
]


@pytest.mark.parametrize("where, expected", MANY, ids=[str(c) for c, _ in MANY])
async def test_relations(graph, ctx, family, where, expected):
    text = """query($w: CustomerFilter) { customers(where: $w) { nodes { name } totalCount } }"""
    found = (await graph.ask(ctx, text, {"w": where}))["customers"]
    assert "".join(node["name"][0] for node in found["nodes"]) == expected
    assert found["totalCount"] == len(expected)


async def test_filters_below_a_list(graph, ctx, family):
    found = await graph.ask(
        ctx,
        """{ customers(first: 2) { nodes {
      contacts(where: {name: {startsWith: "A"}}) { totalCount nodes { name } } all: contacts { totalCount } } } }""",
    )
    assert found["customers"]["nodes"] == [
        {"contacts": {"totalCount": 1, "nodes": [{"name": "Anna"}]}, "all": {"totalCount": 2}},
        {"contacts": {"totalCount": 1, "nodes": [{"name": "Anna"}]}, "all": {"totalCount": 1}},
    ]


async def test_limits(graph, ctx, rows):
    deep = {"name": {"eq": "x"}}
    for _ in range(4):
        deep = {"parent": deep}
    text = "query($w: CustomerFilter) { customers(where: $w) { totalCount } }"
    assert (await graph.ask(ctx, text, {"w": deep}))["customers"]["totalCount"] == 0
    with pytest.raises(BadInput, match="4 relations"):
        await graph.ask(ctx, text, {"w": {"children": {"some": deep}}})
    wide = {"or": [{"name": {"eq": str(n)}} for n in range(200)]}
    with pytest.raises(BadInput, match="200 conditions"):
        await graph.ask(ctx, text, {"w": wide})


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
async def test_text_that_no_record_holds_is_refused(graph, ctx, bad):
    text = "query($x: String) { customers(where: {name: {contains: $x}}) { totalCount } }"
    with pytest.raises(BadInput) as refused:
        await graph.ask(ctx, text, {"x": bad})
    assert refused.value.path == ("where", "name", "contains")
