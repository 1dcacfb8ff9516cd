"""Our coercion of variables answers what graphql-core's does, for whatever a client may send."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import build_schema, parse
from graphql.execution.values import get_variable_values

from crmcore.schema.coercion import Coercion, Variables

SCHEMA = build_schema("""
enum Colour { RED GREEN }
input Point { x: Int!, y: Int = 7, label: String, colour: Colour }
input Filter { eq: Int, in: [Int!], and: [Filter!], not: Filter, point: Point }
input Either @oneOf { a: Int, b: String }
type Query { ok(id: ID): Boolean }
""")

GIVEN: list[tuple[str, dict[str, Any]]] = [
    ("$a: Int", {}),
    ("$a: Int", {"a": None}),
    ("$a: Int", {"a": 1, "other": 2}),
    ("$a: Int!", {"a": None}),
    ("$a: Int!", {}),
    ("$a: Int = 3", {}),
    ("$a: Int = 3", {"a": None}),
    ("$a: Int! = 3", {}),
    ("$a: Int", {"a": "1"}),
    ("$a: ID", {"a": 5}),
    ("$a: Colour", {"a": "RED"}),
    ("$a: Colour", {"a": "BLUE"}),
    ("$a: [Int!]", {"a": [1, 2]}),
    ("$a: [Int!]", {"a": 1}),
    ("$a: [Int!]", {"a": [1, None]}),
    ("$a: [Int]", {"a": [1, None]}),
    ("$a: [[Int]]", {"a": [[1], 2, None]}),
    ("$a: Point", {"a": {"x": 1}}),
    ("$a: Point", {"a": {"y": None, "colour": "GREEN", "x": 1}}),
    ("$a: Point", {"a": {"y": 1}}),
    ("$a: Point", {"a": {"x": 1, "z": 1}}),
    ("$a: Point", {"a": [{"x": 1}]}),
    ("$a: Filter", {"a": {"not": {"in": 4, "and": [{"eq": 1}, {"point": {"x": 2}}]}}}),
    ("$a: Filter", {"a": {"not": {"and": [{"eq": "x"}]}}}),
    ("$a: Either", {"a": {"a": 1}}),
    ("$a: Either", {"a": {"a": None}}),
    ("$a: Either", {"a": {"a": 1, "b": "c"}}),
    ("$a: Either", {"a": {}}),
    ("$a: Int, $b: Point!, $c: Either", {"b": {"x": 1}, "a": 4}),
    ("$a: Int, $b: Point!", {"b": {"x": 1.5}, "a": "x"}),
]


@pytest.mark.parametrize(("declared", "given"), GIVEN)
def test_values_and_errors_are_those_of_graphql_core(declared: str, given: dict[str, Any]):
    [operation] = parse(f"query ({declared}) {{ ok }}").definitions
    nodes = operation.variable_definitions  # type: ignore[attr-defined]
    expected = get_variable_values(SCHEMA, nodes, given, max_errors=5)
    found = Variables(Coercion(SCHEMA), nodes).coerce(given)
    if isinstance(expected, list):
        assert isinstance(found, list)
        assert [e.message for e in found] == [e.message for e in expected[:5]]
    else:
        assert not isinstance(found, list)
        assert found.coerced == expected.coerced
        assert {n: s.value for n, s in found.sources.items()} == {n: s.value for n, s in expected.sources.items()}
        assert list(found.coerced) == list(expected.coerced)
        for name, value in expected.coerced.items():
            if isinstance(value, dict):
                assert list(found.coerced[name]) == list(value), "in the order of the type's fields"


def test_a_value_that_is_nested_too_deeply_is_refused():
    [operation] = parse("query ($a: Filter) { ok }").definitions
    for depth in (201, 5000):
        deep: dict[str, Any] = {}
        for _ in range(depth):
            deep = {"not": deep}
        found = Variables(Coercion(SCHEMA), operation.variable_definitions).coerce({"a": deep})  # type: ignore[attr-defined]
        assert isinstance(found, list)
        assert "nested too deeply" in found[0].message
