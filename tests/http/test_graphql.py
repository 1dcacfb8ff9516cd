"""GraphQL over HTTP: media types, methods, statuses, credentials, as the specification says and its audit checks."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from crmcore.platform.database import Unavailable
from tests.fixtures import TestCrm, open_crm

NEW = "application/graphql-response+json"
OLD = "application/json"
QUERY = "{ __typename }"
JSON_BODY = {"content-type": "application/json"}


def code(response) -> str:
    """The code of the one error of an answer that has the form of every answer."""
    body = response.json()
    [error] = body["errors"]
    assert error["message"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return error["extensions"]["code"]


@pytest.mark.parametrize(
    "accept, form",
    [
        (None, OLD), ("*/*", OLD), ("application/*", OLD), (OLD, OLD), (NEW, NEW), (f"{NEW}; charset=utf-8", NEW),
        (f"{NEW};q=0.9, {OLD}", OLD), (f"{NEW}, {OLD};q=0.9", NEW), ("text/html, */*;q=0.1", OLD),
        (f"text/event-stream, {NEW}", NEW),
    ],
)  # fmt: skip
async def test_the_answer_has_the_form_that_the_client_prefers(crm: TestCrm, accept: str | None, form: str):
    headers = {"accept": accept} if accept else {}
    request = crm.client.build_request("POST", "/graphql", json={"query": QUERY}, headers=headers)
    if accept is None:
        del request.headers["accept"]
    response = await crm.client.send(request)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{form}; charset=utf-8"
    assert response.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("accept", ["text/html", "application/xml", f"{OLD};q=0", f"{OLD}; charset=latin1"])
async def test_a_form_that_we_do_not_have_is_not_acceptable(crm: TestCrm, accept: str):
    response = await crm.post(QUERY, headers={"accept": accept})
    assert response.status_code == 406
    assert code(response) == "NOT_ACCEPTABLE"


@pytest.mark.parametrize(
    "query, variables, expected",
    [
        ("{", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { node(id: $id) { id } }", {}, "BAD_USER_INPUT"),
        ("query A { __typename } query B { __typename }", {}, "OPERATION_RESOLUTION_FAILURE"),
        ("fragment F on Query { __typename }", {}, "GRAPHQL_VALIDATION_FAILED"),
    ],
)
async def test_what_cannot_run_is_400_in_the_newer_form_and_200_in_the_older(
    crm: TestCrm, query: str, variables: dict, expected: str
):
    newer = await crm.post(query, variables, headers={"accept": NEW})
    older = await crm.post(query, variables, headers={"accept": OLD})
    assert (newer.status_code, older.status_code) == (400, 200)
    assert code(newer) == code(older) == expected
    assert "data" not in newer.json()


async def test_an_error_of_a_field_is_200_with_data(crm: TestCrm):
    response = await crm.post('{ customer(id: "x") { id } plugins { id } }', headers={"accept": NEW})
    assert response.status_code == 200
    assert response.json()["data"] == {"customer": None, "plugins": []}


async def test_queries_by_get(crm: TestCrm):
    query = "query Q($id: ID!) { node(id: $id) { id } }"
    parameters = {
        "query": query,
        "operationName": "Q",
        "variables": '{"id": "customer_0198f3a2-7c1e-7000-8000-000000000000"}',
    }
    response = await crm.client.get("/graphql", params=parameters, headers={"accept": NEW})
    assert (response.status_code, response.json()) == (200, {"data": {"node": None}})


async def test_no_mutation_by_get(crm: TestCrm):
    mutation = 'mutation { customerCreate(input: {name: "Sneaky"}) { customer { id } } }'
    response = await crm.client.get("/graphql", params={"query": mutation})
    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert code(response) == "QUERY_ONLY"
    assert (await crm.gql("{ customers { totalCount } }")) == {"customers": {"totalCount": 0}}


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "PUT", "PATCH", "DELETE", "PROPFIND"])
async def test_other_methods_are_not_allowed(crm: TestCrm, method: str):
    response = await crm.client.request(method, "/graphql")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"
    assert code(response) == "METHOD_NOT_ALLOWED"


async def test_a_head_alone_is_not_allowed_and_has_no_body(crm: TestCrm):
    response = await crm.client.head("/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin1",
    ],
)
async def test_a_body_of_another_type_is_unsupported(crm: TestCrm, content_type: str | None):
    """What a page of another site could send without being asked is refused."""
    headers = {"content-type": content_type} if content_type is not None else {}
    response = await crm.client.post("/graphql", content=b'{"query": "{ __typename }"}', headers=headers)
    assert response.status_code == 415
    assert code(response) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize("content_type", ["application/json;charset=UTF-8", 'Application/JSON; charset="utf-8"'])
async def test_utf8_may_be_named(crm: TestCrm, content_type: str):
    response = await crm.post(QUERY, headers={"content-type": content_type})
    assert response.status_code == 200


async def test_a_packed_body_is_unsupported(crm: TestCrm):
    response = await crm.client.post("/graphql", content=b"\x1f\x8b", headers={**JSON_BODY, "content-encoding": "gzip"})
    assert response.status_code == 415
    assert code(response) == "UNSUPPORTED_MEDIA_TYPE"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"1", b'"x"', b"true", b"[1]", b"[]", b"{}", b'{"query": 1}', b'{"query": ""}',
        b'{"query": null}',
        b'{"query": "{ __typename }", "variables": "x"}', b'{"query": "{ __typename }", "variables": [1]}',
        b'{"query": "{ __typename }", "operationName": 1}', b'{"query": "{ __typename }", "extensions": 1}',
        b'{"query": "\xff"}', b"\xef\xbb\xbf{}", b"{'query': 1}", b'{"query": "{ __typename }"', b"NaN",
        b'{"query": "\\ud800"}', b"9" * 5000, b'{"query": ' + b"9" * 5000 + b"}", b"[" * 100_000, b'{"a":' * 100_000,
        b'[{"query": "{ __typename }"}]',
    ],
    ids=repr,
)  # fmt: skip
async def test_a_body_that_is_no_request_is_a_bad_request(crm: TestCrm, body: bytes):
    for accept in (NEW, OLD):
        response = await crm.client.post("/graphql", content=body, headers={**JSON_BODY, "accept": accept})
        assert response.status_code == 400
        assert code(response) == "BAD_REQUEST"


async def test_nulls_are_as_good_as_absent(crm: TestCrm):
    body = orjson.dumps({"query": QUERY, "variables": None, "operationName": None, "extensions": None})
    response = await crm.client.post("/graphql", content=body, headers=JSON_BODY)
    assert response.json() == {"data": {"__typename": "Query"}}


async def test_a_large_body_is_refused_unread(crm: TestCrm):
    large = b'{"query": "' + b" " * crm.crm.settings.max_body_bytes + b'"}'

    async def pieces():
        for _ in range(1100):
            yield b" " * 1024

    for content in (large, pieces()):
        response = await crm.client.post("/graphql", content=content, headers=JSON_BODY)
        assert response.status_code == 413
        assert code(response) == "PAYLOAD_TOO_LARGE"


@pytest.mark.parametrize("length", ["-1", "x", "１"])
async def test_a_wrong_length_is_a_bad_request(crm: TestCrm, length: str):
    headers = [(b"content-type", b"application/json"), (b"content-length", length.encode())]
    response = await crm.client.post("/graphql", content=b"{}", headers=headers)
    assert response.status_code in {400, 413}


async def test_large_headers_are_refused(crm: TestCrm):
    response = await crm.post(QUERY, headers={"x-filler": "x" * 40_000})
    assert response.status_code == 431
    assert code(response) == "HEADERS_TOO_LARGE"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer x",
        "Bearer crm_live_aaaaaaaaaaaa_" + "b" * 43 + "_cccccc",
        "Bearer " + "x" * 5000,
    ],
)
@pytest.mark.parametrize("query", [QUERY, "{ __schema { types { name } } }", "{ custmers }", "{"])
async def test_who_has_no_token_learns_nothing(crm: TestCrm, authorization: str, query: str):
    response = await crm.post(query, headers={"authorization": authorization, "accept": NEW})
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Bearer")
    assert code(response) == "UNAUTHENTICATED"


async def test_another_app_s_token_is_none(crm: TestCrm):
    changed = crm.token[:-1] + ("a" if crm.token[-1] != "a" else "b")
    assert (await crm.post(QUERY, headers={"authorization": f"Bearer {changed}"})).status_code == 401
    assert (await crm.post(QUERY, headers={"authorization": f"bearer {crm.token}"})).status_code == 200


async def test_every_answer_has_an_id_of_its_own(crm: TestCrm):
    first, second = await crm.post(QUERY), await crm.post(QUERY, headers={"x-request-id": "mine"})
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert len(ids) == 2
    assert "mine" not in ids


async def test_the_id_of_the_request_is_the_cause_of_its_facts(crm: TestCrm):
    response = await crm.post('mutation { customerCreate(input: {name: "Acme"}) { customer { id } } }')
    from crmcore.kit.sql import Sql

    rows = await crm.crm.db.fetch(Sql("SELECT cause FROM event WHERE type = 'customer.created'"))
    assert [str(row["cause"]) for row in rows] == [response.headers["x-request-id"]]


async def test_statements_are_counted_per_request(crm: TestCrm):
    """One for the token, one for each root field."""
    query = "{ a: customers { nodes { name deals { nodes { name stage { name } } } } } b: customers { totalCount } }"
    with crm.crm.db.counting() as seen:
        await crm.gql(query)
    assert len(seen) == 3


async def test_a_body_that_does_not_arrive_is_given_up(database_url: str):
    async def slowly():
        yield b'{"query": '
        await asyncio.sleep(5)
        yield b'"{ __typename }"}'

    async with open_crm(database_url, read_seconds=0.2) as crm:
        response = await crm.client.post("/graphql", content=slowly(), headers=JSON_BODY)
        assert response.status_code == 408
        assert code(response) == "REQUEST_TIMEOUT"


async def test_a_database_that_does_not_answer_is_said_not_to(database_url: str, monkeypatch: pytest.MonkeyPatch):
    async def hang(*_: object) -> None:
        await asyncio.sleep(30)

    async def fail(*_: object) -> None:
        raise Unavailable("connection refused by 10.0.0.7")

    async with open_crm(database_url, request_seconds=0.2) as crm:
        for broken in (hang, fail):
            monkeypatch.setattr("crmcore.http.auth.authenticate", broken)
            response = await crm.post(QUERY)
            assert response.status_code == 503
            assert code(response) == "SERVICE_UNAVAILABLE"
            assert "10.0.0.7" not in response.text


async def test_a_client_that_goes_while_it_sends_is_no_bug(crm: TestCrm, caplog: pytest.LogCaptureFixture):
    sent: list[object] = []
    messages = [
        {"type": "http.request", "body": b'{"query": ', "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, object]:
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    async def send(message: object) -> None:
        sent.append(message)

    headers = {"authorization": f"Bearer {crm.token}", "content-type": "application/json", "content-length": "99"}
    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
        "http_version": "1.1", "scheme": "http", "server": ("crm.test", 80), "client": ("127.0.0.1", 1),
        "root_path": "", "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
    }  # fmt: skip
    await crm.app(scope, receive, send)
    assert sent == []
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
