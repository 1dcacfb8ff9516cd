"""Touchpoints move by the clock: in batches, once, in the time zone of the installation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crmcore.domain.care import CarePlan, Touchpoint, activate_care_plan, pause_care_plan, resume_care_plan
from crmcore.domain.customers import Customer
from crmcore.kit.sql import Sql
from crmcore.records import Create, write
from tests.domain.conftest import made
from tests.fixtures import open_crm

START = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
STATES = "{ touchpoints(orderBy: {field: PLANNED_ON}) { nodes { status plannedOn updatedBy { kind } version } } }"
FACTS = """{ auditEntries(where: {type: {startsWith: "touchpoint.", in: ["touchpoint.due", "touchpoint.overdue"]}}) {
    totalCount nodes { type before after actor { kind } } } }"""


@pytest.fixture
async def crm(database_url):
    async with open_crm(database_url, time_zone="Asia/Ho_Chi_Minh") as opened:
        opened.crm.clock = lambda: opened.crm.now
        opened.crm.now = START
        await opened.run_jobs()  # from here on the clock fires
        yield opened


@pytest.fixture
async def plan(crm):
    customer = await made(crm.context, Customer, name="Acme")
    plan = await made(crm.context, CarePlan, customer_id=customer, name="Care", starts_on=START.date())
    await activate_care_plan(crm.context, plan)
    return plan


async def planned(crm, plan, *days, **more):
    day = START.date()
    rows = [{"care_plan_id": plan, "planned_on": day + timedelta(days=n), **more} for n in days]
    await write(crm.context, [Create(Touchpoint, row) for row in rows])


async def states(crm) -> list[str]:
    return [node["status"] for node in (await crm.gql(STATES))["touchpoints"]["nodes"]]


async def later(crm, **by) -> int:
    crm.crm.now += timedelta(**by)
    return await crm.run_jobs()


async def test_due_on_the_day_and_overdue_after_it(crm, plan):
    await planned(crm, plan, 0, 1, 2)
    await planned(crm, plan, 3, window_to=START.date() + timedelta(days=4))
    await later(crm, hours=1)
    assert await states(crm) == ["DUE", "PLANNED", "PLANNED", "PLANNED"]
    await later(crm, hours=3)  # 16:00 in London, 23:00 in Saigon
    assert await states(crm) == ["DUE", "PLANNED", "PLANNED", "PLANNED"]
    await later(crm, hours=1, minutes=5)
    assert await states(crm) == ["OVERDUE", "DUE", "PLANNED", "PLANNED"]
    await later(crm, days=3)  # nobody was here: what was missed is done once
    assert await states(crm) == ["OVERDUE", "OVERDUE", "OVERDUE", "DUE"]
    await later(crm, days=1)
    assert await states(crm) == ["OVERDUE"] * 4
    facts = (await crm.gql(FACTS))["auditEntries"]
    assert facts["totalCount"] == 8
    assert {fact["actor"]["kind"] for fact in facts["nodes"]} == {"SYSTEM"}
    nodes = (await crm.gql(STATES))["touchpoints"]["nodes"]
    assert {(node["updatedBy"]["kind"], node["version"]) for node in nodes} == {("SYSTEM", 3)}


async def test_those_of_a_plan_that_rests_wait(crm, plan):
    await planned(crm, plan, 0)
    await pause_care_plan(crm.context, plan)
    await later(crm, days=2)
    assert await states(crm) == ["PLANNED"]
    await resume_care_plan(crm.context, plan)
    await later(crm, hours=1)
    assert await states(crm) == ["OVERDUE"]


async def test_many_are_few_statements(crm, plan):
    await planned(crm, plan, *([0] * 1100))
    crm.crm.now += timedelta(hours=1)
    with crm.crm.db.counting() as seen:
        await crm.run_jobs()
    assert await states(crm) == ["DUE"] * len(await states(crm))
    assert len(seen) < 60


async def test_keys_and_jobs_are_pruned(crm):
    create = 'mutation { customerCreate(input: {name: "Acme"}, idempotencyKey: "k1") { errors { code } } }'
    await crm.gql(create)
    await later(crm, hours=2)
    rows = Sql("SELECT count(*) AS n FROM idempotency_key")
    assert (await crm.crm.db.fetch(rows))[0]["n"] == 1
    await later(crm, hours=24)
    assert (await crm.crm.db.fetch(rows))[0]["n"] == 0
    await later(crm, days=8)
    kept = await crm.gql("{ jobs(where: {state: {eq: DONE}}) { nodes { finishedAt } } }")
    assert {node["finishedAt"][:10] for node in kept["jobs"]["nodes"]} == {"2026-12-10"}
