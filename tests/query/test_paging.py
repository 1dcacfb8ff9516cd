"""Walking all pages, in either direction and any order, gives exactly the filtered set."""

from __future__ import annotations

import asyncio
import itertools
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.domain import customers, people
from crmcore.errors import BadInput
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.query import ReadEngine
from tests.query.graph import Graph

FIELDS = (
    "NAME", "INDUSTRY", "EMPLOYEES", "ANNUAL_REVENUE", "BIRTH_DATE", "VERIFIED_AT", "IS_KEY_ACCOUNT", "KIND",
    "IMPORTANCE", "CREATED_AT", "ID",
)  # fmt: skip
WALK = """query($where: CustomerFilter, $orderBy: [CustomerOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  customers(where: $where, orderBy: $orderBy, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { id } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


def some(values, n):
    """Every second value is missing; the others repeat."""
    return None if n % 2 else values[(n // 2) % len(values)]


@pytest.fixture
async def many(seed):
    """31 customers full of ties and nulls; three owners, one of them deleted."""
    ada = await seed(people.User, name="Ada", email="a@example.org")
    bob = await seed(people.User, name="Bob", email="b@example.org")
    gone = await seed(people.User, name="Gone", email="g@example.org", deleted_at=datetime(2026, 1, 1, tzinfo=UTC))
    start = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=UTC)
    return await seed.many(
        customers.Customer,
        [
            {
                "name": ("Ärger", "arger", "Beta", "张三", "O'Hara \"x\"")[n % 5], "industry": some(("a", "Z", "é", ""), n),
                "employees": some((5, -1, 7), n), "annual_revenue": some((Decimal("1.5"), Decimal(-3)), n),
                "annual_revenue_currency": some(("EUR", "EUR"), n), "birth_date": some((date(1990, 1, 2), date(1980, 1, 1)), n),
                "verified_at": some((start, start + timedelta(microseconds=1), start.replace(microsecond=0)), n),
                "is_key_account": n % 3 == 0, "importance": some(("A", "C"), n),
                "owner_id": (ada, None, bob, gone)[n % 4], "created_at": start + timedelta(seconds=n // 4),
            }
            for n in range(31)
        ],
    )  # fmt: skip


order = st.builds(
    lambda field, direction, nulls: (
        field | {k: v for k, v in (("direction", direction), ("nulls", nulls)) if v}
        if "field" in field
        else {"owner": {**field["owner"], **({"direction": direction} if direction else {})}}
    ),
    st.sampled_from([{"field": f} for f in FIELDS] + [{"owner": {"field": "NAME"}}, {"owner": {"field": "EMAIL"}}]),
    st.sampled_from([None, "ASC", "DESC"]),
    st.sampled_from([None, "FIRST", "LAST"]),
)
where = st.sampled_from(
    [None, {"employees": {"isNull": True}}, {"not": {"name": {"eq": "Beta"}}}, {"name": {"eq": "no"}}]
)


async def walk(graph, ctx, where_, order_by, size, backward):
    """All ids, page by page, with everything that pages say of themselves checked on the way."""
    size_name, cursor_name = ("last", "before") if backward else ("first", "after")
    cursor, ids, pages = None, [], 0
    while True:
        variables = {"where": where_, "orderBy": order_by, size_name: size, cursor_name: cursor}
        page = (await graph.ask(ctx, WALK, variables))["customers"]
        got = [edge["node"]["id"] for edge in page["edges"]]
        assert got == [node["id"] for node in page["nodes"]]
        info = page["pageInfo"]
        assert [info["startCursor"], info["endCursor"]] == (
            [page["edges"][0]["cursor"], page["edges"][-1]["cursor"]] if got else [None, None]
        )
        ids = got + ids if backward else ids + got
        onward, back = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        assert info[back] is (pages > 0)
        assert info[onward] is (len(ids) < page["totalCount"])
        if not info[onward]:
            return ids
        cursor = info["startCursor" if backward else "endCursor"]
        pages += 1


@pytest.mark.parametrize("split", [False, True], ids=["whole", "in two parts"])
async def test_every_walk_is_complete(graph, ctx, many, monkeypatch, split):
    """In two parts: as if there were an index for every order."""
    monkeypatch.setattr("crmcore.query.connections.leads_index", lambda model, column: split)
    loop = asyncio.get_running_loop()

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(where, st.lists(order, max_size=3), st.integers(1, 13))
    def check(where_, order_by, size):
        async def run():
            text = "query($w: CustomerFilter, $o: [CustomerOrder!]) { customers(where: $w, orderBy: $o, first: 200) { nodes { id } } }"
            whole = (await graph.ask(ctx, text, {"w": where_, "o": order_by}))["customers"]["nodes"]
            expected = [node["id"] for node in whole]
            assert len(set(expected)) == len(expected)
            if where_ is None:
                assert len(expected) == len(many)
            assert await walk(graph, ctx, where_, order_by, size, backward=False) == expected
            assert await walk(graph, ctx, where_, order_by, size, backward=True) == expected

        asyncio.run_coroutine_threadsafe(run(), loop).result(60)

    await asyncio.to_thread(check)


@pytest.mark.parametrize("direction, nulls", [*itertools.product(("ASC", "DESC"), ("FIRST", "LAST"))])
async def test_order_is_what_python_says(graph, ctx, many, direction, nulls):
    text = """query($o: [CustomerOrder!]) { customers(orderBy: $o, first: 200) { nodes { id industry } } }"""
    found = await graph.ask(ctx, text, {"o": [{"field": "INDUSTRY", "direction": direction, "nulls": nulls}]})
    values = [node["industry"] for node in found["customers"]["nodes"]]
    there = sorted((v for v in values if v is not None), reverse=direction == "DESC")
    missing = [None] * values.count(None)
    assert values == (missing + there if nulls == "FIRST" else there + missing)


async def test_names_sort_without_case_and_accents(graph, ctx, many):
    found = await graph.ask(ctx, "{ customers(orderBy: {field: NAME}, first: 13) { nodes { name } } }")
    names = [node["name"] for node in found["customers"]["nodes"]]
    assert set(names) == {"Ärger", "arger"}
    assert names[:2] == ["Ärger", "arger"]


async def test_rows_that_appear_meanwhile_disturb_no_walk(graph, ctx, many, seed):
    text = "query($a: String) { customers(orderBy: [{field: EMPLOYEES}], first: 5, after: $a) { nodes { id } pageInfo { endCursor hasNextPage } } }"
    cursor, ids = None, []
    while True:
        page = (await graph.ask(ctx, text, {"a": cursor}))["customers"]
        ids += [node["id"] for node in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursor = page["pageInfo"]["endCursor"]
        await seed(customers.Customer, name="new", employees=-100)
    assert len(ids) == len(set(ids)) == len(many)


async def test_a_page_may_be_empty(graph, ctx, many):
    found = await graph.ask(
        ctx, "{ customers(first: 0) { nodes { id } edges { cursor } pageInfo { hasNextPage startCursor } totalCount } }"
    )
    assert found["customers"] == {
        "nodes": [], "edges": [], "pageInfo": {"hasNextPage": True, "startCursor": None}, "totalCount": 31,
    }  # fmt: skip


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 1, last: 1", "first: -1", "first: 201", "last: 201", "last: 1, after: \"x\"", "first: 1, before: \"x\"",
        "after: \"x\"", "after: \"\"", "after: \"äöü\"", "before: \"AAAAAAAAAAAAAAAAAAAAAAAA\"",
    ],
)  # fmt: skip
async def test_contradictions_are_refused(graph, ctx, arguments):
    with pytest.raises(BadInput) as refused:
        await graph.ask(ctx, f"{{ customers({arguments}) {{ nodes {{ id }} }} }}")
    assert refused.value.path


async def cursor_of(graph, ctx, arguments="first: 1"):
    found = await graph.ask(ctx, f"{{ customers({arguments}) {{ pageInfo {{ endCursor }} }} }}")
    return found["customers"]["pageInfo"]["endCursor"]


async def test_cursors_of_others_are_refused(graph, ctx, many, registry, dialect):
    own = await cursor_of(graph, ctx)
    by_name = await cursor_of(graph, ctx, "first: 1, orderBy: {field: NAME}")
    other_secret = Graph(registry, ReadEngine(registry, graph.engine.schema, dialect, b"another secret"))
    text = "query($a: String) { customers(first: 1, after: $a) { nodes { id } } }"
    assert (await graph.ask(ctx, text, {"a": own}))["customers"]["nodes"]
    tampered = own[:-1] + ("A" if own[-1] != "A" else "B")
    for bad in (by_name, await cursor_of(other_secret, ctx), tampered, own + "=", own + "A", own[:8]):
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, text, {"a": bad})
        assert refused.value.path == ("after",)
    stranger = Context(ctx.db, Policy(many[0], Actor(ActorKind.SYSTEM)))
    with pytest.raises(BadInput):
        await graph.ask(stranger, text, {"a": own})
    with pytest.raises(BadInput):
        await graph.ask(ctx, text.replace("customers", "deals"), {"a": own})


async def test_a_cursor_in_text_is_not_replaced(graph, ctx, seed):
    """Only what the statement wrote as a marker becomes a cursor, and nobody can guess the marker's word."""
    await seed(customers.Customer, name="0.5B22")
    found = await graph.ask(ctx, "{ customers { nodes { name } edges { cursor } } }")
    assert found["customers"]["nodes"] == [{"name": "0.5B22"}]
    assert graph.engine.cursors.word not in json.dumps(found)


async def test_walks_of_nested_lists(graph, ctx, seed):
    parent = await seed(customers.Customer, name="Parent")
    children = await seed.many(customers.Customer, [{"name": f"c{n % 3}", "parent_id": parent} for n in range(11)])
    text = """query($id: ID!, $a: String) { customer(id: $id) { children(first: 4, after: $a, orderBy: [{field: NAME, direction: DESC}]) {
                edges { node { id } } pageInfo { endCursor hasNextPage } } } }"""
    cursor, ids = None, []
    for _ in range(4):
        page = (await graph.ask(ctx, text, {"id": f"customer_{parent}", "a": cursor}))["customer"]["children"]
        ids += [edge["node"]["id"] for edge in page["edges"]]
        cursor = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(ids) == sorted(f"customer_{c}" for c in children)


async def refusal(graph, ctx, text, variables=None):
    with pytest.raises(BadInput) as refused:
        await graph.ask(ctx, text, variables)
    assert refused.value.path[-1] in ("after", "before")
    return refused.value.message


ELSEWHERE = [
    "customers(after: $c, where: {employees: {gt: 1}})", "customers(after: $c, where: {not: {employees: {gt: 0}}})",
    "customers(after: $c)", "customers(before: $c)", "deals(after: $c)",
    "customers(after: $c, where: {employees: {gt: 0}}, orderBy: {field: NAME})",
    "customers(after: $c, where: {employees: {gt: 0}}, orderBy: {field: ID, direction: DESC})",
]  # fmt: skip


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
async def test_a_cursor_belongs_to_its_list_order_and_filter(graph, ctx, many, elsewhere):
    cursor = await cursor_of(graph, ctx, "first: 1, where: {employees: {gt: 0}}")
    text = f"query($c: String) {{ {elsewhere} {{ nodes {{ id }} }} }}"
    assert "another list, filter or order" in await refusal(graph, ctx, text, {"c": cursor})


async def test_a_cursor_of_a_record_s_list_is_none_of_the_whole_list(graph, ctx, seed):
    parent = await seed(customers.Customer, name="Parent")
    await seed.many(customers.Customer, [{"name": "child", "parent_id": parent} for _ in range(3)])
    text = f'{{ customer(id: "customer_{parent}") {{ children(first: 1) {{ pageInfo {{ endCursor }} }} }} }}'
    cursor = (await graph.ask(ctx, text))["customer"]["children"]["pageInfo"]["endCursor"]
    whole = "query($c: String) { customers(after: $c) { nodes { id } } }"
    assert "another list" in await refusal(graph, ctx, whole, {"c": cursor})


SAME = [
    ("", "", {}), ("where: {employees: {gt: 0}}", "where: $w", {"w": {"employees": {"gt": 0}}}),
    ("where: {employees: {gt: 0}}", "where: {employees: {gt: $n}}", {"n": 0}),
    ("", "where: $w", {"w": None}), ("", "where: $w", {}), ("where: {}", "where: $w", {}),
    ('where: {name: {ne: "x"}, importance: {in: A}}', "where: $w", {"w": {"importance": {"in": ["A"]}, "name": {"ne": "x"}}}),
    ('where: {verifiedAt: {gt: "2020-01-01T00:00:00Z"}}', "where: $w", {"w": {"verifiedAt": {"gt": "2020-01-01T01:00:00+01:00"}}}),
]  # fmt: skip


@pytest.mark.parametrize("literal, variable, variables", SAME)
async def test_a_filter_is_the_same_however_it_is_written(graph, ctx, many, literal, variable, variables):
    cursor = await cursor_of(graph, ctx, f"first: 1, {literal}")
    head = "query($c: String, $w: CustomerFilter, $n: Int)"
    text = f"{head} {{ customers(first: 1, after: $c, {variable}) {{ nodes {{ id }} }} }}".replace(", )", ")")
    if "$n" not in variable:
        text = text.replace(", $n: Int", "")
    if "$w" not in variable:
        text = text.replace(", $w: CustomerFilter", "")
    found = await graph.ask(ctx, text, {"c": cursor, **variables})
    assert len(found["customers"]["nodes"]) == 1


async def test_what_is_no_cursor_is_told_from_one_of_another_list(graph, ctx, many):
    own = await cursor_of(graph, ctx)
    text = "query($c: String) { customers(after: $c) { nodes { id } } }"
    for bad in ("", "x", "\U0001f600", own[:-4], own[:-1], own.swapcase(), "A" * 5000, own + own):
        assert "no cursor of yours" in await refusal(graph, ctx, text, {"c": bad})


async def test_a_cursor_of_an_older_order_is_stale(graph, ctx, many, monkeypatch):
    """As if the order had had other keys when the cursor was made, under the same names."""
    monkeypatch.setattr("crmcore.query.cursors.binding_of", lambda *_: lambda run: b"12345678")
    monkeypatch.setattr("crmcore.query.connections.binding_of", lambda *_: lambda run: b"12345678")
    by_name = await cursor_of(graph, ctx, "first: 1, orderBy: {field: NAME}")
    text = "query($c: String) { customers(after: $c) { nodes { id } } }"
    assert "older version" in await refusal(graph, ctx, text, {"c": by_name})
