"""Root fields that functions of plugins answer: what they get, what becomes of what they answer, and whose fault it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from crmcore.kit.ids import from_global
from tests.architecture.conventions import problems
from tests.fixtures import TestCrm, open_crm
from tests.plugins import oracle

CREATE = "mutation($name: String!) { customerCreate(input: {name: $name}) { customer { id } errors { message } } }"
ASK = """
query($ids: [ID!], $hint: OracleHint!) {
  oracleAsk(question: "why", customerIds: $ids, hints: [$hint], mood: BAD, price: {amount: "2", currencyCode: "EUR"}) {
    title mood price { amount currencyCode } weight saidOn saidAt extra
    lines { text customer { name owner { name } } again: customer { id } friends { name } }
    several { __typename id }
    customers { name }
    about { __typename id ... on Customer { name } }
  }
}
"""


@pytest.fixture
async def crm(database_url: str) -> AsyncIterator[TestCrm]:
    oracle.calls.clear()
    async with open_crm(database_url, oracle.oracle()) as opened:
        assert [p.problems for p in opened.crm.plugins.listing()] == [()]
        yield opened


async def customers(crm: TestCrm, *names: str) -> list[str]:
    return [(await crm.gql(CREATE, name=name))["customerCreate"]["customer"]["id"] for name in names]


async def test_a_function_gets_python_values_and_answers_with_records(crm: TestCrm):
    ids = await customers(crm, "Alfki", "Bonap", "Chops")
    hint = {"word": "so", "customerId": ids[0], "weight": "1.5"}
    with crm.crm.db.counting() as few:
        answer = (await crm.gql(ASK, ids=ids, hint=hint))["oracleAsk"]
    keys = [from_global(one)[1] for one in ids]
    assert oracle.calls == [
        {
            "question": "why", "customer_ids": keys, "mood": oracle.OracleMood.BAD,
            "price": {"amount": Decimal(2), "currency_code": "EUR"},
            "hints": [{"word": "so", "customer_id": keys[0], "weight": Decimal("1.5")}],
        }
    ]  # fmt: skip
    assert answer == {
        "title": "WHY", "mood": "GOOD", "price": {"amount": "9.5000", "currencyCode": "EUR"}, "weight": "3.0000",
        "saidOn": "2026-11-23", "saidAt": "2026-11-23T08:00:00.000000+00:00", "extra": {"deep": [1, None]},
        "lines": [
            {
                "text": f"line {number}", "customer": {"name": name, "owner": None}, "again": {"id": ids[number]},
                "friends": [{"name": name}, {"name": "Alfki"}],
            }
            for number, name in enumerate(("Alfki", "Bonap", "Chops"))
        ],
        "customers": [{"name": "Alfki"}, {"name": "Bonap"}, {"name": "Chops"}],
        "about": {"__typename": "Customer", "id": ids[0], "name": "Alfki"},
        "several": [{"__typename": "Customer", "id": one} for one in ids],
    }  # fmt: skip
    more = [*ids, *await customers(crm, *(f"More {number}" for number in range(17)))]
    with crm.crm.db.counting() as many:
        answer = (await crm.gql(ASK, ids=more, hint=hint))["oracleAsk"]
    assert len(answer["lines"]) == len(answer["customers"]) == 20
    assert len(many) == len(few)  # one for each field that shows records, whoever many there are

    assert await crm.gql("{ oracleChosen { name } }") == {"oracleChosen": None}
    assert await crm.gql("query($i: ID!) { oracleChosen(customerId: $i) { name } }", i=ids[1]) == {
        "oracleChosen": {"name": "Bonap"}
    }
    assert await crm.gql("query($i: [ID!]!) { oracleEvery(customerIds: $i) { name } }", i=ids[:2]) == {
        "oracleEvery": [{"name": "Alfki"}, {"name": "Bonap"}]
    }
    answer = await crm.ask('{ oracleEvery(customerIds: ["team_1"]) { name } }')
    assert answer["errors"][0]["extensions"]["argument"] == ["customerIds", "0"]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


WRONG = """
query($how: String!) {
  oracleWrong(how: $how) {
    title mood price { amount } weight saidAt extra lines { text customer { name } } customers { name } about { id }
  }
  customers { totalCount }
}
"""
FITS = {
    "title": "Fits", "mood": None, "price": None, "weight": None, "saidAt": None, "extra": None, "lines": [],
    "customers": [], "about": None,
}  # fmt: skip


MISFITS: list[tuple[str, list[Any], Any, str]] = [
    ("text", [], None, "a str, with nothing called title, mood"),
    ("bare", [], None, "a int, with nothing called title, mood"),
    ("none", [], None, "null, where there is always a value"),
    ("title", ["title"], None, "null, where there is always a value"),
    ("weight", ["weight"], FITS, "a str, not Decimal"),
    ("mood", ["mood"], FITS, "a str, not a OracleMood"),
    ("price", ["price"], FITS, "a int, not an amount and its currency"),
    ("naive", ["saidAt"], FITS, "a time without a zone"),
    ("extra", ["extra"], FITS, "a dict that is no JSON"),
    ("lines", ["lines"], None, "a int, not a list"),
    ("line", ["lines", 1, "text"], None, "a int, not a text"),
    ("surrogate", ["title"], None, "a str that is no JSON"),
    ("id", ["customers"], None, "a text that is no id"),
    ("other", ["about"], FITS, "a Nothing, not a record"),
    (
        "kind",
        ["lines", 0, "customer"],
        {**FITS, "lines": [{"text": "good", "customer": None}]},
        "not the id of a C",
    ),
]


async def test_what_does_not_fit_is_null_in_its_place_and_names_the_plugin(crm: TestCrm):
    for how, path, left, said in MISFITS:
        answer = await crm.ask(WRONG, how=how)
        assert answer["data"] == {"oracleWrong": left, "customers": {"totalCount": 0}}, how
        error = answer["errors"][0]
        assert error["path"] == ["oracleWrong", *path]
        assert error["message"].startswith("The plugin oracle failed at oracleWrong")
        assert said in error["message"]
        assert (error["extensions"]["code"], error["extensions"]["plugin"]) == ("PLUGIN_FAILED", "oracle")


async def test_batch_fields_that_answer_wrongly_lose_their_own_place_alone(crm: TestCrm):
    await customers(crm, "Decimal", "Object", "Right", "Surrogate")
    page = "{ customers(orderBy: [{field: NAME}]) { nodes { name %s } } }"
    for field, fits in (
        ("oracleWeight", [None, None, "1.5", None]),
        ("oracleText", ["heavy", None, "1.5", None]),
        ("oracleFree", ["heavy", None, "1.5", None]),
        ("oracleCrooked", [None] * 4),
    ):
        answer = await crm.ask(page % field)
        nodes = answer["data"]["customers"]["nodes"]
        assert [one["name"] for one in nodes] == ["Decimal", "Object", "Right", "Surrogate"]
        assert [one[field] for one in nodes] == fits, field
        assert [error["path"][2] for error in answer["errors"]] == [n for n, one in enumerate(fits) if one is None]
        assert {error["extensions"]["plugin"] for error in answer["errors"]} == {"oracle"}


async def test_sql_that_the_database_refuses_is_laid_to_the_plugin(crm: TestCrm):
    for ask in ("customers { nodes { oracleSql } }", 'customers(where: {oracleWhere: "x"}) { totalCount }'):
        answer = await crm.ask(f"{{ {ask} contacts {{ totalCount }} }}")
        assert answer["data"] == {"customers": None, "contacts": {"totalCount": 0}}
        assert answer["errors"][0]["message"] == "The plugin oracle failed at customers (its SQL)."
        assert answer["errors"][0]["extensions"]["plugin"] == "oracle"


async def test_what_breaks_is_masked_names_the_plugin_and_leaves_its_neighbours(
    crm: TestCrm, caplog: pytest.LogCaptureFixture
):
    answer = await crm.ask("{ oracleBroken customers { totalCount } }")
    assert answer["data"] == {"oracleBroken": None, "customers": {"totalCount": 0}}
    [error] = answer["errors"]
    assert (error["path"], error["message"]) == (["oracleBroken"], "The plugin oracle failed at Query.oracleBroken.")
    assert (error["extensions"]["code"], error["extensions"]["plugin"]) == ("PLUGIN_FAILED", "oracle")
    assert "the secret of the house" in caplog.text


async def test_a_mutation_answers_with_a_payload_and_obeys_the_controls(crm: TestCrm):
    made = "oracleFound(input: {name: %s}%s) { customer { name } errors { __typename code path } }"
    data = await crm.gql("mutation { " + made % ('"New"', "") + "}")
    assert data == {"oracleFound": {"customer": {"name": "New"}, "errors": []}}
    data = await crm.gql("mutation { " + made % ('""', "") + "}")
    assert data["oracleFound"] == {
        "customer": None, "errors": [{"__typename": "ValidationError", "code": "VALIDATION", "path": ["input", "name"]}],
    }  # fmt: skip
    data = await crm.gql("mutation { " + made % ('"Tried"', ", dryRun: true") + "}")
    assert data["oracleFound"]["customer"] == {"name": "Tried"}
    for _ in range(2):
        data = await crm.gql("mutation { " + made % ('"Once"', ', idempotencyKey: "k1"') + "}")
        assert data["oracleFound"]["customer"] == {"name": "Once"}
    found = await crm.gql("{ customers(orderBy: [{field: CREATED_AT}]) { nodes { name } } }")
    assert [one["name"] for one in found["customers"]["nodes"]] == ["New", "Once"]
    data = await crm.gql("mutation { oracleList { values errors { code } } }")
    assert data == {"oracleList": {"values": ["one", "two"], "errors": []}}
    answer = await crm.ask("mutation { oracleCount { value errors { code } } oracleRuin { value errors { code } } }")
    assert answer["data"] == {"oracleCount": {"value": 42, "errors": []}, "oracleRuin": None}
    assert answer["errors"][0]["extensions"]["plugin"] == "oracle"


async def test_what_it_prints_keeps_to_the_conventions(crm: TestCrm):
    assert problems(crm.crm.sdl()) == []
