"""What happens is told to endpoints: what they asked for, signed, once."""

from __future__ import annotations

from tests.webhooks.conftest import Hooks


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
