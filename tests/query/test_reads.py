"""Any selection is one statement of finished JSON, in the order in which it was asked for."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import orjson
import pytest

from crmcore.domain import activities, contacts, customers, deals, people
from crmcore.errors import BadInput
from crmcore.platform.access import ActorKind
from crmcore.query import Reading, Root
from crmcore.records.external import ExternalRef
from tests.query.conftest import number

AT = datetime(2026, 1, 2, 3, 4, 5, 600, tzinfo=UTC)


@pytest.fixture
async def acme(seed):
    """A customer with owner, contacts and deals."""
    user = await seed(people.User, name="Ada", email="ada@example.org")
    key = await seed(
        customers.Customer, name="Ärger & Söhne \"x\" \\ 张\u2028", owner_id=user, is_key_account=True, verified_at=AT,
        annual_revenue=Decimal("-0.0001"), annual_revenue_currency="EUR", birth_date=date(1999, 12, 31), employees=7,
        importance="A", created_by_kind=ActorKind.USER, created_by_id=user,
    )  # fmt: skip
    await seed(customers.Customer, name="Beta", parent_id=key)
    for name in ("Anna", "Ben"):
        contact = await seed(contacts.Contact, name=name)
        await seed(contacts.ContactLink, customer_id=key, contact_id=contact, is_primary=name == "Ben")
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="Won", position=1)
    for n in range(3):
        await seed(
            deals.Deal, name=f"Deal {n}", customer_id=key, pipeline_id=pipeline, stage_id=stage, probability=n,
            stage_entered_at=AT, amount=Decimal(n) / 8, currency="EUR",
        )  # fmt: skip
    return key


async def test_values_of_every_kind(graph, ctx, acme):
    found = await graph.texts(
        ctx,
        """query($id: ID!) { customer(id: $id) { id name roles isKeyAccount employees importance birthDate verifiedAt
             legalName annualRevenue { amount currencyCode } createdBy { id kind } updatedBy { kind id } deletedAt version
             kind owner { name team { name } } parent { id } externalRefs { system } __typename } }""",
        {"id": f"customer_{acme}"},
    )
    expected = {
        "id": f"customer_{acme}", "name": "Ärger & Söhne \"x\" \\ 张\u2028", "roles": ["CUSTOMER"], "isKeyAccount": True,
        "employees": 7, "importance": "A", "birthDate": "1999-12-31", "verifiedAt": "2026-01-02T03:04:05.000600+00:00",
        "legalName": None, "annualRevenue": {"amount": "-0.0001", "currencyCode": "EUR"},
        "createdBy": {"id": f"user_{number(1)}", "kind": "USER"}, "updatedBy": {"kind": "SYSTEM", "id": None},
        "deletedAt": None, "version": 1, "kind": "ORGANIZATION", "owner": {"name": "Ada", "team": None}, "parent": None,
        "externalRefs": [], "__typename": "Customer",
    }  # fmt: skip
    assert json.dumps(orjson.loads(found["customer"])) == json.dumps(expected)  # the order of the keys counts


async def test_one_statement_whatever_the_depth(graph, ctx, acme):
    text = """{ customers(orderBy: {field: NAME}) { totalCount pageInfo { hasNextPage }
      edges { node { name contacts(first: 1, orderBy: {field: NAME, direction: DESC}) { nodes { name customers { nodes {
        name deals(where: {probability: {gt: 0}}) { totalCount nodes { name amount { amount } stage { pipeline { name
          stages { nodes { name } } } } customer { name children { nodes { name parent { name } } } } } } } } } }
        deals(last: 2) { edges { cursor node { probability } } } } } } }"""
    with ctx.db.counting() as seen:
        found = await graph.ask(ctx, text)
    assert len(seen) == 1
    (contact,) = found["customers"]["edges"][0]["node"]["contacts"]["nodes"]
    (back,) = contact.pop("customers")["nodes"]
    assert contact == {"name": "Ben"}
    assert back["deals"]["totalCount"] == 2
    assert back["deals"]["nodes"][1] == {
        "name": "Deal 2",
        "amount": {"amount": "0.2500"},
        "stage": {"pipeline": {"name": "Sales", "stages": {"nodes": [{"name": "Won"}]}}},
        "customer": {
            "name": back["name"], "children": {"nodes": [{"name": "Beta", "parent": {"name": back["name"]}}]},
        },
    }  # fmt: skip
    last = found["customers"]["edges"][0]["node"]["deals"]["edges"]
    assert [edge["node"]["probability"] for edge in last] == [1, 2]


async def test_selections_merge_as_graphql_says(graph, ctx, acme):
    text = """query($yes: Boolean!, $no: Boolean!) {
      customers(first: 1) { nodes { ...A b: name name @skip(if: $yes) ... on Node { id } ... @include(if: $no) { version }
        ... on Customer { owner { email } } ...A kind @include(if: $yes) @skip(if: $no) source @skip(if: true) }
        nodes { employees } } }
      fragment A on Customer { owner { name ...B } b: name }
      fragment B on User { isActive __typename name }"""
    (first,) = (await graph.ask(ctx, text, {"yes": True, "no": False}))["customers"]["nodes"]
    assert list(first) == ["owner", "b", "id", "kind", "employees"]
    assert first["owner"] == {"name": "Ada", "isActive": True, "__typename": "User", "email": "ada@example.org"}
    assert list(first["owner"]) == ["name", "isActive", "__typename", "email"]
    (other,) = (await graph.ask(ctx, text, {"yes": False, "no": True}))["customers"]["nodes"]
    assert list(other) == ["owner", "b", "name", "id", "version", "employees"]


async def test_aliases_that_a_database_could_trip_over(graph, ctx, acme):
    long = "x" * 64, "y" * 200
    keys = [*long, "t", "name_", "order", "select", "c1", "p1", "Id", "id_", "_"]
    fields = " ".join(f"{key}: name" for key in keys)
    found = await graph.ask(
        ctx,
        f"{{ customers(first: 1) {{ {long[0]}: nodes {{ {fields} owner {{ {long[1]}: name flag: isActive }} }} }} }}",
    )
    (node,) = found["customers"][long[0]]
    assert list(node) == [*keys, "owner"]
    assert len({node[key] for key in keys}) == 1
    assert node["owner"] == {long[1]: "Ada", "flag": True}


async def test_hundreds_of_fields(graph, ctx, acme):
    keys = [f"f{n}" for n in range(1700)]
    fields = " ".join(f"{key}: {('name', 'isKeyAccount', 'legalName')[n % 3]}" for n, key in enumerate(keys))
    found = await graph.ask(ctx, f"{{ customers(first: 1) {{ nodes {{ {fields} }} }} }}")
    (node,) = found["customers"]["nodes"]
    assert list(node) == keys
    assert (node["f1"], node["f2"], node["f1699"]) == (True, None, True if 1699 % 3 == 1 else node["f1699"])


async def test_several_views_of_one_page(graph, ctx, acme):
    found = await graph.ask(
        ctx, "{ customers { a: nodes { name } b: nodes { id } t: totalCount edges { node { version } } } }"
    )
    shown = found["customers"]
    assert list(shown) == ["a", "b", "t", "edges"]
    assert [len(shown[k]) for k in ("a", "b", "edges")] == [2, 2, 2]
    assert await graph.ask(ctx, "{ customers { __typename pageInfo { __typename } edges { __typename } } }") == {
        "customers": {
            "__typename": "CustomerConnection", "pageInfo": {"__typename": "PageInfo"},
            "edges": [{"__typename": "CustomerEdge"}] * 2,
        }
    }  # fmt: skip


async def test_what_is_deleted_is_not_there(graph, ctx, acme, seed):
    await seed(activities.Task, subject="gone", customer_id=acme, deleted_at=AT)
    await seed(activities.Task, subject="here", customer_id=await seed(customers.Customer, name="x", deleted_at=AT))
    found = await graph.ask(
        ctx, "{ tasks { totalCount nodes { subject customer { name } } } customers { totalCount } }"
    )
    assert found["tasks"] == {"totalCount": 1, "nodes": [{"subject": "here", "customer": None}]}
    assert found["customers"]["totalCount"] == 2


async def test_records_by_id(graph, ctx, acme, seed):
    text = (
        "query($id: ID!) { customer(id: $id) { name } node(id: $id) { __typename id ... on Customer { employees } } }"
    )
    found = await graph.ask(ctx, text, {"id": f"customer_{acme}"})
    assert found["node"] == {"__typename": "Customer", "id": f"customer_{acme}", "employees": 7}
    assert await graph.ask(ctx, text, {"id": f"customer_{number(999)}"}) == {"customer": None, "node": None}
    literal = await graph.ask(ctx, f'{{ node(id: "customer_{acme}") {{ id }} }}')
    assert literal["node"] == {"id": f"customer_{acme}"}
    assert await graph.ask(ctx, f'{{ node(id: "tenant_{acme}") {{ id }} }}') == {"node": None}
    for bad in ("", "x", str(acme), f"customer_{acme}x", f"CUSTOMER_{acme}"):
        with pytest.raises(BadInput) as refused:
            await graph.ask(ctx, "query($id: ID!) { node(id: $id) { id } }", {"id": bad})
        assert refused.value.path == ("id",)
    with pytest.raises(BadInput):
        await graph.ask(ctx, "query($id: ID!) { customer(id: $id) { id } }", {"id": f"user_{acme}"})


async def test_records_by_ids_come_in_their_order(graph, ctx, acme):
    text = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on User { name } ... on Customer { name roles
                deals(first: 1) { nodes { name } } isKeyAccount } } }"""
    ids = [
        f"customer_{number(3)}",
        f"user_{number(1)}",
        f"customer_{number(77)}",
        f"thing_{number(1)}",
        f"customer_{acme}",
    ]
    with ctx.db.counting() as seen:
        found = (await graph.ask(ctx, text, {"ids": [*ids, ids[0]]}))["nodes"]
    assert len(seen) == 1
    assert [n and (n["__typename"], n["name"]) for n in found] == [
        ("Customer", "Beta"), ("User", "Ada"), None, None, ("Customer", "Ärger & Söhne \"x\" \\ 张\u2028"), ("Customer", "Beta"),
    ]  # fmt: skip
    assert found[4]["deals"] == {"nodes": [{"name": "Deal 0"}]}
    assert found[4]["isKeyAccount"] is True
    assert (await graph.ask(ctx, text, {"ids": []}))["nodes"] == []
    for bad in (["x"], [ids[0]] * 201):
        with pytest.raises(BadInput):
            await graph.ask(ctx, text, {"ids": bad})


async def test_records_by_external_id(graph, ctx, acme, seed):
    for system, external in (("sap", "1"), ("erp", "ä'"), ("erp", "2")):
        await seed(ExternalRef, system=system, external_id=external, record_type="customer", record_id=acme)
    text = """query($s: String!, $e: String!) { customerByExternalRef(system: $s, externalId: $e) {
                id externalRefs { externalId system } } }"""
    found = await graph.ask(ctx, text, {"s": "erp", "e": "ä'"})
    assert found["customerByExternalRef"] == {
        "id": f"customer_{acme}",
        "externalRefs": [
            {"externalId": "2", "system": "erp"}, {"externalId": "ä'", "system": "erp"}, {"externalId": "1", "system": "sap"},
        ],
    }  # fmt: skip
    assert await graph.ask(ctx, text, {"s": "erp", "e": "1"}) == {"customerByExternalRef": None}
    user = text.replace("customerBy", "userBy")
    assert await graph.ask(ctx, user, {"s": "erp", "e": "2"}) == {"userByExternalRef": None}


async def test_refs(graph, ctx, acme, registry):
    """What resolvers answer with: one record, or several in their order."""
    ((_, (_, one)),) = graph.readings('{ customer(id: "x") { name } }').items()
    record = registry.records["Customer"]
    done = await graph.engine.read(ctx, Root("ref", record), one, (acme,))
    assert orjson.loads(done.json)["name"].startswith("Ärger")
    gone = await graph.engine.read(ctx, Root("ref", record), one, (number(99),))
    assert gone.json is None

    schema = graph.engine.schema
    from graphql import GraphQLList, GraphQLNonNull

    for type_, expected in (
        (GraphQLList(schema.type_map["Customer"]), ["Beta", None, "Ärger"]),
        (GraphQLNonNull(GraphQLList(GraphQLNonNull(schema.type_map["Customer"]))), ["Beta", "Ärger"]),
    ):
        reading = Reading(("doc", str(type_)), one.nodes, {}, {}, ("x", 1, "list"), type_)
        done = await graph.engine.read(ctx, Root("refs", record), reading, (number(3), number(99), acme))
        assert [r and r["name"].split()[0] for r in orjson.loads(done.json)] == expected


INJECTIONS = [
    "' OR 1=1 --", "\"; DROP TABLE customer; --", "$1", "?1", "%", "_", "\\", "{}", "[]", "\x1b", "');", "1; SELECT pg_sleep(9)",
    "x' UNION SELECT secret FROM api_token --",
]  # fmt: skip


@pytest.mark.parametrize("evil", INJECTIONS)
async def test_nothing_that_a_caller_says_becomes_sql(graph, ctx, acme, seed, evil):
    await seed(customers.Customer, name=evil, industry=evil)
    filters = dict.fromkeys(
        ("eq", "contains", "startsWith", "endsWith", "iEq", "iContains", "iStartsWith", "lte", "gte"), evil
    )
    by_variable = "query($w: CustomerFilter) { customers(where: $w) { nodes { name industry } totalCount } }"
    expected = {"nodes": [{"name": evil, "industry": evil}], "totalCount": 1}
    with ctx.db.counting() as seen:
        found = await graph.ask(ctx, by_variable, {"w": {"name": filters | {"in": [evil]}, "industry": {"eq": evil}}})
        assert found["customers"] == expected
        quoted = json.dumps(evil)
        by_literal = f"{{ customers(where: {{name: {{eq: {quoted}, in: [{quoted}]}}}}) {{ nodes {{ name industry }} totalCount }} }}"
        assert (await graph.ask(ctx, by_literal))["customers"] == expected
    if len(evil) > 4:
        assert not any(evil in text for text in seen)
