"""What surveys does, through HTTP, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from crmcore.kit.ids import from_global, new_id
from crmcore.platform.access import Reach
from crmcore.schema.contributed import contributed
from crmcore.schema.derive import derive
from crmcore.schema.printing import core_share, print_schema
from tests.plugins.served import Client

CONTRIBUTION = Path(__file__).parents[1] / "contribution.graphql"
RECORD = """
mutation($input: SurveysResponseRecordInput!) {
  surveysResponseRecord(input: $input) {
    surveysResponse { id version score comment channel answeredAt createdBy { kind } customer { name } contact { name } }
    errors { code message path }
  }
}
"""
SCORES = "query($first: Int) { customers(first: $first) { nodes { name surveysLatestScore } } }"


async def answered(client: Client, customer: str, score: int, day: int = 1, **more: Any) -> str:
    given = {"customerId": customer, "score": score, "answeredAt": f"2026-03-{day:02}T09:00:00Z", **more}
    payload = (await client.data(RECORD, input=given))["surveysResponseRecord"]
    assert payload["errors"] == []
    key: str = payload["surveysResponse"]["id"]
    return key


# ---------------------------------------------------------------- recording


async def test_a_response_is_recorded(client: Client):
    customer = await client.create("customer", name="Åkesson & Co")
    contact = await client.create("contact", lastName="Li")
    given = {
        "customerId": customer, "contactId": contact, "score": 9, "comment": "很好", "channel": "shop",
        "answeredAt": "2026-03-01T10:00:00+01:00",
    }  # fmt: skip
    payload = (await client.data(RECORD, input=given))["surveysResponseRecord"]
    response = payload["surveysResponse"]
    assert payload["errors"] == []
    assert from_global(response.pop("id"))[0] == "surveys_response"
    assert response == {
        "version": 1, "score": 9, "comment": "很好", "channel": "shop", "answeredAt": "2026-03-01T09:00:00.000000+00:00",
        "createdBy": {"kind": "API_KEY"}, "customer": {"name": "Åkesson & Co"}, "contact": {"name": "Li"},
    }  # fmt: skip


async def test_the_time_is_now_if_nothing_is_said(client: Client):
    customer = await client.create("customer", name="Alfki")
    payload = (await client.data(RECORD, input={"customerId": customer, "score": 0}))["surveysResponseRecord"]
    assert (payload["errors"], payload["surveysResponse"]["score"]) == ([], 0)
    assert payload["surveysResponse"]["answeredAt"]


@pytest.mark.parametrize("score", [-1, 11])
async def test_a_score_off_the_scale_is_refused_with_its_path(client: Client, score: int):
    customer = await client.create("customer", name="Alfki")
    payload = (await client.data(RECORD, input={"customerId": customer, "score": score}))["surveysResponseRecord"]
    assert payload == {
        "surveysResponse": None,
        "errors": [
            {"code": "VALIDATION", "message": "A score is a whole number from 0 to 10.", "path": ["input", "score"]}
        ],
    }
    assert (await client.data("{ surveysResponses { totalCount } }"))["surveysResponses"]["totalCount"] == 0


async def test_an_unknown_customer_is_not_found(client: Client):
    given = {"customerId": f"customer_{new_id()}", "score": 5}
    payload = (await client.data(RECORD, input=given))["surveysResponseRecord"]
    assert payload["surveysResponse"] is None
    assert [(e["code"], e["path"]) for e in payload["errors"]] == [("NOT_FOUND", ["input", "customerId"])]


@pytest.mark.parametrize(
    "given", [{"customerId": "alfki", "score": 5}, {"score": 5}, {"customerId": "x", "score": 4.5}]
)
async def test_malformed_input_is_a_top_level_error(client: Client, given: dict[str, Any]):
    answer = await client.ask(RECORD, input=given)
    assert answer.get("data") in (None, {"surveysResponseRecord": None})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


# ---------------------------------------------------------------- reading


async def test_responses_are_read_as_every_connection(client: Client):
    alfki = await client.create("customer", name="Alfki")
    other = await client.create("customer", name="Other")
    for day, score in enumerate([3, 9, 9, 10, 6], 1):
        await answered(client, alfki, score, day)
    await answered(client, other, 2)
    query = """
    query($id: ID!, $after: String) {
      customer(id: $id) {
        surveysResponses(where: { score: { gte: 6 } }, orderBy: [{ field: SCORE }], first: 2, after: $after) {
          totalCount nodes { score answeredAt } pageInfo { hasNextPage endCursor }
        }
      }
    }
    """
    after, seen = None, []
    while True:
        page = (await client.data(query, id=alfki, after=after))["customer"]["surveysResponses"]
        assert page["totalCount"] == 4
        seen += [(node["score"], node["answeredAt"][:10]) for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [(6, "2026-03-05"), (9, "2026-03-02"), (9, "2026-03-03"), (10, "2026-03-04")]


async def test_customers_are_found_and_counted_by_their_responses(client: Client):
    for name, scores in {"Happy": [9, 10], "Mixed": [10, 2], "Silent": []}.items():
        customer = await client.create("customer", name=name)
        for day, score in enumerate(scores, 1):
            await answered(client, customer, score, day)
    data = await client.data("""{
      unhappy: customers(where: { surveysResponses: { some: { score: { lte: 6 } } } }) { nodes { name } }
      silent: customers(where: { surveysResponses: { none: {} } }) { nodes { name } }
      surveysResponseAggregate(where: { customer: { name: { in: ["Happy", "Mixed"] } } }) {
        count avg { score } min { score } max { score }
      }
    }""")
    assert data == {
        "unhappy": {"nodes": [{"name": "Mixed"}]},
        "silent": {"nodes": [{"name": "Silent"}]},
        "surveysResponseAggregate": [
            {"count": 4, "avg": {"score": "7.7500"}, "min": {"score": 2}, "max": {"score": 10}}
        ],
    }


async def test_the_latest_score_is_the_latest_answers(client: Client):
    """By the time of the answer, not of the recording; deleted ones do not count; nobody asked is null."""
    alfki = await client.create("customer", name="Alfki")
    await client.create("customer", name="Silent")
    last = await answered(client, alfki, 3, day=20)
    await answered(client, alfki, 9, day=10)
    assert (await client.data(SCORES))["customers"]["nodes"] == [
        {"name": "Alfki", "surveysLatestScore": 3},
        {"name": "Silent", "surveysLatestScore": None},
    ]
    gone = "mutation($id: ID!) { surveysResponseDelete(id: $id) { errors { code } } }"
    assert await client.data(gone, id=last) == {"surveysResponseDelete": {"errors": []}}
    assert (await client.data(SCORES))["customers"]["nodes"][0] == {"name": "Alfki", "surveysLatestScore": 9}


async def test_a_page_of_fifty_costs_as_many_statements_as_a_page_of_five(client: Client):
    """The token, the page, the scores; and everything about the customers beside them stays one statement."""
    for number in range(50):
        customer = await client.create("customer", name=f"Customer {number:02}")
        await answered(client, customer, number % 11)
    query = """
    query($first: Int) {
      customers(first: $first, orderBy: [{ field: NAME }]) {
        nodes { name surveysLatestScore again: surveysLatestScore surveysResponses { nodes { score customer { name } } } }
      }
    }
    """
    counts, data = [], {}
    for first in (5, 50):
        with client.crm.db.counting() as statements:
            data = await client.data(query, first=first)
        counts.append(len(statements))
    assert counts == [3, 3]
    nodes = data["customers"]["nodes"]
    assert [node["surveysLatestScore"] for node in nodes] == [number % 11 for number in range(50)]
    assert all(node["again"] == node["surveysResponses"]["nodes"][0]["score"] for node in nodes)


async def test_answers_stand_on_the_timelines_of_who_gave_them(client: Client):
    """Of the customer and of the contact, beside what the core has there."""
    alfki = await client.create("customer", name="Alfki")
    contact = await client.create("contact", lastName="Li")
    first = await answered(client, alfki, 3, day=1)
    note = {
        "customerId": alfki,
        "kind": "NOTE",
        "direction": "IN",
        "at": "2026-03-02T09:00:00Z",
        "subject": "Asked why",
    }
    talk = await client.create("interaction", **note)
    last = await answered(client, alfki, 9, day=3, contactId=contact)
    query = """
    query($customer: ID!, $contact: ID!, $types: [TimelineType!]) {
      customer(id: $customer) {
        timeline(types: $types) { nodes { id timelineAt ... on SurveysResponse { score } ... on Interaction { subject } } }
      }
      contact(id: $contact) { timeline { nodes { __typename id } } }
    }
    """
    found = await client.data(query, customer=alfki, contact=contact)
    at = "2026-03-0{}T09:00:00.000000+00:00".format
    assert found["customer"]["timeline"]["nodes"] == [
        {"id": last, "timelineAt": at(3), "score": 9},
        {"id": talk, "timelineAt": at(2), "subject": "Asked why"},
        {"id": first, "timelineAt": at(1), "score": 3},
    ]
    assert found["contact"]["timeline"]["nodes"] == [{"__typename": "SurveysResponse", "id": last}]
    only = await client.data(query, customer=alfki, contact=contact, types=["SURVEYS_RESPONSE"])
    assert [node["id"] for node in only["customer"]["timeline"]["nodes"]] == [last, first]


# ---------------------------------------------------------------- who sees what


async def test_another_tenant_sees_and_touches_nothing(client: Client):
    customer = await client.create("customer", name="Alfki")
    response = await answered(client, customer, 8)
    stranger = await client.other(tenant="stranger")
    data = await stranger.data(
        "query($id: ID!) { surveysResponse(id: $id) { score } surveysResponses { totalCount } surveysResponseAggregate { count } }",
        id=response,
    )
    assert data == {
        "surveysResponse": None, "surveysResponses": {"totalCount": 0}, "surveysResponseAggregate": [{"count": 0}],
    }  # fmt: skip
    payload = (await stranger.data(RECORD, input={"customerId": customer, "score": 1}))["surveysResponseRecord"]
    assert [e["code"] for e in payload["errors"]] == ["NOT_FOUND"]
    assert (await client.data("{ surveysResponses { totalCount } }"))["surveysResponses"]["totalCount"] == 1


async def test_who_sees_only_their_customers_sees_only_their_answers(client: Client):
    """A response is guarded as its customer is, in lists, counts and the batch field alike."""
    user = await client.create("user", name="Ann", email="ann@example.com")
    mine = await client.create("customer", name="Mine", ownerId=user)
    theirs = await client.create("customer", name="Theirs")
    await answered(client, mine, 10)
    await answered(client, theirs, 1)
    ann = await client.other(user=from_global(user)[1], reach=Reach.OWN)
    data = await ann.data(
        "{ surveysResponses { totalCount nodes { score } } customers { nodes { name surveysLatestScore } } }"
    )
    assert data == {
        "surveysResponses": {"totalCount": 1, "nodes": [{"score": 10}]},
        "customers": {"nodes": [{"name": "Mine", "surveysLatestScore": 10}]},
    }


async def test_responses_go_and_come_with_their_customer(client: Client):
    customer = await client.create("customer", name="Alfki")
    await answered(client, customer, 8)
    for verb, left in (("Delete", 0), ("Restore", 1)):
        change = f"mutation($id: ID!) {{ customer{verb}(id: $id) {{ errors {{ code }} }} }}"
        assert (await client.data(change, id=customer))[f"customer{verb}"]["errors"] == []
        found = await client.data("{ surveysResponses { totalCount } }")
        assert found["surveysResponses"]["totalCount"] == left


# ---------------------------------------------------------------- being a plugin


async def test_the_plugin_is_listed(client: Client):
    [listed] = [
        found
        for found in (await client.data("{ plugins { id title version state problems } }"))["plugins"]
        if found["id"] == "surveys"
    ]
    assert listed == {"id": "surveys", "title": "Surveys", "version": "0.1.0", "state": "LOADED", "problems": []}


async def test_what_it_adds_is_what_is_printed(client: Client):
    """contribution.graphql is the whole of it. To print it anew, delete it and run this twice."""
    printed = contributed(print_schema(derive([core_share()])), client.crm.sdl())
    if not CONTRIBUTION.exists():
        await asyncio.to_thread(CONTRIBUTION.write_text, printed)
        pytest.fail("contribution.graphql was missing and has been printed: read it, and run again.")
    assert printed == CONTRIBUTION.read_text()
