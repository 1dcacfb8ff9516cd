"""`recordChanged` over real sockets: who is told of what, and from where on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.access import Reach
from crmcore.platform.context import Context
from crmcore.platform.identity import create_tenant, create_token
from crmcore.schema.running import Request
from tests.fixtures import TestCrm
from tests.http.changing import (
    CHANGED,
    DELETE,
    RESTORE,
    change,
    colleague,
    create,
    follow,
    next_change,
    nothing_but,
)
from tests.http.serving import Serving, followed, serving

TASK = 'mutation($customer: ID!) { taskCreate(input: {subject: "Call", customerId: $customer}) { task { id } errors { message } } }'


@pytest.fixture
async def server(crm: TestCrm) -> AsyncIterator[Serving]:
    async with serving(crm) as found:
        yield found


async def test_changes_are_told_with_what_they_changed(server: Serving):
    crm = server.crm
    async with server.talk() as talk:
        await follow(server, talk)
        id_ = await create(crm, "Müller")
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


async def test_types_and_ids_choose(server: Serving):
    crm = server.crm
    ada, bob = await create(crm, "Ada"), await create(crm, "Bob")
    async with server.talk() as talk:
        await follow(server, talk, "tasks", types=["TASK"])
        await follow(server, talk, "bob", ids=[bob])
        await follow(server, talk, "none", types=[])
        await change(crm, ada, name="Ada L.")
        task = (await crm.gql(TASK, customer=ada))["taskCreate"]["task"]["id"]
        told = await next_change(talk, "tasks")
        assert (told["type"], told["node"]) == ("TASK", {"id": task, "subject": "Call", "customer": {"name": "Ada L."}})
        await change(crm, bob, name="Bobby")
        assert (await next_change(talk, "bob"))["node"]["name"] == "Bobby"


async def test_only_what_the_caller_may_see_is_told_and_what_leaves_their_view_is_gone(server: Serving):
    crm = server.crm
    ada, bob = await colleague(crm, "ada"), await colleague(crm, "bob")
    async with server.talk(ada.token) as talk, server.talk(bob.token) as other:
        await follow(server, talk)
        await follow(server, other)
        secret = await create(crm, "Nobody's")
        await change(crm, secret, name="Still nobody's")
        mine = await create(crm, "Ada's", ownerId=ada.id)
        assert (await next_change(talk))["node"]["name"] == "Ada's"
        await crm.gql(TASK, customer=mine)
        await change(crm, mine, ownerId=bob.id, name="Bob's")
        lost = await next_change(talk)
        assert (lost["op"], lost["id"]) == ("DELETE", mine)
        hidden = {key: lost[key] for key in ("event", "before", "after", "actor", "node", "changedFields")}
        assert hidden == {
            "event": None, "before": None, "after": None, "actor": None, "node": None, "changedFields": [],
        }  # fmt: skip
        while (gained := await next_change(other))["op"] == "CREATE":
            pass  # it is told of the beginning too, if that is told when it is Bob's already
        assert (gained["op"], gained["node"]) == ("UPDATE", {"id": mine, "name": "Bob's"})
        await change(crm, mine, name="Bob's own")
        assert (await next_change(other))["node"]["name"] == "Bob's own"
        await crm.gql(DELETE, id=mine)
        gone = await next_change(other)
        assert (gone["op"], gone["event"], gone["id"]) == ("DELETE", "customer.deleted", mine)
        await crm.gql(DELETE, id=secret)
        last = await create(crm, "Ada's again", ownerId=ada.id)
        assert (await next_change(talk))["id"] == last


async def test_what_goes_with_a_record_is_told_too(server: Serving):
    crm = server.crm
    ada = await colleague(crm, "ada")
    mine = await create(crm, "Ada's", ownerId=ada.id, addresses=[{"city": "Ulm"}])
    async with server.talk(ada.token) as talk:
        await follow(server, talk)
        await crm.gql(DELETE, id=mine)
        gone = [await next_change(talk) for _ in range(2)]
        assert {one["type"] for one in gone} == {"CUSTOMER", "ADDRESS"}
        assert {one["op"] for one in gone} == {"DELETE"}


async def test_other_tenants_are_not_heard(server: Serving):
    crm = server.crm
    async with crm.crm.db.transaction() as tx:
        tenant = await create_tenant(tx, "other", "Other")
        token = (await create_token(tx, tenant, "theirs")).text
    async with server.talk(token) as talk, server.talk() as ours:
        await follow(server, talk)
        await follow(server, ours)
        id_ = await create(crm)
        assert (await next_change(ours))["id"] == id_
        made = await talk.connection.ping()
        await made
        await talk.say(type="ping")
        assert await talk.hear() == {"type": "pong"}


async def test_a_filter_is_asked_when_it_is_told_and_what_matches_no_more_is_gone(server: Serving):
    crm = server.crm
    async with server.talk() as talk:
        await follow(server, talk, where={"customer": {"name": {"startsWith": "A"}}}, types=["CUSTOMER"])
        await create(crm, "Bob")
        ada = await create(crm, "Ada")
        assert (await next_change(talk))["id"] == ada
        await change(crm, ada, industry="Mills")
        assert (await next_change(talk))["changedFields"] == ["industry"]
        await change(crm, ada, name="Bea")
        left = await next_change(talk)
        assert (left["op"], left["id"], left["before"], left["event"]) == ("DELETE", ada, None, None)
        await change(crm, ada, industry="Looms")
        anna = await create(crm, "Anna")
        assert (await next_change(talk))["id"] == anna
        await change(crm, ada, name="Ada")
        assert (await next_change(talk))["op"] == "UPDATE"
        bob = await create(crm, "Bert")
        await crm.gql(DELETE, id=bob)
        await crm.gql(DELETE, id=ada)
        gone = await next_change(talk)
        assert (gone["op"], gone["id"]) == ("DELETE", ada)


BAD = [
    ({"after": "nonsense"}, ["after"]),
    ({"after": "log.99999999999999999999999"}, ["after"]),
    ({"ids": ["nonsense"]}, ["ids"]),
    ({"ids": ["customer_0198f3a2-0000-7000-8000-000000000000"] * 201}, ["ids"]),
    ({"where": {"customer": {"ownerId": {"eq": "nonsense"}}}}, ["where", "customer", "ownerId", "eq"]),
]


async def test_bad_arguments_are_refused(server: Serving):
    async with server.talk() as talk:
        for variables, argument in BAD:
            await talk.subscribe("bad", CHANGED, **variables)
            message = await talk.hear()
            assert (message["type"], message["id"]) == ("error", "bad"), message
            assert message["payload"][0]["extensions"]["code"] == "BAD_USER_INPUT"
            assert message["payload"][0]["extensions"]["argument"] == argument
        await follow(server, talk)
        await nothing_but(server.crm, talk)


ODD = {
    "subscription($no: Boolean! = false) { recordChanged @include(if: $no) { cursor } }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { __typename }": "GRAPHQL_VALIDATION_FAILED",
    "subscription { a: recordChanged { cursor } b: recordChanged { cursor } }": "GRAPHQL_VALIDATION_FAILED",
    "subscription($types: [RecordTypeName!]!) { recordChanged(types: $types) { cursor } }": "BAD_USER_INPUT",
}


async def test_odd_subscriptions_are_refused_and_those_in_fragments_are_not(server: Serving):
    async with server.talk() as talk:
        for query, code in ODD.items():
            await talk.subscribe("odd", query)
            message = await talk.hear()
            assert (message["type"], message["id"]) == ("error", "odd"), message
            assert message["payload"][0]["extensions"]["code"] == code
        fragment = "subscription { ...S } fragment S on Subscription { told: recordChanged { ...C } } fragment C on RecordChanged { op }"
        await talk.subscribe("live", fragment)
        await followed(server.crm, 1)
        await create(server.crm)
        assert (await talk.hear())["payload"] == {"data": {"told": {"op": "CREATE"}}}


async def test_a_subscription_resumes_where_it_was(server: Serving):
    crm = server.crm
    async with server.talk() as talk:
        await follow(server, talk)
        cursor = (await nothing_but(crm, talk))["cursor"]
    missed = [await create(crm, f"missed {number}") for number in range(3)]
    async with server.talk() as talk:
        await follow(server, talk, after=cursor)
        assert [(await next_change(talk))["id"] for _ in missed] == missed
        await nothing_but(crm, talk)
    async with server.talk() as talk:
        await follow(server, talk, after="log.0", types=["CUSTOMER"])
        assert [(await next_change(talk))["id"] for _ in range(5)][1:4] == missed


async def test_nothing_is_lost_while_8_writers_write_and_the_client_comes_and_goes(server: Serving):
    crm = server.crm
    heard: list[str] = []
    sequences: list[int] = []

    async def write(writer: int) -> None:
        for number in range(12):
            id_ = await create(crm, f"{writer}.{number}")
            await change(crm, id_, name=f"{writer}.{number}!")

    async def listen() -> None:
        cursor = "log.0"
        while len(heard) < 8 * 12 * 2:
            async with server.talk() as talk:
                await talk.subscribe("live", CHANGED, after=cursor, types=["CUSTOMER"])
                for _ in range(min(17, 8 * 12 * 2 - len(heard))):
                    told = await next_change(talk)
                    heard.append(f"{told['op']} {told['id']}")
                    sequences.append(int(told["sequence"]))
                    cursor = told["cursor"]
                talk.connection.transport.abort()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        for writer in range(8):
            tasks.create_task(write(writer))
    events = await crm.crm.db.fetch(Sql("SELECT sequence FROM event WHERE record_type = 'customer' ORDER BY sequence"))
    assert sequences == [event["sequence"] for event in events]
    assert len(set(heard)) == 8 * 12 * 2


BATCH = (
    "mutation($items: [CustomerCreateInput!]!) { customersCreate(items: $items) { results { errors { message } } } }"
)


@dataclass
class Here:
    """A session without a socket, for what is counted."""

    crm: TestCrm

    async def context(self) -> Context:
        return self.crm.context


@pytest.mark.parametrize("reach", [Reach.TENANT, Reach.OWN])
async def test_a_batch_takes_the_same_statements_however_long_it_is(crm: TestCrm, reach: Reach):
    counts = []
    for size in (2, 40):
        ada = await colleague(crm, f"ada{size}", reach)
        items = [{"name": f"{size} {number}", "ownerId": ada.id} for number in range(size)]
        first = await crm.crm.db.fetch(Sql("SELECT max(sequence) AS n FROM event"))
        await crm.gql(BATCH, items=items)
        after = f"log.{first[0]['n']}"
        request = Request(CHANGED, {"after": after, "types": ["CUSTOMER"]})
        stream = crm.crm.runner.open(Here(crm), request)
        with crm.crm.db.counting() as statements:
            told = [await anext(stream.answers) for _ in range(size)]
        assert all(one is not None and one.data is not None and not one.errors for one in told)
        counts.append(len(statements))
        await stream.answers.aclose()
    assert counts[0] == counts[1]
