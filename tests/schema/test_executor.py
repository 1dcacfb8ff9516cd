"""The executor with an engine that answers what a test says: null, errors, lists, fragments beside plain resolvers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from graphql import GraphQLError, GraphQLSchema, build_schema, parse
from graphql.execution import default_field_resolver, default_type_resolver
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from crmcore.errors import BadInput
from crmcore.query import Completed, Reading, Ref, Refs, Root
from crmcore.schema import executor, running
from crmcore.schema.executor import CrmExecutor
from crmcore.schema.resolving import Run
from tests.fixtures import TestCrm

SDL = """
type Query { one: Thing must: Thing! many: [Thing!] holder: Holder late: Thing plain: Int }
type Holder { thing: Thing must: Thing! things: [Thing!]! }
type Thing { id: ID name: String }
"""
ONE, TWO = UUID(int=1), UUID(int=2)


class Engine:
    """Answers with what `answers` holds for an id, or for the ids."""

    def __init__(self, answers: dict[Any, Any]) -> None:
        self.answers = answers
        self.seen: list[tuple[Root, Reading, Sequence[UUID]]] = []

    async def read(self, ctx: Any, root: Root, reading: Reading, ids: Sequence[UUID] = ()) -> Completed:
        self.seen.append((root, reading, ids))
        await asyncio.sleep(0)
        answer = self.answers[tuple(ids)]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Completed) else Completed(answer)


def schema(**resolvers: Any) -> GraphQLSchema:
    made = build_schema(SDL)
    for place, resolve in resolvers.items():
        type_, _, name = place.partition("_")
        made.type_map[type_].fields[name].resolve = resolve  # type: ignore[attr-defined]
    return made


async def run(made: GraphQLSchema, text: str, answers: dict[Any, Any], engine: Engine | None = None) -> dict[str, Any]:
    document = parse(text)
    operation, *fragments = document.definitions
    nodes: Any = {f.name.value: f for f in fragments}  # type: ignore[attr-defined]
    registry: Any = SimpleNamespace(records={"Thing": SimpleNamespace(name="Thing")})
    made = CrmExecutor(
        made, nodes, {n: FragmentDetails(f, None) for n, f in nodes.items()}, None,
        Run(None, engine or Engine(answers), registry, 1),  # type: ignore[arg-type]
        operation, VariableValues({}, {}), default_field_resolver, default_type_resolver,  # type: ignore[arg-type]
        default_field_resolver,
    )  # fmt: skip
    result: Any = made.execute_operation()
    result = await result if asyncio.iscoroutine(result) else result
    done: dict[str, Any] = orjson.loads(orjson.dumps({"data": result.data}))
    if result.errors:
        done["errors"] = [(e.message, e.path) for e in result.errors]
    return done


def ref(*_: Any, **__: Any) -> Ref:
    return Ref("Thing", ONE)


async def late(*_: Any) -> Ref:
    await asyncio.sleep(0)
    return Ref("Thing", ONE)


def both(*_: Any) -> Refs:
    return Refs("Thing", (ONE, TWO))


THING = b'{"id":"1","name":"one"}'


async def test_finished_json_goes_out_as_it_is_from_any_resolver():
    made = schema(
        Query_one=ref,
        Query_late=late,
        Query_many=both,
        Query_plain=lambda *_: 7,
        Query_holder=lambda *_: {},
        Holder_thing=late,
    )
    answers = {(ONE,): b'{ "name" : "one" }', (ONE, TWO): b"[1,2]"}
    assert await run(made, "{ one { name } late { name } many { id } plain holder { thing { name } } }", answers) == {
        "data": {
            "one": {"name": "one"},
            "late": {"name": "one"},
            "many": [1, 2],
            "plain": 7,
            "holder": {"thing": {"name": "one"}},
        }
    }


async def test_the_engine_learns_the_place_and_all_merged_nodes():
    made = schema(Query_holder=lambda *_: {}, Holder_thing=ref)
    engine = Engine({(ONE,): THING})
    await run(made, "{ h: holder { t: thing { id } ...F } } fragment F on Holder { t: thing { name } }", {}, engine)
    [(root, reading, ids)] = engine.seen
    assert (root.kind, root.record.name, tuple(ids)) == ("ref", "Thing", (ONE,))  # type: ignore[union-attr]
    assert reading.path == ("h", "t")
    assert len(reading.nodes) == 2
    assert set(reading.fragments) == {"F"}
    assert str(reading.return_type) == "Thing"


async def test_no_record_is_null():
    assert await run(schema(Query_one=ref), "{ one { id } }", {(ONE,): None}) == {"data": {"one": None}}


async def test_no_record_where_one_must_be_nulls_the_parent():
    made = schema(Query_holder=lambda *_: {}, Holder_must=ref, Query_plain=lambda *_: 1)
    assert await run(made, "{ holder { must { id } } plain }", {(ONE,): None}) == {
        "data": {"holder": None, "plain": 1},
        "errors": [("Cannot return null for non-nullable field Holder.must.", ["holder", "must"])],
    }


async def test_no_record_at_a_root_that_must_be_nulls_everything():
    done = await run(schema(Query_must=late), "{ must { id } }", {(ONE,): None})
    assert done["data"] is None
    assert done["errors"][0][1] == ["must"]


async def test_what_the_engine_raises_is_an_error_of_the_field():
    made = schema(Query_one=ref, Query_plain=lambda *_: 1)
    assert await run(made, "{ one { id } plain }", {(ONE,): BadInput("no cursor", "after")}) == {
        "data": {"one": None, "plain": 1},
        "errors": [("no cursor", ["one"])],
    }


async def test_errors_inside_an_answer_come_with_it():
    errors = [GraphQLError("score failed", path=["one", "name"]), GraphQLError("other", path=["one", "id"])]
    made = schema(Query_one=ref)
    assert await run(made, "{ one { id name } }", {(ONE,): Completed(b'{"id":null,"name":null}', errors)}) == {
        "data": {"one": {"id": None, "name": None}},
        "errors": [("score failed", ["one", "name"]), ("other", ["one", "id"])],
    }


ASKED = [
    ("query($id: ID!) { customer(id: $id) { name } }", {"id": f"customer_{ONE}"}),
    ("query($id: ID!) { customer(id: $id) { name } }", {"id": "nonsense"}),
    ('query($id: ID = "x") { customer(id: $id) { name } }', {}),
    ('query($id: ID = "x") { a: customer(id: $id) { name } b: node(id: $id) { id } }', {"id": None}),
    ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["x"]}),
    ('query($id: ID = "x") { nodes(ids: [$id]) { id } }', {"id": None}),
    ('query($s: String = "x") { customers(where: {name: {in: [$s]}}) { totalCount } }', {"s": None}),
    ("query($s: String, $n: Int) { customers(where: {name: {eq: $s}}, first: $n) { totalCount } }", {"n": None}),
    ("query($n: Int) { customers(first: $n) { totalCount } c: contacts(first: 1) { totalCount } }", {"n": -1}),
    ("query($o: [CustomerOrder!]) { customers(orderBy: $o) { totalCount } }", {"o": [{"direction": "ASC"}]}),
    ("query($w: CustomerFilter) { customerAggregate(where: $w) { count } }", {"w": {"name": None}}),
    ("query($d: OrderDirection = ASC) { customers(orderBy: [{field: NAME, direction: $d}]) { totalCount } }", {"d": None}),
    ("{ customers(first: 1000000) { totalCount } }", {}),
    ('{ customers(after: "x") { totalCount } __typename }', {}),
]  # fmt: skip


@pytest.mark.parametrize("text, variables", ASKED)
async def test_the_engines_roots_answer_as_if_their_arguments_were_coerced_first(
    crm: TestCrm, monkeypatch: pytest.MonkeyPatch, text: str, variables: dict[str, Any]
):
    async def asked() -> Any:
        answer = (await crm.post(text, variables)).json()
        for error in answer.get("errors", ()):
            del error["extensions"]["requestId"]
        return answer

    found = await asked()
    for module in (executor, running):
        monkeypatch.setattr(module, "all_given", lambda *_: False)
    assert found == await asked()
