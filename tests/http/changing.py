"""Customers that change, and a subscription to them: what the tests of subscriptions share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crmcore.kit.ids import from_global
from crmcore.platform.access import Reach
from tests.fixtures import TestCrm
from tests.http.serving import Serving, Talk, followed

CREATE = (
    "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } errors { message } } }"
)
UPDATE = (
    "mutation($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { errors { message } } }"
)
DELETE = "mutation($id: ID!) { customerDelete(id: $id) { errors { message } } }"
RESTORE = "mutation($id: ID!) { customerRestore(id: $id) { errors { message } } }"
USER = "mutation($name: String!, $email: String!) { userCreate(input: {name: $name, email: $email}) { user { id } } }"
CHANGED = """subscription($types: [RecordTypeName!], $ids: [ID!], $where: RecordFilters, $after: String) {
  recordChanged(types: $types, ids: $ids, where: $where, after: $after) {
    cursor sequence op type id event changedFields before after actor { kind id } at cause
    node { id ... on Customer { name } ... on Task { subject customer { name } } }
  }
}"""

Change = dict[str, Any]


async def create(crm: TestCrm, name: str = "Ada", **given: Any) -> str:
    made = (await crm.gql(CREATE, input={"name": name, **given}))["customerCreate"]
    assert made["errors"] == []
    return str(made["customer"]["id"])


async def change(crm: TestCrm, id_: str, **given: Any) -> None:
    assert (await crm.gql(UPDATE, id=id_, input=given))["customerUpdate"]["errors"] == []


@dataclass
class Colleague:
    """A user, and a token with which they see what is theirs."""

    id: str
    token: str


async def colleague(crm: TestCrm, name: str, reach: Reach = Reach.OWN) -> Colleague:
    made = await crm.gql(USER, name=name, email=f"{name}@crm.test")
    id_ = made["userCreate"]["user"]["id"]
    key: UUID = from_global(id_)[1]
    return Colleague(id_, await crm.token_for(user_id=key, reach=reach))


async def follow(server: Serving, talk: Talk, id_: str = "live", **variables: Any) -> None:
    """Subscribe, and wait until that has begun."""
    before = server.crm.crm.runner.tail.followers
    await talk.subscribe(id_, CHANGED, **variables)
    await followed(server.crm, before + 1)


async def next_change(talk: Talk, id_: str = "live") -> Change:
    message = await talk.hear()
    assert (message["type"], message["id"]) == ("next", id_), message
    assert "errors" not in message["payload"], message
    changed: Change = message["payload"]["data"]["recordChanged"]
    return changed


async def nothing_but(crm: TestCrm, talk: Talk) -> Change:
    """Make one more change, a new customer called "end": it must be the next that is told."""
    end = await create(crm, "end")
    change = await next_change(talk)
    assert change["id"] == end, change
    return change
