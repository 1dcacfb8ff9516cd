"""Who falls with whom when a part of a command is refused, and what each change is answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from crmcore.errors import Invalid, NotFound, Refusal, Refusals
from crmcore.records.changes import Refused
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


def refusals_of(step: Step) -> list[Refusal]:
    """All that was said against the round so far, in the order of its changes."""
    said = [*step.lost.values(), *(r for draft in step.drafts.values() for r in draft.refusals)]
    return sorted(said, key=lambda refusal: refusal.index)


def raise_refusals(step: Step) -> None:
    """End an all-or-nothing command if anything was said against it."""
    said = refusals_of(step)
    if said:
        raise Refusals(said)


def let_fall(step: Step, groups: Sequence[Hashable] | None) -> None:
    """Leave out of a partial command what was refused, what names a refused new record, and the rest of its groups."""
    members: defaultdict[Hashable, set[int]] = defaultdict(set)
    for place, slot in enumerate(step.slots):
        own = slot.index if slot is not None else place
        members[groups[place] if groups is not None else ("alone", own)].update((place, own))
    while True:
        fallen = {refusal.index for refusal in refusals_of(step)}
        for group in members.values():
            if group & (fallen | step.fallen):
                fallen |= group
        fallen |= step.fallen
        step.fallen = fallen
        if not _fell_with_target(step):
            return


def _fell_with_target(step: Step) -> bool:
    """Refuse those that name a new record which was refused; whether there were any."""
    found = False
    for draft in list(step.alive("create", "update")):
        for column, key in shape_of(draft.model).keys.items():
            target = step.drafts.get((key.target, draft.after[column]))
            if target is not None and target.operation == "create" and (target.refusals or target.index in step.fallen):
                kind = shape_of(key.target).table.replace("_", " ")
                draft.refuse(NotFound(f"{key.name} names a {kind} of the same command that was refused.", key.name))
                found = True
                break
    return found


def refused(step: Step, place: int, groups: Sequence[Hashable] | None) -> Refused | None:
    """What was said against the change at `place`, or against its group; None if it was not refused."""
    slot = step.slots[place]
    own = slot.index if slot is not None else place
    if own not in step.fallen and place not in step.fallen:
        return None
    said = [r for r in refusals_of(step) if r.index in (own, place)]
    if not said and groups is not None:
        peers = {i for i, group in enumerate(groups) if group == groups[place]}
        said = [r for r in refusals_of(step) if r.index in peers]
    return Refused(tuple(said) or (Invalid("Left out with another change that was refused."),))
