"""What surveys does, through HTTP, on both databases."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from crmcore.testing import Caller, TestCrm, assert_plugin_contract

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


async def answered(crm: Caller, customer: str, score: int, day: int = 1, **more: Any) -> str:
    given = {"customerId": customer, "score": score, "answeredAt": f"2026-03-{day:02}T09:00:00Z", **more}
    payload = (await crm.gql(RECORD, input=given))["surveysResponseRecord"]
    assert payload["errors"] == []
    key: str = payload["surveysResponse"]["id"]
    return key


# ---------------------------------------------------------------- recording


async def test_a_response_is_recorded(crm: TestCrm):
    customer = await crm.create("customer", name="Åkesson & Co")
    contact = await crm.create("contact", lastName="Li")
    given = {
        "customerId": customer, "contactId": contact, "score": 9, "comment": "很好", "channel": "shop",
        "answeredAt": "2026-03-01T10:00:00+01:00",
    }  # fmt: skip
    payload = (await crm.gql(RECORD, input=given))["surveysResponseRecord"]
    response = payload["surveysResponse"]
    assert payload["errors"] == []
    assert response.pop("id").startswith("surveys_response_")
    assert response == {
        "version": 1, "score": 9, "comment": "很好", "channel": "shop", "answeredAt": "2026-03-01T09:00:00.000000+00:00",
        "createdBy": {"kind": "API_KEY"}, "customer": {"name": "Åkesson & Co"}, "contact": {"name": "Li"},
    }  # fmt: skip


async def test_the_time_is_now_if_nothing_is_said(crm: TestCrm):
    customer = await crm.create("customer", name="Alfki")
    payload = (await crm.gql(RECORD, input={"customerId": customer, "score": 0}))["surveysResponseRecord"]
    assert (payload["errors"], payload["surveysResponse"]["score"]) == ([], 0)
    assert payload["surveysResponse"]["answeredAt"]


@pytest.mark.parametrize("score", [-1, 11])
async def test_a_score_off_the_scale_is_refused_with_its_path(crm: TestCrm, score: int):
    customer = await crm.create("customer", name="Alfki")
    payload = (await crm.gql(RECORD, input={"customerId": customer, "score": score}))["surveysResponseRecord"]
    assert payload == {
        "surveysResponse": None,
        "errors": [
            {"code": "VALIDATION", "message": "A score is a whole number from 0 to 10.", "path": ["input", "score"]}
        ],
    }
    assert (await crm.gql("{ surveysResponses { totalCount } }"))["surveysResponses"]["totalCount"] == 0


async def test_an_unknown_customer_is_not_found(crm: TestCrm):
    given = {"customerId": f"customer_{uuid4()}", "score": 5}
    payload = (await crm.gql(RECORD, input=given))["surveysResponseRecord"]
    assert payload["surveysResponse"] is None
    assert [(e["code"], e["path"]) for e in payload["errors"]] == [("NOT_FOUND", ["input", "customerId"])]


@pytest.mark.parametrize(
    "given", [{"customerId": "alfki", "score": 5}, {"score": 5}, {"customerId": "x", "score": 4.5}]
)
async def test_malformed_input_is_a_top_level_error(crm: TestCrm, given: dict[str, Any]):
    answer = await crm.ask(RECORD, input=given)
    assert answer.get("data") in (None, {"surveysResponseRecord": None})
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


# ---------------------------------------------------------------- reading


async def test_responses_are_read_as_every_connection(crm: TestCrm):
    alfki = await crm.create("customer", name="Alfki")
    other = await crm.create("customer", name="Other")
    for day, score in enumerate([3, 9, 9, 10, 6], 1):
        await answered(crm, alfki, score, day)
    await answered(crm, other, 2)
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
        page = (await crm.gql(query, id=alfki, after=after))["customer"]["surveysResponses"]
        assert page["totalCount"] == 4
        seen += [(node["score"], node["answeredAt"][:10]) for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == [(6, "2026-03-05"), (9, "2026-03-02"), (9, "2026-03-03"), (10, "2026-03-04")]


async def test_customers_are_found_and_counted_by_their_responses(crm: TestCrm):
    for name, scores in {"Happy": [9, 10], "Mixed": [10, 2], "Silent": []}.items():
        customer = await crm.create("customer", name=name)
        for day, score in enumerate(scores, 1):
            await answered(crm, customer, score, day)
    data = await crm.gql("""{
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


async def test_the_latest_score_is_the_latest_answers(crm: TestCrm):
    """By the time of the answer, not of the recording; deleted ones do not count; nobody asked is null."""
    alfki = await crm.create("customer", name="Alfki")
    await crm.create("customer", name="Silent")
    last = await answered(crm, alfki, 3, day=20)
    await answered(crm, alfki, 9, day=10)
    assert (await crm.gql(SCORES))["customers"]["nodes"] == [
        {"name": "Alfki", "surveysLatestScore": 3},
        {"name": "Silent", "surveysLatestScore": None},
    ]
    gone = "mutation($id: ID!) { surveysResponseDelete(id: $id) { errors { code } } }"
    assert await crm.gql(gone, id=last) == {"surveysResponseDelete": {"errors": []}}
    assert (await crm.gql(SCORES))["customers"]["nodes"][0] == {"name": "Alfki", "surveysLatestScore": 9}


async def test_a_page_of_fifty_costs_as_many_statements_as_a_page_of_five(crm: TestCrm):
    """The token and the page: what surveys knows of the customers is part of the page's statement."""
    for number in range(50):
        customer = await crm.create("customer", name=f"Customer {number:02}")
        await answered(crm, customer, number % 11)
    query = """
    query($first: Int) {
      customers(first: $first, orderBy: [{ field: NAME }]) {
        nodes { name surveysLatestScore again: surveysLatestScore surveysResponses { nodes { score customer { name } } } }
      }
    }
    """
    counts, data = [], {}
    for first in (5, 50):
        with crm.sql_budget(2) as statements:
            data = await crm.gql(query, first=first)
        counts.append(len(statements))
    assert counts == [2, 2]
    nodes = data["customers"]["nodes"]
    assert [node["surveysLatestScore"] for node in nodes] == [number % 11 for number in range(50)]
    assert all(node["again"] == node["surveysResponses"]["nodes"][0]["score"] for node in nodes)


async def test_answers_stand_on_the_timelines_of_who_gave_them(crm: TestCrm):
    """Of the customer and of the contact, beside what the core has there."""
    alfki = await crm.create("customer", name="Alfki")
    contact = await crm.create("contact", lastName="Li")
    first = await answered(crm, alfki, 3, day=1)
    note = {
        "customerId": alfki,
        "kind": "NOTE",
        "direction": "IN",
        "at": "2026-03-02T09:00:00Z",
        "subject": "Asked why",
    }
    talk = await crm.create("interaction", **note)
    last = await answered(crm, alfki, 9, day=3, contactId=contact)
    query = """
    query($customer: ID!, $contact: ID!, $types: [TimelineType!]) {
      customer(id: $customer) {
        timeline(types: $types) { nodes { id timelineAt ... on SurveysResponse { score } ... on Interaction { subject } } }
      }
      contact(id: $contact) { timeline { nodes { __typename id } } }
    }
    """
    found = await crm.gql(query, customer=alfki, contact=contact)
    at = "2026-03-0{}T09:00:00.000000+00:00".format
    assert found["customer"]["timeline"]["nodes"] == [
        {"id": last, "timelineAt": at(3), "score": 9},
        {"id": talk, "timelineAt": at(2), "subject": "Asked why"},
        {"id": first, "timelineAt": at(1), "score": 3},
    ]
    assert found["contact"]["timeline"]["nodes"] == [{"__typename": "SurveysResponse", "id": last}]
    only = await crm.gql(query, customer=alfki, contact=contact, types=["SURVEYS_RESPONSE"])
    assert [node["id"] for node in only["customer"]["timeline"]["nodes"]] == [last, first]


# ---------------------------------------------------------------- who sees what


async def test_another_tenant_sees_and_touches_nothing(crm: TestCrm):
    customer = await crm.create("customer", name="Alfki")
    response = await answered(crm, customer, 8)
    stranger = await crm.caller(tenant="stranger")
    data = await stranger.gql(
        "query($id: ID!) { surveysResponse(id: $id) { score } surveysResponses { totalCount } surveysResponseAggregate { count } }",
        id=response,
    )
    assert data == {
        "surveysResponse": None, "surveysResponses": {"totalCount": 0}, "surveysResponseAggregate": [{"count": 0}],
    }  # fmt: skip
    payload = (await stranger.gql(RECORD, input={"customerId": customer, "score": 1}))["surveysResponseRecord"]
    assert [e["code"] for e in payload["errors"]] == ["NOT_FOUND"]
    assert (await crm.gql("{ surveysResponses { totalCount } }"))["surveysResponses"]["totalCount"] == 1


async def test_who_sees_only_their_customers_sees_only_their_answers(crm: TestCrm):
    """A response is guarded as its customer is, in lists, counts and the batch field alike."""
    user = await crm.create("user", name="Ann", email="ann@example.com")
    mine = await crm.create("customer", name="Mine", ownerId=user)
    theirs = await crm.create("customer", name="Theirs")
    await answered(crm, mine, 10)
    await answered(crm, theirs, 1)
    ann = await crm.caller(user=user, sees="OWN")
    data = await ann.gql(
        "{ surveysResponses { totalCount nodes { score } } customers { nodes { name surveysLatestScore } } }"
    )
    assert data == {
        "surveysResponses": {"totalCount": 1, "nodes": [{"score": 10}]},
        "customers": {"nodes": [{"name": "Mine", "surveysLatestScore": 10}]},
    }


async def test_responses_go_and_come_with_their_customer(crm: TestCrm):
    customer = await crm.create("customer", name="Alfki")
    await answered(crm, customer, 8)
    for verb, left in (("Delete", 0), ("Restore", 1)):
        change = f"mutation($id: ID!) {{ customer{verb}(id: $id) {{ errors {{ code }} }} }}"
        assert (await crm.gql(change, id=customer))[f"customer{verb}"]["errors"] == []
        found = await crm.gql("{ surveysResponses { totalCount } }")
        assert found["surveysResponses"]["totalCount"] == left


# ---------------------------------------------------------------- being a plugin


async def test_the_plugin_is_listed(crm: TestCrm):
    [listed] = [
        found
        for found in (await crm.gql("{ plugins { id title version state problems } }"))["plugins"]
        if found["id"] == "surveys"
    ]
    assert listed == {"id": "surveys", "title": "Surveys", "version": "0.1.0", "state": "LOADED", "problems": []}


async def test_what_it_adds_is_what_is_printed(crm: TestCrm):
    """contribution.graphql is the whole of it. To print it anew, delete it and run this twice."""
    printed = crm.sdl_diff()
    if not CONTRIBUTION.exists():
        await asyncio.to_thread(CONTRIBUTION.write_text, printed)
        pytest.fail("contribution.graphql was missing and has been printed: read it, and run again.")
    assert printed == CONTRIBUTION.read_text()


async def test_the_examples_of_the_readme_are_of_the_graph(crm: TestCrm):
    """The survey is made as it says there, and read with the results that it shows."""
    page = (Path(__file__).parents[1] / "README.md").read_text()
    make, show = re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    made = (await crm.gql(make))["surveysSurveyCreate"]
    assert made["errors"] == []
    found = await crm.gql(show, survey=made["surveysSurvey"]["id"])
    assert [question["counts"] for question in found["surveysSurveyResults"]["questions"]] == [[], [], []]


async def test_it_keeps_to_what_every_plugin_keeps_to():
    await assert_plugin_contract("surveys")


async def test_a_person_is_forgotten_and_the_score_stays(crm: TestCrm):
    customer, contact = await crm.create("customer", name="Firm"), await crm.create("contact", lastName="Li")
    await answered(crm, customer, 3, contactId=contact, comment="Call me, Li")
    told = await crm.gql("query($id: ID!) { contactPersonalData(id: $id) }", id=contact)
    assert [row["comment"] for row in told["contactPersonalData"]["surveys_response"]] == ["Call me, Li"]
    erased = await crm.gql("mutation($id: ID!) { contactErase(id: $id) { errors { code } } }", id=contact)
    assert erased == {"contactErase": {"errors": []}}
    kept = await crm.gql("{ surveysResponses { nodes { score comment contact { id } } } }")
    assert kept["surveysResponses"]["nodes"] == [{"score": 3, "comment": None, "contact": None}]
