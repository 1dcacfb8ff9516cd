"""A merge: several records become one, and everything that named them names the survivor.

One transaction and as many statements as there are kinds of records that name the merged ones, whatever the number of
rows. The rows move as updates of the write engine: told, found and followed by effects like any others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from crmcore.errors import Conflict, Forbidden, Invalid, Limit, NotFound
from crmcore.kit.ids import new_id, to_global
from crmcore.kit.text import plural
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Draft, Event, Record
from crmcore.records.drafting import fold, not_there
from crmcore.records.external import move_refs
from crmcore.records.hierarchy import ancestors, take_turns
from crmcore.records.history import CUSTOM
from crmcore.records.merging.choosing import POINTER, FieldOutcome, choose, mergeable
from crmcore.records.merging.custom import repoint_values
from crmcore.records.merging.models import MergeRecord, RowFate
from crmcore.records.merging.moving import Mover
from crmcore.records.merging.naming import names_itself
from crmcore.records.merging.trail import RelationOutcome, Trail
from crmcore.records.rows import Row, patch, select
from crmcore.records.shape import shape_of
from crmcore.records.step import Step
from crmcore.records.values import accept
from crmcore.records.write import Command, in_its_own

MOST = 100
"""How many records may be merged into one at once."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge did, or its undoing: by field where the records differed, and by relation."""

    merge_id: UUID
    survivor_id: UUID
    fields: Sequence[FieldOutcome] = ()
    relations: Sequence[RelationOutcome] = ()
    kept_fields: Sequence[str] = ()
    merged: Sequence[UUID] = field(default=())


async def merge(
    ctx: Context,
    model: type[Record],
    survivor: UUID,
    others: Sequence[UUID],
    *,
    columns: Mapping[str, UUID] | None = None,
    slots: Mapping[str, UUID] | None = None,
    reason: str | None = None,
    expected_version: int | None = None,
    tx: Transaction | None = None,
) -> Merged:
    """Merge the others into the survivor. `columns` and `slots` (of custom fields) say whose value to take; the
    survivor keeps its other values and is given what it lacked."""
    _check_named(ctx, model, survivor, others)
    try:
        reason = accept("reason", shape_of(MergeRecord).columns["reason"], reason)
    except ValueError as error:
        raise Invalid(f"reason {error}.", "reason") from None

    async def run(tx: Transaction) -> Merged:
        work = _Merge(ctx, tx, model, survivor, list(others), dict(columns or {}), dict(slots or {}), reason)
        return await work.run(expected_version)

    return await (in_its_own(ctx, lambda own, _wary: run(own)) if tx is None else run(tx))


def _check_named(ctx: Context, model: type[Record], survivor: UUID, others: Sequence[UUID]) -> None:
    table = shape_of(model).table
    said = plural(table.replace("_", " "))
    if not (ctx.policy.may("update", table) and ctx.policy.may("delete", table)):
        raise Forbidden(f"You may not merge {said}: that takes the rights to update and to delete them.")
    if not others:
        raise Invalid(f"Name at least one of the {said} that are merged into the survivor.", "otherIds")
    if len(others) > MOST:
        raise Limit(f"At most {MOST} {said} are merged into one at once.", "otherIds")
    if len({survivor, *others}) <= len(others):
        raise Invalid("Name each record once, and the survivor not among the others.", "otherIds")


class _Merge:
    """One merge in its transaction."""

    def __init__(
        self,
        ctx: Context,
        tx: Transaction,
        model: type[Record],
        survivor: UUID,
        others: list[UUID],
        columns: dict[str, UUID],
        slots: dict[str, UUID],
        reason: str | None,
    ) -> None:
        self.ctx, self.tx, self.model, self.survivor, self.others = ctx, tx, model, survivor, others
        self.columns, self.slots, self.reason = columns, slots, reason
        self.table = shape_of(model).table
        self.id, self.deletion = new_id(), new_id()
        self.trail = Trail(ctx.tenant_id, self.id)
        self.fields: list[FieldOutcome] = []
        self.relations: list[RelationOutcome] = []

    async def run(self, expected_version: int | None) -> Merged:
        if names_itself(self.model):
            await take_turns(self.ctx, self.tx)
        rows = await self._rows(expected_version)
        self.fields = choose(self.model, rows[0], rows[1:], self.columns, self.slots)
        await Command(self.ctx, self.tx, partial=False).run_prepared(lambda step: self._draft(step, rows[0], rows[1:]))
        pointers = [{"id": one, POINTER: self.survivor} for one in self.others]
        await patch(self.ctx, self.tx, self.model, [POINTER], pointers)
        await self.trail.write(self.ctx, self.tx)
        return Merged(self.id, self.survivor, self.fields, self.relations, (), self.others)

    async def _rows(self, expected_version: int | None) -> list[Row]:
        """The survivor and the others as they are, locked: who creates a row that names one of them waits, and is then
        told that it is gone."""
        wanted = (self.survivor, *self.others)
        found = await select(self.ctx, self.tx, self.model, ("id",), wanted, lock="UPDATE")
        by_id = {row["id"]: row for row in found}
        said = self.table.replace("_", " ")
        for place, key in enumerate(wanted):
            if key not in by_id:
                path = ("otherIds", str(place - 1)) if place else ("survivorId",)
                raise NotFound(not_there(self.model).message, *path)
        for name, key in {**self.columns, **self.slots}.items():
            if key not in by_id:
                raise Invalid(f"{name} is chosen from a {said} that is not merged here.", "choose")
            if name in self.columns and name not in mergeable(self.model):
                raise Invalid(f"{name} cannot be chosen.", "choose")
        version = by_id[self.survivor]["version"]
        if expected_version is not None and expected_version != version:
            text = f"The survivor is at version {version}, not {expected_version}: read it again and decide anew."
            raise Conflict(text, "expectedVersion", current_version=version, changed_fields=[])
        return [by_id[key] for key in wanted]

    async def _draft(self, step: Step, survivor: Row, others: Sequence[Row]) -> None:
        mover = Mover(step, self.model, self.survivor, self.others, self.deletion, self.trail)
        await mover.set_aside_and_move()
        draft = await self._survivor(step, survivor, others)
        for row in others:
            gone = Draft("delete", self.model, row["id"], row, dict(row), peers=step.drafts)
            gone.after |= {"deleted_at": step.at, "deletion_id": self.deletion, POINTER: self.survivor}
            step.drafts[self.model, row["id"]] = gone
        await repoint_values(step, self.trail, self.table, self.survivor, self.others)
        moved = await move_refs(step, self.table, self.others, draft)
        for key, whom in moved:
            self.trail.add("external_ref", key, RowFate.MOVED, "record_id", whom)
        await self._check(step, draft)
        self.fields = [one if one.custom else replace(one, value=draft.after[one.name]) for one in self.fields]
        self.relations = self.trail.relations()
        self._record(step, draft)

    async def _survivor(self, step: Step, row: Row, others: Sequence[Row]) -> Draft:
        draft = Draft("update", self.model, self.survivor, row, dict(row), peers=step.drafts, always=True)
        step.drafts[self.model, self.survivor] = draft
        for outcome in self.fields:
            if outcome.custom:
                draft.after[CUSTOM] = {**(draft.after[CUSTOM] or {}), outcome.name: outcome.value}
            else:
                draft.after[outcome.name] = outcome.value
        for column in names_itself(self.model):
            above = await ancestors(self.ctx, self.tx, self.model, column, _starts(column, row, others, draft))
            draft.after[column] = _above(draft.after[column], {self.survivor, *self.others}, above)
        draft.notes = {"mergeId": to_global("merge_record", self.id), "merged": self._global(self.others)}
        if self.reason:
            draft.notes = {**draft.notes, "reason": self.reason}
        draft.events.append(Event(f"{self.table}.merged", "Others were merged into it."))
        return draft

    def _global(self, keys: Iterable[UUID]) -> list[str]:
        return [to_global(self.table, key) for key in keys]

    async def _check(self, step: Step, draft: Draft) -> None:
        """The survivor is held against its own rules: it is given values together that were apart."""
        for rule in self.model.special.rules:
            for refusal in rule(draft):
                draft.refuse(refusal)
        for check in self.model.special.checks:
            await check(step.ctx, step.tx, [draft])
        fold(draft, shape_of(self.model))

    def _record(self, step: Step, draft: Draft) -> None:
        shape, actor = shape_of(MergeRecord), step.ctx.actor
        row: dict[str, Any] = shape.new_row() | step.stamp()
        row |= {"created_at": step.at, "created_by_kind": actor.kind, "created_by_id": actor.id}
        row |= {"owner_id": actor.user_id, "team_id": actor.team_id}
        row |= {"id": self.id, "tenant_id": step.ctx.tenant_id, "version": 1, "record_type": self.table}
        row |= {"survivor_id": self.survivor, "merged": [str(one) for one in self.others], "deletion": self.deletion}
        row |= {"reason": self.reason, "fields": changes_of(draft)}
        row["rows_moved"] = sum(relation.moved for relation in self.relations)
        row["rows_set_aside"] = sum(relation.set_aside for relation in self.relations)
        step.drafts[MergeRecord, self.id] = Draft("create", MergeRecord, self.id, None, row, peers=step.drafts)


def changes_of(draft: Draft) -> dict[str, list[Any]]:
    """The columns in which a draft differs from before, with both values as the engine writes them."""
    before = draft.before or {}
    return {
        name: [column.to_json(before[name]), column.to_json(draft.after[name])]
        for name, column in shape_of(draft.model).own.items()
        if before[name] != draft.after[name]
    }


def _starts(column: str, survivor: Row, others: Sequence[Row], draft: Draft) -> set[UUID]:
    named = {row[column] for row in (survivor, *others)} | {draft.after[column]} - {None}
    return {survivor["id"], *(row["id"] for row in others), *named} - {None}


def _above(parent: UUID | None, merged: set[UUID], above: Mapping[UUID, UUID | None]) -> UUID | None:
    """Under whom the survivor stands: nobody who stands below one of the merged records, which are one now."""
    here, seen = parent, set[UUID]()
    while here is not None and here not in seen:
        seen.add(here)
        if here in merged:
            parent = above.get(here)
        here = above.get(here)
    return parent
