"""Care plans and touchpoints."""

from __future__ import annotations

from datetime import date

import pytest

from crmcore.domain.activities import Direction, Interaction, InteractionKind
from crmcore.domain.care import (
    CarePlan,
    CarePlanStatus,
    Outcome,
    Touchpoint,
    activate_care_plan,
    cancel_care_plan,
    complete_care_plan,
    complete_touchpoint,
    pause_care_plan,
    reschedule_touchpoint,
    resume_care_plan,
    skip_touchpoint,
)
from crmcore.domain.customers import Customer
from crmcore.errors import Invalid, WrongState
from crmcore.kit.ids import new_id
from crmcore.records import Create, write
from tests.domain.conftest import NOW, made, refusal

DAY = date(2026, 12, 1)


@pytest.fixture
async def plan(ctx, customer):
    return await made(ctx, CarePlan, customer_id=customer, name="A customers", starts_on=DAY)


@pytest.fixture
async def touchpoint(ctx, plan):
    return await made(ctx, Touchpoint, care_plan_id=plan, planned_on=DAY)


async def test_the_way_of_a_plan(ctx, plan, read):
    wrong = await refusal(complete_care_plan(ctx, plan))
    assert (type(wrong), wrong.details) == (WrongState, {"current": "DRAFT", "allowed": ["ACTIVE", "CANCELLED"]})
    for command, status in (
        (activate_care_plan, "ACTIVE"), (pause_care_plan, "PAUSED"), (resume_care_plan, "ACTIVE"),
        (complete_care_plan, "COMPLETED"),
    ):  # fmt: skip
        assert await command(ctx, plan) == plan
        assert (await read(CarePlan, plan))["status"] == status
    assert isinstance(await refusal(cancel_care_plan(ctx, plan)), WrongState)


async def test_a_plan_is_cancelled(ctx, plan, read, facts):
    await cancel_care_plan(ctx, plan, reason="moved away")
    assert (await read(CarePlan, plan))["status"] == CarePlanStatus.CANCELLED
    assert (await facts())[-1][3]["notes"] == {"reason": "moved away"}


async def test_a_period_has_its_ends_in_order(ctx, customer):
    wrong = await refusal(
        made(ctx, CarePlan, customer_id=customer, name="x", starts_on=DAY, ends_on=date(2026, 11, 30))
    )
    assert wrong.path == ("endsOn",)


async def test_a_touchpoint_is_with_the_plans_customer(ctx, plan, customer, touchpoint, read):
    assert (await read(Touchpoint, touchpoint))["customer_id"] == customer
    other = await made(ctx, Customer, name="Other")
    wrong = await refusal(made(ctx, Touchpoint, care_plan_id=plan, planned_on=DAY, customer_id=other))
    assert (type(wrong), wrong.path) == (Invalid, ("customerId",))


async def test_a_plan_with_its_touchpoints_in_one_command(ctx, customer, read):
    key = new_id()
    written = await write(
        ctx,
        [
            Create(Touchpoint, {"care_plan_id": key, "planned_on": DAY}),
            Create(CarePlan, {"customer_id": customer, "name": "x", "starts_on": DAY}, id=key),
        ],
    )
    assert (await read(Touchpoint, written[0].id))["customer_id"] == customer


async def test_a_touchpoint_is_done(ctx, customer, touchpoint, read, facts):
    call = await made(
        ctx, Interaction, customer_id=customer, kind=InteractionKind.CALL, direction=Direction.OUT, at=NOW
    )
    await complete_touchpoint(ctx, touchpoint, outcome=Outcome.POSITIVE, interaction_id=call, next_step="Send offer")
    row = await read(Touchpoint, touchpoint)
    assert (row["status"], row["outcome"], row["done_at"], row["next_step"]) == ("DONE", "POSITIVE", NOW, "Send offer")
    assert (await read(Interaction, call))["touchpoint_id"] == touchpoint
    assert "touchpoint.done" in [f[0] for f in await facts()]
    assert isinstance(await refusal(skip_touchpoint(ctx, touchpoint, reason="x")), WrongState)


async def test_only_an_interaction_with_the_same_customer_counts(ctx, touchpoint, read):
    other = await made(ctx, Customer, name="Other")
    call = await made(ctx, Interaction, customer_id=other, kind=InteractionKind.CALL, direction=Direction.OUT, at=NOW)
    wrong = await refusal(complete_touchpoint(ctx, touchpoint, outcome=Outcome.NEUTRAL, interaction_id=call))
    assert wrong.path == ("interactionId",)
    missing = await refusal(complete_touchpoint(ctx, touchpoint, outcome=Outcome.NEUTRAL, interaction_id=new_id()))
    assert missing.path == ("interactionId",)
    assert (await read(Touchpoint, touchpoint))["version"] == 1
    assert (await read(Interaction, call))["touchpoint_id"] is None


async def test_a_touchpoint_is_skipped_with_a_reason(ctx, touchpoint, read, facts):
    assert (await refusal(skip_touchpoint(ctx, touchpoint, reason=" "))).path == ("reason",)
    await skip_touchpoint(ctx, touchpoint, reason="on holiday")
    row = await read(Touchpoint, touchpoint)
    assert (row["status"], row["skip_reason"]) == ("SKIPPED", "on holiday")
    assert (await facts())[-1][0] == "touchpoint.skipped"


async def test_a_touchpoint_is_put_off_and_counted(ctx, touchpoint, read):
    assert (await refusal(reschedule_touchpoint(ctx, touchpoint, planned_on=DAY))).path == ("plannedOn",)
    for day in (5, 9):
        await reschedule_touchpoint(ctx, touchpoint, planned_on=date(2026, 12, day))
    row = await read(Touchpoint, touchpoint)
    assert (row["status"], row["planned_on"], row["reschedule_count"]) == ("PLANNED", date(2026, 12, 9), 2)
    outside = await refusal(
        reschedule_touchpoint(ctx, touchpoint, planned_on=date(2026, 12, 20), window_to=date(2026, 12, 19))
    )
    assert outside.path == ("plannedOn",)
