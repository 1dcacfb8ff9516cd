"""Search: the words that find a record, the order of what is found, and who finds it."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from crmcore.domain.activities import Task
from crmcore.domain.catalogue import Product
from crmcore.domain.contacts import Contact, ContactLink
from crmcore.domain.customers import Address, ContactPoint, Customer
from crmcore.domain.people import Team, User
from crmcore.errors import BadInput
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.metadata import load_models
from crmcore.query.arguments import Run
from crmcore.records import Create, Delete, Restore, graph_of, write

NAMES = (
    "Müller", "Müller & Söhne GmbH", "Anna Müller", "Muller-Maschinen AG", "Straße 7 Logistik", "北京大学", "大学出版社", "王芳", "张三丰",
    "Zebra", "Ärger AG", "100% Sales", "O'Brien & Co",
)  # fmt: skip


@pytest.fixture
async def writing(ctx) -> Context:
    return replace(ctx, graph=graph_of(await load_models([CORE])))


@pytest.fixture
async def made(writing):
    """Customers of these names; their ids by name."""
    done = await write(writing, [Create(Customer, {"name": name}) for name in NAMES])
    return dict(zip(NAMES, (written.id for written in done)))


@pytest.fixture
def find(graph, ctx):
    async def names(words: str, root: str = "customers", *, who: Context | None = None) -> list[str]:
        said = f"query($q: String) {{ {root}(search: $q) {{ nodes {{ name }} totalCount }} }}"
        found = (await graph.ask(who or ctx, said, {"q": words}))[root]
        assert found["totalCount"] == len(found["nodes"])
        return [node["name"] for node in found["nodes"]]

    return names


@pytest.mark.parametrize(
    "words, found",
    [
        ("müller", ["Müller", "Muller-Maschinen AG", "Müller & Söhne GmbH", "Anna Müller"]),
        ("MULLER", ["Müller", "Muller-Maschinen AG", "Müller & Söhne GmbH", "Anna Müller"]),
        ("mül", ["Müller", "Muller-Maschinen AG", "Müller & Söhne GmbH", "Anna Müller"]),
        ("gmbh mül", ["Müller & Söhne GmbH"]), ("müller soh", ["Müller & Söhne GmbH"]), ("soehne", []), ("muller x", []),
        ("strasse", ["Straße 7 Logistik"]), ("7", ["Straße 7 Logistik"]), ("大学", ["大学出版社", "北京大学"]), ("王", ["王芳"]), ("张三", ["张三丰"]),
        ("京大", ["北京大学"]), ("ärger", ["Ärger AG"]), ("AG", ["Ärger AG", "Muller-Maschinen AG"]), ("100%", ["100% Sales"]),
        ("o'brien", ["O'Brien & Co"]), ("", []), ("  ", []), ("&|!():*\"'\\", []), ("👍", []), ("a OR b", []), ("zebra*", ["Zebra"]),
    ],
)  # fmt: skip
async def test_what_words_find_and_in_which_order(made, find, words, found):
    assert await find(words) == found


async def test_null_does_not_search(made, graph, ctx):
    text = "query($q: String) { customers(search: $q) { totalCount } all: customers(search: null) { totalCount } }"
    found = await graph.ask(ctx, text, {"q": None})
    assert found == {"customers": {"totalCount": len(NAMES)}, "all": {"totalCount": len(NAMES)}}


async def test_it_goes_with_filters_orders_and_pages(made, graph, ctx):
    text = """query($q: String!, $after: String) {
      customers(search: $q, where: {name: {ne: "Anna Müller"}}, orderBy: [{field: CREATED_AT, direction: DESC}, {field: NAME}],
                first: 2, after: $after) { nodes { name } pageInfo { endCursor hasNextPage } totalCount } }"""
    first = (await graph.ask(ctx, text, {"q": "müll"}))["customers"]
    assert first["totalCount"] == 3
    rest = (await graph.ask(ctx, text, {"q": "müll", "after": first["pageInfo"]["endCursor"]}))["customers"]
    assert len(first["nodes"]) == 2
    assert {n["name"] for n in first["nodes"] + rest["nodes"]} == {
        "Müller",
        "Muller-Maschinen AG",
        "Müller & Söhne GmbH",
    }
    with pytest.raises(BadInput, match="another list"):
        await graph.ask(ctx, text, {"q": "other", "after": first["pageInfo"]["endCursor"]})


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_pages_of_a_search_are_exact_both_ways(made, graph, ctx, size, find):
    whole = await find("mü")
    assert len(whole) == 4
    text = """query($n: Int, $a: String, $l: Int, $b: String) { customers(search: "mü", first: $n, after: $a, last: $l, before: $b) {
      edges { node { name } } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""
    seen, after = [], None
    while True:
        page = (await graph.ask(ctx, text, {"n": size, "a": after}))["customers"]
        seen += [edge["node"]["name"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole
    back = (await graph.ask(ctx, text, {"l": 4, "b": after}))["customers"]
    assert [edge["node"]["name"] for edge in back["edges"]] == whole[:-1]


async def test_lists_below_a_record_search_too(writing, made, graph, ctx):
    key = made["Zebra"]
    await write(
        writing, [Create(Task, {"subject": s, "customer_id": key}) for s in ("Call back", "Send offer", "Call again")]
    )
    await write(writing, [Create(Task, {"subject": "Call another", "customer_id": made["Müller"]})])
    text = """query($id: ID!) { customer(id: $id) { tasks(search: "call", first: 5) { nodes { subject } totalCount } }
      everybody: customers(search: "zeb") { nodes { name tasks(search: "offer") { nodes { subject } } } } }"""
    found = await graph.ask(ctx, text, {"id": f"customer_{key}"})
    assert found["customer"]["tasks"] == {
        "nodes": [{"subject": "Call again"}, {"subject": "Call back"}],
        "totalCount": 2,
    }
    assert found["everybody"]["nodes"] == [{"name": "Zebra", "tasks": {"nodes": [{"subject": "Send offer"}]}}]


async def test_parts_find_whom_they_belong_to(writing, made, find):
    key = made["Zebra"]
    point = (
        await write(writing, [
            Create(ContactPoint, {"customer_id": key, "type": "PHONE", "value": "+49 (0)89 123456"}),
            Create(ContactPoint, {"customer_id": key, "type": "EMAIL", "value": "Info.Desk@Zebra.example"}),
        ])
    )[0].id  # fmt: skip
    words = (
        "089 123456", "+49 89 123456", "123456", "4989", "zebra 089/123456", "info.desk@zebra.example", "info.desk@z", "@zebra.ex", "desk",
        "zeb info",
    )  # fmt: skip
    for asked in words:
        assert await find(asked) == ["Zebra"], asked
    await write(writing, [Delete(ContactPoint, point)])
    assert await find("089 123456") == []
    await write(writing, [Restore(ContactPoint, point)])
    assert await find("089 123456") == ["Zebra"]


async def test_what_is_deleted_is_not_found_until_it_is_back(writing, made, find, graph, ctx):
    await write(writing, [Delete(Customer, made["Zebra"])])
    assert await find("zebra") == []
    await write(writing, [Restore(Customer, made["Zebra"])])
    assert await find("zebra") == ["Zebra"]


@pytest.mark.parametrize("words", ["x" * 201, "a b c d e f g h i j k"])
async def test_too_much_is_refused(graph, ctx, words):
    with pytest.raises(BadInput, match="search: at most") as caught:
        await graph.ask(ctx, "query($q: String) { customers(search: $q) { totalCount } }", {"q": words})
    assert caught.value.path == ("search",)


async def test_any_text_is_answered(made, find):
    for text in (
        "'",
        '"',
        "' & '",
        "')--",
        "NEAR(a b)",
        "words:a",
        "^a",
        "a:*",
        "-a",
        "{a}",
        "\x00",
        "\ud800",
        "\u200d",
        "ﷺ" * 11,
        "́",
        "@",
        "@@@",
        "+",
        "()",
        "a\tb\nc",
        "0" * 200,
        "\U0001f468\u200d\U0001f469",
    ):
        assert isinstance(await find(text), list)


async def test_other_tenants_find_nothing_of_ours(made, find, ctx):
    other = Context(ctx.db, Policy(UUID(int=4711), ctx.actor))
    assert await find("müller", who=other) == []


async def test_the_row_policy_holds(writing, find, ctx):
    teams = [w.id for w in await write(writing, [Create(Team, {"name": n}) for n in ("Red", "Blue")])]
    people = [Create(User, {"name": n, "email": f"{n}@x.test", "team_id": t}) for n, t in zip(("ada", "bob"), teams)]
    users = [w.id for w in await write(writing, people)]
    await write(writing, [
        Create(Customer, {"name": f"Firm {n}", "owner_id": user, "team_id": team}) for n, user, team in zip("AB", users, teams)
    ])  # fmt: skip
    actor = Actor(ActorKind.USER, users[0], users[0], teams[0])
    assert await find("firm") == ["Firm A", "Firm B"]
    for reach in (Reach.OWN, Reach.TEAM):
        assert await find("firm", who=Context(ctx.db, Policy(ctx.tenant_id, actor, reach))) == ["Firm A"]


async def test_an_index_leads_to_what_is_found(writing, graph, ctx, db):
    await write(writing, [Create(Customer, {"name": f"Firm {n}" if n < 100 else f"Other{n}"}) for n in range(2000)])
    if db.dialect == "postgres":
        async with db.transaction() as tx:
            for table in ("customer", "search_entry"):
                await tx.execute(Sql(f"ANALYZE {table}"))
    text = "query($q: String) { customers(search: $q, first: 5) { nodes { name } } }"
    ((root, reading),) = graph.readings(text, {"q": "firm 12"}).values()
    run = Run(ctx, reading.variables)
    statement = graph.engine.plan(run, root, reading).statement
    asked = "EXPLAIN QUERY PLAN " if db.dialect == "sqlite" else "EXPLAIN "
    rows = await db.fetch(replace(statement, text=asked + statement.text), run)
    plan = "\n".join(str(list(dict(row).values())) for row in rows)
    assert "ix_search_entry_words" in plan or "VIRTUAL TABLE INDEX" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert db.dialect == "postgres" or "SEARCH c1 USING" in plan, plan


EVERYWHERE = """query($q: String!, $types: [SearchType!], $n: Int, $a: String, $l: Int, $b: String) {
  search(query: $q, types: $types, first: $n, after: $a, last: $l, before: $b) { totalCount
    edges { match node { __typename id ... on Customer { name } ... on Contact { name } ... on Task { subject customer { name } } } }
    pageInfo { startCursor endCursor hasNextPage hasPreviousPage } } }"""


@pytest.fixture
async def company(writing, made):
    """A customer with a person, a product and tasks that share a word."""
    key = made["Zebra"]
    done = await write(writing, [
        Create(Contact, {"first_name": "Zoe", "last_name": "Zebra"}), Create(Product, {"sku": "Z-1", "name": "Zebra crossing"}),
        Create(Task, {"subject": "Call Zebra", "customer_id": key}), Create(Task, {"subject": "Zebra: send offer", "customer_id": key}),
        Create(ContactPoint, {"customer_id": made["Müller"], "type": "EMAIL", "value": "info@zebra.example"}),
        Create(Address, {"customer_id": key, "city": "Zebra"}),
    ])  # fmt: skip
    await write(writing, [Create(ContactLink, {"customer_id": key, "contact_id": done[0].id})])
    return done


async def test_search_finds_records_of_every_kind(company, graph, ctx, db):
    with db.counting() as seen:
        found = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra"}))["search"]
    assert len(seen) == 1
    told = [
        (e["match"], e["node"]["__typename"], e["node"].get("name") or e["node"].get("subject")) for e in found["edges"]
    ]
    assert told == [
        ("BEGINS", "Customer", "Zebra"), ("BEGINS", "Product", None), ("BEGINS", "Task", "Zebra: send offer"), ("WORDS", "Task", "Call Zebra"),
        ("WORDS", "Contact", "Zoe Zebra"), ("PARTS", "Customer", "Müller"),
    ]  # fmt: skip
    assert found["edges"][3]["node"]["customer"] == {"name": "Zebra"}
    assert found["totalCount"] == 6
    some = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra", "types": ["TASK", "CONTACT"]}))["search"]
    assert [e["node"]["__typename"] for e in some["edges"]] == ["Task", "Task", "Contact"]
    none = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra", "types": []}))["search"]
    assert (none["edges"], none["totalCount"]) == ([], 0)
    plain = await graph.ask(ctx, '{ search(query: "müller", first: 1) { nodes { ... on Customer { name } } } }')
    assert plain["search"]["nodes"] == [{"name": "Müller"}]


@pytest.mark.parametrize("size", [1, 4])
async def test_pages_of_what_is_found_everywhere(company, graph, ctx, size):
    whole = [e["node"]["id"] for e in (await graph.ask(ctx, EVERYWHERE, {"q": "zebra"}))["search"]["edges"]]
    seen, after = [], None
    for turn in range(7):
        page = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra", "n": size, "a": after}))["search"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after = page["pageInfo"]["endCursor"]
        assert page["pageInfo"]["hasPreviousPage"] is (turn > 0)
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == whole
    back = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra", "l": 3, "b": after}))["search"]
    assert [edge["node"]["id"] for edge in back["edges"]] == whole[-4:-1]
    with pytest.raises(BadInput, match="another list"):
        await graph.ask(ctx, EVERYWHERE, {"q": "zebr", "n": 1, "a": after})


async def test_everywhere_the_row_policy_and_deletion_hold(company, writing, made, graph, ctx):
    user = (await write(writing, [Create(User, {"name": "Ada", "email": "ada@x.test"})]))[0].id
    only = Context(ctx.db, Policy(ctx.tenant_id, Actor(ActorKind.USER, user, user), Reach.OWN))
    found = (await graph.ask(only, EVERYWHERE, {"q": "zebra"}))["search"]
    assert [e["node"]["__typename"] for e in found["edges"]] == ["Product"], "products are everybody's"
    other = Context(ctx.db, Policy(UUID(int=4711), ctx.actor))
    assert (await graph.ask(other, EVERYWHERE, {"q": "zebra"}))["search"]["totalCount"] == 0
    await write(writing, [Delete(Customer, made["Zebra"])])
    left = (await graph.ask(ctx, EVERYWHERE, {"q": "zebra"}))["search"]
    assert [e["node"]["__typename"] for e in left["edges"]] == ["Product", "Contact", "Customer"]


async def test_everywhere_too_much_is_refused(graph, ctx):
    with pytest.raises(BadInput, match="query: at most") as caught:
        await graph.ask(ctx, EVERYWHERE, {"q": "x" * 10_000})
    assert caught.value.path == ("query",)
    with pytest.raises(BadInput, match="first"):
        await graph.ask(ctx, EVERYWHERE, {"q": "x", "n": 100_000})
