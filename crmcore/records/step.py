"""One round of a command: its drafts on their way to the rows. What follows from them (effects) is the next round."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from crmcore.errors import Refusal
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change, Draft, Operation, Record
from crmcore.records.changes import ExternalRef, FieldValue, Saver
from crmcore.records.shape import shape_of

DraftKey = tuple[type[Record], UUID]


@dataclass(slots=True)
class Step:
    """`slots` holds, for each of the `changes`, its draft, or None where `lost` says why there is none.

    `derived` rounds follow from what the caller was allowed: they ask for no permission. `wary` ones look for values
    that another command took meanwhile. `fallen` are the places of changes that are left out of a partial command.
    `refs_added` are the records whose `refs` leave those of other systems alone.
    """

    ctx: Context
    tx: Transaction
    at: datetime
    changes: Sequence[Change] = ()
    derived: bool = False
    wary: bool = False
    drafts: dict[DraftKey, Draft] = field(default_factory=dict)
    refs: dict[DraftKey, Sequence[ExternalRef]] = field(default_factory=dict)
    custom: dict[DraftKey, tuple[FieldValue, ...]] = field(default_factory=dict)
    added: dict[DraftKey, dict[Saver, Mapping[str, Any]]] = field(default_factory=dict)
    custom_places: dict[tuple[type[Record], UUID, str], tuple[str, ...]] = field(default_factory=dict)
    slots: list[Draft | None] = field(default_factory=list)
    lost: dict[int, Refusal] = field(default_factory=dict)
    fallen: set[int] = field(default_factory=set)
    refs_back: list[tuple[Draft, dict[str, Any]]] = field(default_factory=list)
    refs_added: set[DraftKey] = field(default_factory=set)
    leaning: list[tuple[Draft, Draft, Refusal]] = field(default_factory=list)

    def lose(self, index: int, refusal: Refusal) -> None:
        """The change at `index` comes to nothing."""
        refusal.index = index
        self.lost[index] = refusal

    def stays(self, draft: Draft) -> bool:
        """Whether nothing has been said against a draft, or against those that it stands or falls with."""
        return not draft.refusals and draft.index not in self.fallen

    def give_up(self, giver: Draft, taker: Draft, otherwise: Refusal) -> None:
        """The taker has what the giver gives up; if that comes to nothing, now or later, it is refused too."""
        if self.stays(giver):
            self.leaning.append((giver, taker, otherwise))
        else:
            taker.refuse(otherwise)

    def alive(self, *operations: Operation) -> Iterator[Draft]:
        """The drafts of these operations that nothing has been said against."""
        return (d for d in self.drafts.values() if d.operation in operations and self.stays(d))

    def by_model(self, *operations: Operation) -> list[tuple[type[Record], list[Draft]]]:
        """The same, by model, parents first."""
        alive = list(self.alive(*operations))
        if len(alive) <= 1:
            return [(draft.model, [draft]) for draft in alive]
        found: defaultdict[type[Record], list[Draft]] = defaultdict(list)
        for draft in alive:
            found[draft.model].append(draft)
        return sorted(found.items(), key=lambda pair: self.ctx.graph.rank(pair[0]))

    def stamp(self) -> dict[str, Any]:
        """The columns that say who changed a row, and when."""
        actor = self.ctx.actor
        return {"updated_at": self.at, "updated_by_kind": actor.kind, "updated_by_id": actor.id}


def changed_columns(draft: Draft) -> list[str]:
    """The own columns in which a draft differs from before; for a new record, those with a value."""
    before, after, own = draft.before, draft.after, shape_of(draft.model).own
    if before is None:
        return [c for c in own if after[c] is not None]
    return [c for c in own if before[c] is not after[c] and before[c] != after[c]]


def is_changed(draft: Draft) -> bool:
    """Whether a draft differs from before at all, be it in a derived column: an update that does not is nothing."""
    return draft.before != draft.after
