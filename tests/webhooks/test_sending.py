"""What happens is told to endpoints: what they asked for, signed, once."""

from __future__ import annotations

import json
from uuid import UUID

from crmcore.kit import times
from crmcore.platform.access import Reach
from tests.webhooks.conftest import CREATE, Hooks


async def test_an_event_is_a_signed_message(hooks: Hooks):
    receiver = await hooks.receiver()
    endpoint = await hooks.endpoint(receiver, "customer.*")
    customer = await hooks.customer("Ärger & Söhne")
    await hooks.change(customer, name="Acme", industry="Steel")
    assert await hooks.deliver() == 2
    first, second = receiver.verified(hooks.secrets[endpoint])
    assert first.keys() == {"type", "id", "version", "changedFields", "at"}
    assert (first["type"], first["id"], first["version"]) == ("customer.created", customer, 1)
    assert (second["type"], second["version"]) == ("customer.updated", 2)
    assert sorted(second["changedFields"]) == ["industry", "name"]
    assert receiver.messages[0].id != receiver.messages[1].id
    assert receiver.messages[0].headers["content-type"] == "application/json"
    assert await hooks.deliver() == 0
    [made, changed] = await hooks.deliveries(status={"eq": "DELIVERED"})
    assert made["responseCode"] == 200
    assert made["attempts"] == 1
    assert made["nextAt"] is None
    assert made["endpoint"]["id"] == endpoint
    assert changed["problem"] is None


async def test_only_what_an_endpoint_asks_for(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.endpoint(
        receiver, "customer.updated", "customer.deleted", changedFields=["industry"],
        where={"customer": {"name": {"startsWith": "A"}}, "deal": {"name": {"eq": "no matter"}}},
    )  # fmt: skip
    ours, others = await hooks.customer("Acme"), await hooks.customer("Bolt")
    for customer in (ours, others):
        await hooks.change(customer, industry="Steel")
        await hooks.change(customer, employees=3)
        await hooks.delete(customer)
    await hooks.deliver()
    assert [(m.told["type"], m.about, m.told["version"]) for m in receiver.messages] == [
        ("customer.updated", ours, 2),
        ("customer.deleted", ours, 4),
    ]


async def test_a_filter_is_kept_as_it_was_written(hooks: Hooks):
    where = {
        "customer": {
            "importance": {"in": ["A", "B"]}, "createdAt": {"gte": "2026-01-01T00:00:00+01:00"},
            "annualRevenue": {"amount": {"gt": "12.5"}}, "or": [{"name": {"iContains": "a"}}, {"owner": {"name": {"eq": "Ada"}}}],
        }
    }  # fmt: skip
    endpoint = await hooks.endpoint("https://hook.example/", where=where)
    found = await hooks.crm.gql("query($id: ID!) { webhookEndpoint(id: $id) { where } }", id=endpoint)
    kept = found["webhookEndpoint"]["where"]
    assert kept["customer"]["importance"] == {"in": ["A", "B"]}
    assert kept["customer"]["createdAt"] == {"gte": "2025-12-31T23:00:00.000000+00:00"}
    assert kept["customer"]["annualRevenue"] == {"amount": {"gt": "12.5000"}}
    payload = await hooks.crm.gql(
        "mutation($id: ID!, $input: WebhookEndpointUpdateInput!) { webhookEndpointUpdate(id: $id, input: $input) { webhookEndpoint { where } errors { message } } }",
        id=endpoint, input={"where": kept},
    )  # fmt: skip
    assert payload["webhookEndpointUpdate"] == {"webhookEndpoint": {"where": kept}, "errors": []}


async def test_a_selection_is_the_data(hooks: Hooks):
    one, several = await hooks.receiver(), await hooks.receiver()
    await hooks.endpoint(one, "customer.*", payload="{ name parent { name } externalRefs { system } }")
    await hooks.endpoint(
        several, "customer.created", "team.created", payload="{ __typename id ... on Customer { name } }"
    )
    parent = await hooks.customer("Parent")
    child = await hooks.customer("Child", parentId=parent)
    await hooks.crm.gql('mutation { teamCreate(input: {name: "North"}) { errors { message } } }')
    await hooks.delete(child)
    await hooks.deliver()
    nothing = [{"name": "Parent", "parent": None, "externalRefs": []}]
    data = {(m.told["type"], m.about): m.told["data"] for m in one.messages}
    assert data["customer.created", parent] == nothing[0]
    assert data["customer.deleted", child] is None
    kinds = {m.told["data"]["__typename"] for m in several.messages if m.told["data"]}
    assert kinds == {"Customer", "Team"}
    assert {"name": "Parent", "id": parent, "__typename": "Customer"} in [m.told["data"] for m in several.messages]


async def test_messages_hold_what_the_actor_may_see(hooks: Hooks):
    """Rights are looked at when it is sent: of records that are not to be seen, nothing is told."""
    crm, receiver = hooks.crm, await hooks.receiver()
    made = await crm.gql('mutation { userCreate(input: {name: "Ada", email: "ada@example.org"}) { user { id } } }')
    ada = made["userCreate"]["user"]["id"]
    token = await crm.token_for(user_id=UUID(ada.removeprefix("user_")), reach=Reach.OWN)
    headers = {"authorization": f"Bearer {token}"}
    sent = {"url": receiver.url, "eventTypes": ["customer.*"], "payload": "{ name }"}
    answer = (await crm.post(CREATE, {"input": sent}, headers=headers)).json()
    assert answer["data"]["webhookEndpointCreate"]["errors"] == []
    hers = await hooks.customer("Hers", ownerId=ada)
    await hooks.customer("Not hers")
    await hooks.deliver()
    assert [m.told["data"] for m in receiver.messages] == [{"name": "Hers"}]
    endpoint = answer["data"]["webhookEndpointCreate"]["webhookEndpoint"]["id"]
    await crm.gql("mutation($id: ID!) { userUpdate(id: $id, input: {isActive: false}) { errors { message } } }", id=ada)
    await hooks.change(hers, name="Hers still")
    await hooks.deliver()
    assert len(receiver.messages) == 1
    state, reason = await hooks.state(endpoint)
    assert state == "DISABLED"
    assert "Whoever configured it last left" in reason


async def test_two_keys_sign_during_rotation(hooks: Hooks):
    receiver = await hooks.receiver()
    endpoint = await hooks.endpoint(receiver, "customer.created")
    old = hooks.secrets[endpoint]
    payload = await hooks.act("RotateSecret", endpoint, "secret", overlapHours=2)
    new = payload["secret"]
    assert new.startswith("whsec_")
    assert new != old
    await hooks.customer()
    await hooks.deliver()
    assert receiver.messages[0].headers["webhook-signature"].count("v1,") == 2
    assert len(receiver.verified(old)) == len(receiver.verified(new)) == 1
    hooks.clock.pass_(hours=3)
    await hooks.customer()
    await hooks.deliver()
    assert receiver.messages[1].headers["webhook-signature"].count("v1,") == 1
    refused = await hooks.act("RotateSecret", endpoint, "secret", overlapHours=200)
    assert refused["secret"] is None
    assert refused["errors"][0]["path"] == ["overlapHours"]


async def test_a_secret_is_told_once(hooks: Hooks):
    endpoint = await hooks.endpoint("https://hook.example/")
    secret = hooks.secrets[endpoint]
    shown = await hooks.crm.gql(
        "{ webhookEndpoints { nodes { url eventTypes secretAt } } auditEntries { nodes { before after } } }"
    )
    assert secret not in json.dumps(shown)
    assert shown["webhookEndpoints"]["nodes"][0]["secretAt"]


async def test_a_test_message(hooks: Hooks):
    receiver = await hooks.receiver()
    endpoint = await hooks.endpoint(receiver, "deal.won", payload="{ name }")
    for _ in range(2):
        payload = await hooks.act("Test", endpoint, "delivery { id status type }")
        assert payload["delivery"]["status"] == "PENDING"
    assert await hooks.deliver() == 2
    told = receiver.verified(hooks.secrets[endpoint])
    assert [(m["type"], m["id"], m["version"]) for m in told] == [("webhook.test", endpoint, None)] * 2
    assert [d["status"] for d in await hooks.deliveries(type={"eq": "webhook.test"})] == ["DELIVERED"] * 2


async def test_deliveries_are_replayed_with_their_ids(hooks: Hooks):
    receiver = await hooks.receiver()
    endpoint = await hooks.endpoint(receiver, "customer.created")
    await hooks.customer()
    await hooks.deliver()
    [delivery] = await hooks.deliveries()
    replay = "mutation($endpoint: ID!, $ids: [ID!], $since: DateTime, $until: DateTime, $statuses: [WebhookDeliveryStatus!]) { webhookDeliveriesReplay(endpointId: $endpoint, ids: $ids, since: $since, until: $until, statuses: $statuses) { count errors { code path } } }"
    again = await hooks.crm.gql(replay, endpoint=endpoint, ids=[delivery["id"]])
    assert again["webhookDeliveriesReplay"] == {"count": 1, "errors": []}
    await hooks.deliver()
    assert receiver.messages[0].id == receiver.messages[1].id
    now = times.to_text(hooks.clock())
    hooks.clock.pass_(hours=1)
    await hooks.customer()
    await hooks.deliver()
    earlier = await hooks.crm.gql(
        replay, endpoint=endpoint, since="2026-01-01T00:00:00Z", until=now, statuses=["DELIVERED"]
    )
    assert earlier["webhookDeliveriesReplay"]["count"] == 1
    none = await hooks.crm.gql(replay, endpoint=endpoint, since="2026-01-01T00:00:00Z")
    assert none["webhookDeliveriesReplay"]["count"] == 0  # dead ones, of which there are none
    wrong = await hooks.crm.gql(replay, endpoint=endpoint)
    assert wrong["webhookDeliveriesReplay"]["errors"][0]["code"] == "VALIDATION"
    await hooks.deliver()
    assert len(receiver.messages) == 4


async def test_a_pause_loses_nothing_and_disabling_does(hooks: Hooks):
    receiver = await hooks.receiver()
    endpoint = await hooks.endpoint(receiver, "customer.created")
    paused = await hooks.act("Pause", endpoint, reason="maintenance")
    assert (paused["webhookEndpoint"]["state"], paused["webhookEndpoint"]["stateReason"]) == ("PAUSED", "maintenance")
    first = await hooks.customer()
    assert await hooks.deliver() == 0
    again = await hooks.act("Pause", endpoint)
    assert again["errors"][0]["code"] == "STATE"
    await hooks.act("Resume", endpoint)
    await hooks.deliver()
    assert [m.about for m in receiver.messages] == [first]
    await hooks.delete(endpoint, "webhookEndpoint")
    await hooks.customer()
    assert await hooks.deliver() == 0
    await hooks.crm.gql(
        "mutation($id: ID!) { webhookEndpointRestore(id: $id) { secret errors { message } } }", id=endpoint
    )
    last = await hooks.customer()
    await hooks.deliver()
    assert [m.about for m in receiver.messages] == [first, last]


async def test_a_purged_record_is_told_of_without_a_word_about_it(hooks: Hooks):
    receiver = await hooks.receiver()
    await hooks.endpoint(receiver, "customer.*", payload="{ name }")
    customer = await hooks.customer("Ada Lovelace")
    await hooks.crm.gql("mutation($id: ID!) { customerPurge(id: $id) { errors { message } } }", id=customer)
    await hooks.deliver()
    assert [m.told["type"] for m in receiver.messages] == ["customer.created", "customer.deleted", "customer.purged"]
    for message in receiver.messages:
        assert (message.told["version"], message.told["data"]) == (None, None)
        assert b"Ada" not in message.body
