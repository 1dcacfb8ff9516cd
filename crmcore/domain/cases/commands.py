"""Cases on their way: opened, waited for, resolved, closed, reopened, or ended without service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.domain.activities import Direction, Interaction
from crmcore.domain.cases import events
from crmcore.domain.cases.models import Case, CaseEvent, CaseEventKind
from crmcore.domain.cases.rules import CASE_MOVES, ENDS_UNSERVED, CaseStatus, may_reopen
from crmcore.errors import Invalid, NotFound, WrongState
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import (
    Change,
    Create,
    Draft,
    Update,
    check,
    effect,
    find,
    give_numbers,
    load_any,
    move,
    refuse_cycles,
)


async def open_case(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Take a case up, or go on with one that waited. A resolved one is reopened, with a reason: `reopen_case`."""

    def guard(row: Mapping[str, Any]) -> Mapping[str, Any]:
        if row["status"] == CaseStatus.RESOLVED:
            others = [str(s) for s in CASE_MOVES[CaseStatus.RESOLVED] if s != CaseStatus.OPEN]
            text = "A resolved case is reopened with a reason: use caseReopen."
            raise WrongState(text, "status", current=str(CaseStatus.RESOLVED), allowed=others)
        return {}

    return await move(ctx, Case, id, CaseStatus.OPEN, guard=guard, expected_version=expected_version)


async def wait_case(
    ctx: Context, id: UUID, *, third_party: bool = False, reason: str | None = None, expected_version: int | None = None
) -> UUID:
    """Wait for the customer, or for a third party."""
    target = CaseStatus.WAITING_THIRD_PARTY if third_party else CaseStatus.WAITING_CUSTOMER
    return await move(ctx, Case, id, target, notes={"reason": reason}, expected_version=expected_version)


async def hold_case(ctx: Context, id: UUID, *, reason: str | None = None, expected_version: int | None = None) -> UUID:
    """Put a case on hold."""
    return await move(ctx, Case, id, CaseStatus.ON_HOLD, notes={"reason": reason}, expected_version=expected_version)


async def resolve_case(
    ctx: Context,
    id: UUID,
    *,
    resolution: str,
    resolution_code: str | None = None,
    root_cause: str | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Say how a case was solved."""
    _need(resolution, "A case is resolved with a resolution: say how it was solved.", "resolution")
    given = {"resolution_code": resolution_code, "root_cause": root_cause}
    values = {"resolution": resolution, "resolved_at": ctx.clock()}
    values |= {column: text for column, text in given.items() if text is not None}
    return await move(ctx, Case, id, CaseStatus.RESOLVED, guard=lambda row: values, expected_version=expected_version)


async def close_case(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Close a resolved case for good."""
    values = {"closed_at": ctx.clock()}
    return await move(ctx, Case, id, CaseStatus.CLOSED, guard=lambda row: values, expected_version=expected_version)


async def reopen_case(ctx: Context, id: UUID, *, reason: str, expected_version: int | None = None) -> UUID:
    """Open a resolved case again, within `REOPEN_WITHIN` of its resolution; Policy after that."""
    _need(reason, "Say why the case is opened again.", "reason")

    def guard(row: Mapping[str, Any]) -> Mapping[str, Any]:
        if row["status"] != CaseStatus.RESOLVED:
            ways = [str(s) for s in CASE_MOVES[row["status"]]]
            text = f"Only a resolved case is reopened; this one is {row['status']}."
            raise WrongState(text, "status", current=str(row["status"]), allowed=ways)
        may_reopen(row["resolved_at"] or row["updated_at"], ctx.clock())
        return {"reopen_count": row["reopen_count"] + 1, "resolved_at": None}

    return await move(
        ctx, Case, id, CaseStatus.OPEN, guard=guard, events=[events.CASE_REOPENED], notes={"reason": reason},
        expected_version=expected_version,
    )  # fmt: skip


async def reject_case(ctx: Context, id: UUID, *, reason: str, expected_version: int | None = None) -> UUID:
    """End a case that is none, with a reason, which becomes its resolution."""
    _need(reason, "Say why the case is rejected.", "reason")
    values = {"resolution": reason, "closed_at": ctx.clock()}
    return await move(ctx, Case, id, CaseStatus.REJECTED, guard=lambda row: values, expected_version=expected_version)


async def mark_case_duplicate(
    ctx: Context, id: UUID, *, original_id: UUID, expected_version: int | None = None
) -> UUID:
    """End a case that says what another one said first; it goes on in the original."""
    if original_id == id:
        raise Invalid("A case is no duplicate of itself: name the case that came first.", "originalId")

    async def look(tx: Transaction, row: Mapping[str, Any]) -> None:
        original = await _named(ctx, tx, original_id, "originalId")
        if original["merged_into_id"] is not None:
            raise Invalid("The original is itself a duplicate: name the case in which it goes on.", "originalId")

    return await _end_in(ctx, id, CaseStatus.DUPLICATE, original_id, look, expected_version)


async def merge_case(ctx: Context, id: UUID, *, into_id: UUID, expected_version: int | None = None) -> UUID:
    """End a case whose matter is dealt with in another one; it goes on there."""
    if into_id == id:
        raise Invalid("A case cannot be merged into itself: name the case in which it goes on.", "intoId")

    async def look(tx: Transaction, row: Mapping[str, Any]) -> None:
        into = await _named(ctx, tx, into_id, "intoId")
        if into["status"] in ENDS_UNSERVED:
            text = f"The other case is {into['status']} and goes no further: name one that is being served or was."
            raise Invalid(text, "intoId")

    return await _end_in(ctx, id, CaseStatus.MERGED, into_id, look, expected_version)


async def _named(ctx: Context, tx: Transaction, id: UUID, name: str) -> Mapping[str, Any]:
    try:
        return await find(ctx, tx, Case, id)
    except NotFound:
        raise NotFound(f"{name} names no case, or one that you may not see.", name) from None


async def _end_in(
    ctx: Context,
    id: UUID,
    status: CaseStatus,
    other: UUID,
    look: Callable[[Transaction, Mapping[str, Any]], Awaitable[None]],
    expected_version: int | None,
) -> UUID:
    values = {"merged_into_id": other, "closed_at": ctx.clock()}
    return await move(ctx, Case, id, status, guard=lambda row: values, look=look, expected_version=expected_version)


def _need(text: str, message: str, name: str) -> None:
    if not text.strip():
        raise Invalid(message, name)


@check(Case)
async def number_and_place(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A case has a number, and stands below no case that stands below it; a new assignee is a fact."""
    await give_numbers(ctx, tx, [d for d in drafts if d.before is None], "C-")
    await refuse_cycles(ctx, tx, drafts, "parent_case_id", "A case cannot belong to itself: choose another parent.")
    for draft in drafts:
        if draft.before is not None and draft.changed("owner_id") and draft.after["owner_id"] is not None:
            draft.events.append(events.CASE_ASSIGNED)


@effect(Interaction)
async def keep_first_response(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """The first word that goes out about a case is its first response."""
    answers: dict[UUID, list[Any]] = {}
    for draft in drafts:
        row = draft.after
        if draft.operation in ("create", "update") and row["direction"] == Direction.OUT and row["case_id"]:
            answers.setdefault(row["case_id"], []).append(row["at"])
    open_cases = await load_any(ctx, tx, Case, answers) if answers else {}
    return [
        Update(Case, key, {"first_response_at": min(answers[key])}, events=[events.CASE_RESPONDED])
        for key, case in open_cases.items()
        if case["first_response_at"] is None
    ]


@effect(Case)
async def keep_course(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """What happened to a case stays with it: raised, moved, assigned."""
    return [step for draft in drafts if draft.operation in ("create", "update") for step in _course(draft)]


def _course(draft: Draft) -> Iterator[Change]:
    before, after = draft.before, draft.after
    told = {"case_id": draft.id, "at": after["updated_at"]}
    if before is None:
        yield Create(CaseEvent, {**told, "kind": CaseEventKind.CREATED, "to_status": after["status"]})
        return
    if draft.changed("status"):
        said = after["resolution"] if draft.changed("resolution") else None
        moved = {"from_status": before["status"], "to_status": after["status"]}
        reason = draft.notes.get("reason") or said
        yield Create(CaseEvent, {**told, **moved, "kind": CaseEventKind.MOVED, "reason": reason})
    if draft.changed("owner_id") and after["owner_id"] is not None:
        yield Create(CaseEvent, {**told, "kind": CaseEventKind.ASSIGNED, "assignee_id": after["owner_id"]})
