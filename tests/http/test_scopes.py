"""A token with scopes may do what they say and nothing else, wherever records are met."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmcore.kit.ids import new_id
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.identity import create_token
from crmcore.platform.jobs import policies
from tests.fixtures import TestCrm

PAGE = "{ customers { nodes { name deals { nodes { name } } } } }"


@pytest.fixture
def scoped(crm: TestCrm):
    """Asks with a token of these scopes."""

    async def ask(scopes, query, **variables):
        async with crm.crm.db.transaction() as tx:
            made = await create_token(tx, crm.tenant, "app", scopes=scopes)
        answer = await crm.post(query, variables, headers={"authorization": f"Bearer {made.text}"})
        return answer.json()

    return ask


def codes(answer):
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


async def test_reading(crm, scoped):
    await crm.gql('mutation { customerCreate(input: {name: "Ada", kind: ORGANIZATION}) { customer { id } } }')
    everything = await crm.gql(PAGE)
    assert (await scoped(["customer:read", "deal:write"], PAGE))["data"] == everything
    assert (await scoped(["*:read"], PAGE))["data"] == everything
    assert (await scoped(["*:write"], PAGE))["data"] == everything
    for scopes in (["customer:read"], ["deal:read"], ["customer:purge", "deal:read"], [], ["email.send"]):
        answer = await scoped(scopes, PAGE)
        assert (codes(answer), answer["data"]["customers"]) == (["FORBIDDEN"], None), scopes
    assert await crm.gql(PAGE) == everything, "a plan is kept for those only who have the same scopes"
    for query in (
        "{ customers { nodes { name } } }",
        "{ customerAggregate { count } }",
        '{ customers(where: {deals: {some: {name: {eq: "x"}}}}) { nodes { name } } }',
        "{ auditEntries { nodes { id } } }",
        "{ jobs { nodes { id } } }",
    ):
        assert codes(await scoped(["contact:read"], query)) == ["FORBIDDEN"], query
    assert codes(await scoped(["deal:read"], '{ customers(where: {name: {eq: "x"}}) { nodes { id } } }'))
    found = await scoped(["contact:read"], '{ search(query: "ada") { nodes { record { __typename } } } }')
    assert not found.get("data", {}).get("search") or found["data"]["search"]["nodes"] == []


async def test_records_of_any_kind_are_those_that_the_token_may_read(crm, scoped):
    made = await crm.gql('mutation { customerCreate(input: {name: "Ada"}) { customer { id } } }')
    key = made["customerCreate"]["customer"]["id"]
    done = await crm.gql(
        "mutation($in: InteractionCreateInput!) { interactionCreate(input: $in) { errors { message } } }",
        **{"in": {"customerId": key, "kind": "NOTE", "direction": "IN", "at": "2026-11-01T00:00:00Z"}},
    )
    assert done["interactionCreate"]["errors"] == []
    named = "{ auditEntries { nodes { recordType record { __typename } } } }"
    found = (await scoped(["auditEntry:read", "event:read", "customer:read"], named))["data"]["auditEntries"]["nodes"]
    told = {one["recordType"]: one["record"] and one["record"]["__typename"] for one in found}
    assert told == {"customer": "Customer", "interaction": None}
    line = "query($id: ID!) { customer(id: $id) { timeline { nodes { __typename } } } }"
    for scopes, kinds in ((["*:read"], ["Interaction"]), (["customer:read", "deal:read"], [])):
        answer = await scoped(scopes, line, id=key)
        if kinds:
            assert [one["__typename"] for one in answer["data"]["customer"]["timeline"]["nodes"]] == kinds
        else:
            assert "Interaction" not in str(answer)


async def test_writing(crm, scoped):
    create = 'mutation { customerCreate(input: {name: "Bo", kind: PERSON}) { customer { name } errors { code } } }'
    refused = await scoped(["customer:read", "deal:write"], create)
    assert refused["data"]["customerCreate"] == {"customer": None, "errors": [{"code": "FORBIDDEN"}]}
    assert (await crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == 0
    made = await scoped(["customer:write"], create)
    assert made["data"]["customerCreate"] == {"customer": {"name": "Bo"}, "errors": []}
    key = (await crm.gql("{ customers { nodes { id } } }"))["customers"]["nodes"][0]["id"]
    nested = "mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }"
    assert (await scoped(["customer:write"], nested, id=key))["data"]["customerDelete"]["errors"] == []
    purge = "mutation($id: ID!) { customerPurge(id: $id) { errors { code } } }"
    assert (await scoped(["customer:write"], purge, id=key))["data"]["customerPurge"]["errors"] == [
        {"code": "FORBIDDEN"}
    ]


def test_jobs_keep_the_scopes_of_who_asked():
    policy = Policy(new_id(), Actor(ActorKind.API_KEY, new_id()))
    for scopes in (None, frozenset(), frozenset({"customer:read", "email.send"})):
        held = replace(policy, scopes=scopes)
        assert policies.from_json(held.tenant_id, policies.to_json(held)) == held
    assert not replace(policy, scopes=frozenset({"customer:read"})).holds("email.send")
