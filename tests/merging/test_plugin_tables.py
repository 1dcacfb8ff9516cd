"""A plugin's table follows a merge and its undoing, though the core has never heard of it."""

from __future__ import annotations

from tests.plugins.served import Client
from tests.plugins.test_folder import client, database_url, plugins, visit

__all__ = ["client", "database_url", "plugins"]


VISITS = "query($id: ID!) { customer(id: $id) { loyaltyVisits(orderBy: [{field: VISITED_ON}]) { nodes { points } } } }"
MERGE = """mutation($input: CustomerMergeInput!) { customerMerge(input: $input) {
  outcome { mergeRecord { id } relations { recordType moved setAside } } errors { message } } }"""
UNMERGE = "mutation($id: ID!) { customerUnmerge(id: $id) { errors { message } } }"


async def points(client: Client, key: str) -> list[int]:
    data = await client.data(VISITS, id=key)
    return [node["points"] for node in data["customer"]["loyaltyVisits"]["nodes"]]


async def test_rows_of_a_plugin_move_and_come_back(client: Client):
    ours, theirs = await client.create("customer", name="Acme"), await client.create("customer", name="ACME")
    await visit(client, ours, "2026-11-01", points=1)
    await visit(client, theirs, "2026-11-01", points=10)
    await visit(client, theirs, "2026-11-02", points=20)
    data = await client.data(MERGE, input={"survivorId": ours, "otherIds": [theirs]})
    outcome = data["customerMerge"]["outcome"]
    assert outcome["relations"] == [{"recordType": "loyalty_visit", "moved": 1, "setAside": 1}]
    assert await points(client, ours) == [1, 20]
    await client.data(UNMERGE, id=outcome["mergeRecord"]["id"])
    assert await points(client, ours) == [1]
    assert await points(client, theirs) == [10, 20]
