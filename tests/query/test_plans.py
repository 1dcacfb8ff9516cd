"""Plans serve every request of the same structure, hold nothing of any caller, and are bounded."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass

import pytest
from graphql import parse

from crmcore.domain import customers
from crmcore.errors import BadInput
from crmcore.kit.sql import Statement
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.query import PersistedKey, PlanCache
from crmcore.query.arguments import Questions, Run
from tests.query.conftest import number

TEXT = """query($w: CustomerFilter!, $o: [CustomerOrder!], $n: Int, $a: String, $more: Boolean = false, $q: String, $ids: [ID!]) {
  customers(where: {and: [$w, {name: {contains: $q}, id: {in: $ids}}]}, orderBy: $o, first: $n, after: $a) {
    nodes { name industry @include(if: $more) } pageInfo { endCursor } } }"""


@pytest.fixture
async def rows(seed):
    await seed.many(
        customers.Customer, [{"name": f"n{n}", "industry": None if n % 2 else "x", "employees": n} for n in range(10)]
    )


async def test_values_share_a_plan_and_structures_do_not(graph, ctx, rows):
    stats = graph.engine.plans.statistics

    async def names(**variables):
        before = stats.misses
        variables = {"w": {}, **variables}
        found = (await graph.ask(ctx, TEXT, variables))["customers"]
        return [n["name"] for n in found["nodes"]], found["pageInfo"]["endCursor"], stats.misses - before

    assert (await names(w={"name": {"eq": "n1"}}))[::2] == (["n1"], 1)
    assert (await names(w={"name": {"eq": "n2"}}))[::2] == (["n2"], 0)
    assert (await names(w={"name": {"eq": None}}))[::2] == ([], 1)
    assert (await names(w={"employees": {"eq": 3}}))[::2] == (["n3"], 1)
    assert (await names(w={"or": [{"employees": {"in": [1, 2]}}, {"name": {"eq": "n5"}}]}))[::2] == (
        ["n1", "n2", "n5"],
        1,
    )
    assert (await names(w={"or": [{"employees": {"in": []}}, {"name": {"eq": "n6"}}]}))[::2] == (["n6"], 0)
    assert (await names(q="3"))[::2] == (["n3"], 1)
    assert (await names(q="4"))[::2] == (["n4"], 0)
    assert (await names(ids=[f"customer_{number(1)}"]))[2] == 1
    assert (await names(ids=[f"customer_{number(n)}" for n in range(1, 4)]))[::2] == (["n0", "n1", "n2"], 0)
    by_industry = [{"field": "INDUSTRY"}]
    _, first, misses = await names(n=2, o=by_industry)
    assert misses == 1
    _, cursor, misses = await names(n=2, o=by_industry, a=first)
    assert misses == 1
    got, last, misses = await names(n=2, o=by_industry, a=cursor)
    assert (got, misses) == (["n8", "n1"], 0)
    got, _, misses = await names(n=2, o=by_industry, a=last)  # the cursor's value is missing: another statement
    assert (got, misses) == (["n3", "n5"], 1)
    got, _, misses = await names(n=2, o=by_industry, a=last)
    assert (got, misses) == (["n3", "n5"], 0)


async def test_refusals_on_a_known_plan(graph, ctx, rows):
    text = "query($id: ID, $a: String) { customers(where: {id: {eq: $id}}, first: 1, after: $a) { nodes { name } pageInfo { endCursor } } }"
    good = f"customer_{number(1)}"
    page = (await graph.ask(ctx, text, {"id": good}))["customers"]
    for _ in range(2):
        assert (await graph.ask(ctx, text, {"id": good, "a": page["pageInfo"]["endCursor"]}))["customers"][
            "nodes"
        ] == []
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, text, {"id": good, "a": "nonsense"})
        assert refused.value.path == ("after",)
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, text, {"id": "nonsense"})
        assert refused.value.path == ("where", "id", "eq")


async def test_a_plan_holds_no_caller(graph, ctx, rows):
    secret = "a very secret search"

    class Mine(Context):
        pass

    caller = Mine(ctx.db, Policy(ctx.tenant_id, Actor(ActorKind.USER, number(5), number(5))))
    await graph.ask(caller, TEXT, {"q": secret, "w": {"name": {"eq": secret}}, "o": [{"field": "NAME"}], "n": 1})
    del caller
    gc.collect()
    assert not [o for o in gc.get_objects() if type(o) is Mine]
    held = (list(o.values()) for o in gc.get_objects() if type(o) is dict)
    assert not [values for values in held if any(type(v) is str and secret in v for v in values)]


def run_of(ctx, **variables):
    return Run(ctx, variables)


@dataclass
class Large:
    """A plan with a long statement."""

    statement: Statement


def test_the_cache_is_bounded(ctx):
    cache = PlanCache(documents=3, plans=8, plans_of_document=4)
    plan = Large(Statement("SELECT 1"))

    def compile_(questions: Questions):
        questions.ask("n", lambda run: run.variables["n"])
        return plan

    def get(document, n):
        return cache.get(document, "place", run_of(ctx, n=n), compile_)

    for document in "abcd":
        get(document, 0)
    assert (cache.statistics.documents, cache.statistics.plans, cache.statistics.misses) == (3, 3, 4)
    get("b", 0)
    assert cache.statistics.hits == 1
    get("a", 0)  # c was used least recently
    assert cache.find("c", "place", run_of(ctx, n=0)) is None
    assert cache.find("b", "place", run_of(ctx, n=0)) is plan
    for n in range(100):
        get("a", n)
        assert cache.statistics.plans <= 8
    for document in "xyz":
        for n in range(4):
            get(document, n)
    assert cache.statistics.plans <= 8
    assert cache.statistics.documents <= 3


Q2 = """query($q: String) { customers(first: 20, where: {name: {iContains: $q}}, orderBy: [{field: NAME}]) { nodes { id name
  contacts(first: 5) { nodes { id name title } } deals(first: 5, orderBy: {field: CREATED_AT}) { nodes { id name
  amount { amount currencyCode } stage { name pipeline { name } } } } owner { id name email } } } }"""


async def test_compiling_is_cheap_and_finding_is_cheaper(graph, ctx):
    """In calls of Python functions, which are the same on every machine; graphql-core's parser is the measure."""
    ((_, (root, reading)),) = graph.readings(Q2, {"q": "x"}).items()
    run = Run(ctx, reading.variables)

    def calls(action):
        found = []
        sys.setprofile(lambda _frame, event, _argument: found.append(event) if event == "call" else None)
        try:
            action()
        finally:
            sys.setprofile(None)
        return len(found)

    graph.engine.plan(run, root, reading)
    parsing = calls(lambda: parse(Q2))
    compiling = calls(lambda: graph.engine._compile(root, reading, Questions(run), ctx))
    finding = calls(lambda: graph.engine.plan(run, root, reading).statement.values(run))
    assert compiling < 2 * parsing
    assert finding < parsing / 40


def test_long_statements_fill_the_cache_sooner(ctx):
    cache = PlanCache(documents=100, characters=10_000)
    for document in range(50):
        cache.get(document, "place", run_of(ctx), lambda _: Large(Statement("x" * 3_000)))
    assert (cache.statistics.documents, cache.statistics.characters, cache.statistics.dropped) == (3, 9_000, 47)
    cache.get(PersistedKey(1), "place", run_of(ctx), lambda _: Large(Statement("x" * 30_000)))
    for document in range(50):
        cache.get(document, "place", run_of(ctx), lambda _: Large(Statement("x" * 3_000)))
    assert cache.find(PersistedKey(1), "place", run_of(ctx)) is not None


def test_persisted_documents_and_the_others_do_not_meet(ctx):
    """Neither can use up what the other may keep."""
    cache = PlanCache(documents=10, plans=20, plans_of_document=10)

    def compile_(questions: Questions):
        questions.ask("n", lambda run: run.variables["n"])
        return Large(Statement("SELECT 1"))

    for document in map(PersistedKey, range(6)):
        for n in range(10):
            cache.get(document, "place", run_of(ctx, n=n), compile_)
    assert (cache.statistics.persisted_plans, cache.statistics.plans) == (20, 0)
    for _ in range(3):
        for document in (101, 102, 103):
            cache.get(document, "place", run_of(ctx, n=1), compile_)
    assert (cache.statistics.hits, cache.statistics.plans, cache.statistics.persisted_plans) == (6, 3, 20)
