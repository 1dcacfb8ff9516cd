"""Changes become drafts: what each record was, what it is to be, and what is wrong with the values given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from crmcore.errors import Conflict, Duplicate, Forbidden, Invalid, NotFound, Refusal
from crmcore.kit.ids import new_id
from crmcore.kit.text import article, camel
from crmcore.kit.text import fold as folded
from crmcore.platform.fields import Text
from crmcore.platform.record import Change, Draft, Operation, Record
from crmcore.records import history
from crmcore.records.adding import note_added
from crmcore.records.changes import Create, Delete, Restore, Update
from crmcore.records.rows import Row, load
from crmcore.records.shape import Shape, shape_of
from crmcore.records.step import Step
from crmcore.records.values import accept

_OPERATIONS: Mapping[type[Change], Operation] = {
    Create: "create", Update: "update", Delete: "delete", Restore: "restore",
}  # fmt: skip
_NOTE = Text(1000)
MENTIONED = "Another change of the same command deletes or restores this record: leave one of them out."


def not_there(model: type[Record]) -> NotFound:
    """The one answer for what does not exist and what the caller may not see."""
    return NotFound(f"There is no {_said(model)} with this id, or you may not see it.", "id")


def _said(model: type[Record]) -> str:
    return shape_of(model).table.replace("_", " ")


def may(step: Step, index: int, change: Change) -> bool:
    """Whether the caller may do this to records of the kind at all; if not, the change is lost."""
    if step.derived:
        return True
    operation, table = _OPERATIONS[type(change)], shape_of(change.model).table
    if step.ctx.policy.may(operation, table):
        return True
    step.lose(index, Forbidden(f"You may not {operation} {article(_said(change.model))}."))
    return False


def draft_creates(step: Step, changes: Sequence[Change]) -> None:
    """A draft for each new record."""
    for index, change in enumerate(changes):
        if not isinstance(change, Create) or not may(step, index, change):
            continue
        key = (change.model, change.id or new_id())
        if key in step.drafts:
            step.lose(index, Duplicate("Another record of this command has the same id.", "id", existing_id=key[1]))
            continue
        draft = Draft("create", change.model, key[1], None, _new_row(step, change, key[1]), index, peers=step.drafts)
        step.drafts[key] = step.slots[index] = draft
        _apply(draft, change.values)
        _fault(draft, change.faults)
        if change.external_refs:
            step.refs[key] = tuple(change.external_refs)
        if change.custom_fields:
            step.custom[key] = tuple(change.custom_fields)
        if change.added:
            note_added(step, key, change.added)


def _new_row(step: Step, change: Create, key: UUID) -> Row:
    shape, actor, stamp = shape_of(change.model), step.ctx.actor, step.stamp()
    row: Row = shape.new_row()
    row |= {
        "id": key, "tenant_id": step.ctx.tenant_id, "version": 1, "created_at": step.at, "created_by_kind": actor.kind,
        "created_by_id": actor.id, **stamp,
    }  # fmt: skip
    machine = change.model.special.machine
    if machine is not None and machine.column not in change.values:
        row[machine.column] = machine.initial
    if shape.owned and "owner_id" not in change.values:
        row["owner_id"] = actor.user_id
        if "team_id" not in change.values:
            row["team_id"] = actor.team_id
    return row


async def draft_updates(step: Step, changes: Sequence[Change]) -> None:
    """A draft for each record to be updated; several updates of one record, or of one created here, become one."""
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    for index, change in enumerate(changes):
        if isinstance(change, Update) and (change.model, change.id) not in step.drafts and may(step, index, change):
            wanted[change.model].add(change.id)
    ctx, tx = step.ctx, step.tx
    before = {model: await load(ctx, tx, model, wanted[model], "NO KEY UPDATE") for model in _ordered(step, wanted)}
    stale: list[tuple[Draft, int]] = []
    for index, change in enumerate(changes):
        if not isinstance(change, Update) or index in step.lost:
            continue
        draft = _updated(step, index, change, before.get(change.model, {}).get(change.id))
        if draft is None:
            continue
        kept = change.instead_of.only_new if change.instead_of else ()
        _apply(draft, change.values, moves=change.moves, kept=kept)
        _fault(draft, change.faults)
        _note(draft, change.notes)
        draft.events.extend(change.events)
        if change.external_refs is not None:
            step.refs[change.model, change.id] = tuple(change.external_refs)
            if change.instead_of is not None:
                step.refs_added.add((change.model, change.id))
        if change.custom_fields:
            key = (change.model, change.id)
            step.custom[key] = (*step.custom.get(key, ()), *change.custom_fields)
        if change.added:
            note_added(step, (change.model, change.id), change.added)
        current = cast("int", (draft.before or draft.after)["version"])
        if change.expected_version is not None and change.expected_version != current:
            stale.append((draft, change.expected_version))
    await refuse_stale(step, stale)


def _updated(step: Step, index: int, change: Update, row: Row | None) -> Draft | None:
    """The record's draft, made where it is the first change of it; None if the change is lost."""
    key = (change.model, change.id)
    draft = step.drafts.get(key)
    if draft is None and (row is None or is_strange(row, change.part_of)):
        if not step.derived:
            step.lose(index, not_there(change.model))
        return None
    if draft is None:
        draft = step.drafts[key] = Draft(
            "update", change.model, change.id, row, dict(row or {}), index, peers=step.drafts
        )
    if draft.operation not in ("create", "update"):
        if not step.derived:
            step.lose(index, Invalid(MENTIONED, "id"))
        return None
    step.slots[index] = draft
    return draft


def is_strange(row: Row, part_of: tuple[str, UUID] | None) -> bool:
    """Whether the record is a part of another than it was named with: to that one it is not there."""
    return part_of is not None and row[part_of[0]] != part_of[1]


def _ordered(step: Step, models: Mapping[type[Record], Any]) -> list[type[Record]]:
    """Always the same order of tables, so that two commands never wait for each other."""
    return sorted(models, key=step.ctx.graph.rank)


def _apply(draft: Draft, values: Mapping[str, Any], *, moves: bool = False, kept: Collection[str] = ()) -> None:
    """Set the values given, each refused by name if its column cannot take it. Those `kept` must be so already."""
    shape = shape_of(draft.model)
    machine = draft.model.special.machine
    draft.moves = draft.moves or moves
    for column, value in values.items():
        if column not in shape.own:
            raise TypeError(f"{shape.model.__name__} has no column {column!r} that a command may set.")
        try:
            accepted = shape.kept(column, accept(column, shape.own[column], value))
        except ValueError as error:
            name = shape.api_name(column)
            draft.refuse(Invalid(f"{name} {error}.", name))
            continue
        if machine and column == machine.column and draft.operation == "update" and not moves:
            if accepted != draft.after[column]:
                name = shape.api_name(column)
                draft.refuse(Invalid(f"{name} is changed by its own mutations, which check the move.", name))
            continue
        if column in kept and accepted != draft.after[column]:
            name = shape.api_name(column)
            draft.refuse(
                Invalid(f"{name} can only be given to a new record, and this one is there: leave it out.", name)
            )
            continue
        draft.after[column] = accepted


def _fault(draft: Draft, faults: Sequence[Refusal]) -> None:
    for fault in faults:
        draft.refuse(fault)


def _note(draft: Draft, notes: Mapping[str, Any]) -> None:
    """Take over what the command tells beside the values: it is kept in the history, so it must be sound."""
    for name, told in notes.items():
        try:
            accepted = accept(name, _NOTE, told) if isinstance(told, str) else told
            draft.notes = {**draft.notes, name: accepted}
        except ValueError as error:
            draft.refuse(Invalid(f"{camel(name)} {error}.", camel(name)))


def refuse_missing(draft: Draft) -> None:
    """Refuse what must have a value and has none, unless something was said of that input already."""
    shape = shape_of(draft.model)
    said = {refusal.path[:1] for refusal in draft.refusals}
    derives = draft.model.special.derives if said else ()
    for column in shape.required:
        if not shape.blank(column, draft.after[column]) or column in derives:
            continue
        name = shape.api_name(column)
        if (name,) not in said:
            draft.refuse(Invalid(f"{name} is required.", name))


async def refuse_stale(step: Step, stale: Sequence[tuple[Draft, int]]) -> None:
    """Refuse drafts of records that changed since the caller read them, and say what changed."""
    since = {(d.model, d.id): d.before["version"] - expected for d, expected in stale if d.before}
    changed = await history.changed_since(step.ctx, step.tx, since) if since else {}
    for draft, expected in stale:
        current = (draft.before or draft.after)["version"]
        shape = shape_of(draft.model)
        fields = sorted({shape.api_name(c) for c in changed.get((draft.model, draft.id), ())})
        text = f"This {_said(draft.model)} is at version {current}, not {expected}: read it again and decide anew."
        draft.refuse(Conflict(text, "expectedVersion", current_version=current, changed_fields=fields))


def fold(draft: Draft, shape: Shape) -> None:
    """Derive the folded columns."""
    for column, source in shape.folded.items():
        text = draft.after[source]
        if draft.before is None or draft.before[source] != text:
            draft.after[column] = (
                None if text is None else folded(text)[: cast("Any", shape.columns[column]).max_length]
            )


__all__ = [
    "MENTIONED", "draft_creates", "draft_updates", "fold", "is_strange", "may", "not_there", "refuse_missing",
    "refuse_stale",
]  # fmt: skip
