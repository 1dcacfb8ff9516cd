"""Deals on their way: where a new one stands, what a move needs, and the trail it leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from crmcore.domain.deals import events, rules
from crmcore.domain.deals.models import Deal, Pipeline, PipelineKind, Stage, StageTransition, StageType
from crmcore.errors import Invalid, NotFound, Refusal
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Change, Create, Draft, Event, Update, check, effect, find, load, select, together, write

Row = Mapping[str, Any]

_TOLD: Final[Mapping[str, Event]] = {StageType.WON: events.DEAL_WON, StageType.LOST: events.DEAL_LOST}
_NEEDED: Final = Deal.special.reads["stage_id"]
_GUARDED: Final = ("stage_id", "amount", "customer_id", "lost_reason", "closed_at")


async def move_deal(
    ctx: Context,
    id: UUID,
    *,
    stage_id: UUID,
    reason: str | None = None,
    lost_reason: str | None = None,
    lost_to_competitor: str | None = None,
    amount: Decimal | None = None,
    currency: str | None = None,
    customer_id: UUID | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Move a deal to another stage of its pipeline.

    What may be given with the move is set with it. WON needs an amount and a customer, LOST a reason; out of WON or
    LOST is a reopening, which needs `reason`. WrongState lists the stages to which the deal may move.
    """
    given = {
        "lost_reason": lost_reason, "lost_to_competitor": lost_to_competitor, "amount": amount, "currency": currency,
        "customer_id": customer_id,
    }  # fmt: skip

    async def run(tx: Transaction) -> UUID:
        deal = await find(ctx, tx, Deal, id)
        stages = {s["id"]: s for s in await select(ctx, tx, Stage, ("pipeline_id",), [deal["pipeline_id"]])}
        if stage_id not in stages and not await load(ctx, tx, Stage, [stage_id]):
            raise NotFound("stageId names no stage, or one that you may not see.", "stageId")
        current = stages[deal["stage_id"]]
        rules.check_stage_move(current, stage_id, list(stages.values()))
        target = stages[stage_id]
        values = {
            **_entering(current, target, reason, ctx.clock()),
            **{c: v for c, v in given.items() if v is not None},
        }
        told = [events.DEAL_STAGE_CHANGED, *filter(None, [_TOLD.get(target["type"])])]
        notes = {"reason": reason} if reason else {}
        update = Update(Deal, id, values, expected_version=expected_version, moves=True, events=told, notes=notes)
        await write(ctx, [update], tx=tx)
        return id

    return await together(ctx, run)


def _entering(current: Row, target: Row, reason: str | None, now: datetime) -> dict[str, Any]:
    """What changes with the stage."""
    closes = target["type"] in rules.CLOSED_TYPES
    values: dict[str, Any] = {
        "stage_id": target["id"],
        "stage_entered_at": now,
        "probability": target["probability"],
        "closed_at": now if closes else None,
    }
    if current["type"] in rules.CLOSED_TYPES:
        if not (reason or "").strip():
            raise Invalid("Reopening a deal that was won or lost needs a reason.", "reason")
        values |= {"lost_reason": None, "lost_to_competitor": None}
    return values


@check(Deal)
async def stand_in_a_stage(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """Give new deals their place, and hold every deal to what its stage asks."""
    if any(d.before is None and d.after["pipeline_id"] is None and d.after["stage_id"] is None for d in drafts):
        await _take_default_pipeline(ctx, tx, drafts)
    looked_at = [d for d in drafts if not d.refusals and (d.before is None or d.changed("pipeline_id", *_GUARDED))]
    stages = await _stages(ctx, tx, looked_at)
    for draft in looked_at:
        if draft.before is not None and not draft.moves and draft.changed("pipeline_id", "stage_id"):
            name = "stageId" if draft.changed("stage_id") else "pipelineId"
            draft.refuse(Invalid(f"{name} is changed by dealMove, which checks the move.", name))
            continue
        if draft.before is None:
            _take_place(ctx, draft, stages)
        elif draft.changed("stage_id"):
            _arrive(ctx, draft, stages)
        stage = stages.get(draft.after["stage_id"])
        if stage is not None and not draft.refusals:
            for refusal in (*_closing(stage, draft), *_needs(stage, draft)):
                draft.refuse(refusal)


async def _take_default_pipeline(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    rows = await tx.look(_default_pipeline(ctx, tx))
    made = [
        d.id for d in drafts[0].peers.values()
        if d.model is Pipeline and d.after["is_default"] and d.after["kind"] == PipelineKind.SALES
    ]  # fmt: skip
    found = [*made, *(UUID(str(row["id"])) for row in rows)]
    for draft in drafts:
        if draft.before is None and draft.after["pipeline_id"] is None and draft.after["stage_id"] is None:
            if found:
                draft.after["pipeline_id"] = found[0]
            else:
                text = "There is no default sales pipeline: give pipelineId or stageId, or make a pipeline the default."
                draft.refuse(Invalid(text, "pipelineId"))


def _default_pipeline(ctx: Context, tx: Transaction) -> Sql:
    tenant: Any = Pipeline._meta.fields_map["tenant_id"]
    return Sql(
        "SELECT id FROM pipeline WHERE tenant_id = ", value(tenant.to_driver(ctx.tenant_id, tx.dialect)),
        " AND deleted_at IS NULL AND is_default AND kind = ", value(PipelineKind.SALES),
    )  # fmt: skip


async def _stages(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> dict[UUID, Row]:
    """The stages that the drafts name, or all of the pipeline where they name none; new ones of the command too."""
    if not drafts:
        return {}
    known = {d.after["stage_id"]: d.named["stage_id"] for d in drafts if "stage_id" in d.named}
    wanted = {d.after["stage_id"] or d.after["pipeline_id"] for d in drafts} - {None, *known}
    rows = await select(ctx, tx, Stage, ("id", "pipeline_id"), wanted, seen=False, take=_NEEDED) if wanted else ()
    peers = [d for d in drafts[0].peers.values() if d.model is Stage and d.operation in ("create", "update")]
    return {**known, **{row["id"]: row for row in rows}, **{d.id: d.after for d in peers}}


def _take_place(ctx: Context, draft: Draft, stages: Mapping[UUID, Row]) -> None:
    """Fill in what a new deal leaves open: pipeline, stage, probability and when it entered."""
    after = draft.after
    if after["stage_id"] is None:
        first = _first_open(after["pipeline_id"], stages.values())
        if first is None:
            draft.refuse(Invalid("The pipeline has no open stage: give stageId.", "stageId"))
            return
        after["stage_id"] = first["id"]
    stage = stages[after["stage_id"]]
    if after["pipeline_id"] is None:
        after["pipeline_id"] = stage["pipeline_id"]
    if stage["pipeline_id"] != after["pipeline_id"]:
        draft.refuse(Invalid("The stage belongs to another pipeline: leave pipelineId out, or change it.", "stageId"))
        return
    if after["probability"] is None:
        after["probability"] = stage["probability"]
    if after["stage_entered_at"] is None:
        after["stage_entered_at"] = after["closed_at"] or ctx.clock()
    if stage["type"] in rules.CLOSED_TYPES:
        after["closed_at"] = after["closed_at"] or after["stage_entered_at"]
        draft.events.append(_TOLD[stage["type"]])


def _arrive(ctx: Context, draft: Draft, stages: Mapping[UUID, Row]) -> None:
    """Fill in what a move leaves open: an import knows the stage, and at most when the deal was closed."""
    after, stage = draft.after, stages.get(draft.after["stage_id"])
    if stage is None:
        return
    if stage["type"] not in rules.CLOSED_TYPES and not draft.changed("closed_at"):
        after["closed_at"] = None
    if not draft.changed("stage_entered_at"):
        after["stage_entered_at"] = after["closed_at"] or ctx.clock()
    if stage["type"] in rules.CLOSED_TYPES and after["closed_at"] is None:
        after["closed_at"] = after["stage_entered_at"]
    if not draft.changed("probability"):
        after["probability"] = stage["probability"]
    told = (events.DEAL_STAGE_CHANGED, _TOLD.get(stage["type"]))
    draft.events.extend(event for event in told if event is not None and event not in draft.events)


def _first_open(pipeline: UUID, stages: Iterable[Row]) -> Row | None:
    own = [s for s in stages if s["pipeline_id"] == pipeline and s["type"] == StageType.OPEN]
    return min(own, key=lambda s: (s["position"], s["id"]), default=None)


def _closing(stage: Row, draft: Draft) -> Iterable[Invalid]:
    """A deal has a time of closing if, and only if, it is won or lost."""
    if (draft.after["closed_at"] is not None) != (stage["type"] in rules.CLOSED_TYPES):
        yield Invalid(f"closedAt does not fit the stage {stage['name']}: only won and lost deals have it.", "closedAt")


def _needs(stage: Row, draft: Draft) -> Iterable[Refusal]:
    """What the deal lacks to stand there, and to enter if it does: each input once."""
    entering = draft.before is None or draft.changed("stage_id")
    needed = [*rules.closing_needs(stage["type"], draft.after)]
    said = {refusal.path for refusal in needed}
    return needed + [r for r in rules.entering_needs(stage, draft.after) if entering and r.path not in said]


@effect(Deal)
async def leave_a_trail(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """One transition for each stage that a deal enters."""
    return [_transition(d) for d in drafts if d.operation in ("create", "update") and d.changed("stage_id")]


def _transition(draft: Draft) -> Change:
    before, after = draft.before, draft.after
    entered = after["stage_entered_at"]
    seconds = None if before is None else max(0, int((entered - before["stage_entered_at"]).total_seconds()))
    return Create(
        StageTransition,
        {
            "deal_id": draft.id,
            "from_stage_id": before["stage_id"] if before else None,
            "to_stage_id": after["stage_id"],
            "at": entered,
            "seconds_in_from": seconds,
            "reason": draft.notes.get("reason"),
        },
    )
