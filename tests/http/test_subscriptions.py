"""`recordChanged` over real sockets: who is told of what, from where on, and what becomes of slow clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fixtures import TestCrm
from tests.http.serving import Serving, Talk, serving

CREATE = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id version } errors { message } } }"
UPDATE = (
    "mutation($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { errors { message } } }"
)
DELETE = "mutation($id: ID!) { customerDelete(id: $id) { errors { message } } }"
RESTORE = "mutation($id: ID!) { customerRestore(id: $id) { errors { message } } }"
CHANGED = """subscription($types: [RecordTypeName!], $ids: [ID!], $where: RecordFilters, $after: String) {
  recordChanged(types: $types, ids: $ids, where: $where, after: $after) {
    cursor sequence op type id event changedFields before after actor { kind id } at cause
    node { id ... on Customer { name } ... on Task { subject customer { name } } }
  }
}"""


@pytest.fixture
async def server(crm: TestCrm) -> AsyncIterator[Serving]:
    async with serving(crm) as found:
        yield found


async def create(crm: TestCrm, **given: Any) -> str:
    made = await crm.gql(CREATE, input={"name": "Ada", **given})
    assert made["customerCreate"]["errors"] == []
    return str(made["customerCreate"]["customer"]["id"])


async def change(crm: TestCrm, id_: str, **given: Any) -> None:
    assert (await crm.gql(UPDATE, id=id_, input=given))["customerUpdate"]["errors"] == []


async def next_change(talk: Talk, id_: str = "live") -> dict[str, Any]:
    message = await talk.hear()
    assert (message["type"], message["id"]) == ("next", id_), message
    assert "errors" not in message["payload"], message
    return message["payload"]["data"]["recordChanged"]


async def follow(server: Serving, talk: Talk, id_: str = "live", **variables: Any) -> None:
    """Subscribe, and wait until that has begun."""
    tail = server.crm.crm.runner.tail
    before = tail.followers
    await talk.subscribe(id_, CHANGED, **variables)
    async with asyncio.timeout(10):
        while tail.followers == before:
            await asyncio.sleep(0.005)


async def test_changes_are_told_with_what_they_changed(server: Serving):
    crm = server.crm
    async with server.talk() as talk:
        await follow(server, talk)
        id_ = await create(crm, name="Müller")
        new = await next_change(talk)
        assert (new["op"], new["type"], new["id"], new["event"]) == ("CREATE", "CUSTOMER", id_, "customer.created")
        assert new["after"]["name"] == "Müller"
        assert (new["before"], new["node"]) == (None, {"id": id_, "name": "Müller"})
        await change(crm, id_, name="Meier")
        then = await next_change(talk)
        assert (then["op"], then["changedFields"]) == ("UPDATE", ["name"])
        assert (then["before"]["name"], then["after"]["name"]) == ("Müller", "Meier")
        assert then["actor"]["kind"] == "API_KEY"
        await crm.gql(DELETE, id=id_)
        gone = await next_change(talk)
        assert (gone["op"], gone["event"], gone["node"]) == ("DELETE", "customer.deleted", None)
        assert (gone["before"], gone["after"], gone["changedFields"]) == (None, None, [])
        await crm.gql(RESTORE, id=id_)
        back = await next_change(talk)
        assert (back["op"], back["node"]) == ("RESTORE", {"id": id_, "name": "Meier"})
        numbers = [int(one["sequence"]) for one in (new, then, gone, back)]
        assert numbers == sorted(numbers)
