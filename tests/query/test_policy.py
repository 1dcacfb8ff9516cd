"""Every table of every statement carries the caller's predicate; nobody sees more by asking another way."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest

from crmcore.domain import activities, contacts, customers, deals, people
from crmcore.errors import Forbidden
from crmcore.kit.sql import Sql, value
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.context import Context
from crmcore.query.arguments import Questions, Run
from crmcore.query.plan import PlanCache

AT = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = """query($id: ID!, $ids: [ID!]!) {
  customers(first: 2, where: {deals: {some: {stage: {name: {eq: "x"}}}, count: {gt: 1}, none: {owner: {name: {eq: "y"}}}},
      contacts: {every: {name: {ne: "z"}}}, or: [{parent: {team: {manager: {name: {eq: "q"}}}}}, {not: {tasks: {some: {}}}}]},
      orderBy: [{parent: {owner: {field: NAME}}}, {team: {field: NAME}}]) {
    totalCount pageInfo { hasNextPage hasPreviousPage endCursor }
    edges { cursor node { name owner { name team { name } } externalRefs { system }
      contacts(last: 2, orderBy: {field: NAME}) { totalCount edges { cursor node { customers { totalCount nodes { name } } } } }
      deals(orderBy: {customer: {field: NAME}}) { nodes { stage { pipeline { stages { totalCount } } } transitions { nodes { at } } } } } } }
  dealAggregate(where: {customer: {name: {eq: "x"}}}, groupBy: [{field: STAGE}, {customer: {team: {field: PARENT}}}]) {
    keys { record { id ... on Stage { pipeline { name } } } } count sum { amount { amount } } }
  customer(id: $id) { addresses { nodes { lines } } carePlans { nodes { name } } }
  customerByExternalRef(system: "a", externalId: "b") { orders { nodes { lines { nodes { product { name } } } } } }
  nodes(ids: $ids) { id ... on Case { product { name } } ... on Order { user { name } } }
  found: customers(search: "a b") { totalCount nodes { name tasks(search: "c") { totalCount nodes { subject } } } }
  search(query: "a b", first: 2) { totalCount pageInfo { hasPreviousPage }
    edges { match cursor node { id ... on Customer { owner { name } } ... on Task { customer { name } } } } }
}"""
VARIABLES = {"id": f"customer_{UUID(int=1)}", "ids": [f"case_{UUID(int=1)}", f"order_{UUID(int=1)}"]}


@pytest.mark.parametrize("reach", list(Reach))
async def test_no_table_without_predicate(graph, ctx, reach):
    caller = Context(ctx.db, replace(ctx.policy, reach=reach))
    seen = 0
    for root, reading in graph.readings(EVERYTHING, VARIABLES).values():
        run = Run(caller, reading.variables)
        plan = graph.engine.plan(run, root, reading)
        text = plan.statement.text
        (tenant,) = set(re.findall(r'tenant_id"? = [$?](\d+)', text))
        assert str(plan.statement.values(run)[int(tenant) - 1]) == str(ctx.tenant_id)
        uses = re.findall(r'(?:FROM|JOIN) "(\w+)" (?:AS )?(?!WHERE\b)(\w+)', text)
        assert uses
        for table, alias in set(uses):
            parts = 1 if table == "search_entry" else 2  # an entry is deleted as its record is, which is read with it
            own = rf'\b{alias}\."?(?:tenant_id"? = [$?]{tenant}\b|deleted_at"? IS NULL)'
            assert len({m.split(".")[1][:8] for m in re.findall(own, text)}) == parts, (alias, text)
        words = len(re.findall(r'\."?id"? IN \(SELECT rowid FROM "search_entry_words"', text))  # an index of entries
        assert len(re.findall(r"\b(?:FROM|JOIN)\s+\"", text)) == len(uses) + words
        # nothing else is read: what remains are parts of this statement, and lists that are bound
        for other in re.findall(r"(?:FROM|JOIN)\s+(?!\"|\()(\w+)", text):
            assert re.fullmatch(r"p\d+|parts\d+|groups\d+|json_each|unnest", other), other
        seen += len(uses)
    assert seen > 80


async def test_other_tenants_are_not_there(graph, ctx, seed, db):
    other = UUID(int=4711)
    async with db.transaction() as tx:
        await tx.execute(_insert_tenant(other, db.dialect))
    seed.tenant = other
    alien = await seed(customers.Customer, name="Alien", tax_id="1")
    seed.tenant = ctx.tenant_id
    mine = await seed(customers.Customer, name="Mine", parent_id=alien)
    text = """query($id: ID!, $ids: [ID!]!) { customers { totalCount nodes { name parent { name } } }
      customer(id: $id) { name } nodes(ids: $ids) { id } customerAggregate { count }
      hit: customers(where: {parent: {name: {eq: "Alien"}}}) { totalCount }
      sorted: customers(orderBy: {parent: {field: NAME}}) { nodes { name } } }"""
    found = await graph.ask(ctx, text, {"id": f"customer_{alien}", "ids": [f"customer_{alien}", f"customer_{mine}"]})
    assert found == {
        "customers": {"totalCount": 1, "nodes": [{"name": "Mine", "parent": None}]},
        "customer": None,
        "nodes": [None, {"id": f"customer_{mine}"}],
        "customerAggregate": [{"count": 1}],
        "hit": {"totalCount": 0},
        "sorted": {"nodes": [{"name": "Mine"}]},
    }


def _insert_tenant(key, dialect):
    held = str(key) if dialect == "sqlite" else key
    at = AT.isoformat(timespec="microseconds") if dialect == "sqlite" else AT
    return Sql(
        "INSERT INTO tenant (id, slug, name, state, created_at) VALUES (", value(held, "uuid"), ", 'other', 'Other', 'ACTIVE', ",
        value(at, "timestamptz"), ")",
    )  # fmt: skip


@pytest.fixture
async def two_teams(seed):
    """Ada and Bob are in one team, Cleo in another; each has a customer with a contact, a deal and an interaction."""
    red, blue = await seed(people.Team, name="Red"), await seed(people.Team, name="Blue")
    pipeline = await seed(deals.Pipeline, name="Sales")
    stage = await seed(deals.Stage, pipeline_id=pipeline, name="New", position=1)
    users = {}
    for name, team in (("Ada", red), ("Bob", red), ("Cleo", blue)):
        user = users[name] = await seed(people.User, name=name, email=f"{name}@example.org", team_id=team)
        customer = await seed(customers.Customer, name=f"{name}'s", owner_id=user, team_id=team)
        contact = await seed(contacts.Contact, name=f"Contact of {name}")
        await seed(contacts.ContactLink, customer_id=customer, contact_id=contact)
        await seed(
            deals.Deal, name=f"Deal of {name}", customer_id=customer, pipeline_id=pipeline, stage_id=stage, probability=1,
            stage_entered_at=AT, owner_id=user, team_id=team,
        )  # fmt: skip
        await seed(
            activities.Interaction, kind="CALL", direction="IN", at=AT, customer_id=customer, subject=f"by {name}"
        )
    # a deal of Ada's at Cleo's customer
    await seed(
        deals.Deal, name="Ada at Cleo's", customer_id=customer, pipeline_id=pipeline, stage_id=stage, probability=1,
        stage_entered_at=AT, owner_id=users["Ada"], team_id=red,
    )  # fmt: skip
    return users, red


SIGHT = """{ customers { totalCount nodes { name deals { totalCount } } } contacts { nodes { name } } interactions { totalCount }
  deals { nodes { name customer { name } } } dealAggregate { count }
  rich: customers(where: {deals: {count: {gte: 2}}}) { totalCount } users { totalCount } }"""


@pytest.mark.parametrize(
    "reach, names", [(Reach.TENANT, ["Ada", "Bob", "Cleo"]), (Reach.TEAM, ["Ada", "Bob"]), (Reach.OWN, ["Ada"])]
)
async def test_row_policies(graph, ctx, two_teams, reach, names):
    users, red = two_teams
    actor = Actor(ActorKind.USER, users["Ada"], users["Ada"], red)
    found = await graph.ask(Context(ctx.db, Policy(ctx.tenant_id, actor, reach)), SIGHT)
    all_of_them = reach is Reach.TENANT
    assert found["customers"]["totalCount"] == len(names)
    assert [n["name"] for n in found["customers"]["nodes"]] == [f"{name}'s" for name in names]
    assert [n["deals"]["totalCount"] for n in found["customers"]["nodes"]] == [1, 1, 2][: len(names)]
    assert [n["name"] for n in found["contacts"]["nodes"]] == [f"Contact of {name}" for name in names]
    assert found["interactions"]["totalCount"] == len(names)
    assert found["deals"]["nodes"][-1] == {
        "name": "Ada at Cleo's", "customer": {"name": "Cleo's"} if all_of_them else None,
    }  # fmt: skip
    assert found["dealAggregate"] == [{"count": len(names) + 1}]
    assert found["rich"]["totalCount"] == (1 if all_of_them else 0)
    assert found["users"]["totalCount"] == 3


NESTED = """{
  customers { nodes { name contacts { totalCount nodes { name addresses { nodes { lines } } customers { nodes { name } } } }
      interactions { nodes { subject } } addresses { nodes { lines } } deals { nodes { name transitions { totalCount } } } } }
  contacts { nodes { name customers { totalCount } addresses { totalCount } } }
  silent: customers(where: {interactions: {none: {}}}) { totalCount }
  met: customers(where: {contacts: {some: {name: {startsWith: "Contact"}}, count: {gte: 1}}}) { totalCount }
  busy: deals(where: {customer: {interactions: {some: {subject: {ne: "x"}}}}}) { nodes { name } }
  other: deals(where: {not: {customer: {contacts: {every: {name: {ne: "x"}}}}}}) { totalCount }
}"""


@pytest.mark.parametrize("reach", [Reach.TEAM, Reach.OWN])
async def test_what_a_visible_row_makes_visible_is_not_asked_again(graph, ctx, seed, two_teams, reach, monkeypatch):
    users, red = two_teams
    adas, _, cleos = (row["id"] for row in await ctx.db.fetch(Sql("SELECT id FROM customer ORDER BY id")))
    contact = await seed(contacts.Contact, name="Contact of two")
    for customer, gone in ((adas, None), (cleos, None), (adas, AT)):
        await seed(contacts.ContactLink, customer_id=customer, contact_id=contact, deleted_at=gone)
    for owner in ({"customer_id": adas}, {"customer_id": cleos}, {"contact_id": contact}):
        await seed(customers.Address, lines=str(owner), **owner)
    gone = await seed(contacts.Contact, name="Contact gone", deleted_at=AT)
    await seed(contacts.ContactLink, customer_id=adas, contact_id=gone)
    caller = Context(ctx.db, Policy(ctx.tenant_id, Actor(ActorKind.USER, users["Ada"], users["Ada"], red), reach))

    async def asked():
        with ctx.db.counting() as seen:
            return await graph.ask(caller, NESTED), sum(map(len, seen))

    quick, shorter = await asked()
    for name in ("shown_by_parent", "shown_by_child"):
        monkeypatch.setattr(f"crmcore.query.scope.{name}", lambda *_: False)
    graph.engine.plans = PlanCache()
    slow, longer = await asked()
    assert quick == slow
    assert shorter < longer
    [first, *_] = quick["customers"]["nodes"]
    assert [c["name"] for c in first["contacts"]["nodes"]] == ["Contact of Ada", "Contact of two"]
    assert [len(c["customers"]["nodes"]) for c in first["contacts"]["nodes"]] == [1, 1]


@pytest.mark.parametrize("reach", [Reach.TEAM, Reach.OWN])
async def test_a_deleted_row_makes_nothing_visible(graph, ctx, two_teams, reach):
    users, red = two_teams
    caller = Context(ctx.db, Policy(ctx.tenant_id, Actor(ActorKind.USER, users["Ada"], users["Ada"], red), reach))
    async with ctx.db.transaction() as tx:
        await tx.execute(Sql("UPDATE customer SET deleted_at = created_at WHERE name = ", value("Ada's")))
    [row] = await ctx.db.fetch(Sql("SELECT id FROM customer WHERE name = ", value("Ada's")))
    text = "query($id: ID!) { customer(id: $id) { name interactions { totalCount } contacts { totalCount } } }"
    [(root, reading)] = graph.readings(text, {"id": ""}).values()
    deleted = replace(root, kind="ref", deleted=True)
    done = await graph.engine.read(caller, deleted, reading, (UUID(str(row["id"])),))
    assert orjson.loads(done.json) == {
        "name": "Ada's",
        "interactions": {"totalCount": 0},
        "contacts": {"totalCount": 0},
    }


async def test_plans_are_not_shared_between_kinds_of_policy(graph, ctx, two_teams):
    users, red = two_teams
    text = "{ customers { totalCount } }"

    async def count(user, reach):
        actor = Actor(ActorKind.USER, user, user, red)
        return (await graph.ask(Context(ctx.db, Policy(ctx.tenant_id, actor, reach)), text))["customers"]["totalCount"]

    assert [await count(users["Ada"], reach) for reach in (Reach.TENANT, Reach.OWN, Reach.TEAM)] == [3, 1, 2]
    misses = graph.engine.plans.statistics.misses
    assert [await count(users["Bob"], Reach.OWN), await count(None, Reach.OWN)] == [1, 0]
    assert graph.engine.plans.statistics.misses == misses


class Blind(Policy):
    __slots__ = ()

    def may(self, action, record):
        return record != "user"


async def test_a_forbidden_record_is_refused_when_the_plan_is_made(graph, ctx):
    blind = Context(ctx.db, Blind(ctx.tenant_id, ctx.actor))
    for text in (
        "{ customers { nodes { owner { name } } } }",
        "{ customers(orderBy: {owner: {field: NAME}}) { totalCount } }",
    ):
        ((_, (root, reading)),) = graph.readings(text).items()
        with pytest.raises(Forbidden):
            graph.engine._compile(root, reading, Questions(Run(blind, {})), blind)


class Deaf(Policy):
    __slots__ = ()

    def may(self, action, record):
        return record == "task"


async def test_search_looks_only_where_the_caller_may(graph, ctx):
    deaf = Context(ctx.db, Deaf(ctx.tenant_id, ctx.actor))
    text = 'query($types: [SearchType!]) { search(query: "x", types: $types) { totalCount } }'
    for types in (None, ["TASK"], ["TASK", "DEAL"], []):
        with ctx.db.counting() as seen:
            assert await graph.ask(deaf, text, {"types": types}) == {"search": {"totalCount": 0}}
        found = set(re.findall(r'"(?:search_entry|task|deal|customer)"', seen[0]))
        assert found <= {'"search_entry"', '"task"'}, seen
    with pytest.raises(Forbidden):
        await graph.ask(deaf, text, {"types": ["DEAL", "CUSTOMER"]})
