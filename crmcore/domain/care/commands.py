"""Care plans begun, paused and ended; touchpoints done, skipped and put off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from crmcore.domain.activities import Interaction
from crmcore.domain.care.models import CarePlan, Outcome, Touchpoint
from crmcore.domain.care.rules import CarePlanStatus, TouchpointStatus
from crmcore.errors import Invalid, NotFound
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Draft, Update, check, find, move, targets


async def activate_care_plan(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Begin a plan that was a draft."""
    return await move(ctx, CarePlan, id, CarePlanStatus.ACTIVE, expected_version=expected_version)


async def pause_care_plan(
    ctx: Context, id: UUID, *, reason: str | None = None, expected_version: int | None = None
) -> UUID:
    """Let a plan rest."""
    notes = {"reason": reason}
    return await move(ctx, CarePlan, id, CarePlanStatus.PAUSED, notes=notes, expected_version=expected_version)


async def resume_care_plan(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Go on with a plan that rested."""
    return await move(ctx, CarePlan, id, CarePlanStatus.ACTIVE, expected_version=expected_version)


async def complete_care_plan(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """End a plan that did what it was for."""
    return await move(ctx, CarePlan, id, CarePlanStatus.COMPLETED, expected_version=expected_version)


async def cancel_care_plan(
    ctx: Context, id: UUID, *, reason: str | None = None, expected_version: int | None = None
) -> UUID:
    """End a plan before its time."""
    notes = {"reason": reason}
    return await move(ctx, CarePlan, id, CarePlanStatus.CANCELLED, notes=notes, expected_version=expected_version)


async def complete_touchpoint(
    ctx: Context,
    id: UUID,
    *,
    outcome: Outcome,
    interaction_id: UUID | None = None,
    next_step: str | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Say how a planned contact went; the interaction that was it is linked to it."""

    async def look(tx: Transaction, row: Mapping[str, Any]) -> None:
        if interaction_id is not None:
            await _of_same_customer(ctx, tx, row["customer_id"], interaction_id)

    linked = [Update(Interaction, interaction_id, {"touchpoint_id": id})] if interaction_id is not None else []
    values: dict[str, Any] = {"outcome": outcome, "done_at": ctx.clock()}
    if next_step is not None:
        values["next_step"] = next_step
    return await move(
        ctx, Touchpoint, id, TouchpointStatus.DONE, guard=lambda row: values, look=look, also=linked,
        expected_version=expected_version,
    )  # fmt: skip


async def _of_same_customer(ctx: Context, tx: Transaction, customer_id: UUID, interaction_id: UUID) -> None:
    try:
        interaction = await find(ctx, tx, Interaction, interaction_id)
    except NotFound:
        raise NotFound("interactionId names no interaction, or one that you may not see.", "interactionId") from None
    if interaction["customer_id"] != customer_id:
        raise Invalid("The interaction is another customer's: name one with this customer.", "interactionId")


async def skip_touchpoint(ctx: Context, id: UUID, *, reason: str, expected_version: int | None = None) -> UUID:
    """Leave a planned contact out, and say why."""
    if not reason.strip():
        raise Invalid("Say why the contact is left out.", "reason")
    values = {"skip_reason": reason}
    return await move(
        ctx, Touchpoint, id, TouchpointStatus.SKIPPED, guard=lambda row: values, expected_version=expected_version
    )


async def reschedule_touchpoint(
    ctx: Context,
    id: UUID,
    *,
    planned_on: date,
    window_from: date | None = None,
    window_to: date | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Plan a contact for another day; counted, so that putting it off for ever shows."""

    def guard(row: Mapping[str, Any]) -> Mapping[str, Any]:
        if planned_on == row["planned_on"]:
            raise Invalid("The contact is planned for that day already: choose another.", "plannedOn")
        given = {"window_from": window_from, "window_to": window_to}
        moved = {column: day for column, day in given.items() if day is not None}
        return {"planned_on": planned_on, "reschedule_count": row["reschedule_count"] + 1, **moved}

    return await move(
        ctx, Touchpoint, id, TouchpointStatus.PLANNED, guard=guard, notes={"reason": reason},
        expected_version=expected_version,
    )  # fmt: skip


@check(Touchpoint)
async def share_the_customer(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A touchpoint is with its plan's customer."""
    plans = await targets(ctx, tx, drafts, "care_plan_id")
    for draft in drafts:
        plan = plans.get(draft.after["care_plan_id"])
        if plan is None:
            continue
        if draft.after["customer_id"] is None:
            draft.after["customer_id"] = plan["customer_id"]
        elif draft.after["customer_id"] != plan["customer_id"]:
            draft.refuse(Invalid("The care plan is another customer's: leave customerId out.", "customerId"))
