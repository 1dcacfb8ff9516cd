"""What holds for the stages of a pipeline together: which may follow which, and that deals have where to go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from crmcore.domain.deals.models import Deal, Stage, StageType
from crmcore.domain.deals.rules import ASKED_FOR
from crmcore.errors import Invalid, Policy
from crmcore.kit.ids import to_global
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Draft, check, select, summary

Row = Mapping[str, Any]

_NEEDED: Final = ("id", "pipeline_id", "type")
_KEPT: Final = (StageType.OPEN, StageType.WON, StageType.LOST)


@check(Stage)
async def keep_pipeline_whole(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A stage is followed by stages of its own pipeline, and what deals stand in or may need stays what it is."""
    for draft in drafts:
        if draft.changed("required_fields"):
            _ask_for(draft)
    following = [d for d in drafts if d.after["allowed_next"] and d.changed("allowed_next", "pipeline_id")]
    turning = [d for d in drafts if d.before is not None and d.changed("type", "pipeline_id")]
    pipelines = {d.after["pipeline_id"] for d in following} | {d.before["pipeline_id"] for d in turning if d.before}
    stages = await _stages(ctx, tx, pipelines, drafts)
    for draft in following:
        for refusal in _followers(draft, stages):
            draft.refuse(refusal)
    if turning:
        await _keep_for_deals(ctx, tx, turning, stages)


def _ask_for(draft: Draft) -> None:
    listed = draft.after["required_fields"]
    if listed is None:
        return
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        draft.refuse(Invalid("requiredFields must be a list of names of a deal's fields.", "requiredFields"))
        return
    strange = [one for one in listed if one not in ASKED_FOR]
    if strange:
        named = ", ".join(map(repr, strange[:3]))[:200]
        text = f"requiredFields names {named}, which no deal can be asked for. It takes {', '.join(ASKED_FOR)}."
        draft.refuse(Invalid(text, "requiredFields"))
    draft.after["required_fields"] = list(dict.fromkeys(listed))


async def _stages(
    ctx: Context, tx: Transaction, pipelines: Iterable[UUID | None], drafts: Sequence[Draft]
) -> list[Row]:
    """The living stages of these pipelines, as the command leaves them."""
    wanted = {key for key in pipelines if key is not None}
    if not wanted:
        return []
    rows = await select(ctx, tx, Stage, ("pipeline_id",), wanted, seen=False, take=_NEEDED)
    peers = {d.id: d for d in drafts[0].peers.values() if d.model is Stage}
    kept = [row for row in rows if row["id"] not in peers]
    return [*kept, *(d.after for d in peers.values() if d.operation != "delete")]


def _followers(draft: Draft, stages: Iterable[Row]) -> Iterator[Invalid]:
    listed = draft.after["allowed_next"]
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        yield Invalid("allowedNext must be a list of global ids of stages.", "allowedNext")
        return
    own = {to_global("stage", s["id"]) for s in stages if s["pipeline_id"] == draft.after["pipeline_id"]}
    strange = [one for one in listed if one not in own]
    if strange:
        text = f"allowedNext names {', '.join(map(repr, strange[:3]))[:200]}, no stage of the same pipeline."
        yield Invalid(text, "allowedNext")
    draft.after["allowed_next"] = list(dict.fromkeys(listed))


async def _keep_for_deals(ctx: Context, tx: Transaction, turning: Sequence[Draft], stages: Sequence[Row]) -> None:
    """Refuse to turn a stage in which deals stand into another, or the last of a kind that a pipeline's deals need."""
    standing = await _with_deals(ctx, tx, "stage_id", {d.id for d in turning})
    running = await _with_deals(ctx, tx, "pipeline_id", {d.before["pipeline_id"] for d in turning if d.before})
    for draft in turning:
        name = "type" if draft.changed("type") else "pipelineId"
        was = draft.before or {}
        if draft.id in standing:
            text = f"Deals stand in this stage: move them to another one before you change its {name}."
            draft.refuse(Policy(text, name))
        elif was["pipeline_id"] in running and was["type"] in _KEPT and not _another(was, stages):
            text = f"This is the last {was['type']} stage of a pipeline with deals: create another one first."
            draft.refuse(Policy(text, name))


async def _with_deals(ctx: Context, tx: Transaction, column: str, keys: set[UUID]) -> set[UUID]:
    """Those of the stages or pipelines that have living deals, whoever may see them."""
    found = await summary(ctx, tx, Deal, by=column, ids=keys, take={"version": ("min", "version")})
    return {key for key, deals in found.items() if deals["version"] is not None}


def _another(was: Row, stages: Iterable[Row]) -> bool:
    """Whether the pipeline that the stage was in has one of its type once the command is done."""
    return any(s["pipeline_id"] == was["pipeline_id"] and s["type"] == was["type"] for s in stages)
