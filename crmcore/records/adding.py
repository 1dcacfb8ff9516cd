"""What plugins save with a record that is created or updated: values of input fields that are theirs alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crmcore.errors import PluginFailed, Refusal, Refusals
from crmcore.platform.calling import called
from crmcore.platform.lent import Lent
from crmcore.platform.record import Change, Draft
from crmcore.records.changes import Added, Saver
from crmcore.records.step import DraftKey, Step

Saved = dict[DraftKey, list[Change]]


def note_added(step: Step, key: DraftKey, added: Sequence[Added]) -> None:
    """Keep what a change adds; of several changes of one record, the later values count."""
    for one in added:
        held = step.added.setdefault(key, {})
        held[one.saver] = {**held.get(one.saver, {}), **one.values}


async def save_added(step: Step) -> Saved:
    """Let each plugin save its values, of all records of the round at once; the changes that it answers with, by the
    record that they are made for. Refusals say which change they are against."""
    asked: defaultdict[Saver, list[tuple[Draft, Mapping[str, Any]]]] = defaultdict(list)
    for key, held in step.added.items():
        draft = step.drafts[key]
        if step.stays(draft):
            for saver, values in held.items():
                asked[saver].append((draft, values))
    saved: Saved = defaultdict(list)
    for saver in sorted(asked, key=lambda one: one.place):
        drafts = [draft for draft, _ in asked[saver]]
        for change in await _saved(step, saver, asked[saver]):
            for draft in _meant(change, drafts):
                saved[draft.model, draft.id].append(change)
    return saved


async def _saved(step: Step, saver: Saver, asked: Sequence[tuple[Draft, Mapping[str, Any]]]) -> Sequence[Change]:
    """What one plugin answers. It gets copies, and a context that is in the transaction as long as the call lasts."""
    shown = [(replace(draft, after=dict(draft.after), refusals=[], peers={}), values) for draft, values in asked]
    lent = Lent(step.ctx.db, step.tx)
    own = replace(step.ctx, db=lent)
    try:
        async with lent:
            answer: Any = await called(own, saver.plugin, saver.place, lambda: saver.function(own, step.tx, shown))
            if said := [refusal for draft, _ in shown for refusal in draft.refusals]:
                raise Refusals(said)
    except (Refusal, Refusals) as refused:
        refusals = refused.refusals if isinstance(refused, Refusals) else [refused]
        for one in refusals:
            one.index = one.index if len(asked) > 1 else asked[0][0].index
            if len(asked) == 1 or any(one in draft.refusals for draft, _ in shown):
                one.change = one.change or step.changes[one.index]
        raise Refusals(refusals) from refused
    changes: Any = [] if answer is None else answer
    if not isinstance(changes, Sequence) or not all(isinstance(one, Change) for one in changes):
        raise PluginFailed(saver.plugin, saver.place, f"it answered a {type(answer).__name__}, not a list of changes")
    return changes


def _meant(change: Change, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """For which records a change is made: those that it names, or any of them."""
    named = {change.id, *getattr(change, "values", {}).values()} if len(drafts) > 1 else set()
    return [draft for draft in drafts if draft.id in named] or drafts


__all__ = ["Saved", "note_added", "save_added"]
