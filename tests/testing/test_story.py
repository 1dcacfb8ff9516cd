"""The test kit does what docs/plugins.md says of it, for a plugin that uses the doors alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmcore.testing import Factory

HERE = Path(__file__).parent
SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgYmFkZ2Vz"


async def test_a_test_sees_what_a_plugin_does(crm_factory: Factory):
    """Fields, events, jobs, cron, the world outside, webhooks and faults, on one app."""
    night = datetime(2026, 3, 1, 1, tzinfo=UTC)
    crm = await crm_factory("badges", paths=[HERE], clock=lambda: night)
    badges = crm.plugin("badges")

    anna = await crm.create("customer", name="Anna")
    with crm.sql_budget(2) as statements:
        data = await crm.gql("{ customers { nodes { name badgesColour } } }")
    assert data["customers"]["nodes"] == [{"name": "Anna", "badgesColour": "gold"}]
    assert len(statements) == 2
    with pytest.raises(AssertionError, match=r"2 statements, at most 1:\n +1  "), crm.sql_budget(1):
        await crm.gql("{ customers { totalCount } }")

    assert await crm.run_events() == 1
    assert await badges.store.get("told/customer.created") == "Anna"
    await crm.emit("customer.updated", id=anna, before={"name": "Anna"}, name="Anne")
    assert await badges.store.get("told/customer.updated") == "Anne"
    with pytest.raises(ValueError, match="no type of an event"):
        await crm.emit("parties.merged")

    printer = crm.mock_outbound("printer.example")
    printer.respond(503).respond(json={"number": 7})
    await badges.enqueue("print", {"name": "Anna"})
    await crm.run_jobs()
    assert await badges.store.get("printed/Anna") is None
    crm.advance(minutes=1)
    await crm.run_jobs()
    assert await badges.store.get("printed/Anna") == 7
    assert [request.read() for request in printer.requests] == [b'{"name":"Anna"}'] * 2

    assert await badges.store.get("night") is None
    crm.advance(hours=3)
    await crm.run_jobs()
    assert (await badges.store.get("night"))[:10] == "2026-03-01"

    body = b'{"name": "Berta"}'
    taken = await crm.http.post("/plugins/badges/lost", content=body, headers=crm.sign(body, SECRET))
    assert (taken.status_code, taken.json()) == (200, {"noted": True})
    old = crm.sign(body, SECRET)
    crm.advance(minutes=10)
    refused = await crm.http.post("/plugins/badges/lost", content=body, headers=old)
    assert refused.status_code == 401

    with crm.fault("badges", hook="crm_on_event", error=TimeoutError) as failed:
        await crm.create("customer", name="Cleo")
        await crm.run_events()
    assert failed == ["crm_on_event"]
    assert await badges.store.get("told/customer.created") == "Anna"
    crm.advance(hours=1)
    await crm.run_events()
    assert await badges.store.get("told/customer.created") == "Cleo"

    with pytest.raises(AssertionError, match="Nobody has no badge"):
        await crm.create("customer", name="Nobody")
