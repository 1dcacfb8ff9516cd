"""What is purged is gone: no table, no index, and on SQLite no page of the file tells of it any more."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from crmcore.kit.ids import from_global
from crmcore.kit.sql import Sql, ident
from crmcore.platform.access import Policy, Reach
from crmcore.records import Create, write

MARK = "Qwyjibo"
"""A text that nothing else has. It is searched without case."""

CREATE = """mutation($in: CustomerCreateInput!, $key: String) { customerCreate(input: $in, idempotencyKey: $key) {
  customer { id name } errors { message path } } }"""
PURGE = """mutation($id: ID!, $v: Int) { customerPurge(id: $id, expectedVersion: $v) {
  customer { id } errors { code message path } } }"""


async def create(crm, name: str, **values) -> str:
    done = (await crm.gql(CREATE, **{"in": {"name": name, **values}}))["customerCreate"]
    assert done["errors"] == []
    return done["customer"]["id"]


async def make(crm, what: str, **values) -> str:
    kind = what[0].upper() + what[1:]
    text = f"mutation($in: {kind}CreateInput!) {{ made: {what}Create(input: $in) {{ made: {what} {{ id }} errors {{ message }} }} }}"
    done = (await crm.gql(text, **{"in": values}))["made"]
    assert done["errors"] == []
    return done["made"]["id"]


async def delete(crm, what: str, id: str) -> None:
    text = f"mutation($id: ID!) {{ done: {what}Delete(id: $id) {{ errors {{ message }} }} }}"
    assert await crm.gql(text, id=id) == {"done": {"errors": []}}


async def purge(crm, id: str, version: int | None = None) -> list[dict]:
    done = (await crm.gql(PURGE, id=id, v=version))["customerPurge"]
    assert done["customer"] is None
    return done["errors"]


async def rows(crm) -> dict[str, list[str]]:
    """Every row of every table as text; search indexes of SQLite have no rows to read."""
    db = crm.crm.db
    listed = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%search_entry_words%'"
        if db.dialect == "sqlite"
        else "SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()"
    )
    names = [row["name"] for row in await db.fetch(Sql(listed))]
    return {name: [str(tuple(row)) for row in await db.fetch(Sql(f"SELECT * FROM {ident(name)}"))] for name in names}


async def told(crm, text: str) -> set[str]:
    """The tables in which the text stands."""
    return {name for name, found in (await rows(crm)).items() if any(text.lower() in row.lower() for row in found)}


async def family(crm) -> tuple[str, dict[str, str]]:
    """A customer with parts of many kinds, living and deleted, all of which say MARK; and its parts."""
    await make(crm, "customField", recordType="customer", key="nick", label="Nick", type="TEXT")
    text = CREATE.replace("input: $in, ", "input: $in, changeReason: $why, ").replace(
        "$key: String", "$key: String, $why: String"
    )
    done = await crm.gql(
        text, key=uuid4().hex, why=f"{MARK} asked for it",
        **{"in": {
            "name": f"{MARK} Ltd", "taxId": f"{MARK}-1", "externalRefs": [{"system": "erp", "externalId": f"{MARK}7"}],
            "customFields": [{"key": "nick", "text": MARK}],
        }},
    )  # fmt: skip
    customer = done["customerCreate"]["customer"]["id"]
    parts = {
        "address": await make(crm, "address", customerId=customer, city=MARK),
        "contactPoint": await make(crm, "contactPoint", customerId=customer, type="EMAIL", value=f"{MARK}@example.org"),
        "case": await make(crm, "case", customerId=customer, subject=f"{MARK} calls", description=MARK),
        "deal": await make(crm, "deal", customerId=customer, name=f"Deal of {MARK}"),
        "order": await make(crm, "order", customerId=customer, currency="EUR"),
        "interaction": await make(
            crm,
            "interaction",
            customerId=customer,
            kind="NOTE",
            direction="IN",
            at="2026-11-01T00:00:00Z",
            subject=MARK,
        ),
    }
    text = "mutation($id: ID!, $n: String!) { customerUpdate(id: $id, input: {name: $n}) { errors { message } } }"
    await crm.gql(text, id=customer, n=f"{MARK} and Sons")
    text = f'mutation($id: ID!) {{ caseOpen(id: $id) {{ errors {{ message }} }} caseHold(id: $id, input: {{reason: "{MARK} waits"}}) {{ errors {{ message }} }} }}'
    await crm.gql(text, id=parts["case"])
    await delete(crm, "address", parts["address"])
    return customer, parts


@pytest.mark.parametrize("deleted", [False, True])
async def test_no_trace_is_left(crm, deleted):
    stage = await pipeline(crm)
    assert stage
    customer, parts = await family(crm)
    before = await told(crm, MARK)
    assert {
        "customer",
        "event",
        "external_ref",
        "search_entry",
        "custom_value",
        "transition",
        "idempotency_key",
    } <= before
    if deleted:
        await delete(crm, "customer", customer)
    assert await purge(crm, customer) == []
    assert await told(crm, MARK) == set()
    keys = [str(from_global(one)[1]) for one in (customer, *parts.values())]
    assert {table for key in keys for table in await told(crm, key)} <= {"event"}
    if crm.crm.db.dialect == "sqlite":
        path = Path(crm.crm.db.path)
        for file in path.parent.glob(f"{path.name}*"):
            assert MARK.lower().encode() not in file.read_bytes().lower(), file


async def pipeline(crm) -> str:
    made = await make(crm, "pipeline", name="Sales", isDefault=True)
    return await make(crm, "stage", pipelineId=made, name="New", position=1)


async def test_the_facts_stay_without_their_content(crm):
    customer = await create(crm, MARK)
    other = await create(crm, "Other")
    await purge(crm, customer)
    text = """query($id: ID!) { auditEntries(where: {recordId: {eq: $id}}, orderBy: {field: ID}) {
      nodes { type before after reason erasedAt operation } } }"""
    nodes = (await crm.gql(text, id=customer))["auditEntries"]["nodes"]
    assert [(n["type"], n["operation"]) for n in nodes] == [
        ("customer.created", "customerCreate"), ("customer.deleted", "customerPurge"), ("customer.purged", "customerPurge"),
    ]  # fmt: skip
    assert all((n["before"], n["after"], n["reason"]) == (None, None, None) for n in nodes)
    assert [n["erasedAt"] is None for n in nodes] == [False, False, True]
    [kept] = (await crm.gql(text, id=other))["auditEntries"]["nodes"]
    assert kept["after"]["name"] == "Other"


async def test_who_is_needed_is_not_purged(crm):
    parent = await create(crm, "Parent")
    child, gone = await create(crm, "Child", parentId=parent), await create(crm, "Gone", parentId=parent)
    await delete(crm, "customer", gone)
    [error] = await purge(crm, parent)
    assert (error["code"], error["path"]) == ("POLICY", ["id"])
    await delete(crm, "customer", child)
    [error] = await purge(crm, parent)
    assert error["code"] == "POLICY"
    assert "2 deleted customers" in error["message"]
    assert (await crm.gql("query($id: ID!) { customer(id: $id) { version } }", id=parent))["customer"] == {"version": 1}
    assert await purge(crm, child) == await purge(crm, gone) == await purge(crm, parent) == []


async def test_loose_references_are_cleared_and_told(crm):
    user = await make(crm, "user", name="Ada", email="ada@example.org")
    customer = await create(crm, "Acme", ownerId=user)
    text = "mutation($id: ID!) { userPurge(id: $id) { errors { message } } }"
    assert await crm.gql(text, id=user) == {"userPurge": {"errors": []}}
    text = "query($id: ID!) { customer(id: $id) { version owner { id } history(orderBy: {field: ID}) { nodes { type changedFields } } } }"
    found = (await crm.gql(text, id=customer))["customer"]
    assert (found["version"], found["owner"]) == (2, None)
    assert found["history"]["nodes"][-1] == {"type": "customer.updated", "changedFields": ["owner_id"]}


async def test_another_version_a_strange_id_and_a_trial(crm):
    customer = await create(crm, "Acme")
    [error] = await purge(crm, customer, 7)
    assert (error["code"], error["path"]) == ("CONFLICT", ["expectedVersion"])
    await delete(crm, "customer", customer)
    [error] = await purge(crm, customer, 7)
    assert (error["code"], error["path"]) == ("CONFLICT", ["expectedVersion"])
    [error] = await purge(crm, f"customer_{uuid4()}")
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["id"])
    trial = PURGE.replace("expectedVersion: $v", "expectedVersion: $v, dryRun: true")
    assert (await crm.gql(trial, id=customer, v=2))["customerPurge"]["errors"] == []
    assert await purge(crm, customer, 2) == []
    [error] = await purge(crm, customer)
    assert error["code"] == "NOT_FOUND"


async def test_it_is_a_right_of_its_own(crm, monkeypatch):
    customer = await create(crm, "Acme")
    monkeypatch.setattr(Policy, "may", lambda _self, action, _record: action != "purge")
    [error] = await purge(crm, customer)
    assert error["code"] == "FORBIDDEN"
    await delete(crm, "customer", customer)


async def test_who_does_not_see_it_does_not_purge_it(crm):
    user = await make(crm, "user", name="Ada", email="ada@example.org")
    theirs = await create(crm, "Theirs")
    crm.client.headers["authorization"] = f"Bearer {await crm.token_for(user_id=from_global(user)[1], reach=Reach.OWN)}"
    [error] = await purge(crm, theirs)
    assert error["code"] == "NOT_FOUND"
    mine = await create(crm, "Mine")
    assert await purge(crm, mine) == []


async def test_merges_of_it_are_forgotten(crm):
    survivor, other = await create(crm, "Survivor"), await create(crm, MARK)
    text = "mutation($in: CustomerMergeInput!) { customerMerge(input: $in) { errors { message } } }"
    done = await crm.gql(text, **{"in": {"survivorId": survivor, "otherIds": [other], "reason": f"{MARK} is the same"}})
    assert done == {"customerMerge": {"errors": []}}
    assert "merge_record" in await told(crm, MARK)
    assert await purge(crm, other) == []
    found = await rows(crm)
    assert (found["merge_record"], found["merged_row"]) == ([], [])
    assert await told(crm, MARK) <= {"event"}  # the survivor's own history: why it was merged
    assert await purge(crm, survivor) == []
    assert await told(crm, MARK) == set()


async def test_pairs_of_it_are_forgotten(crm):
    first, second = await create(crm, MARK), await create(crm, f"{MARK} Ltd")
    model = crm.crm.graph.tables["duplicate_pair"]
    values = {
        "record_type": "customer", "first_id": from_global(first)[1], "second_id": from_global(second)[1], "score": 1,
        "reasons": [{"kind": "NAME", "value": MARK}], "note": MARK,
    }  # fmt: skip
    await write(crm.context, [Create(model, values)])
    assert "duplicate_pair" in await told(crm, MARK)
    assert await purge(crm, second) == []
    assert (await rows(crm))["duplicate_pair"] == []
    assert await purge(crm, first) == []
    assert await told(crm, MARK) == set()
