"""GraphQL over Server-Sent Events against a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import orjson
import pytest

from tests.fixtures import TestCrm
from tests.http.serving import Serving, serving

EVENTS = "text/event-stream"
CREATE = 'mutation { customerCreate(input: {name: "Ada"}) { customer { name } errors { message } } }'
URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
)


@pytest.fixture
async def server(crm: TestCrm) -> AsyncIterator[Serving]:
    async with serving(crm) as found:
        yield found


async def ask(server: Serving, query: str, accept: str = EVENTS, token: str | None = None) -> httpx.Response:
    headers = {"accept": accept, "authorization": f"Bearer {server.crm.token if token is None else token}"}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(server.url, json={"query": query}, headers=headers)


def told(text: str) -> list[tuple[str, object]]:
    """The events of a whole stream."""
    assert "\r" not in text
    events = []
    for block in text.split("\n\n"):
        if not block or block == ":":
            continue
        event, data = block.split("\n")
        said = data.removeprefix("data:").strip()
        events.append((event.removeprefix("event: "), orjson.loads(said) if said else None))
    return events


async def test_queries_and_mutations_are_one_event_and_the_end(server: Serving):
    answer = await ask(server, CREATE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    made = {"data": {"customerCreate": {"customer": {"name": "Ada"}, "errors": []}}}
    assert told(answer.text) == [("next", made), ("complete", None)]


async def test_what_cannot_run_is_told_in_the_stream(server: Serving):
    answer = await ask(server, "{ nonsense }")
    [(event, body), end] = told(answer.text)
    assert (answer.status_code, event, end) == (200, "next", ("complete", None))
    assert isinstance(body, dict)
    assert body["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert "data" not in body


async def test_without_a_token_there_is_no_stream(server: Serving):
    answer = await ask(server, "{ __typename }", token="nonsense")
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_who_does_not_prefer_events_gets_json(server: Serving):
    for accept in [URQL, "*/*", "application/json;q=0.9, text/event-stream;q=0.8", f"{EVENTS}, */*", ""]:
        answer = await ask(server, "{ __typename }", accept)
        assert answer.json() == {"data": {"__typename": "Query"}}, accept


async def test_who_prefers_events_gets_them(server: Serving):
    for accept in [f"{EVENTS}, multipart/mixed", f"application/json;q=0.5, {EVENTS}"]:
        answer = await ask(server, "{ __typename }", accept)
        assert told(answer.text) == [("next", {"data": {"__typename": "Query"}}), ("complete", None)], accept


async def test_a_connection_serves_on_after_a_stream(server: Serving):
    headers = {"accept": EVENTS, "authorization": f"Bearer {server.crm.token}"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as client:
        for _ in range(3):
            answer = await client.get(server.url, params={"query": "{ __typename }"})
            assert told(answer.text)[0] == ("next", {"data": {"__typename": "Query"}})
        refused = await client.get(server.url, params={"query": CREATE})
        [(_, body), _] = told(refused.text)
        assert isinstance(body, dict)
        assert body["errors"][0]["extensions"]["code"] == "QUERY_ONLY"
