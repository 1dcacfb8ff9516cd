"""Jobs in the graph: listed, called off, run again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from crmcore.kit.ids import from_global, new_id, to_global
from crmcore.platform.access import Reach
from crmcore.platform.jobs import GiveUp, JobKind, JobRun, enqueue
from tests.fixtures import open_crm

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
ERRORS = "errors { __typename code message path ... on StateError { current } }"
CANCEL = f"mutation($id: ID!) {{ jobCancel(id: $id) {{ job {{ state cancelAskedAt finishedAt }} {ERRORS} }} }}"
RETRY = f"mutation($id: ID!) {{ jobRetry(id: $id) {{ job {{ state attempts runAt }} {ERRORS} }} }}"
LIST = """query($where: JobFilter) { jobs(where: $where, orderBy: {field: ID}) { totalCount nodes {
  kind state attempts maxAttempts progressDone progressTotal progressMessage result error payload actor { kind } } } }"""


async def works(run: JobRun):
    await run.progress(2, 2, "both")
    return {"n": run.payload["n"]}


async def fails(run: JobRun):
    if not fails.well:
        raise GiveUp("the file is gone")


async def waits(run: JobRun):
    waits.begun.set()
    while True:
        await asyncio.sleep(0.01)
        await run.progress(1)


async def sleeps(run: JobRun):
    waits.begun.set()
    await asyncio.sleep(60)


KINDS = [
    JobKind("works", works),
    JobKind("fails", fails),
    JobKind("waits", waits),
    JobKind("sleeps", sleeps, grace=0.05),
]


@pytest.fixture
async def crm(database_url):
    fails.well = False
    waits.begun = asyncio.Event()
    async with open_crm(database_url) as opened:
        opened.crm.jobs = {kind.name: kind for kind in KINDS}
        opened.crm.clock = lambda: NOW
        yield opened


async def asked(crm, name: str, **more) -> str:
    async with crm.crm.db.transaction() as tx:
        return to_global("job", await enqueue(crm.context, tx, crm.crm.jobs[name], {"n": 1}, **more))


async def test_jobs_are_listed(crm):
    await asked(crm, "works")
    await asked(crm, "fails")
    await asked(crm, "works", run_at=NOW + timedelta(days=1))
    assert await crm.run_jobs() == 2
    page = (await crm.gql(LIST))["jobs"]
    assert page["totalCount"] == 3
    done, dead, ready = page["nodes"]
    assert done == {
        "kind": "works", "state": "DONE", "attempts": 1, "maxAttempts": 10, "progressDone": 2, "progressTotal": 2,
        "progressMessage": "both", "result": {"n": 1}, "error": None, "payload": {"n": 1}, "actor": {"kind": "API_KEY"},
    }  # fmt: skip
    assert (dead["state"], dead["error"], ready["state"]) == ("DEAD", "the file is gone", "READY")
    assert [n["kind"] for n in (await crm.gql(LIST, where={"state": {"eq": "DEAD"}}))["jobs"]["nodes"]] == ["fails"]


async def test_a_job_that_waits_is_called_off_and_run_again(crm):
    id = await asked(crm, "works")
    payload = (await crm.gql(CANCEL, id=id))["jobCancel"]
    assert payload == {
        "job": {"state": "CANCELLED", "cancelAskedAt": "2026-11-22T09:30:00.000000+00:00",
                "finishedAt": "2026-11-22T09:30:00.000000+00:00"},
        "errors": [],
    }  # fmt: skip
    assert await crm.run_jobs() == 0
    [error] = (await crm.gql(CANCEL, id=id))["jobCancel"]["errors"]
    assert (error["__typename"], error["code"], error["current"]) == ("StateError", "STATE", "CANCELLED")
    assert (await crm.gql(RETRY, id=id))["jobRetry"]["job"]["state"] == "READY"
    assert await crm.run_jobs() == 1


@pytest.mark.parametrize("kind", ["waits", "sleeps"])
async def test_a_job_that_runs_is_told_and_stopped(crm, kind: str):
    id = await asked(crm, kind)
    running = asyncio.create_task(crm.run_jobs())
    async with asyncio.timeout(10):
        await waits.begun.wait()
        assert (await crm.gql(CANCEL, id=id))["jobCancel"]["job"]["state"] == "RUNNING"
        assert await running == 1
    assert [n["state"] for n in (await crm.gql(LIST))["jobs"]["nodes"]] == ["CANCELLED"]


async def test_dead_letters_are_run_again_one_and_many(crm):
    ids = [await asked(crm, "fails", unique_key=key) for key in ("a", "b", "c", None, None)]
    await crm.run_jobs()
    fails.well = True
    assert (await crm.gql(RETRY, id=ids[0]))["jobRetry"] == {
        "job": {"state": "READY", "attempts": 0, "runAt": "2026-11-22T09:30:00.000000+00:00"}, "errors": [],
    }  # fmt: skip
    again = await asked(crm, "fails", unique_key="b")
    [error] = (await crm.gql(RETRY, id=ids[1]))["jobRetry"]["errors"]
    assert (error["code"], error["path"]) == ("DUPLICATE", ["id"])
    many = "mutation($input: JobsRetryInput!) { jobsRetry(input: $input) { retried errors { code } } }"
    early = {"kind": "fails", "finishedBefore": "2026-11-22T09:00:00Z"}
    assert (await crm.gql(many, input=early))["jobsRetry"] == {"retried": 0, "errors": []}
    late = {"kind": "fails", "finishedAfter": "2026-11-22T09:00:00Z"}
    assert (await crm.gql(many, input=late))["jobsRetry"] == {"retried": 3, "errors": []}
    assert await crm.run_jobs() == 5
    left = (await crm.gql(LIST, where={"state": {"ne": "DONE"}}))["jobs"]["nodes"]
    assert [(n["state"], n["kind"]) for n in left] == [("DEAD", "fails")]
    assert again not in ids


async def test_only_who_sees_the_whole_tenant_changes_jobs(crm):
    made = await crm.gql('mutation { userCreate(input: {name: "Ada", email: "ada@example.org"}) { user { id } } }')
    id = await asked(crm, "works")
    user = from_global(made["userCreate"]["user"]["id"])[1]
    crm.client.headers["authorization"] = f"Bearer {await crm.token_for(user_id=user, reach=Reach.OWN)}"
    for text, name in ((CANCEL, "jobCancel"), (RETRY, "jobRetry")):
        [error] = (await crm.gql(text, id=id))[name]["errors"]
        assert error["code"] == "FORBIDDEN"
    answer = await crm.ask('mutation { jobsRetry(input: {kind: "x"}) { retried errors { code } } }')
    assert answer["data"]["jobsRetry"] == {"retried": None, "errors": [{"code": "FORBIDDEN"}]}


async def test_ids_that_are_none(crm):
    for name, text in (("jobCancel", CANCEL), ("jobRetry", RETRY)):
        [error] = (await crm.gql(text, id=to_global("job", new_id())))[name]["errors"]
        assert error["code"] == "NOT_FOUND"
        wrong = await crm.ask(text, id=to_global("customer", new_id()))
        assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_entries_of_the_clock_are_listed(crm):
    crm.crm.jobs = {"daily": JobKind("daily", works, cron="0 7 * * *", time_zone="Europe/Berlin")}
    await crm.run_jobs()
    listed = await crm.gql("{ cronEntries { nodes { kind expression timeZone nextAt lastAt } } }")
    assert listed["cronEntries"]["nodes"] == [{
        "kind": "daily", "expression": "0 7 * * *", "timeZone": "Europe/Berlin",
        "nextAt": "2026-11-23T06:00:00.000000+00:00", "lastAt": None,
    }]  # fmt: skip
