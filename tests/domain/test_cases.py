"""Cases from first word to solution."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmcore.domain.activities import Direction, Interaction, InteractionKind
from crmcore.domain.cases import (
    REOPEN_WITHIN,
    Case,
    CaseStatus,
    close_case,
    hold_case,
    mark_case_duplicate,
    merge_case,
    open_case,
    reject_case,
    reopen_case,
    resolve_case,
    wait_case,
)
from crmcore.domain.people import User
from crmcore.errors import Invalid, NotFound, Policy, WrongState
from crmcore.kit.ids import new_id
from crmcore.records import Create, Update, write
from tests.domain.conftest import NOW, made, refusal


@pytest.fixture
async def case(ctx, customer):
    return await made(ctx, Case, customer_id=customer, subject="It hums")


async def test_a_case_has_a_number_and_begins_new(ctx, case, customer, read):
    other = await made(ctx, Case, customer_id=customer, subject="x")
    assert [(await read(Case, k))["number"] for k in (case, other)] == ["C-000001", "C-000002"]
    assert (await read(Case, case))["status"] == CaseStatus.NEW
    taken = await refusal(made(ctx, Case, customer_id=customer, subject="x", number="C-000001"))
    assert (taken.path, taken.details) == (("number",), {"existing_id": case})


async def test_the_way_of_a_case(ctx, case, read, facts):
    assert await open_case(ctx, case) == case
    await wait_case(ctx, case)
    assert (await read(Case, case))["status"] == "WAITING_CUSTOMER"
    await open_case(ctx, case)
    await wait_case(ctx, case, third_party=True, reason="parts")
    assert (await read(Case, case))["status"] == "WAITING_THIRD_PARTY"
    await open_case(ctx, case)
    await hold_case(ctx, case)
    await resolve_case(ctx, case, resolution="Tightened", resolution_code="FIX", root_cause="Loose screw")
    row = await read(Case, case)
    assert (row["status"], row["resolution"], row["resolution_code"], row["root_cause"], row["resolved_at"]) == (
        "RESOLVED", "Tightened", "FIX", "Loose screw", NOW,
    )  # fmt: skip
    await close_case(ctx, case)
    row = await read(Case, case)
    assert (row["status"], row["closed_at"], row["version"]) == ("CLOSED", NOW, 9)
    told = await facts()
    plain = ("case.created", "case.updated", "case_event.created")
    assert [f[0] for f in told if f[0] not in plain] == ["customer.created", "case.resolved", "case.closed"]
    assert [f[3]["notes"] for f in told if f[3] and "notes" in f[3]] == [{"reason": "parts"}]


async def test_a_wrong_move_lists_the_right_ones(ctx, case, read):
    wrong = await refusal(resolve_case(ctx, case, resolution="x"))
    assert (type(wrong), wrong.path, wrong.details) == (
        WrongState, ("status",), {"current": "NEW", "allowed": ["OPEN", "REJECTED", "DUPLICATE", "MERGED"]},
    )  # fmt: skip
    assert wrong.message == (
        "A case that is NEW cannot become RESOLVED. Allowed from here: OPEN, REJECTED, DUPLICATE, MERGED."
    )
    assert (await read(Case, case))["version"] == 1


async def test_a_resolution_is_required(ctx, case):
    await open_case(ctx, case)
    missing = await refusal(resolve_case(ctx, case, resolution="  "))
    assert (type(missing), missing.path) == (Invalid, ("resolution",))


async def test_reopening_within_its_time(ctx, case, read, facts):
    assert isinstance(await refusal(reopen_case(ctx, case, reason="x")), WrongState)
    await open_case(ctx, case)
    await resolve_case(ctx, case, resolution="Done")
    by_the_back_door = await refusal(open_case(ctx, case))
    assert (type(by_the_back_door), by_the_back_door.details["allowed"]) == (WrongState, ["CLOSED"])
    assert (await refusal(reopen_case(ctx, case, reason=""))).path == ("reason",)
    ctx.clock = lambda: NOW + REOPEN_WITHIN
    await reopen_case(ctx, case, reason="Hums again")
    row = await read(Case, case)
    assert (row["status"], row["reopen_count"], row["resolved_at"], row["resolution"]) == ("OPEN", 1, None, "Done")
    last = [fact for fact in await facts() if fact[0].startswith("case.")][-1]
    assert (last[0], last[3]["notes"]) == ("case.reopened", {"reason": "Hums again"})


async def test_after_that_it_takes_a_follow_up(ctx, case, read):
    await open_case(ctx, case)
    await resolve_case(ctx, case, resolution="Done")
    ctx.clock = lambda: NOW + REOPEN_WITHIN + timedelta(microseconds=1)
    late = await refusal(reopen_case(ctx, case, reason="Hums again"))
    assert isinstance(late, Policy)
    assert "follow-up case" in late.message
    assert (await read(Case, case))["reopen_count"] == 0


async def test_a_case_that_is_none(ctx, case, read):
    await reject_case(ctx, case, reason="Spam")
    row = await read(Case, case)
    assert (row["status"], row["resolution"], row["closed_at"]) == ("REJECTED", "Spam", NOW)
    assert (await refusal(open_case(ctx, case))).details["allowed"] == []


async def test_a_duplicate_goes_on_in_the_original(ctx, case, customer, read):
    other, third = [await made(ctx, Case, customer_id=customer, subject=f"{i}") for i in range(2)]
    assert (await refusal(mark_case_duplicate(ctx, case, original_id=case))).path == ("originalId",)
    missing = await refusal(mark_case_duplicate(ctx, case, original_id=new_id()))
    assert (type(missing), missing.path) == (NotFound, ("originalId",))
    await mark_case_duplicate(ctx, other, original_id=case)
    row = await read(Case, other)
    assert (row["status"], row["merged_into_id"]) == ("DUPLICATE", case)
    assert (await refusal(mark_case_duplicate(ctx, third, original_id=other))).path == ("originalId",)


async def test_a_merged_case_goes_on_in_the_other(ctx, case, customer, read):
    other, third, fourth = [await made(ctx, Case, customer_id=customer, subject=f"{i}") for i in range(3)]
    assert (await refusal(merge_case(ctx, case, into_id=case))).path == ("intoId",)
    missing = await refusal(merge_case(ctx, case, into_id=new_id()))
    assert (type(missing), missing.path) == (NotFound, ("intoId",))
    await merge_case(ctx, other, into_id=case, expected_version=1)
    row = await read(Case, other)
    assert (row["status"], row["merged_into_id"], row["closed_at"]) == ("MERGED", case, NOW)
    await reject_case(ctx, fourth, reason="spam")
    for ended in (other, fourth):
        wrong = await refusal(merge_case(ctx, third, into_id=ended))
        assert (type(wrong), wrong.path) == (Invalid, ("intoId",))
    again = await refusal(merge_case(ctx, other, into_id=third))
    assert (type(again), again.details["allowed"]) == (WrongState, [])


async def test_the_first_word_out_is_the_response(ctx, case, customer, read, facts):
    def word(direction, minutes):
        at = NOW + timedelta(minutes=minutes)
        return Create(
            Interaction,
            {"customer_id": customer, "case_id": case, "kind": InteractionKind.EMAIL, "direction": direction, "at": at},
        )

    await write(ctx, [word(Direction.IN, 0), word(Direction.INTERNAL, 1)])
    assert (await read(Case, case))["first_response_at"] is None
    await write(ctx, [word(Direction.OUT, 9), word(Direction.OUT, 5)])
    assert (await read(Case, case))["first_response_at"] == NOW + timedelta(minutes=5)
    await write(ctx, [word(Direction.OUT, 20)])
    assert (await read(Case, case))["first_response_at"] == NOW + timedelta(minutes=5)
    assert [f[0] for f in await facts()].count("case.responded") == 1


async def test_a_new_assignee_is_a_fact(ctx, case, facts):
    user = await made(ctx, User, name="Ann", email="ann@example.com")
    await write(ctx, [Update(Case, case, {"owner_id": user})])
    assert [f[0] for f in await facts()][-3:] == ["case.updated", "case.assigned", "case_event.created"]


async def test_a_case_does_not_belong_to_itself(ctx, case, customer):
    child = await made(ctx, Case, customer_id=customer, subject="x", parent_case_id=case)
    ring = await refusal(write(ctx, [Update(Case, case, {"parent_case_id": child})]))
    assert (type(ring), ring.path) == (Invalid, ("parentCaseId",))


@pytest.mark.parametrize("reason", ["x" * 1001, "a\x00b", "a\ud800"])
async def test_a_reason_is_a_sound_text(ctx, case, read, reason):
    await open_case(ctx, case)
    wrong = await refusal(hold_case(ctx, case, reason=reason))
    assert (type(wrong), wrong.path) == (Invalid, ("reason",))
    assert (await read(Case, case))["status"] == "OPEN"
