"""What a document may ask for at most."""

from __future__ import annotations

import time

import pytest
from graphql import get_introspection_query

from tests.fixtures import TestCrm, open_crm

NESTED = "{ customers { nodes { parent " + "{ parent " * 12 + "{ id }" + " }" * 12 + " } } }"
RING = """{ customers { ...A } } fragment A on CustomerConnection { nodes { ...B } }
fragment B on Customer { children { ...A } }"""
DEEP_FRAGMENTS = "{ customers { nodes { ...F0 } } } " + " ".join(
    f"fragment F{n} on Customer {{ parent {{ ...F{n + 1} }} }}" for n in range(20)
) + " fragment F20 on Customer { id }"  # fmt: skip


@pytest.mark.parametrize(
    "query, said",
    [
        ("{ " + " ".join(f"a{n}: __typename" for n in range(31)) + " }", "31 aliases"),
        ("{ __typename " + "@include(if: true) " * 51 + "}", "51 directives"),
        (NESTED, "levels deep"),
        (DEEP_FRAGMENTS, "levels deep"),
        ("{ " + " ".join(f"__typename ...on Query {{ a{n}: __typename }}" for n in range(21)) + " }", "root fields"),
        ("{ " + "__typename " * 300 + "}", "300 repeats of one field"),
        ("{ __typename } " + " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(70)), "71 definitions"),
        ("{ __typename }" + " #" * 50_000, "characters"),
        ("{ " + "id " * 5000 + "}", "more than 4000 tokens"),
        ("{ node(id: \"" + "x" * 100_000 + "\") { id } }", "characters"),
    ],
)  # fmt: skip
async def test_a_document_beyond_a_limit_is_refused(crm: TestCrm, query: str, said: str):
    began = time.perf_counter()
    [error] = (await crm.ask(query))["errors"]
    assert said in error["message"]
    assert error["extensions"]["code"] == "OPERATION_TOO_LARGE"
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "query", [RING, "{" * 5000, "{ a(" + "[" * 3000, "query " + "($a: " + "[" * 1000, "{}", "query {}", "mutation {}"]
)
async def test_a_document_that_makes_no_sense_is_refused_quickly(crm: TestCrm, query: str):
    began = time.perf_counter()
    answer = await crm.ask(query)
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes <= {"GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED"}
    assert time.perf_counter() - began < 2


async def test_repeated_fields_cost_little(crm: TestCrm):
    """Merging fields of one name costs their square: what is allowed of it is quick."""
    query = "{ customers { nodes { " + "name parent { name } " * 199 + "} } }"
    began = time.perf_counter()
    await crm.ask(query)
    assert time.perf_counter() - began < 3


async def test_at_most_five_errors_are_shown(crm: TestCrm):
    answer = await crm.ask("{ customers { " + " ".join(f"nothing{n}" for n in range(50)) + " } }")
    assert len(answer["errors"]) == 5


@pytest.mark.parametrize("options", [{}, {"specified_by_url": True, "input_value_deprecation": True, "one_of": True}])
async def test_tools_may_read_the_schema(crm: TestCrm, options: dict):
    data = await crm.gql(get_introspection_query(**options))
    assert "Customer" in {t["name"] for t in data["__schema"]["types"]}


async def test_a_server_may_keep_its_schema_to_itself(database_url: str):
    async with open_crm(database_url, introspection=False) as crm:
        for query in ("{ __schema { queryType { name } } }", '{ __type(name: "Customer") { name } }'):
            [error] = (await crm.ask(query))["errors"]
            assert error["message"] == "Introspection is switched off on this server."
            assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        assert await crm.gql("{ __typename }") == {"__typename": "Query"}
