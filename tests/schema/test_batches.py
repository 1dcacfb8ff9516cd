"""Batches over HTTP: a result for each item, in order, with its own values and errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures import Answer, TestCrm

ERRORS = "errors { __typename code message path ... on ConflictError { currentVersion changedFields } ... on DuplicateError { existing } }"
RESULTS = f"results {{ customer {{ id version name }} outcome {ERRORS} }} errors {{ code path }}"
CREATE = f"mutation($items: [CustomerCreateInput!]!, $mode: BatchMode) {{ done: customersCreate(items: $items, mode: $mode) {{ {RESULTS} }} }}"
UPDATE = f"mutation($items: [CustomerUpdateItem!]!, $mode: BatchMode) {{ done: customersUpdate(items: $items, mode: $mode) {{ {RESULTS} }} }}"
BY_ID = f"mutation($items: [RecordVersionInput!]!, $mode: BatchMode) {{ done: customers%s(items: $items, mode: $mode) {{ {RESULTS} }} }}"


async def run(crm: TestCrm, document: str, items: list[Any], mode: str | None = None) -> Answer:
    done: Answer = (await crm.gql(document, items=items, mode=mode))["done"]
    return done


async def made(crm: TestCrm, *names: str) -> list[str]:
    done = await run(crm, CREATE, [{"name": name} for name in names])
    assert done["errors"] == []
    return [result["customer"]["id"] for result in done["results"]]


async def count(crm: TestCrm) -> int:
    found: int = (await crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"]
    return found


def outcomes(done: Answer) -> list[str]:
    return [result["outcome"] for result in done["results"]]


async def test_each_item_is_answered_in_its_place(crm: TestCrm):
    done = await run(crm, CREATE, [{"name": "One"}, {"name": "Two"}, {"name": "Three"}])
    assert [result["customer"]["name"] for result in done["results"]] == ["One", "Two", "Three"]
    assert outcomes(done) == ["CREATED"] * 3
    one, two, three = (result["customer"]["id"] for result in done["results"])
    done = await run(
        crm,
        UPDATE,
        [
            {"id": three, "input": {"name": "Drei"}},
            {"id": one, "input": {"name": "One"}},
            {"id": two, "input": {"industry": "Steel"}},
        ],
    )
    assert [(r["customer"]["name"], r["customer"]["version"], r["outcome"]) for r in done["results"]] == [
        ("Drei", 2, "UPDATED"), ("One", 1, "UNCHANGED"), ("Two", 2, "UPDATED"),
    ]  # fmt: skip
    done = await run(crm, BY_ID % "Delete", [{"id": two}, {"id": one}])
    assert [(r["customer"]["name"], r["outcome"]) for r in done["results"]] == [("Two", "DELETED"), ("One", "DELETED")]
    done = await run(crm, BY_ID % "Restore", [{"id": one}])
    assert [(r["customer"]["id"], r["outcome"]) for r in done["results"]] == [(one, "RESTORED")]
    assert await count(crm) == 2


async def test_one_that_is_refused_undoes_all(crm: TestCrm):
    done = await run(
        crm, CREATE, [{"name": "One"}, {"name": "Two", "timeZone": "Mars"}, {"name": "Three", "employees": -1}]
    )
    assert outcomes(done) == ["NOT_DONE", "REFUSED", "REFUSED"]
    assert [result["customer"] for result in done["results"]] == [None] * 3
    assert [result["errors"] and result["errors"][0]["path"] for result in done["results"]] == [
        [], ["items", "1", "timeZone"], ["items", "2", "employees"],
    ]  # fmt: skip
    assert done["errors"] == [
        {"code": "VALIDATION", "path": ["items", "1", "timeZone"]},
        {"code": "VALIDATION", "path": ["items", "2", "employees"]},
    ]
    assert await count(crm) == 0


async def test_what_can_be_done_is_done(crm: TestCrm):
    items = [
        {"name": "One", "taxId": "A"},
        {"name": "Two", "taxId": "A"},
        {"name": "Three", "timeZone": "Mars"},
        {"name": "Four"},
    ]
    done = await run(crm, CREATE, items, "PARTIAL")
    assert outcomes(done) == ["CREATED", "REFUSED", "REFUSED", "CREATED"]
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("DUPLICATE", ["items", "1", "taxId"]), ("VALIDATION", ["items", "2", "timeZone"]),
    ]  # fmt: skip
    assert await count(crm) == 2


async def test_two_updates_of_one_record_come_one_after_the_other(crm: TestCrm):
    [one] = await made(crm, "One")
    items = [
        {"id": one, "input": {"name": "Two"}, "expectedVersion": 1},
        {"id": one, "input": {"employees": -1}},
        {"id": one, "input": {"name": "Four"}, "expectedVersion": 1},
        {"id": one, "input": {"industry": "Steel"}, "expectedVersion": 2},
    ]
    done = await run(crm, UPDATE, items, "PARTIAL")
    assert outcomes(done) == ["UPDATED", "REFUSED", "REFUSED", "UPDATED"]
    assert [e["path"] for e in done["errors"]] == [
        ["items", "1", "input", "employees"],
        ["items", "2", "expectedVersion"],
    ]
    [conflict] = done["results"][2]["errors"]
    assert (conflict["currentVersion"], conflict["changedFields"]) == (2, ["name"])
    assert {r["customer"]["version"] for r in done["results"] if r["customer"]} == {3}


async def test_refusals_name_what_is_not_there(crm: TestCrm):
    [one] = await made(crm, "One")
    nobody = "customer_0198f3a2-7c1e-7000-8000-000000000000"
    done = await run(crm, UPDATE, [{"id": nobody, "input": {}}, {"id": one, "input": {"name": None}}], "PARTIAL")
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("NOT_FOUND", ["items", "0", "id"]), ("VALIDATION", ["items", "1", "input", "name"]),
    ]  # fmt: skip
    done = await run(crm, BY_ID % "Restore", [{"id": one}, {"id": nobody}], "PARTIAL")
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("STATE", ["items", "0", "id"]), ("NOT_FOUND", ["items", "1", "id"]),
    ]  # fmt: skip


async def test_too_many_and_none_at_all(crm: TestCrm):
    done = await run(crm, CREATE, [{"name": "x"}] * 1001)
    assert done == {"results": [], "errors": [{"code": "LIMIT", "path": ["items"]}]}
    assert await run(crm, CREATE, []) == {"results": [], "errors": []}
    assert await count(crm) == 0


async def test_a_malformed_id_says_where_it_is(crm: TestCrm):
    answer = await crm.ask(UPDATE, items=[{"id": "nonsense", "input": {}}])
    assert answer["errors"][0]["extensions"]["argument"] == ["items", "0", "id"]


@pytest.mark.parametrize("mode", ["ALL_OR_NOTHING", "PARTIAL"])
async def test_a_thousand_take_as_many_statements_as_one(crm: TestCrm, mode: str):
    async def statements(document: str, items: list[Any]) -> tuple[int, list[str]]:
        with crm.crm.db.counting() as seen:
            done = await run(crm, document, items, mode)
        assert done["errors"] == []
        return len(seen), [result["customer"]["id"] for result in done["results"]]

    one, [first] = await statements(
        CREATE, [{"name": "x", "taxId": "x", "externalRefs": [{"system": "a", "externalId": "x"}]}]
    )
    many, ids = await statements(
        CREATE,
        [
            {"name": f"x{n}", "taxId": f"{n}", "externalRefs": [{"system": "a", "externalId": f"{n}"}]}
            for n in range(1000)
        ],
    )
    assert many == one
    for document, more in (
        (UPDATE, {"input": {"name": "y"}, "expectedVersion": 1}),
        (BY_ID % "Delete", {}),
        (BY_ID % "Restore", {}),
    ):
        one, _ = await statements(document, [{"id": first, **more}])
        many, found = await statements(document, [{"id": id_, **more} for id_ in ids])
        assert many == one
        assert found == ids
