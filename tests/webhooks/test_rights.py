"""Whose an endpoint is: who sees it, who may do what to it, and with whose rights its messages are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.access import Reach
from crmcore.platform.database import connect
from crmcore.platform.migrate import migrate
from tests.fixtures import Answer, TestCrm, open_crm
from tests.webhooks.conftest import CREATE, Hooks

LIST = "{ webhookEndpoints { nodes { url owner { name } } } }"
ONE = "query($id: ID!) { webhookEndpoint(id: $id) { url history(first: 10) { nodes { type } } } node(id: $id) { id } }"
UPDATE = """mutation($id: ID!, $input: WebhookEndpointUpdateInput!) {
  webhookEndpointUpdate(id: $id, input: $input) { errors { code path } } }"""
EVENTS = ["customer.created"]


@dataclass
class Caller:
    """Somebody with a token of their own."""

    crm: TestCrm
    id: str
    token: str

    async def ask(self, text: str, **variables: Any) -> Answer:
        answer: Answer = (
            await self.crm.post(text, variables, headers={"authorization": f"Bearer {self.token}"})
        ).json()
        return answer

    async def make(self, url: str, **given: Any) -> str:
        sent = {"url": url, "eventTypes": EVENTS, **given}
        payload = (await self.ask(CREATE, input=sent))["data"]["webhookEndpointCreate"]
        assert payload["errors"] == []
        id_: str = payload["webhookEndpoint"]["id"]
        return id_

    async def act(self, verb: str, id_: str) -> list[Answer]:
        text = f'mutation {{ webhookEndpoint{verb}(id: "{id_}") {{ errors {{ code path }} }} }}'
        errors: list[Answer] = (await self.ask(text))["data"][f"webhookEndpoint{verb}"]["errors"]
        return errors

    async def urls(self) -> list[str]:
        return [one["url"] for one in (await self.ask(LIST))["data"]["webhookEndpoints"]["nodes"]]


async def colleague(crm: TestCrm, name: str, reach: Reach, team: str | None = None) -> Caller:
    text = "mutation($input: UserCreateInput!) { userCreate(input: $input) { user { id } errors { message } } }"
    sent = {"name": name, "email": f"{name.lower()}@acme.com", "teamId": team}
    id_ = (await crm.gql(text, input=sent))["userCreate"]["user"]["id"]
    return Caller(crm, id_, await crm.token_for(user_id=UUID(id_.removeprefix("user_")), reach=reach))


async def test_who_sees_only_their_own_finds_no_other(hooks: Hooks):
    strong = await hooks.endpoint("https://strong.example/key", "deal.*")
    program = Caller(hooks.crm, "", await hooks.crm.token_for(reach=Reach.OWN))
    await program.ask(CREATE, input={"url": "https://program.example/", "eventTypes": EVENTS})
    found = await hooks.crm.gql('{ webhookEndpoints(where: {url: {contains: "program"}}) { nodes { id } } }')
    [programs] = [one["id"] for one in found["webhookEndpoints"]["nodes"]]
    for weak in (await colleague(hooks.crm, "Eve", Reach.OWN), await colleague(hooks.crm, "Tom", Reach.TEAM), program):
        assert await weak.urls() == []
        assert (await weak.ask(ONE, id=strong))["data"] == {"webhookEndpoint": None, "node": None}
        for verb in ("Pause", "Resume", "RotateSecret", "Test", "Delete", "Purge"):
            for endpoint in (strong, programs):
                assert await weak.act(verb, endpoint) == [{"code": "NOT_FOUND", "path": ["id"]}], verb
        tried = (await weak.ask(UPDATE, id=strong, input={"url": "https://eve.example/"}))["data"]
        assert tried["webhookEndpointUpdate"]["errors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
        await hooks.delete(strong, "webhookEndpoint")
        for verb in ("Restore", "Purge"):
            assert await weak.act(verb, strong) == [{"code": "NOT_FOUND", "path": ["id"]}], verb
        assert (await hooks.act("Restore", strong))["errors"] == []
    assert (await hooks.state(strong))[0] == "ACTIVE"


async def test_an_endpoint_belongs_to_who_made_it(hooks: Hooks):
    eve = await colleague(hooks.crm, "Eve", Reach.OWN)
    endpoint = await eve.make("https://eve.example/")
    [seen] = (await eve.ask(LIST))["data"]["webhookEndpoints"]["nodes"]
    assert seen == {"url": "https://eve.example/", "owner": {"name": "Eve"}}
    for verb in ("Pause", "Resume", "RotateSecret", "Test", "Delete", "Restore", "Purge"):
        assert await eve.act(verb, endpoint) == [], verb
    given = await eve.ask(CREATE, input={"url": "https://eve.example/", "eventTypes": EVENTS, "ownerId": eve.id})
    assert given["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", "nobody says whose it is"


async def test_a_teams_endpoints_are_seen_and_not_configured(hooks: Hooks):
    made = await hooks.crm.gql('mutation { teamCreate(input: {name: "North"}) { team { id } } }')
    team = made["teamCreate"]["team"]["id"]
    ada = await colleague(hooks.crm, "Ada", Reach.TENANT, team)
    tom = await colleague(hooks.crm, "Tom", Reach.TEAM, team)
    endpoint = await ada.make("https://ada.example/")
    assert await tom.urls() == ["https://ada.example/"]
    for verb in ("Pause", "Resume", "RotateSecret", "Test"):
        assert await tom.act(verb, endpoint) == [{"code": "FORBIDDEN", "path": ["id"]}], verb
    tried = (await tom.ask(UPDATE, id=endpoint, input={"url": "https://tom.example/"}))["data"]
    assert tried["webhookEndpointUpdate"]["errors"] == [{"code": "FORBIDDEN", "path": ["id"]}]


async def test_who_resumes_an_endpoint_lends_it_no_rights(hooks: Hooks):
    """What happened to others' records is not told to a weak endpoint, whoever paused and resumed it."""
    eve, receiver = await colleague(hooks.crm, "Eve", Reach.OWN), await hooks.receiver()
    endpoint = await eve.make(receiver.url, payload="{ name }")
    assert (await hooks.act("Pause", endpoint))["errors"] == []
    await hooks.customer("Not hers")
    assert (await hooks.act("Resume", endpoint))["errors"] == []
    await hooks.customer("Nor this")
    await hooks.customer("Hers", ownerId=eve.id)
    await hooks.deliver()
    assert [m.told["data"] for m in receiver.messages] == [{"name": "Hers"}]
    assert await eve.urls() == [receiver.url]


async def test_who_changes_an_endpoint_takes_it_over(hooks: Hooks):
    """Its messages hold what they may see, so that its former owner may not bring it back or read its address."""
    eve = await colleague(hooks.crm, "Eve", Reach.OWN)
    endpoint = await eve.make("https://eve.example/")
    changed = await hooks.crm.gql(UPDATE, id=endpoint, input={"url": "https://strong.example/key"})
    assert changed["webhookEndpointUpdate"]["errors"] == []
    assert await eve.urls() == []
    await hooks.delete(endpoint, "webhookEndpoint")
    assert await eve.act("Restore", endpoint) == [{"code": "NOT_FOUND", "path": ["id"]}]


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("webhookEndpointRotateSecret(id: $id, overlapHours: 200)", "VALIDATION", ["overlapHours"]),
        ('webhookEndpointPause(id: $id, reason: "%s")' % ("x" * 501), "VALIDATION", ["reason"]),
        ("webhookEndpointPause(id: $id, expectedVersion: 7)", "CONFLICT", ["expectedVersion"]),
        ("webhookDeliveriesReplay(endpointId: $id)", "VALIDATION", ["ids"]),
        ("webhookDeliveriesReplay(endpointId: $none, ids: [])", "NOT_FOUND", ["endpointId"]),
    ],
)
async def test_a_refusal_names_the_argument_at_fault(hooks: Hooks, text: str, code: str, path: list[str]):
    endpoint = await hooks.endpoint("https://hook.example/")
    known = {"$id": f'"{endpoint}"', "$none": '"webhook_endpoint_00000000-0000-0000-0000-000000000000"'}
    for name, value in known.items():
        text = text.replace(name, value)
    [payload] = (await hooks.crm.gql(f"mutation {{ {text} {{ errors {{ code path }} }} }}")).values()
    assert payload["errors"] == [{"code": code, "path": path}]


async def test_endpoints_of_before_have_owners(database_url: str):
    """Those that were there when owners came belong to the user who configured them; a program's belong to nobody."""
    async with open_crm(database_url) as crm:
        made = await crm.gql('mutation { teamCreate(input: {name: "North"}) { team { id } } }')
        eve = await colleague(crm, "Eve", Reach.TEAM, made["teamCreate"]["team"]["id"])
        await eve.make("https://eve.example/")
        await Caller(crm, "", crm.token).make("https://program.example/")
    read = Sql(
        'SELECT e.url, u.name AS owner, t.name AS team FROM webhook_endpoint e LEFT JOIN "user" u ON u.id = e.owner_id '
        "LEFT JOIN team t ON t.id = e.team_id ORDER BY e.url"
    )
    db = await connect(database_url, connections=1)
    try:
        before = [dict(row) for row in await db.fetch(read)]
    finally:
        await db.close()
    await migrate(database_url, [CORE], to=("core", "0018_owned_merges"), losing=True)
    assert (await migrate(database_url, [CORE])).differences == []
    db = await connect(database_url, connections=1)
    try:
        assert [dict(row) for row in await db.fetch(read)] == before
    finally:
        await db.close()
    assert before == [
        {"url": "https://eve.example/", "owner": "Eve", "team": "North"},
        {"url": "https://program.example/", "owner": None, "team": None},
    ]
