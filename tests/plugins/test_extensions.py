"""What a plugin adds to types of the core: filters, fields of all that implement an interface, and what a page costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.architecture.conventions import problems
from tests.plugins.served import Client

VISIT = "mutation($i: LoyaltyVisitCreateInput!) { loyaltyVisitCreate(input: $i) { errors { message } } }"
NAMES = "query($w: CustomerFilter) { customers(where: $w, orderBy: [{field: NAME}]) { nodes { name } totalCount } }"
EXPORT = "mutation($i: ExportStartInput!) { exportStart(input: $i) { export { id } errors { message path } } }"
TIMELINE = """query($id: ID!) { customer(id: $id) { timeline { nodes {
  __typename loyaltyStamp ... on LoyaltyVisit { again: loyaltyStamp early: loyaltyEarly }
  ... on TimelineItem { loyaltyEarly }
} } } }"""
PAGE = """{ customers(orderBy: [{field: LOYALTY_POINTS, direction: DESC}, {field: NAME}], first: 20) { nodes {
  name loyaltyPoints loyaltyLetter
  loyaltyVisits(first: 2, orderBy: [{field: POINTS, direction: DESC}]) { totalCount nodes { points praise } }
} } }"""


async def visits(client: Client, **points: Any) -> dict[str, str]:
    """Customers with visits, one a day up to today, worth so many points."""
    ids, today = {}, datetime.now(UTC).date()
    for name, worth in points.items():
        ids[name] = await client.create("customer", name=name)
        for day, one in enumerate(worth, 1):
            data = await client.data(
                VISIT, i={"customerId": ids[name], "visitedOn": f"{today - timedelta(days=day)}", "points": one}
            )
            assert data["loyaltyVisitCreate"]["errors"] == []
    return ids


async def test_a_condition_filters_lists_figures_relations_and_streams(loyal: Client):
    ids = await visits(loyal, Alfki=[1, 9], Bonap=[5], Chops=[])
    for name in ids:
        await loyal.create("task", subject=f"Call {name}", customerId=ids[name])

    async def names(**where: Any) -> list[str]:
        data = await loyal.data(NAMES, w=where)
        assert data["customers"]["totalCount"] == len(data["customers"]["nodes"])
        return [one["name"] for one in data["customers"]["nodes"]]

    assert await names(loyaltyCameFor=5) == ["Alfki", "Bonap"]
    assert await names(loyaltyCameFor=6) == ["Alfki"]
    assert await names(**{"not": {"loyaltyCameFor": 6}}) == ["Bonap", "Chops"]
    assert await names(loyaltyCameWith=ids["Bonap"]) == ["Alfki"]
    assert await names(loyaltyCameWith=ids["Chops"], name={"eq": "Alfki"}) == []
    data = await loyal.data("""{
      customerAggregate(where: {loyaltyCameFor: 5}) { count }
      tasks(where: {customer: {loyaltyCameFor: 6}}) { nodes { subject } aggregate { count } }
      teams: customers(where: {name: {startsWith: "A"}, or: [{loyaltyCameFor: 9}, {loyaltyCameFor: 1}]}) { totalCount }
    }""")
    assert data == {
        "customerAggregate": [{"count": 2}],
        "tasks": {"nodes": [{"subject": "Call Alfki"}], "aggregate": [{"count": 1}]},
        "teams": {"totalCount": 1},
    }
    hook = {
        "url": "https://example.com/hook",
        "eventTypes": ["customer.*"],
        "where": {"customer": {"loyaltyCameFor": 5}},
    }
    document = "mutation($i: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $i) { errors { message } } }"
    made = await loyal.data(document, i=hook)
    assert made["webhookEndpointCreate"]["errors"] == []
    body = "query($w: CustomerFilter) { customers(where: $w) { nodes { name loyaltyPoints } } }"
    begun = await loyal.data(EXPORT, i={"query": body, "format": "JSONL", "variables": {"w": {"loyaltyCameFor": 6}}})
    assert begun["exportStart"]["errors"] == []
    await loyal.crm.run_jobs()
    kept = await loyal.data("{ exports { nodes { state rows } } }")
    assert kept["exports"]["nodes"] == [{"state": "DONE", "rows": 1}]
    for where in ({"loyaltyCameFor": None}, {"loyaltyCameWith": "deal_1"}, {"loyaltyCameFor": "x"}):
        answer = await loyal.ask(NAMES, w=where)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", where


async def test_a_field_of_an_interface_is_on_all_that_implement_it(loyal: Client):
    ids = await visits(loyal, Alfki=[1])
    talk = {"customerId": ids["Alfki"], "kind": "NOTE", "direction": "IN", "at": "2026-01-01T00:00:00Z"}
    await loyal.create("interaction", subject="Hello", **talk)
    data = await loyal.data(TIMELINE, id=ids["Alfki"])
    assert data["customer"]["timeline"]["nodes"] == [
        {"__typename": "LoyaltyVisit", "loyaltyStamp": "a loyalty_visit", "again": "a loyalty_visit", "early": True,
         "loyaltyEarly": True},
        {"__typename": "Interaction", "loyaltyStamp": "a interaction", "loyaltyEarly": True},
    ]  # fmt: skip
    sdl = loyal.crm.sdl()
    assert problems(sdl) == []
    assert 'LOYALTY_POINTS @plugin(name: "loyalty")' in sdl
    assert 'loyaltyStamp: String @plugin(name: "loyalty")' in sdl


async def test_a_page_with_all_kinds_of_fields_costs_the_same_for_one_and_for_twenty(loyal: Client):
    """A batch field, a figure and a connection with a batch field of its own, sorted by a plugin's column."""
    await visits(loyal, Alfki=[1, 2, 3])
    await loyal.data(PAGE)
    with loyal.crm.db.counting() as one:
        await loyal.data(PAGE)
    await visits(loyal, **{f"Bonap {n:02}": [n, n + 1, n + 2] for n in range(1, 20)})
    with loyal.crm.db.counting() as twenty:
        found = (await loyal.data(PAGE))["customers"]["nodes"]
    assert len(found) == 20
    assert found[0] == {
        "name": "Bonap 19", "loyaltyPoints": 60, "loyaltyLetter": "Dear Bonap 19",
        "loyaltyVisits": {"totalCount": 3, "nodes": [
            {"points": 21, "praise": "Thanks" + "!" * 21}, {"points": 20, "praise": "Thanks" + "!" * 20},
        ]},
    }  # fmt: skip
    assert len(twenty) == len(one) <= 2, twenty  # the caller, and all the rest
    data = await loyal.data("""{
      customerAggregate(where: {loyaltyPoints: {gte: 30}}) { count }
      loyaltyVisitAggregate(groupBy: [{field: IS_RECENT}, {field: LOYALTY_EARLY}]) { keys { value } count sum { points } }
    }""")
    assert data == {
        "customerAggregate": [{"count": 11}],
        "loyaltyVisitAggregate": [
            {"keys": [{"value": "true"}, {"value": "true"}], "count": 60, "sum": {"points": "633.0000"}}
        ],
    }
