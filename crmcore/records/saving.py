"""What the drafts of a round say becomes rows: deletions, new records, updates and restorations, in this order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from crmcore.errors import Conflict, Refusals
from crmcore.platform.record import Draft, Record
from crmcore.records import history
from crmcore.records.custom import write_custom
from crmcore.records.external import write_refs, write_refs_back
from crmcore.records.rows import Row, insert, patch, update
from crmcore.records.shape import shape_of
from crmcore.records.step import Step, changed_columns
from crmcore.records.uniques import key_in


async def write_rows(step: Step) -> list[tuple[Draft, list[str]]]:
    """Write what the drafts say, each kind of record by one statement; those that are changed, and in what."""
    told: list[tuple[Draft, list[str]]] = []
    for model, drafts in reversed(step.by_model("delete")):
        await _update(step, model, drafts, {"deleted_at", "deletion_id"})
        told += [(draft, []) for draft in drafts]
    updates = [(model, [(d, _differences(d)) for d in drafts]) for model, drafts in step.by_model("update")]
    aside: set[type[Record]] = set()
    for early in (True, False):
        if not early:
            aside = await _step_aside(step, dict(updates))
            told += await _insert_all(step)
        for model, pairs in updates:
            chosen = [(d, changed) for d, changed in pairs if (changed or d.always) and _releases(d) == early]
            if chosen:
                columns = {c for _, changed in chosen for c in changed} | ({"deleted_at"} if model in aside else set())
                await _update(step, model, [d for d, _ in chosen], columns)
                told += chosen
    for model, drafts in step.by_model("restore"):
        await _update(step, model, drafts, {"deleted_at", "deletion_id"})
        told += [(draft, []) for draft in drafts]
    await write_refs(step)
    await write_refs_back(step)
    await write_custom(step)
    return told


def _differences(draft: Draft) -> list[str]:
    """The changed columns, and the external references if those did."""
    changed = changed_columns(draft)
    if history.REFS in draft.after and draft.after[history.REFS] != (draft.before or {}).get(history.REFS, []):
        changed.append(history.REFS)
    return changed


def _releases(draft: Draft) -> bool:
    """Whether an update only gives unique values back: it is written first, so that others can take them."""
    held = [(key_in(u, draft.before), key_in(u, draft.after)) for u in draft.model.special.unique]
    return any(before not in (None, after) for before, after in held) and all(
        after in (None, before) for before, after in held
    )


async def _step_aside(
    step: Step, updates: Mapping[type[Record], Sequence[tuple[Draft, list[str]]]]
) -> set[type[Record]]:
    """Let go of unique values that a draft gives up for another and that one more takes: rows are written one after the
    other, so that two could not swap. What is deleted holds nothing, so such a record counts as deleted until its own
    update; the kinds whose updates bring records back.
    """
    aside: set[type[Record]] = set()
    for model, drafts in step.by_model("create", "update"):
        waiting = [draft for draft, changed in updates.get(model, ()) if changed and not _releases(draft)]
        rows: dict[UUID, Row] = {}
        for unique in model.special.unique if waiting else ():
            wanted = {key_in(unique, draft.after) for draft in drafts}
            for draft in waiting:
                held = key_in(unique, draft.before)
                if held is not None and held in wanted and held != key_in(unique, draft.after):
                    rows[draft.id] = {"id": draft.id, "deleted_at": step.at}
        if rows:
            await patch(step.ctx, step.tx, model, ("deleted_at",), list(rows.values()))
            aside.add(model)
    return aside


async def _update(step: Step, model: type[Record], drafts: Sequence[Draft], changed: set[str]) -> None:
    shape, stamp = shape_of(model), step.stamp()
    columns = {c for c in changed if c in shape.columns} | set(stamp)
    columns |= {folded for folded, source in shape.folded.items() if source in changed}
    rows: list[Row] = []
    for draft in drafts:
        version = (draft.before or {})["version"]
        rows.append({**draft.after, **stamp, "version": version})
        draft.after |= {**stamp, "version": version + 1}
    if await update(step.ctx, step.tx, model, columns, rows) != len(rows):
        raise Refusals([Conflict("The record was changed at the same time: try again.", index=drafts[0].index)])


async def _insert_all(step: Step) -> list[tuple[Draft, list[str]]]:
    """Insert new records, targets first. A key to a record that comes later is set when that one is there."""
    by_model = step.by_model("create")
    later: dict[type[Record], dict[UUID, Row]] = defaultdict(dict)
    columns: dict[type[Record], set[str]] = defaultdict(set)
    waiting: dict[type[Record], set[UUID]] = {model: {d.id for d in drafts} for model, drafts in by_model}
    for model, drafts in by_model:
        del waiting[model]
        open_keys = [(column, key.target) for column, key in shape_of(model).keys.items() if key.target in waiting]
        rows: list[Row] = []
        for draft in drafts:
            row = draft.after
            for column, target in open_keys:
                if row[column] in waiting[target]:
                    later[model][draft.id] = draft.after
                    columns[model].add(column)
                    row = {**row, column: None}
            rows.append(row)
        await insert(step.ctx, step.tx, model, rows)
    for model, unfinished in later.items():
        await patch(step.ctx, step.tx, model, columns[model], list(unfinished.values()))
    return [(draft, changed_columns(draft)) for _, drafts in by_model for draft in drafts]
