"""Deletion with all parts, and its undoing: which records go together, and what stands against it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from crmcore.errors import Invalid, Policy, WrongState
from crmcore.kit.ids import new_id
from crmcore.kit.text import article, plural
from crmcore.platform.record import Change, Draft, Operation, Record
from crmcore.records.changes import Delete, Restore
from crmcore.records.drafting import MENTIONED, is_strange, may, not_there, refuse_stale
from crmcore.records.external import restore_refs
from crmcore.records.graph import RecordGraph, keys_of
from crmcore.records.needing import needing
from crmcore.records.references import living
from crmcore.records.rows import Life, Row, load_any, select
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


async def draft_deletions(step: Step, changes: Sequence[Change]) -> None:
    """Drafts for the records to be deleted and all their parts, and refusals where somebody still needs one of them."""
    roots = await _roots(step, changes, Delete, "living", "delete")
    if not roots:
        return
    for draft in roots:
        _mark(step, draft, new_id())
    await take_parts(step)
    await _check_needed(step)


async def _roots(
    step: Step, changes: Sequence[Change], kind: type[Delete | Restore], life: Life, operation: Operation
) -> list[Draft]:
    """A draft for each record that is named, locked, at the version that the caller knows."""
    meant = [(i, c) for i, c in enumerate(changes) if isinstance(c, kind) and may(step, i, c)]
    if not meant:
        return []
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    for _, change in meant:
        wanted[change.model].add(change.id)
    rows: dict[type[Record], dict[UUID, Row]] = {}
    for model in sorted(wanted, key=step.ctx.graph.rank):
        found = await select(step.ctx, step.tx, model, ("id",), wanted[model], lock="UPDATE", life=life)
        rows[model] = {row["id"]: row for row in found}
    roots, stale, lost = [], [], []
    for index, change in meant:
        row, known = rows[change.model].get(change.id), step.drafts.get((change.model, change.id))
        if known is not None and known.operation != operation:
            step.lose(index, Invalid(MENTIONED, "id"))
        elif known is not None and isinstance(change, Delete) and change.part_of is not None:
            step.lose(index, not_there(change.model))  # as if one came after the other
        elif known is not None:
            step.slots[index] = known
        elif row is None or (isinstance(change, Delete) and is_strange(row, change.part_of)):
            lost.append((index, change))
        elif operation == "restore" and change.model.special.merging and row["merged_into_id"] is not None:
            said = shape_of(change.model).table.replace("_", " ")
            step.lose(index, Policy(f"This {said} was merged into another: undo the merge to bring it back.", "id"))
        else:
            draft = Draft(operation, change.model, change.id, row, dict(row), index, peers=step.drafts)
            step.drafts[change.model, change.id] = step.slots[index] = draft
            roots.append(draft)
            if change.expected_version is not None and change.expected_version != row["version"]:
                stale.append((draft, change.expected_version))
    await refuse_stale(step, stale)
    if not (step.derived and operation == "delete"):
        await _lose_roots(step, lost)
    return roots


async def _lose_roots(step: Step, lost: Sequence[tuple[int, Delete | Restore]]) -> None:
    """Refuse what names no such record; of what is to be restored, say which lives."""
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    for index, change in lost:
        step.lose(index, not_there(change.model))
        if isinstance(change, Restore):
            wanted[change.model].add(change.id)
    living_now = {model: await load_any(step.ctx, step.tx, model, ids) for model, ids in wanted.items()}
    for index, change in lost:
        if change.id in living_now.get(change.model, ()):
            kind = shape_of(change.model).table.replace("_", " ")
            refusal = WrongState(f"This {kind} is not deleted: there is nothing to restore.", "id")
            refusal.details = {"current": "LIVING", "allowed": ["DELETE"]}
            step.lose(index, refusal)


def _mark(step: Step, draft: Draft, deletion: UUID) -> None:
    draft.after |= {"deleted_at": step.at, "deletion_id": deletion}


async def take_parts(step: Step) -> None:
    """Add what is a part of a deleted record, and its parts. One statement for each kind of record that has any."""
    asked: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    more = True
    while more:
        more = False
        for model in sorted(step.ctx.graph.tables.values(), key=step.ctx.graph.rank):
            keys = [key for key in keys_of(model) if key.on_delete == "CASCADE"]
            targets = {key.target for key in keys}
            wholes = {d.id: d for d in step.alive("delete") if d.model in targets and d.id not in asked[model]}
            if wholes:
                asked[model].update(wholes)
                columns = [key.column for key in keys]
                rows = await select(step.ctx, step.tx, model, columns, wholes, lock="UPDATE", seen=False)
                added = [_add_part(step, model, row, columns, wholes) for row in rows]
                more |= any(added)


def _add_part(step: Step, model: type[Record], row: Row, columns: Iterable[str], wholes: Mapping[UUID, Draft]) -> bool:
    known = step.drafts.get((model, row["id"]))
    if known is not None:
        return False
    whole = next(wholes[row[c]] for c in columns if row[c] in wholes)
    draft = Draft("delete", model, row["id"], row, dict(row), whole.index, peers=step.drafts)
    _mark(step, draft, whole.after["deletion_id"])
    step.drafts[model, row["id"]] = draft
    return True


async def _check_needed(step: Step) -> None:
    """Refuse the deletion of what living records, that stay, cannot do without."""
    deleted: defaultdict[type[Record], dict[UUID, Draft]] = defaultdict(dict)
    for draft in step.alive("delete"):
        deleted[draft.model][draft.id] = draft
    graph: RecordGraph = step.ctx.graph
    keys = [key for model in deleted for key in graph.naming(model) if key.on_delete == "RESTRICT"]
    if not keys:
        return
    keys.sort(key=lambda k: (shape_of(k.model).table, k.column))
    against: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for table, root, count in await needing(step, keys, deleted):
        against[root][table] = count
    for draft in list(step.alive("delete")):
        if draft.index in against and draft is step.slots[draft.index]:
            found = " and ".join(_counted(table, count) for table, count in sorted(against[draft.index].items()))
            kind = shape_of(draft.model).table.replace("_", " ")
            draft.refuse(Policy(f"This {kind} is still needed by {found}: delete or change those first.", "id"))


def _counted(table: str, count: int) -> str:
    said = table.replace("_", " ")
    return f"{count} {said if count == 1 else plural(said)}"


async def draft_restorations(step: Step, changes: Sequence[Change]) -> None:
    """Drafts for the records to be brought back, with exactly what was deleted with them."""
    roots = await _roots(step, changes, Restore, "deleted", "restore")
    deletions = {cast("UUID", draft.after["deletion_id"]): draft for draft in reversed(roots) if not draft.refusals}
    if not deletions:
        return
    for model in _below(step.ctx.graph, {draft.model for draft in roots}):
        rows = await select(
            step.ctx, step.tx, model, ("deletion_id",), deletions, lock="UPDATE", life="deleted", seen=False
        )
        for row in rows:
            if (model, row["id"]) not in step.drafts:
                index = deletions[row["deletion_id"]].index
                step.drafts[model, row["id"]] = Draft(
                    "restore", model, row["id"], row, dict(row), index, peers=step.drafts
                )
    for draft in step.alive("restore"):
        draft.after |= {"deleted_at": None, "deletion_id": None}
    await _check_wholes(step)
    await restore_refs(step, deletions)


def _below(graph: RecordGraph, models: Iterable[type[Record]]) -> list[type[Record]]:
    """The kinds of records that may be parts of these, and these, parents first."""
    found: dict[type[Record], Any] = dict.fromkeys(models)
    todo = list(found)
    while todo:
        for key in graph.naming(todo.pop()):
            if key.on_delete == "CASCADE" and key.model not in found:
                found[key.model] = None
                todo.append(key.model)
    return sorted(found, key=graph.rank)


async def _check_wholes(step: Step) -> None:
    """Refuse to bring back a record that belongs to one that stays deleted."""
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    named = []
    for draft in step.alive("restore"):
        for key in keys_of(draft.model):
            target = draft.after[key.column]
            if target is not None and key.on_delete != "SET NULL" and (key.target, target) not in step.drafts:
                wanted[key.target].add(target)
                named.append((draft, key, target))
    there = await living(step, wanted, seen=False) if wanted else {}
    for draft, key, target in named:
        if target not in there.get(key.target, ()):
            own, other = (shape_of(m).table.replace("_", " ") for m in (draft.model, key.target))
            text = f"The {own} belongs to {article(other)} that is deleted: restore the {other} first."
            root = step.slots[draft.index]
            if root is not None and not root.refusals:
                root.refuse(Policy(text, "id"))
