"""Who falls with whom when a part of a command is refused, and what was said against each change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from crmcore.errors import NotFound, Refusal, Refusals
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


def refusals_of(step: Step) -> list[Refusal]:
    """All that was said against the round so far, in the order of its changes, each with its change."""
    said = [*step.lost.values(), *(r for draft in step.drafts.values() for r in draft.refusals)]
    if not step.derived:
        for refusal in said:
            refusal.change = step.changes[refusal.index]
    return sorted(said, key=lambda refusal: refusal.index)


def raise_refusals(step: Step) -> None:
    """End an all-or-nothing command if anything was said against it."""
    said = refusals_of(step)
    if said:
        raise Refusals(said)


def let_fall(step: Step, groups: Sequence[Hashable]) -> None:
    """Leave out of a partial command what was refused, what names a refused new record or takes what a refused one
    would have given up, and the rest of its groups.

    `groups` names the group of each change.
    """
    said = refusals_of(step)
    if not said:
        return
    members: defaultdict[Hashable, set[int]] = defaultdict(set)
    for place, slot in enumerate(step.slots):
        members[groups[place]].update((place, slot.index if slot is not None else place))
    while True:
        step.fallen |= {refusal.index for refusal in said}
        for group in members.values():
            if not group.isdisjoint(step.fallen):
                step.fallen |= group
        if not (_fell_with_target(step) | _fell_with_giver(step)):
            return
        said = refusals_of(step)


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


def _fell_with_giver(step: Step) -> bool:
    """Refuse those that take what is not given up after all; whether there were any."""
    found = False
    for giver, taker, otherwise in step.leaning:
        if step.stays(taker) and not step.stays(giver):
            taker.refuse(otherwise)
            found = True
    return found


class Said:
    """What was said against the changes of a partial command, looked up by their places."""

    def __init__(self, step: Step, groups: Sequence[Hashable]) -> None:
        self._step, self._groups = step, groups
        self._by_index: defaultdict[int, list[Refusal]] = defaultdict(list)
        self._by_group: defaultdict[Hashable, list[Refusal]] = defaultdict(list)
        for refusal in refusals_of(step):
            self._by_index[refusal.index].append(refusal)
            self._by_group[groups[refusal.index]].append(refusal)

    def against(self, places: range) -> tuple[Refusal, ...] | None:
        """The refusals of a change and its parts, or those for which they fell; None if they were not refused."""
        slots = [self._step.slots[place] for place in places]
        indexes = dict.fromkeys([*places, *(slot.index for slot in slots if slot is not None)])
        if self._step.fallen.isdisjoint(indexes):
            return None
        own = [refusal for index in indexes for refusal in self._by_index[index]]
        return tuple(own or self._by_group[self._groups[places[0]]])
