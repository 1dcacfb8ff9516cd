"""graphql-transport-ws against a real server: what is answered, and how a conversation ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from websockets.exceptions import InvalidStatus

from crmcore.platform.identity import revoke_token
from tests.fixtures import TestCrm, open_crm
from tests.http.serving import Serving, Talk, serving

CREATE = "mutation($name: String!) { customerCreate(input: {name: $name}) { customer { id name } errors { message } } }"
COUNT = "{ customers { totalCount } }"


@pytest.fixture
async def server(crm: TestCrm) -> AsyncIterator[Serving]:
    async with serving(crm) as found:
        yield found


async def test_queries_and_mutations_over_the_socket(server: Serving):
    async with server.talk() as talk:
        made = await talk.ask(CREATE, name="Müller & 大学")
        assert made["data"]["customerCreate"]["customer"]["name"] == "Müller & 大学"
        assert await talk.ask(COUNT) == {"data": {"customers": {"totalCount": 1}}}


async def test_the_token_may_come_with_the_handshake(server: Serving):
    headers = {"authorization": f"Bearer {server.crm.token}"}
    async with server.dial(additional_headers=headers) as connection:
        talk = Talk(connection)
        await talk.say(type="connection_init")
        assert await talk.hear() == {"type": "connection_ack"}
        assert await talk.ask(COUNT) == {"data": {"customers": {"totalCount": 0}}}


async def test_operations_run_side_by_side_and_are_told_apart(server: Serving):
    async with server.talk() as talk:
        for number in range(20):
            await talk.subscribe(f"n{number}", CREATE, name=f"Customer {number}")
        heard = [await talk.hear() for _ in range(40)]
        nexts = {
            m["id"]: m["payload"]["data"]["customerCreate"]["customer"]["name"] for m in heard if m["type"] == "next"
        }
        assert nexts == {f"n{number}": f"Customer {number}" for number in range(20)}
        assert sorted(m["id"] for m in heard if m["type"] == "complete") == sorted(nexts)


REFUSED = {
    "{ nonsense }": "GRAPHQL_VALIDATION_FAILED",
    "{": "GRAPHQL_PARSE_FAILED",
    "{ " + " ".join(f"a{n}: __typename" for n in range(40)) + " }": "OPERATION_TOO_LARGE",
}


async def test_what_cannot_run_is_an_error_of_that_operation_alone(server: Serving):
    async with server.talk() as talk:
        for query, code in REFUSED.items():
            await talk.subscribe("one", query)
            message = await talk.hear()
            assert (message["type"], message["id"]) == ("error", "one")
            assert message["payload"][0]["extensions"]["code"] == code
        assert "data" in await talk.ask(COUNT)


async def test_ping_and_pong_before_and_after_the_greeting(server: Serving):
    async with server.dial() as connection:
        talk = Talk(connection)
        await talk.say(type="ping")
        assert await talk.hear() == {"type": "pong"}
        await talk.say(type="pong", payload={"unasked": True})
        await talk.greet(server.crm.token)
        await talk.say(type="ping", payload={"n": 1})
        assert await talk.hear() == {"type": "pong", "payload": {"n": 1}}


GARBAGE = [
    "", "x", "[1]", "1", "null", '"x"', "{}", '{"type": 1}', '{"type": "start"}', '{"type":"subscribe"}', "[" * 5000,
    '{"type":"subscribe","id":"","payload":{"query":"{ __typename }"}}',
    '{"type":"subscribe","id":7,"payload":{"query":"{ __typename }"}}',
    '{"type":"subscribe","id":"1","payload":{"query":7}}', '{"type":"subscribe","id":"1","payload":[]}',
    '{"type":"subscribe","id":"1","payload":{"query":"{ __typename }","variables":[]}}', '{"type":"complete"}',
]  # fmt: skip


async def test_garbage_is_4400_and_never_1006(server: Serving):
    for text in GARBAGE:
        async with server.talk() as talk:
            await talk.connection.send(text)
            code, reason = await talk.closed()
            assert (code, bool(reason)) == (4400, True), (text, code, reason)
    async with server.talk() as talk:
        await talk.connection.send(b'{"type":"ping"}')
        assert (await talk.closed())[0] == 4400
    async with server.dial() as connection:
        await connection.send("[1]")
        assert (await Talk(connection).closed())[0] == 4400
    for payload in ([], "x", {"authorization": 7}):
        async with server.dial() as connection:
            talk = Talk(connection)
            await talk.say(type="connection_init", payload=payload)
            assert (await talk.closed())[0] == 4400


async def test_a_message_that_is_too_large(server: Serving):
    async with server.talk() as talk:
        await talk.subscribe("one", "{ __typename }", text="x" * server.crm.crm.settings.max_body_bytes)
        assert (await talk.closed())[0] == 1009


async def test_nothing_without_a_token(server: Serving):
    async with server.dial() as connection:
        talk = Talk(connection)
        await talk.subscribe("one", "{ __typename }")
        assert (await talk.closed())[0] == 4401
    for payload in (None, {}, {"authorization": "Bearer nonsense"}, {"authorization": server.crm.token}):
        async with server.dial() as connection:
            talk = Talk(connection)
            await talk.say(type="connection_init", payload=payload)
            assert (await talk.closed())[0] == 4403, payload


async def test_a_revoked_token_can_do_nothing_more_on_an_open_socket(server: Serving):
    crm = server.crm
    async with server.talk() as talk:
        assert "data" in await talk.ask(COUNT)
        await revoke_all(crm)
        await talk.subscribe("two", COUNT)
        assert (await talk.closed())[0] == 4403


async def revoke_all(crm: TestCrm) -> None:
    token = crm.policy.actor.id
    assert isinstance(token, UUID)
    async with crm.crm.db.transaction() as tx:
        assert await revoke_token(tx, crm.tenant, token)


async def test_greetings_come_once_and_in_time(database_url: str):
    async with open_crm(database_url, socket_init_seconds=0.2) as crm, serving(crm) as server:
        async with server.dial() as connection:
            assert (await Talk(connection).closed())[0] == 4408
        async with server.talk() as talk:
            await talk.say(type="connection_init", payload={"authorization": f"Bearer {crm.token}"})
            assert (await talk.closed())[0] == 4429


async def test_an_id_is_one_operations_at_a_time(server: Serving):
    async with server.talk() as talk, server.crm.crm.db.transaction() as tx:
        await tx.send()
        holds = server.crm.crm.db.dialect == "sqlite"  # its one writer is us
        await talk.subscribe("one", CREATE, name="first")
        await talk.subscribe("one", CREATE, name="second")
        if holds:
            assert (await talk.closed())[0] == 4409


async def test_operations_at_a_time_are_limited(database_url: str):
    async with open_crm(database_url, socket_operations=2) as crm, serving(crm) as server, server.talk() as talk:
        for number in range(6):
            await talk.subscribe(str(number), COUNT)
        heard = [await talk.hear() for _ in range(4)]
        refused = [m for m in heard if m["type"] == "error"]
        assert {m["payload"][0]["extensions"]["code"] for m in refused} <= {"TOO_MANY_OPERATIONS"}


async def test_other_protocols_are_not_spoken(server: Serving):
    for speaks in (None, ["graphql-ws"], ["soap"]):
        async with server.dial(subprotocols=speaks) as connection:
            assert (await Talk(connection).closed())[0] == 4406


async def test_pages_of_other_origins_are_refused(database_url: str):
    async with open_crm(database_url, cors_origins=["https://app.example"]) as crm, serving(crm) as server:
        for origin in (None, "https://app.example", f"http://127.0.0.1:{server.port}"):
            async with server.talk(origin=origin):
                pass
        for origin in ("https://evil.example", "null", "http://127.0.0.1", "https://app.example.evil"):
            with pytest.raises(InvalidStatus) as refused:
                async with server.dial(origin=origin):
                    pass
            assert refused.value.response.status_code == 403


async def test_a_shutdown_lets_operations_end_and_says_going_away(crm: TestCrm):
    async with serving(crm) as server, server.talk() as talk, server.talk() as idle:
        async with crm.crm.db.transaction() as tx:
            await tx.send()
            await talk.subscribe("one", CREATE, name="last")
            await asyncio.sleep(0.1)
            stopping = asyncio.create_task(server.stop())
            assert (await idle.closed())[0] == 1001
        assert (await talk.hear())["payload"]["data"]["customerCreate"]["customer"]["name"] == "last"
        assert (await talk.hear())["type"] == "complete"
        assert (await talk.closed())[0] == 1001
        await stopping


async def test_300_clients_that_complete_or_abort_their_mutation_at_once(server: Serving):
    """Operations that are cancelled while their transaction begins must leave no lock and no connection behind."""

    async def client(number: int) -> None:
        async with server.talk() as talk:
            await talk.subscribe("one", CREATE, name=f"cancelled {number}")
            if number % 7:
                await asyncio.sleep(0.0005 * (number % 11))
            if number % 3 == 0:
                talk.connection.transport.abort()
            else:
                await talk.say(type="complete", id="one")

    for first in range(0, 300, 100):
        async with asyncio.TaskGroup() as tasks:
            for number in range(first, first + 100):
                tasks.create_task(client(number))
    async with asyncio.timeout(10):
        made = await server.crm.gql(CREATE, name="after all")
    assert made["customerCreate"]["customer"]["name"] == "after all"
    async with asyncio.timeout(10), server.talk() as talk:
        assert "errors" not in await talk.ask(CREATE, name="and by socket")
    while crowd := [task for task in asyncio.all_tasks() if "_answer" in repr(task)]:
        await asyncio.wait(crowd)
    names = {n["name"] for n in (await server.crm.gql("{ customers { nodes { name } } }"))["customers"]["nodes"]}
    assert {"after all", "and by socket"} <= names
    events = await server.crm.crm.db.fetch(counted("event"))
    customers = await server.crm.crm.db.fetch(counted("customer"))
    assert events[0]["n"] == customers[0]["n"]


def counted(table: str):
    from crmcore.kit.sql import Sql

    return Sql(f"SELECT count(*) AS n FROM {table}")


async def test_a_deadline_that_expires_in_the_middle_leaves_nothing_behind(server: Serving):
    runner = server.crm.crm.runner
    async with server.talk() as talk:
        for deadline in (0.001, 0.003, 0.01, 0.03):
            runner.deadline = deadline
            for number in range(20):
                await talk.subscribe(str(number), CREATE, name=f"late {number}")
            heard = [await talk.hear() for _ in range(40)]
            errors = [e for m in heard if m["type"] == "next" for e in m["payload"].get("errors", ())]
            assert {e["extensions"]["code"] for e in errors} <= {"DEADLINE_EXCEEDED"}
            assert sorted(m["id"] for m in heard if m["type"] == "complete") == sorted(map(str, range(20)))
        runner.deadline = 10
        assert "errors" not in await talk.ask(CREATE, name="in time")
