"""Mutations that are sent twice and done once, and mutations that are only tried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from crmcore.app import create_app
from crmcore.kit.sql import Sql
from crmcore.platform.identity import create_token, find_tenant
from crmcore.plugins import Plugins
from crmcore.settings import Settings
from tests.fixtures import TestCrm, running

CREATE = """mutation Create($name: String!, $key: String) {
  customerCreate(input: {name: $name, kind: ORGANIZATION}, idempotencyKey: $key) {
    customer { id name version createdAt contactPoints { nodes { id } } } errors { code message path }
  }
}"""
NAMES = "query { customers(orderBy: [{field: NAME}]) { totalCount nodes { name } } }"


async def names(crm: TestCrm) -> list[str]:
    return [node["name"] for node in (await crm.gql(NAMES))["customers"]["nodes"]]


async def events(crm: TestCrm) -> int:
    rows = await crm.crm.db.fetch(Sql("SELECT count(*) AS n FROM event WHERE record_type = 'customer'"))
    return int(rows[0]["n"])


def code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def test_the_second_time_the_first_answer_comes_again(crm: TestCrm):
    first = await crm.post(CREATE, {"name": "Once", "key": "k1"})
    again = await crm.post(CREATE, {"name": "Once", "key": "k1"})
    assert first.json()["data"]["customerCreate"]["customer"]["version"] == 1
    assert again.content == first.content
    assert await names(crm) == ["Once"]
    assert await events(crm) == 1


async def test_the_header_is_the_key_of_every_mutation_of_the_request(crm: TestCrm):
    both = """mutation {
      a: customerCreate(input: {name: "A", kind: PERSON}) { customer { id } errors { code } }
      b: customerCreate(input: {name: "B", kind: PERSON}) { customer { id } errors { code } }
    }"""
    first = await crm.post(both, headers={"Idempotency-Key": "pair"})
    again = await crm.post(both, headers={"Idempotency-Key": "pair"})
    assert again.json() == first.json()
    assert await names(crm) == ["A", "B"]


async def test_other_values_are_refused(crm: TestCrm):
    await crm.gql(CREATE, name="One", key="k1")
    other = await crm.ask(CREATE, name="Two", key="k1")
    assert code(other) == "IDEMPOTENCY_KEY_REUSED"
    assert other["data"] == {"customerCreate": None}
    assert await names(crm) == ["One"]


async def test_what_was_refused_may_be_mended_under_its_key(crm: TestCrm):
    refused = await crm.gql(CREATE, name=" ", key="k1")
    assert refused["customerCreate"]["errors"][0]["code"] == "VALIDATION"
    mended = await crm.gql(CREATE, name="Mended", key="k1")
    assert mended["customerCreate"]["customer"]["name"] == "Mended"


async def test_fifty_at_once_have_one_effect(crm: TestCrm):
    answers = await asyncio.gather(*(crm.ask(CREATE, name="Fifty", key="k50") for _ in range(50)))
    done = [a["data"]["customerCreate"] for a in answers if "errors" not in a]
    said = {code(a) for a in answers if "errors" in a}
    assert done
    assert all(one == done[0] for one in done)
    assert said <= {"IDEMPOTENCY_KEY_IN_USE"}
    assert await names(crm) == ["Fifty"]
    assert await events(crm) == 1
    assert (await crm.gql(CREATE, name="Fifty", key="k50"))["customerCreate"] == done[0]


async def test_another_process_is_told_that_it_runs(crm: TestCrm, database_url: str):
    """Two servers on one PostgreSQL; SQLite has one writer, so there the second waits and gets the answer."""
    async with served(database_url) as other:
        first, second = await asyncio.gather(
            crm.post(CREATE, {"name": "Two servers", "key": "k"}),
            other.post("/graphql", json={"query": CREATE, "variables": {"name": "Two servers", "key": "k"}},
                       headers={"authorization": f"Bearer {crm.token}"}),
        )  # fmt: skip
        for answer in (first.json(), second.json()):
            assert "errors" not in answer or code(answer) == "IDEMPOTENCY_KEY_IN_USE"
    assert await names(crm) == ["Two servers"]


@asynccontextmanager
async def served(url: str, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(database_url=url), Plugins(), **more)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://crm.test")
    async with running(app), client:
        yield client


async def test_a_key_is_its_callers_own(crm: TestCrm):
    await crm.gql(CREATE, name="Mine", key="k1")
    headers = {"authorization": f"Bearer {await crm.token_for()}"}
    theirs = await crm.post(CREATE, {"name": "Theirs", "key": "k1"}, headers=headers)
    assert theirs.json()["data"]["customerCreate"]["customer"]["name"] == "Theirs"


async def test_an_answer_is_kept_for_a_day(database_url: str):
    now = [datetime(2026, 11, 22, 12, tzinfo=UTC)]
    app = create_app(Settings(database_url=database_url), Plugins(), clock=lambda: now[0])
    async with running(app):
        crm = app.state.crm
        tenant = await find_tenant(crm.db)
        assert tenant is not None
        async with crm.db.transaction() as tx:
            token = (await create_token(tx, tenant, "t")).text
        headers = {"authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://crm.test", headers=headers) as client:

            async def create() -> str:
                body = {"query": CREATE, "variables": {"name": "Daily", "key": "k"}}
                answer = (await client.post("/graphql", json=body)).json()
                return str(answer["data"]["customerCreate"]["customer"]["id"])

            first = await create()
            now[0] += timedelta(hours=23, minutes=59)
            assert await create() == first
            now[0] += timedelta(minutes=2)
            second = await create()
            assert second != first
            assert await create() == second


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "ü"])
async def test_what_cannot_be_a_key_is_refused(crm: TestCrm, key: str):
    answer = await crm.ask(CREATE, name="No", key=key)
    assert code(answer) == "BAD_USER_INPUT"
    assert answer["errors"][0]["extensions"]["argument"] == ["idempotencyKey"]
    assert await names(crm) == []


async def test_a_header_that_cannot_be_a_key_is_refused(crm: TestCrm):
    refused = await crm.post(CREATE, {"name": "No"}, headers={"Idempotency-Key": "x" * 256})
    assert refused.status_code == 400
    assert await names(crm) == []


async def test_a_trial_answers_what_would_be_and_saves_nothing(crm: TestCrm):
    tried = """mutation { customerCreate(input: {name: "Tried", kind: PERSON}, dryRun: true) {
      customer { id name version createdBy { kind } } errors { code } } }"""
    answer = await crm.gql(tried)
    assert answer["customerCreate"]["customer"]["name"] == "Tried"
    assert await names(crm) == []
    assert await events(crm) == 0
    again = await crm.gql(tried.replace("dryRun: true", "dryRun: false"))
    assert again["customerCreate"]["customer"]["version"] == 1
    assert await names(crm) == ["Tried"]


async def test_a_trial_of_a_move_tells_its_refusal_and_its_outcome(crm: TestCrm):
    customer = (await crm.gql(CREATE, name="Calls"))["customerCreate"]["customer"]["id"]
    create = """mutation C($id: ID!) { caseCreate(input: {subject: "Late", customerId: $id}) {
      case { id version } errors { code message } } }"""
    made = await crm.gql(create, id=customer)
    case = made["caseCreate"]["case"]
    move = "mutation M($id: ID!) { caseOpen(id: $id, dryRun: true) { case { status version } errors { code } } }"
    assert (await crm.gql(move, id=case["id"]))["caseOpen"]["case"] == {"status": "OPEN", "version": 2}
    read = await crm.gql("query Q($id: ID!) { case(id: $id) { status version } }", id=case["id"])
    assert read["case"] == {"status": "NEW", "version": 1}
    close = "mutation M($id: ID!) { caseClose(id: $id, dryRun: true) { case { status } errors { code } } }"
    assert (await crm.gql(close, id=case["id"]))["caseClose"]["errors"] == [{"code": "STATE"}]


async def test_a_trial_leaves_no_memory_of_a_custom_field(crm: TestCrm):
    define = """mutation D($key: String!, $dry: Boolean) { customFieldCreate(dryRun: $dry, input: {
      recordType: "customer", key: $key, label: "L", type: TEXT, options: [], isRequired: false, isUnique: false,
      position: 0}) { customField { key } errors { message } } }"""
    await crm.gql(define, key="tried", dry=True)
    await crm.gql(define, key="real", dry=False)
    made = await crm.gql("""mutation { customerCreate(input: {name: "C", kind: PERSON,
      customFields: [{key: "real", text: "x"}]}) { customer { customFields { key } } errors { message } } }""")
    assert made["customerCreate"]["customer"]["customFields"] == [{"key": "real"}]


async def test_a_failing_mutation_leaves_its_key_unused(crm: TestCrm):
    """A malformed id is the caller's mistake at the top level: nothing was done, so nothing is replayed."""
    bad = 'mutation { customerDelete(id: "nonsense", idempotencyKey: "k") { errors { code } } }'
    for _ in range(2):
        assert code(await crm.ask(bad)) == "BAD_USER_INPUT"
    assert (await crm.gql(CREATE, name="Free", key="k"))["customerCreate"]["customer"]["name"] == "Free"


async def test_a_key_is_for_one_mutation_under_whatever_alias(crm: TestCrm):
    def create(alias: str, name: str) -> str:
        return f'mutation {{ {alias}customerCreate(input: {{name: "{name}"}}, idempotencyKey: "k") {{ customer {{ id }} }} }}'

    first = (await crm.gql(create("", "A")))["customerCreate"]
    assert (await crm.gql(create("again: ", "A")))["again"] == first
    assert code(await crm.ask(create("other: ", "B"))) == "IDEMPOTENCY_KEY_REUSED"
    delete = 'mutation($id: ID!) { customerDelete(id: $id, idempotencyKey: "k") { errors { code } } }'
    assert code(await crm.ask(delete, id=first["customer"]["id"])) == "IDEMPOTENCY_KEY_REUSED"
    twice = """mutation { a: customerCreate(input: {name: "T"}, idempotencyKey: "t") { customer { id } }
      b: customerCreate(input: {name: "T"}, idempotencyKey: "t") { customer { id } } }"""
    both = await crm.gql(twice)
    assert both["a"] == both["b"]
    assert await names(crm) == ["A", "T"]


async def test_a_key_in_the_header_is_for_one_request(crm: TestCrm):
    headers = {"Idempotency-Key": "h"}
    await crm.post('mutation { customerCreate(input: {name: "A"}) { customer { id } } }', headers=headers)
    other = await crm.post('mutation { x: customerCreate(input: {name: "B"}) { customer { id } } }', headers=headers)
    assert code(other.json()) == "IDEMPOTENCY_KEY_REUSED"
    assert await names(crm) == ["A"]
