"""Exports over the API: a whole list as a file, which comes in again as it was."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from crmcore.domain.people import User
from crmcore.kit.sql import Sql
from crmcore.platform.access import Reach
from crmcore.records import Create, write
from crmcore.schema.exporting import jobs
from tests.fixtures import TestCrm, open_crm

START = """mutation($input: ExportStartInput!) {
  exportStart(input: $input) { export { id state } errors { code path message } }
}"""
SEEN = "query($id: ID!) { export(id: $id) { state rows total error file { id name downloadUrl mediaType } } }"
ALL = """{ customers(orderBy: {field: NAME}) { nodes {
  id name kind industry employees isKeyAccount roles annualRevenue { amount currencyCode } owner { email } parent { id }
} } }"""


async def start(crm: TestCrm, query: str, form: str = "CSV", token: str = "", **given: Any) -> dict[str, Any]:
    body = {"query": START, "variables": {"input": {"query": query, "format": form, **given}}}
    headers = {"authorization": f"Bearer {token}"} if token else {}
    answer = (await crm.client.post("/graphql", json=body, headers=headers)).json()
    assert "errors" not in answer, answer
    found: dict[str, Any] = answer["data"]["exportStart"]
    return found


async def export(
    crm: TestCrm, query: str, form: str = "CSV", token: str = "", **given: Any
) -> tuple[dict[str, Any], bytes]:
    started = await start(crm, query, form, token, **given)
    assert started["errors"] == []
    await crm.crm.run_jobs()
    done = (await crm.gql(SEEN, id=started["export"]["id"]))["export"]
    if done["file"] is None:
        return done, b""
    return done, (await crm.client.get(done["file"]["downloadUrl"], headers={"authorization": ""})).content


async def fill(crm: TestCrm, count: int = 7) -> None:
    async with crm.crm.db.transaction() as tx:
        user = Create(User, {"name": "Uma", "email": "uma@example.com"})
        [made] = await write(crm.context, [user], tx=tx)
    for n in range(count):
        given = {
            "name": f"Customer {n}",
            "employees": n,
            "isKeyAccount": n % 2 == 0,
            "industry": f"-{n}" if n else None,
        }
        if n == 3:
            given |= {"annualRevenue": {"amount": "-12.5", "currencyCode": "EUR"}, "ownerId": f"user_{made.id}"}
        made_one = await crm.gql(
            "mutation($i: CustomerCreateInput!) { customerCreate(input: $i) { errors { message } } }", i=given
        )
        assert made_one["customerCreate"]["errors"] == []


def rows_of(data: bytes, form: str) -> list[dict[str, Any]]:
    if form == "JSONL":
        return [json.loads(line) for line in data.splitlines()]
    if form == "CSV":
        return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"))))
    header, *rows = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_index(0).to_python()
    return [dict(zip(header, row)) for row in rows]


async def test_a_list_to_its_end(database_url: str):
    async with open_crm(database_url, page_max=3, page_default=3) as crm:
        await fill(crm)
        done, data = await export(crm, ALL, "JSONL")
        assert (done["state"], done["rows"], done["total"]) == ("DONE", 7, 7)
        listed = [row async for row in _pages(crm)]
        assert rows_of(data, "JSONL") == listed
        _, data = await export(crm, ALL)
        table = rows_of(data, "CSV")
        assert list(table[0]) == [
            "id", "name", "kind", "industry", "employees", "isKeyAccount", "roles", "annualRevenue.amount",
            "annualRevenue.currencyCode", "owner.email", "parent.id",
        ]  # fmt: skip
        assert table[3] == {
            **dict.fromkeys(table[0], ""), "id": listed[3]["id"], "name": "Customer 3", "kind": "ORGANIZATION",
            "industry": "'-3", "employees": "3", "isKeyAccount": "false", "roles": "CUSTOMER",
            "annualRevenue.amount": "-12.5000", "annualRevenue.currencyCode": "EUR", "owner.email": "uma@example.com",
        }  # fmt: skip
        _, data = await export(crm, ALL, "XLSX")
        row = rows_of(data, "XLSX")[3]
        assert (row["industry"], row["employees"], row["annualRevenue.amount"], row["isKeyAccount"]) == (
            "-3",
            3,
            -12.5,
            False,
        )


async def _pages(crm: TestCrm):
    after = None
    while True:
        asked = ALL.replace("{ customers(", "query($a: String) { customers(after: $a, ").replace(
            "} } }", "} pageInfo { endCursor hasNextPage } } }"
        )
        page = (await crm.gql(asked, a=after))["customers"]
        for row in page["nodes"]:
            yield row
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return


@pytest.mark.parametrize("form", ["CSV", "JSONL", "XLSX"])
async def test_what_goes_out_comes_in_as_it_was(crm: TestCrm, form: str):
    await fill(crm)
    asked = ALL.replace("parent { id }", "")
    before = (await crm.gql(asked))["customers"]["nodes"]
    _, data = await export(crm, asked, form)
    names = "{ customers { nodes { id } } }"
    for row in (await crm.gql(names))["customers"]["nodes"]:
        await crm.gql("mutation($id: ID!) { customerUpdate(id: $id, input: {industry: \"x\", employees: null, "
                      "annualRevenue: null, isKeyAccount: false}) { errors { message } } }", id=row["id"])  # fmt: skip
    sent = await crm.client.post("/files", params={"name": f"back.{form.lower()}"}, content=data)
    begun = await crm.gql(
        "mutation($i: ImportStartInput!) { importStart(input: $i) { import { id } errors { message } } }",
        i={"file": sent.json()["file"]["id"], "as": "CUSTOMER", "mode": "UPSERT"},
    )
    assert begun["importStart"]["errors"] == []
    await crm.crm.run_jobs()
    seen = "query($id: ID!) { import(id: $id) { state error created updated unchanged refused } }"
    done = (await crm.gql(seen, id=begun["importStart"]["import"]["id"]))["import"]
    assert done == {"state": "DONE", "error": None, "created": 0, "updated": 7, "unchanged": 0, "refused": 0}
    assert (await crm.gql(asked))["customers"]["nodes"] == before


async def test_nested_lists_columns_and_variables(crm: TestCrm):
    await fill(crm)
    query = """query($n: Int!) { customers(where: {employees: {gte: $n}}, orderBy: {field: EMPLOYEES}) { nodes {
      called: name ...more owner { name ... on User { email } } deals { nodes { name } } } } }
    fragment more on Customer { employees }"""
    done, data = await export(crm, query, variables={"n": 5})
    table = rows_of(data, "CSV")
    assert [list(table[0]), done["rows"]] == [["called", "employees", "owner.name", "owner.email", "deals"], 2]
    assert [(r["called"], r["employees"], r["deals"]) for r in table] == [
        ("Customer 5", "5", '{"nodes":[]}'), ("Customer 6", "6", '{"nodes":[]}')
    ]  # fmt: skip
    chosen, data = await export(crm, query, "JSONL", variables={"n": 6}, columns=["employees", "owner.email"])
    assert rows_of(data, "JSONL") == [{"employees": 6, "owner.email": None}]
    assert chosen["file"]["mediaType"] == "application/jsonl"


@pytest.mark.parametrize(
    "query, sentence",
    [
        ("{", "cannot be read"),
        ("{ customers { nodes { nme } } }", "is not valid"),
        ("mutation { customerDelete(id: 1) { errors { message } } }", "must be one query"),
        ("{ customers { nodes { name } } deals { nodes { name } } }", "one list and nothing else"),
        ("{ customers(first: 3) { nodes { name } } }", "Leave first out"),
        ("{ customers { edges { node { name } } } }", "{ nodes { ... } }"),
        ('{ customer(id: "x") { name } }', "is no list"),
    ],
)
async def test_what_cannot_be_exported_is_refused(crm: TestCrm, query: str, sentence: str):
    started = await start(crm, query)
    assert started["export"] is None
    [error] = started["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", "query"])
    assert sentence in error["message"]


async def test_what_can_never_work_is_refused(crm: TestCrm):
    for query, sentence in (
        ("{ __typename }", "is no list"),
        ("{ __schema { types { name } } }", "is no list"),
        ('{ __type(name: "Customer") { name } }', "is no list"),
        ("{ changes { nodes { id } } }", "is no list"),
        (
            "query($exportFirst: Int!) { customers(where: {employees: {gt: $exportFirst}}) { nodes { name } } }",
            "exportFirst",
        ),
        ("{ customers { nodes { " + "parent { " * 15 + "id" + " }" * 15 + " } } }", "levels deep"),
        ("{ customers { nodes { " + " ".join(f"a{n}: name" for n in range(31)) + " } } }", "aliases"),
        ("{ customers { nodes { name(" + "x" * 100_000 + ") } } }", "characters"),
        ("{ customers { nodes { " + "name " * 4000 + " } } }", "tokens"),
    ):
        [error] = (await start(crm, query))["errors"]
        assert (error["code"], error["path"]) == ("VALIDATION", ["input", "query"])
        assert sentence in error["message"]


async def test_what_fails_says_why(database_url: str):
    async with open_crm(database_url, max_file_bytes=1100) as crm:
        await fill(crm)
        wrong = await start(crm, "query($w: CustomerFilter) { customers(where: $w) { nodes { name } } }",
                            variables={"w": {"nme": 1}})  # fmt: skip
        [error] = wrong["errors"]
        assert (error["code"], error["path"], "nme" in error["message"]) == ("VALIDATION", ["input", "variables"], True)
        large, _ = await export(crm, ALL.replace("id name", "id name a: name b: name c: name"), "JSONL")
        assert large["state"] == "FAILED"
        assert "larger than 1100 bytes" in large["error"]
        refused = await start(crm, ALL, columns=["nam"])
        assert refused["errors"][0]["path"] == ["input", "columns"]


async def test_each_sees_their_own(crm: TestCrm):
    await fill(crm)
    users = (await crm.gql("{ users { nodes { id } } }"))["users"]["nodes"]
    from uuid import UUID

    token = await crm.token_for(user_id=UUID(users[0]["id"].removeprefix("user_")), reach=Reach.OWN)
    for query in ("{ auditEntries { nodes { id } } }", "{ jobs { nodes { id } } }"):
        refused = await start(crm, query, token=token)
        [error] = refused["errors"]
        assert (refused["export"], error["code"], error["path"]) == (None, "FORBIDDEN", ["input", "query"])
    done, data = await export(crm, "{ customers { nodes { name } } }", token=token)
    assert [row["name"] for row in rows_of(data, "CSV")] == ["Customer 3"]
    own = await crm.client.post("/graphql", json={"query": "{ exports { totalCount } files { totalCount } }"},
                                headers={"authorization": f"Bearer {token}"})  # fmt: skip
    assert own.json()["data"] == {"exports": {"totalCount": 1}, "files": {"totalCount": 1}}
    assert (done["rows"], done["total"]) == (1, 1)


async def test_an_export_that_is_called_off_makes_no_file(database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(jobs, "_TOLD_EVERY", 1)
    async with open_crm(database_url, page_max=2, page_default=2) as crm:
        await fill(crm)
        started = await start(crm, "{ customers { nodes { name } } }")
        key = started["export"]["id"]
        ask, asked = crm.crm.ask, 0

        async def then_cancelled(*given: Any) -> Any:
            nonlocal asked
            asked += 1
            if asked == 2:
                done = await crm.gql("mutation($id: ID!) { exportCancel(id: $id) { errors { code } } }", id=key)
                assert done["exportCancel"]["errors"] == []
            return await ask(*given)

        monkeypatch.setattr(crm.crm, "ask", then_cancelled)
        object.__setattr__(crm.crm.jobs["export.run"].run.__self__, "ask", then_cancelled)
        await crm.crm.run_jobs()
        done = (await crm.gql(SEEN, id=key))["export"]
        assert (done["state"], done["file"]) == ("CANCELLED", None)


def doubling(count: int, inner: str = "...F{0} ...F{0}") -> str:
    """A document of `count` fragments, each of which holds the next one twice."""
    texts = [f"fragment F{n} on Customer {{ {inner.format(n + 1)} }}" for n in range(count)]
    return "\n".join(["{ customers { nodes { ...F0 } } }", *texts, f"fragment F{count} on Customer {{ name }}"])


async def test_fragments_are_walked_once(crm: TestCrm):
    await fill(crm, 1)
    async with asyncio.timeout(10):
        _, data = await export(crm, doubling(40))
        assert rows_of(data, "CSV") == [{"name": "Customer 0"}]
        wide = await start(crm, doubling(11, "a: parent {{ ...F{0} }} b: parent {{ ...F{0} }}"))
    [error] = wide["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", "query"])
    assert "more than 1000 columns" in error["message"]


CANCEL_JOB = "mutation($id: ID!) { jobCancel(id: $id) { job { state } errors { code } } }"
RETRY_JOB = "mutation($id: ID!) { jobRetry(id: $id) { job { state } errors { code } } }"


async def job_of(crm: TestCrm) -> str:
    jobs = await crm.gql('{ jobs(where: {kind: {eq: "export.run"}}) { nodes { id } } }')
    [job] = jobs["jobs"]["nodes"]
    return str(job["id"])


async def test_an_export_whose_job_is_called_off_is_cancelled(crm: TestCrm):
    key = (await start(crm, "{ customers { nodes { name } } }"))["export"]["id"]
    job = await job_of(crm)
    dry = "mutation($id: ID!) { jobCancel(id: $id, dryRun: true) { job { state } errors { code } } }"
    assert (await crm.gql(dry, id=job))["jobCancel"]["job"] == {"state": "CANCELLED"}
    assert (await crm.gql(SEEN, id=key))["export"]["state"] == "QUEUED"
    assert (await crm.gql(CANCEL_JOB, id=job))["jobCancel"] == {"job": {"state": "CANCELLED"}, "errors": []}
    done = (await crm.gql("query($id: ID!) { export(id: $id) { state error finishedAt } }", id=key))["export"]
    assert (done["state"], done["error"], done["finishedAt"] is None) == ("CANCELLED", None, False)


async def test_an_export_whose_job_dies_fails_and_may_run_again(crm: TestCrm):
    await fill(crm, 2)
    key = (await start(crm, "{ customers { nodes { name } } }"))["export"]["id"]
    async with crm.crm.db.transaction() as tx:
        await tx.execute(Sql("UPDATE job SET max_attempts = 1"))
    exporter, ask = crm.crm.jobs["export.run"].run.__self__, crm.crm.ask

    async def broken(*_given: Any) -> Any:
        raise ValueError("nobody expected this")

    object.__setattr__(exporter, "ask", broken)
    await crm.crm.run_jobs()
    dead = (await crm.gql(SEEN, id=key))["export"]
    assert (dead["state"], dead["file"]) == ("FAILED", None)
    assert dead["error"] == "Its job failed for good. ValueError: nobody expected this"
    object.__setattr__(exporter, "ask", ask)
    assert (await crm.gql(RETRY_JOB, id=await job_of(crm)))["jobRetry"]["errors"] == []
    await crm.crm.run_jobs()
    done = (await crm.gql(SEEN, id=key))["export"]
    assert (done["state"], done["rows"], done["error"]) == ("DONE", 2, None)
