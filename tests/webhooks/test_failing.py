"""Receivers that fail: nothing is lost, order is kept, and the others go on."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.webhooks import sending
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Message, Receiver, ok, status


def versions(messages: list[Message]) -> dict[str, list[int]]:
    """The versions of each record in the order in which they arrived."""
    found = defaultdict(list)
    for message in messages:
        found[message.about].append(message.told["version"])
    return dict(found)


async def changed(hooks: Hooks, customers: int, times: int) -> list[str]:
    made = [await hooks.customer(f"c{n}") for n in range(customers)]
    for turn in range(times):
        for customer in made:
            await hooks.change(customer, employees=turn)
    return made


async def test_a_receiver_that_is_down_for_an_hour_gets_everything_in_order(hooks: Hooks):
    receiver = await hooks.receiver(status(503))
    endpoint = await hooks.endpoint(receiver, "customer.*")
    made = await changed(hooks, customers=4, times=3)
    for _ in range(12):
        await hooks.deliver()
        hooks.clock.pass_(minutes=5)
    await changed(hooks, customers=1, times=1)
    assert await hooks.state(endpoint) == ("ACTIVE", None)
    refused = len(receiver.messages)
    assert refused < 12 * 4  # it was given rest
    assert set(versions(receiver.messages)) == set(made[: len(versions(receiver.messages))])
    assert all(seen == {1} for seen in map(set, versions(receiver.messages).values()))  # none before its turn
    receiver.answer = ok
    for _ in range(40):
        await hooks.deliver()
        hooks.clock.pass_(minutes=5)
    arrived = versions(receiver.messages[refused:])
    assert {key: arrived[key] for key in made} == {key: [1, 2, 3, 4] for key in made}
    assert len(arrived) == 5
    assert {d["status"] for d in await hooks.deliveries()} == {"DELIVERED"}
    assert await hooks.deliver() == 0
    assert {m.id for m in receiver.messages[:refused]} <= {m.id for m in receiver.messages[refused:]}


async def test_a_message_that_is_refused_holds_back_its_record_only(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.*")
    bad, good = await hooks.customer("bad"), await hooks.customer("good")
    for customer in (bad, good):
        await hooks.change(customer, employees=1)

    async def picky(_receiver: Receiver, message: Message, writer: asyncio.StreamWriter) -> None:
        await (status(400) if message.about == bad else ok)(_receiver, message, writer)

    receiver.answer = picky
    for _ in range(5):
        await hooks.deliver()
        hooks.clock.pass_(minutes=1)
    assert set(versions(receiver.messages)[bad]) == {1}
    assert versions(receiver.messages)[good] == [1, 2]
    for turn in range(100):  # until it is dead; then the record goes on
        hooks.clock.pass_(hours=6)
        await hooks.change(good, employees=turn + 2)
        await hooks.deliver()
        if 2 in versions(receiver.messages)[bad]:
            break
    [first, *_] = await hooks.deliveries(recordId={"eq": bad.removeprefix("customer_")}, sequence={"isNull": False})
    assert (first["status"], first["attempts"], first["nextAt"]) == ("DEAD", 13, None)
    assert first["problem"] == "The receiver answered 400."


async def close(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def garbage(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\xff this is no HTTP\r\n\r\n" * 10)


async def half(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\nabc")
    writer.close()


async def endless_headers(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: " + b"x" * 10_000 + b"\r\n")
        await writer.drain()


async def endless_body(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        await writer.drain()


async def dripping_body(_receiver: Receiver, _message: Message, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nx")
    await writer.drain()
    await asyncio.sleep(60)


async def silent(_receiver: Receiver, _message: Message, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def test_bad_receivers_do_not_keep_others_waiting(hooks: Hooks, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sending, "SECONDS", 1.0)
    monkeypatch.setattr(sending, "_BODY_SECONDS", 0.2)
    behaviours = {
        close: "could not be read", garbage: "it is no HTTP", half: "answered 500", endless_headers: "it is no HTTP",
        endless_body: None, dripping_body: None, silent: "No answer within", status(302, "Location: http://127.0.0.1:1/"): "redirects",
        status(204, body=""): None, status(500, body="\0" + "ü" * 600): "answered 500",
    }  # fmt: skip
    ends = {
        await hooks.endpoint(await hooks.receiver(answer), "customer.created"): said
        for answer, said in behaviours.items()
    }
    nobody = await hooks.endpoint("http://127.0.0.1:1/", "customer.created")
    good = await hooks.receiver()
    await hooks.endpoint(good, "customer.created")
    customer = await hooks.customer()
    await hooks.deliver()
    assert [m.about for m in good.messages] == [customer]
    found = {d["endpoint"]["id"]: d for d in await hooks.deliveries()}
    for endpoint, said in {**ends, nobody: "No connection: refused"}.items():
        delivery = found[endpoint]
        assert delivery["status"] == ("DELIVERED" if said is None else "PENDING")
        assert (delivery["problem"] is None) if said is None else (said in delivery["problem"])
        assert delivery["attempts"] == 1
    rows = await hooks.crm.crm.db.fetch(Sql("SELECT answer FROM webhook_delivery WHERE answer IS NOT NULL"))
    assert max(len(row["answer"]) for row in rows) <= 500


async def test_an_address_inside_is_refused_when_it_is_sent(hooks: Hooks):
    """The operator takes the network back: what was admitted when it was written is refused now."""
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.created")
    await hooks.customer()
    hooks.crm.crm.webhooks.guard._allow.clear()
    await hooks.deliver()
    assert receiver.messages == []
    [delivery] = await hooks.deliveries()
    assert delivery["problem"] == "Messages are sent by https only."


async def test_410_disables(hooks: Hooks):
    receiver = await hooks.receiver(status(410))
    endpoint = await hooks.endpoint(receiver, "customer.created", "webhook_endpoint.*")
    for _ in range(3):
        await hooks.customer()
    await hooks.deliver()
    assert await hooks.state(endpoint) == ("DISABLED", "The receiver answered 410: it wants no more.")
    assert {d["status"] for d in await hooks.deliveries()} <= {"DEAD", "CANCELLED"}
    entries = await hooks.crm.gql(
        '{ auditEntries(where: {type: {eq: "webhook_endpoint.disabled"}}) { nodes { actor { kind } } } }'
    )
    assert entries["auditEntries"]["nodes"] == [{"actor": {"kind": "SYSTEM"}}]
    receiver.answer = ok
    await hooks.act("Resume", endpoint)
    customer = await hooks.customer()
    await hooks.deliver()
    assert customer in {m.about for m in receiver.messages[-2:]}


async def test_retry_after_is_honoured_for_the_whole_endpoint(hooks: Hooks):
    receiver = await hooks.receiver(status(429, "Retry-After: 1800"))
    await hooks.endpoint(receiver, "customer.created")
    await hooks.customer()
    await hooks.deliver()
    receiver.answer = ok
    await hooks.customer()
    hooks.clock.pass_(minutes=25)
    assert await hooks.deliver() == 0
    hooks.clock.pass_(minutes=6)
    assert await hooks.deliver() == 2


async def test_a_receiver_that_never_answers_is_paused(hooks: Hooks):
    receiver = await hooks.receiver(status(500))
    endpoint = await hooks.endpoint(receiver, "customer.created", "customer.updated")
    first = await hooks.customer()
    begun = hooks.clock()
    while (await hooks.state(endpoint))[0] == "ACTIVE":
        await hooks.deliver()
        hooks.clock.pass_(hours=6)
    state, reason = await hooks.state(endpoint)
    assert state == "PAUSED"
    assert reason.startswith("The receiver has taken nothing since ")
    assert reason.endswith("The receiver answered 500.")
    assert timedelta(days=3) <= hooks.clock() - begun <= timedelta(days=5)
    entries = await hooks.crm.gql(
        '{ auditEntries(where: {type: {eq: "webhook_endpoint.paused"}}) { nodes { after } } }'
    )
    assert entries["auditEntries"]["nodes"][0]["after"]["state_reason"] == reason
    receiver.answer = ok
    later = await hooks.customer()
    assert await hooks.deliver() == 0
    await hooks.act("Resume", endpoint)
    hooks.clock.pass_(days=2)
    await hooks.deliver()
    assert {m.about for m in receiver.messages[-2:]} == {first, later}


async def test_what_does_not_fit_any_more_pauses_with_the_reason(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.crm.gql(
        'mutation { customFieldCreate(input: {recordType: "customer", key: "vip", label: "VIP", type: BOOLEAN}) { errors { message } } }'
    )
    where = {"customer": {"custom": [{"key": "vip", "boolean": {"eq": True}}]}}
    filtered = await hooks.endpoint(receiver, "customer.*", where=where)
    chosen = await hooks.endpoint(receiver, "customer.*", payload='{ customFields(keys: ["vip"]) { key } }')
    good = await hooks.endpoint(receiver, "customer.*")
    found = await hooks.crm.gql("{ customFields { nodes { id } } }")
    await hooks.delete(found["customFields"]["nodes"][0]["id"], "customField")
    await hooks.customer()
    await hooks.deliver()
    assert (await hooks.state(filtered))[0] == "PAUSED"
    assert "vip" in ((await hooks.state(filtered))[1] or "")
    assert (await hooks.state(chosen))[0] == "PAUSED"
    assert (await hooks.state(good))[0] == "ACTIVE"
    assert len(receiver.messages) == 1
