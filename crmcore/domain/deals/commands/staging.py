"""What holds for the stages of a pipeline together: which of them may follow which."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from crmcore.domain.deals.models import Stage
from crmcore.errors import Invalid
from crmcore.kit.ids import to_global
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Draft, check, select

Row = Mapping[str, Any]

_NEEDED: Final = ("id", "pipeline_id", "type")


@check(Stage)
async def keep_pipeline_whole(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A stage is followed by stages of its own pipeline only."""
    following = [d for d in drafts if d.after["allowed_next"] and d.changed("allowed_next", "pipeline_id")]
    stages = await _stages(ctx, tx, {d.after["pipeline_id"] for d in following}, drafts)
    for draft in following:
        for refusal in _followers(draft, stages):
            draft.refuse(refusal)


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
