"""Mutations made of commands: what the command gets, and what becomes of what it raises."""

from __future__ import annotations

from datetime import date
from uuid import UUID, uuid4

import pytest

from crmcore.domain.customers import CustomerRole
from crmcore.kit.ids import from_global
from tests.fixtures import TestCrm, open_crm
from tests.schema import toys

CREATE = 'mutation { customerCreate(input: {name: "Acme"}) { customer { id } errors { message } } }'
TEAM = "mutation($name: String!) { teamCreate(input: {name: $name}) { team { id } errors { message } } }"


@pytest.fixture
async def crm(database_url: str):
    toys.calls.clear()
    async with open_crm(database_url, toys.toys(), request_seconds=0.5) as opened:
        assert [p.problems for p in opened.crm.plugins.listing()] == [()]
        yield opened


async def _customer(crm: TestCrm) -> str:
    return (await crm.gql(CREATE))["customerCreate"]["customer"]["id"]


async def test_the_command_gets_keys_for_records_and_python_values(crm: TestCrm):
    id_ = await _customer(crm)
    team = (await crm.gql(TEAM, name="East"))["teamCreate"]["team"]["id"]
    data = await crm.gql(
        """mutation($id: ID!, $team: ID!) { toysNote(id: $id, expectedVersion: 7, input: {
             teamId: $team, friendId: $id, on: "2026-11-22", roles: [PARTNER] }) {
             customer { id name } errors { code } } }""",
        id=id_,
        team=team,
    )
    assert data == {"toysNote": {"customer": {"id": id_, "name": "Acme"}, "errors": []}}
    key = from_global(id_)[1]
    assert toys.calls == [
        {
            "id": key, "expected_version": 7, "team_id": from_global(team)[1], "friend_id": key,
            "on": date(2026, 11, 22), "roles": [CustomerRole.PARTNER],
        }
    ]  # fmt: skip


async def test_what_is_left_out_is_left_out_and_null_is_null(crm: TestCrm):
    id_ = await _customer(crm)
    team = f"team_{uuid4()}"
    await crm.gql(
        "mutation($id: ID!, $t: ID!) { toysNote(id: $id, input: {teamId: $t, on: null}) { errors { code } } }",
        id=id_,
        t=team,
    )
    [call] = toys.calls
    assert call == {"id": UUID(id_[9:]), "team_id": UUID(team[5:]), "on": None, "expected_version": None}


async def test_refusals_have_the_path_of_the_argument_and_their_details(crm: TestCrm):
    id_ = await _customer(crm)
    data = await crm.gql(
        """mutation($id: ID!) { toysRefuse(id: $id) { customer { id } errors {
             __typename code message path ... on StateError { current allowed } } } }""",
        id=id_,
    )
    assert data["toysRefuse"] == {
        "customer": None,
        "errors": [
            {"__typename": "ValidationError", "code": "VALIDATION", "message": "Choose another team.",
             "path": ["input", "teamId"]},
            {"__typename": "StateError", "code": "STATE", "message": "It stands still.", "path": [], "current": "STILL",
             "allowed": ["MOVING"]},
        ],
    }  # fmt: skip


async def test_a_malformed_id_in_an_input_is_bad_input(crm: TestCrm):
    id_ = await _customer(crm)
    answer = await crm.ask("mutation($id: ID!) { toysNote(id: $id, input: {teamId: $id}) { errors { code } } }", id=id_)
    [error] = answer["errors"]
    assert error["message"] == f"'{id_}' is no id of a team: it must look like team_<uuid>."
    assert error["path"] == ["toysNote"]
    assert error["extensions"] == {
        "code": "BAD_USER_INPUT",
        "requestId": crm.seen[-1].headers["x-request-id"],
        "argument": ["input", "teamId"],
    }
    assert answer["data"] == {"toysNote": None}


async def test_a_bug_is_masked_and_names_the_plugin_and_its_neighbours_are_answered(
    crm: TestCrm, caplog: pytest.LogCaptureFixture
):
    id_ = await _customer(crm)
    answer = await crm.ask(
        "mutation($id: ID!) { a: toysBreak(id: $id) { errors { code } } b: toysRefuse(id: $id) { errors { code } } }",
        id=id_,
    )
    request_id = crm.seen[-1].headers["x-request-id"]
    assert answer["errors"] == [
        {
            "message": "The plugin toys failed at Mutation.toysBreak.",
            "locations": [{"line": 1, "column": 22}],
            "path": ["a"],
            "extensions": {"requestId": request_id, "code": "PLUGIN_FAILED", "plugin": "toys"},
        }
    ]
    assert answer["data"]["b"] == {"errors": [{"code": "VALIDATION"}, {"code": "STATE"}]}
    assert "secret" not in crm.seen[-1].text
    assert request_id in caplog.text
    assert "the secret of the house" in caplog.text


async def test_a_request_past_its_deadline_is_cancelled_and_says_so(crm: TestCrm):
    id_ = await _customer(crm)
    response = await crm.post("mutation($id: ID!) { toysWait(id: $id) { errors { code } } }", {"id": id_})
    assert response.status_code == 503
    [error] = response.json()["errors"]
    assert error["message"] == "The request took longer than 0.5 s and was cancelled. Ask for less at once."
    assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"
    assert (await crm.gql(CREATE))["customerCreate"]["errors"] == []


async def test_what_a_plugin_adds_is_marked_and_answered(crm: TestCrm):
    id_ = await _customer(crm)
    assert await crm.gql(
        "query($id: ID!) { customer(id: $id) { toysLoud } plugins { id state problems } }", id=id_
    ) == {
        "customer": {"toysLoud": "ACME"},
        "plugins": [{"id": "toys", "state": "LOADED", "problems": []}],
    }
    sdl = (await crm.client.get("/schema.graphql")).text
    assert 'toysLoud: String @plugin(name: "toys")' in sdl
    assert '): CustomerPayload @plugin(name: "toys")' in sdl
    assert 'input ToysNoteInput @plugin(name: "toys")' in sdl
