"""The rows that name merged records, on their way to the survivor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.platform.record import Draft, Record
from crmcore.records.deletion import take_parts
from crmcore.records.merging.colliding import collisions, groups_touched
from crmcore.records.merging.models import RowFate
from crmcore.records.merging.naming import Naming, is_told, namings, rows_naming
from crmcore.records.merging.trail import Trail
from crmcore.records.rows import Row, patch
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


class Mover:
    """Drafts for the rows that move, and for those that are set aside with all their parts."""

    def __init__(
        self, step: Step, model: type[Record], survivor: UUID, others: Sequence[UUID], deletion: UUID, trail: Trail
    ) -> None:
        self.step, self.model, self.survivor, self.deletion, self.trail = step, model, survivor, deletion, trail
        self.others = frozenset(others)
        self.order = {key: place for place, key in enumerate(others)}
        self.table = shape_of(model).table
        self.moving: list[tuple[Naming, list[Draft]]] = []

    async def set_aside_and_move(self) -> None:
        """Two statements for each kind of record that names merged ones: its living rows and its deleted ones."""
        for naming in namings(self.step.ctx, self.model):
            if is_told(naming):
                await self._look(naming)
                await self._move_deleted(naming)
        aside = set(self.step.drafts)
        await take_parts(self.step)
        for part in self.step.drafts.keys() - aside:
            self.trail.add(shape_of(part[0]).table, part[1], RowFate.SET_ASIDE, None, None)
        for naming, drafts in self.moving:
            for draft in drafts:
                self._move(naming, draft)

    async def _look(self, naming: Naming) -> None:
        """Find the living rows, and set aside what the survivor has already."""
        ids = set(self.others)
        if groups_touched(naming.model, naming.columns):
            ids.add(self.survivor)
        rows = await self._rows(naming, ids, deleted=False)
        there = [row for row in rows if self._from(naming, row) is None]
        drafts = [self._draft(naming, row) for row in rows if self._from(naming, row) is not None]
        homes = ((draft.id, self._from(naming, draft.before or {})) for draft in drafts)
        home = {key: origin for key, origin in homes if origin is not None}
        drafts.sort(key=lambda draft: (self.order[home[draft.id]], draft.id))
        aside = set[UUID]()
        for draft, mark in collisions(naming.model, naming.columns, there, drafts, home):
            fate = RowFate.UNMARKED if mark else RowFate.SET_ASIDE
            self.trail.add(naming.table, draft.id, fate, mark or self._column(naming, draft), home[draft.id])
            if not mark:
                aside.add(draft.id)
                self._set_aside(draft)
        self.moving.append((naming, [draft for draft in drafts if draft.id not in aside]))

    async def _rows(self, naming: Naming, ids: Iterable[UUID], *, deleted: bool) -> list[Row]:
        """The merged records themselves are left out: the others stay what they were, the survivor is dealt with."""
        merged = {self.survivor, *self.others} if naming.model is self.model else ()
        found = await rows_naming(self.step.ctx, self.step.tx, naming, self.table, ids, deleted=deleted)
        return [row for row in found if row["id"] not in merged]

    def _from(self, naming: Naming, row: Mapping[str, Any]) -> UUID | None:
        """Which of the others the row names."""
        return next((row[column] for column in naming.columns if row[column] in self.others), None)

    def _column(self, naming: Naming, draft: Draft) -> str:
        return next(column for column in naming.columns if (draft.before or {})[column] in self.others)

    def _draft(self, naming: Naming, row: Row) -> Draft:
        draft = Draft("update", naming.model, row["id"], row, dict(row), peers=self.step.drafts)
        for column in naming.columns:
            if row[column] in self.others:
                draft.after[column] = self.survivor
        return draft

    def _set_aside(self, draft: Draft) -> None:
        draft.operation = "delete"
        draft.after = {**(draft.before or {}), "deleted_at": self.step.at, "deletion_id": self.deletion}
        self.step.drafts[draft.model, draft.id] = draft

    def _move(self, naming: Naming, draft: Draft) -> None:
        """Let the row move, unless it goes with a whole that was set aside."""
        known = self.step.drafts.setdefault((draft.model, draft.id), draft)
        if known.operation == "delete":
            return
        for column in naming.columns:
            whom = (draft.before or {})[column]
            if whom in self.others:
                known.after[column] = self.survivor
                self.trail.add(naming.table, draft.id, RowFate.MOVED, column, whom)

    async def _move_deleted(self, naming: Naming) -> None:
        """Deleted rows come back to the survivor one day. Nobody is told: they are not there."""
        rows = await self._rows(naming, self.others, deleted=True)
        for row in rows:
            for column in naming.columns:
                if row[column] in self.others:
                    self.trail.add(naming.table, row["id"], RowFate.MOVED, column, row[column])
                    row[column] = self.survivor
        if rows:
            await patch(self.step.ctx, self.step.tx, naming.model, naming.columns, rows)
