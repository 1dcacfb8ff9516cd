"""Tables that are no records are read like records; the audit log, and a plugin's relations to it, show it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from crmcore.kit import times
from crmcore.kit.ids import from_global, new_id
from crmcore.platform.access import ActorKind, Reach
from crmcore.platform.events import Fact, record_events
from crmcore.plugins import Manifest, Plugins, hookimpl
from crmcore.plugins.discovery import Candidate
from crmcore.schema import Many, extend, field, figure
from tests.fixtures import open_crm

if TYPE_CHECKING:
    from crmcore.schema import AuditEntry, User


@extend("User")
class UserActs:
    """The way to what a user did: over a plain column, not a foreign key."""

    acts_done: Many[AuditEntry] = field("What they did.", via="actor")
    acts_count: int = figure("count", "acts_done", "How much they did.")


@extend("AuditEntry")
class EntryActs:
    """The way back."""

    acts_user: User | None = field("Who did it.", column="actor")


class Plugin:
    meta = Manifest(id="acts", title="Acts", description="For tests.", version="1.0", api=">=0.1,<1")

    @hookimpl
    def crm_graph(self):
        return [UserActs, EntryActs]


@pytest.fixture
async def crm(database_url):
    async with open_crm(database_url, Plugins([Candidate("acts", "tests", lambda: Plugin)])) as opened:
        yield opened


CREATE = "mutation($n: String!) { customerCreate(input: {name: $n}) { customer { id } errors { message } } }"
RENAME = "mutation($id: ID!, $n: String!) { customerUpdate(id: $id, input: {name: $n}) { errors { message } } }"


@pytest.fixture
async def filled(crm):
    """A user, and what they did: two customers, of which one was renamed."""
    made = await crm.gql('mutation { userCreate(input: {name: "Ada", email: "ada@example.org"}) { user { id } } }')
    user = made["userCreate"]["user"]["id"]
    crm.client.headers["authorization"] = f"Bearer {await crm.token_for(user_id=from_global(user)[1])}"
    acme = (await crm.gql(CREATE, n="Acme"))["customerCreate"]["customer"]["id"]
    await crm.gql(CREATE, n="Bolt")
    await crm.gql(RENAME, id=acme, n="Acme Ltd")
    return user, acme


async def test_a_log_is_listed_filtered_ordered_paged_and_counted(crm, filled):
    user, _acme = filled
    text = """query($after: String) { auditEntries(first: 2, after: $after, where: {recordType: {eq: "customer"}},
        orderBy: [{field: AT, direction: DESC}, {field: ID, direction: DESC}]) {
      totalCount nodes { id type actor { kind id } before after changedFields }
      pageInfo { hasNextPage endCursor }
      aggregate(groupBy: [{field: TYPE}], orderBy: [{count: true}]) { count keys { value } } } }"""
    page = (await crm.gql(text))["auditEntries"]
    assert page["totalCount"] == 3
    latest, second = page["nodes"]
    assert (latest["type"], latest["changedFields"]) == ("customer.updated", ["name"])
    assert (latest["before"]["name"], latest["after"]["name"]) == ("Acme", "Acme Ltd")
    assert latest["actor"] == {"kind": "USER", "id": user}
    assert (second["type"], second["before"], second["after"]["name"]) == ("customer.created", None, "Bolt")
    assert [(g["keys"][0]["value"], g["count"]) for g in page["aggregate"]] == [
        ("customer.updated", 1),
        ("customer.created", 2),
    ]
    rest = (await crm.gql(text, after=page["pageInfo"]["endCursor"]))["auditEntries"]
    assert [n["after"]["name"] for n in rest["nodes"]] == ["Acme"]
    assert rest["pageInfo"]["hasNextPage"] is False
    one = "query($id: ID!) { auditEntry(id: $id) { type } node(id: $id) { id ... on AuditEntry { type } } }"
    found = await crm.gql(one, id=latest["id"])
    assert found == {
        "auditEntry": {"type": "customer.updated"},
        "node": {"id": latest["id"], "type": "customer.updated"},
    }
    missing = await crm.gql(one, id=f"event_{uuid4()}")
    assert missing == {"auditEntry": None, "node": None}


async def test_an_id_column_without_records_is_filtered_by_bare_ids(crm, filled):
    text = "query($f: IdFilter) { auditEntries(where: {cause: $f}) { totalCount nodes { cause } } }"
    every = (await crm.gql(text))["auditEntries"]
    cause = every["nodes"][0]["cause"]
    found = (await crm.gql(text, f={"in": [cause]}))["auditEntries"]
    assert 1 <= found["totalCount"] < every["totalCount"]
    refused = await crm.ask(text, f={"eq": "customer_1"})
    assert refused["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_plain_columns_of_ids_relate_both_ways(crm, filled):
    user, _acme = filled
    text = """query($id: ID!) { user(id: $id) { name actsCount actsDone(first: 1, where: {type: {endsWith: "updated"}}) {
        totalCount nodes { type actsUser { name } } } }
      users(where: {actsDone: {some: {type: {eq: "customer.updated"}}}}, orderBy: {actsDone: {count: true}}) { totalCount }
      auditEntryAggregate(groupBy: [{field: ACTS_USER}]) { count keys { value record { ... on User { name } } } } }"""
    found = await crm.gql(text, id=user)
    assert found["user"] == {
        "name": "Ada",
        "actsCount": 3,
        "actsDone": {"totalCount": 1, "nodes": [{"type": "customer.updated", "actsUser": {"name": "Ada"}}]},
    }
    assert found["users"] == {"totalCount": 1}
    groups = {g["keys"][0]["value"]: (g["count"], g["keys"][0]["record"]) for g in found["auditEntryAggregate"]}
    assert groups[user] == (3, {"name": "Ada"})


async def test_a_log_is_read_only_and_has_nothing_of_a_record(crm):
    kinds = crm.crm.schema.core.type_map
    mutations = crm.crm.schema.core.mutation_type.fields
    assert not [name for name in mutations if name.startswith("auditEntry")]
    fields = kinds["AuditEntry"].fields
    assert not {"version", "createdAt", "updatedBy", "deletedAt", "externalRefs", "customFields"} & set(fields)
    assert {"custom", "externalRefs"}.isdisjoint(kinds["AuditEntryFilter"].fields)
    assert "custom" not in kinds["AuditEntryOrder"].fields
    roots = crm.crm.schema.core.query_type.fields
    assert "auditEntryByExternalRef" not in roots
    assert "deleted" not in roots["auditEntries"].args


@pytest.mark.parametrize("reach", [Reach.OWN, Reach.TEAM])
async def test_who_sees_less_than_the_tenant_may_not_read_it(crm, filled, reach):
    user, _acme = filled
    crm.client.headers["authorization"] = f"Bearer {await crm.token_for(reach=reach)}"
    entry = f"event_{uuid4()}"
    for text in (
        "{ auditEntries { totalCount } }",
        "{ auditEntryAggregate { count } }",
        f'{{ auditEntry(id: "{entry}") {{ type }} }}',
        f'{{ node(id: "{entry}") {{ id }} }}',
        f'{{ user(id: "{user}") {{ actsDone {{ totalCount }} }} }}',
        f'{{ user(id: "{user}") {{ actsCount }} }}',
        "{ users(where: {actsDone: {some: {}}}) { totalCount } }",
    ):
        answer = await crm.ask(text)
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["FORBIDDEN"], text


async def test_another_tenant_s_entries_are_not_there(crm, filled):
    fact = Fact(
        tenant_id=new_id(), type="customer.updated", record_type="customer", record_id=from_global(filled[1])[1],
        before=None, after={"name": "theirs"}, changed_fields=["name"], actor_kind=ActorKind.SYSTEM, actor_id=None,
        cause=new_id(), at=times.now(),
    )  # fmt: skip
    async with crm.crm.db.transaction() as tx:
        await record_events(tx, [fact])
    text = """query($id: ID!, $entry: ID!) { auditEntries { totalCount } auditEntry(id: $entry) { id }
      customer(id: $id) { history { nodes { after } } } }"""
    before = (await crm.gql("{ auditEntries { totalCount } }"))["auditEntries"]["totalCount"]
    found = await crm.gql(text, id=filled[1], entry=f"event_{fact.id}")
    assert found["auditEntry"] is None
    assert len(found["customer"]["history"]["nodes"]) == 2
    assert found["auditEntries"]["totalCount"] == before == 4
