"""Who did what, when and why: the audit log, and the history of one record."""

from __future__ import annotations

from uuid import uuid4

import pytest

from crmcore.kit.ids import from_global
from crmcore.platform.access import Reach

CREATE = "mutation($n: String!, $o: ID) { customerCreate(input: {name: $n, ownerId: $o}) { customer { id version } errors { message } } }"
UPDATE = """mutation($id: ID!, $n: String!, $why: String) {
  customerUpdate(id: $id, input: {name: $n}, changeReason: $why) { customer { name } errors { message path } } }"""
HISTORY = """query($id: ID!, $where: AuditEntryFilter) { customer(id: $id) { history(where: $where, orderBy: {field: ID}) {
  totalCount nodes { type reason operation changedFields user { name } token { name } recordId record { id } } } } }"""


async def user(crm, name: str) -> str:
    text = "mutation($n: String!, $e: String!) { userCreate(input: {name: $n, email: $e}) { user { id } } }"
    made = await crm.gql(text, n=name, e=f"{name}@example.org")
    return made["userCreate"]["user"]["id"]


async def act_as(crm, who: str | None, reach: Reach = Reach.TENANT) -> None:
    key = from_global(who)[1] if who else None
    crm.client.headers["authorization"] = f"Bearer {await crm.token_for(user_id=key, reach=reach)}"


async def create(crm, name: str, owner: str | None = None) -> str:
    return (await crm.gql(CREATE, n=name, o=owner))["customerCreate"]["customer"]["id"]


async def test_a_record_tells_its_history(crm):
    ada = await user(crm, "Ada")
    acme = await create(crm, "Acme")
    await act_as(crm, ada)
    await crm.gql(UPDATE, id=acme, n="Acme Ltd", why="They merged: größer now")
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { message } } }", id=acme)
    await crm.gql("mutation($id: ID!) { customerRestore(id: $id) { errors { message } } }", id=acme)
    nodes = (await crm.gql(HISTORY, id=acme))["customer"]["history"]["nodes"]
    assert [(n["type"], n["operation"], n["reason"]) for n in nodes] == [
        ("customer.created", "customerCreate", None),
        ("customer.updated", "customerUpdate", "They merged: größer now"),
        ("customer.deleted", "customerDelete", None),
        ("customer.restored", "customerRestore", None),
    ]
    assert [n["user"] for n in nodes] == [None, *[{"name": "Ada"}] * 3]
    assert {n["token"]["name"] for n in nodes} == {"test"}
    assert {n["recordId"] for n in nodes} == {acme}
    assert {n["record"]["id"] for n in nodes} == {acme}
    found = (await crm.gql(HISTORY, id=acme, where={"reason": {"contains": "merged"}}))["customer"]["history"]
    assert (found["totalCount"], found["nodes"][0]["changedFields"]) == (1, ["name"])


async def test_an_auditor_asks_by_record_actor_type_time_cause_and_operation(crm):
    ada, bob = await user(crm, "Ada"), await user(crm, "Bob")
    await act_as(crm, ada)
    acme, bolt = await create(crm, "Acme"), await create(crm, "Bolt")
    await act_as(crm, bob)
    await crm.gql(UPDATE, id=acme, n="Acme Ltd", why="a typo")

    async def types(**where):
        text = """query($w: AuditEntryFilter) { auditEntries(where: $w, orderBy: {field: ID, direction: DESC}) {
          nodes { type at cause } } }"""
        return (await crm.gql(text, w=where))["auditEntries"]["nodes"]

    def names(found):
        return [n["type"] for n in found]

    assert names(await types(recordId={"eq": acme})) == ["customer.updated", "customer.created"]
    assert names(await types(recordId={"in": [acme, bolt, ada]})) == [
        "customer.updated", "customer.created", "customer.created", "user.created",
    ]  # fmt: skip
    assert names(await types(recordId={"notIn": [acme, ada, bob]})) == ["customer.created"]
    assert names(await types(recordId={"eq": acme.replace("customer", "deal")})) == []
    assert names(await types(userId={"eq": bob})) == ["customer.updated"]
    assert names(await types(user={"name": {"eq": "Ada"}})) == ["customer.created"] * 2
    assert names(await types(actor={"id": {"eq": bob}})) == ["customer.updated"]
    assert names(await types(type={"in": ["customer.updated"]}, recordType={"eq": "customer"})) == ["customer.updated"]
    [entry] = await types(operation={"eq": "customerUpdate"})
    assert names(await types(cause={"eq": entry["cause"]})) == ["customer.updated"]
    assert names(await types(at={"gte": entry["at"]})) == ["customer.updated"]
    assert names(await types(at={"lt": entry["at"]}, recordType={"eq": "customer"})) == ["customer.created"] * 2
    groups = await crm.gql(
        "{ auditEntryAggregate(groupBy: [{field: USER}], orderBy: [{count: true, direction: DESC}]) "
        "{ count keys { record { ... on User { name } } } } }"
    )
    counted = {(g["keys"][0]["record"] or {}).get("name"): g["count"] for g in groups["auditEntryAggregate"]}
    assert counted == {None: 2, "Ada": 2, "Bob": 1}


async def test_records_are_found_by_their_history(crm):
    acme, _bolt = await create(crm, "Acme"), await create(crm, "Bolt")
    await crm.gql(UPDATE, id=acme, n="Acme Ltd")
    text = """{ customers(where: {history: {some: {type: {eq: "customer.updated"}}}}, orderBy: {history: {count: true}}) {
      nodes { name history { totalCount aggregate(groupBy: [{field: TYPE}]) { count } } } } }"""
    found = (await crm.gql(text))["customers"]["nodes"]
    assert [(n["name"], n["history"]["totalCount"]) for n in found] == [("Acme Ltd", 2)]
    assert found[0]["history"]["aggregate"] == [{"count": 1}, {"count": 1}]


@pytest.mark.parametrize("reach", [Reach.OWN, Reach.TEAM])
async def test_who_sees_a_record_sees_its_history_and_no_other(crm, reach):
    ada, bob = await user(crm, "Ada"), await user(crm, "Bob")
    mine, theirs = await create(crm, "Mine", ada), await create(crm, "Theirs", bob)
    await act_as(crm, ada, reach)
    assert (await crm.gql(HISTORY.replace("token { name }", ""), id=mine))["customer"]["history"]["totalCount"] == 1
    assert await crm.gql(HISTORY.replace("token { name }", ""), id=theirs) == {"customer": None}
    found = await crm.gql('{ customers(where: {history: {some: {type: {eq: "customer.created"}}}}) { nodes { id } } }')
    assert [n["id"] for n in found["customers"]["nodes"]] == [mine]
    for text in ("{ auditEntries { totalCount } }", "{ apiTokens { totalCount } }"):
        answer = await crm.ask(text)
        assert [e["extensions"]["code"] for e in answer["errors"]] == ["FORBIDDEN"]


async def test_a_move_s_own_reason_counts_more_than_the_one_beside_it(crm):
    acme = await create(crm, "Acme")
    text = 'mutation($c: ID!) { caseCreate(input: {subject: "S", customerId: $c}) { case { id } } }'
    case = (await crm.gql(text, c=acme))["caseCreate"]["case"]["id"]
    text = """mutation($id: ID!) { caseOpen(id: $id, changeReason: "first") { errors { message } }
      caseHold(id: $id, input: {reason: "no parts"}, changeReason: "beside") { errors { message } } }"""
    done = await crm.gql(text, id=case)
    assert done == {"caseOpen": {"errors": []}, "caseHold": {"errors": []}}
    text = "query($id: ID!) { case(id: $id) { history(orderBy: {field: ID}) { nodes { operation reason } } } }"
    found = (await crm.gql(text, id=case))["case"]["history"]["nodes"]
    assert [(n["operation"], n["reason"]) for n in found] == [
        ("caseCreate", None), ("caseOpen", "first"), ("caseHold", "no parts"),
    ]  # fmt: skip


@pytest.mark.parametrize("why", ["x" * 5001])
async def test_a_reason_that_is_none_is_refused(crm, why):
    acme = await create(crm, "Acme")
    answer = await crm.ask(UPDATE, id=acme, n="Other", why=why)
    assert answer["data"] == {"customerUpdate": None}
    assert answer["errors"][0]["extensions"] == {
        "code": "BAD_USER_INPUT", "argument": ["changeReason"], "requestId": answer["errors"][0]["extensions"]["requestId"],
    }  # fmt: skip
    literal = 'mutation($id: ID!) { customerUpdate(id: $id, input: {name: "x"}, changeReason: "a\\u0000") { errors { code } } }'
    assert (await crm.ask(literal, id=acme))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await crm.gql(HISTORY, id=acme))["customer"]["history"]["totalCount"] == 1


async def test_a_malformed_id_is_refused(crm):
    text = "query($id: ID!) { auditEntries(where: {recordId: {eq: $id}}) { totalCount } }"
    assert (await crm.ask(text, id="nonsense"))["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await crm.gql(text, id=f"unicorn_{uuid4()}"))["auditEntries"]["totalCount"] == 0
