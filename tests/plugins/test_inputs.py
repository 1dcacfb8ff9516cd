"""Input fields that a plugin adds to records of the core: what it gets, and that all of it is done or nothing."""

from __future__ import annotations

import sys
from typing import Any

from crmcore.kit.ids import from_global
from tests.plugins.served import Client

PAYLOAD = "customer { id loyaltyPoints loyaltyVisits { totalCount } } outcome errors { code message path }"
CREATE = f"mutation($i: CustomerCreateInput!, $k: String, $dry: Boolean) {{ customerCreate(input: $i, idempotencyKey: $k, dryRun: $dry) {{ {PAYLOAD} }} }}"
UPDATE = f"mutation($id: ID!, $i: CustomerUpdateInput!) {{ customerUpdate(id: $id, input: $i) {{ {PAYLOAD} }} }}"
UPSERT = f"mutation($i: CustomerCreateInput!) {{ customerUpsert(input: $i, matchOn: [EXTERNAL_REF]) {{ {PAYLOAD} }} }}"
MANY = f"""mutation($items: [CustomerCreateInput!]!, $mode: BatchMode) {{
  customersCreate(items: $items, mode: $mode) {{ results {{ {PAYLOAD} }} errors {{ code path }} }} }}"""
COUNTS = "{ customers { totalCount } loyaltyVisits { totalCount } }"


async def done(client: Client, document: str, **variables: Any) -> Any:
    [payload] = (await client.data(document, **variables)).values()
    return payload


async def counts(client: Client) -> tuple[int, int]:
    data = await client.data(COUNTS)
    return data["customers"]["totalCount"], data["loyaltyVisits"]["totalCount"]


async def test_the_values_are_saved_with_the_record_or_nothing_is(loyal: Client):
    made = await done(loyal, CREATE, i={"name": "Alfki", "loyaltyWelcome": 5}, k="once")
    assert (made["errors"], made["outcome"], made["customer"]["loyaltyPoints"]) == ([], "CREATED", 5)
    assert await done(loyal, CREATE, i={"name": "Alfki", "loyaltyWelcome": 5}, k="once") == made
    tried = await done(loyal, CREATE, i={"name": "Bonap", "loyaltyWelcome": 6}, dry=True)
    assert tried["customer"]["loyaltyPoints"] == 6
    assert await counts(loyal) == (1, 1)

    key = made["customer"]["id"]
    changed = await done(loyal, UPDATE, id=key, i={"loyaltyWelcome": 7})
    assert (changed["outcome"], changed["customer"]["loyaltyPoints"]) == ("UPDATED", 7)
    assert (await done(loyal, UPDATE, id=key, i={"loyaltyWelcome": 7}))["outcome"] == "UNCHANGED"
    assert (await done(loyal, UPDATE, id=key, i={"name": "Alfreds"}))["customer"]["loyaltyPoints"] == 7
    gone = await done(loyal, UPDATE, id=key, i={"loyaltyWelcome": None})
    assert (gone["outcome"], gone["customer"]["loyaltyPoints"]) == ("UPDATED", None)

    refused = await done(loyal, CREATE, i={"name": "Chops", "loyaltyWelcome": -1})
    assert refused["customer"] is None
    assert [(e["code"], e["path"]) for e in refused["errors"]] == [("VALIDATION", ["input", "loyaltyWelcome"])]
    answer = await loyal.ask(CREATE, i={"name": "Chops", "loyaltyWelcome": 13})
    assert answer["data"] == {"customerCreate": None}
    assert answer["errors"][0]["extensions"]["plugin"] == "loyalty"
    assert answer["errors"][0]["message"] == "The plugin loyalty failed at Customer inputs."
    assert await counts(loyal) == (1, 0)

    shop = {"name": "Shop", "externalRefs": [{"system": "till", "externalId": "1"}]}
    outcomes = [(await done(loyal, UPSERT, i={**shop, "loyaltyWelcome": n}))["outcome"] for n in (1, 1, 2)]
    assert outcomes == ["CREATED", "UNCHANGED", "UPDATED"]


async def test_a_batch_is_saved_by_one_call_and_says_whose_value_is_refused(loyal: Client):
    items = [{"name": f"Customer {n}", "loyaltyWelcome": n} for n in range(1, 4)]
    with loyal.crm.db.counting() as few:
        made = await done(loyal, MANY, items=items)
    assert [one["customer"]["loyaltyPoints"] for one in made["results"]] == [1, 2, 3]
    with loyal.crm.db.counting() as many:
        made = await done(loyal, MANY, items=items * 4)
    assert len(made["results"]) == 12
    assert len(many) == len(few)

    bad = [*items, {"name": "Bad", "loyaltyWelcome": -1}]
    before = await counts(loyal)
    none = await done(loyal, MANY, items=bad)
    assert none["errors"] == [{"code": "VALIDATION", "path": ["items", "3", "loyaltyWelcome"]}]
    assert [one["outcome"] for one in none["results"]] == ["NOT_DONE"] * 3 + ["REFUSED"]
    assert await counts(loyal) == before
    some = await done(loyal, MANY, items=bad, mode="PARTIAL")
    assert [one["outcome"] for one in some["results"]] == ["CREATED"] * 3 + ["REFUSED"]
    assert some["errors"] == [{"code": "VALIDATION", "path": ["items", "3", "loyaltyWelcome"]}]


async def test_parts_of_a_record_take_them_too(loyal: Client):
    [graph] = [m for n, m in sys.modules.items() if n.startswith("crmcore_folder_loyalty") and n.endswith(".graph")]
    graph.notes.clear()
    friend = await loyal.create("customer", name="Friend")
    places = [{"city": "First", "loyaltyNote": "new"}, {"city": "Second", "loyaltyFriendId": friend}]
    made = await done(loyal, CREATE, i={"name": "Alfki", "addresses": places, "loyaltyWelcome": 1})
    assert (made["errors"], made["customer"]["loyaltyPoints"]) == ([], 1)
    assert graph.notes == [
        {"city": "First", "loyalty_note": "new"},
        {"city": "Second", "loyalty_friend_id": from_global(friend)[1]},
    ]
    found = await loyal.data("{ addresses(orderBy: [{field: CITY}]) { nodes { id } } }")
    first = found["addresses"]["nodes"][0]["id"]
    changes = {"update": [{"id": first, "input": {"loyaltyNote": None}}]}
    await done(loyal, UPDATE, id=made["customer"]["id"], i={"addresses": changes})
    assert graph.notes[2:] == [{"city": "First", "loyalty_note": None}]
    answer = await loyal.ask(CREATE, i={"name": "No", "addresses": [{"city": "X", "loyaltyFriendId": first}]})
    assert answer["errors"][0]["extensions"]["argument"] == ["input", "addresses", "0", "loyaltyFriendId"]
