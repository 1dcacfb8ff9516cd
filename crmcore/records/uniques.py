"""Unique among the living: looked up before the rows are written, so that a refusal can say which record it is.

The database's partial unique index is the guard for two commands at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from crmcore.errors import Duplicate
from crmcore.kit.sql import Sql, ident
from crmcore.kit.text import blank
from crmcore.platform.custom import CustomValue
from crmcore.platform.database import UniqueViolation
from crmcore.platform.record import Draft, Record, Unique
from crmcore.records.custom import explain_custom
from crmcore.records.rows import Run, among, ids_value, keyed, keys_value, load_any, of_tenant, statement, visible
from crmcore.records.shape import Shape, shape_of
from crmcore.records.step import Step

UniqueKey = tuple[Any, ...]


def key_in(unique: Unique, row: Mapping[str, Any] | None) -> UniqueKey | None:
    """The values that must be unique; None where the row is free of the rule. A blank text is no value."""
    if row is None or (unique.where and not row.get(unique.where)):
        return None
    values = tuple(row.get(column) for column in unique.columns)
    return None if any(map(blank, values)) else values


async def check_uniques(step: Step) -> None:
    """Refuse drafts whose values are taken, by each other or by living records; let new holders of a mark take over."""
    for model, drafts in step.by_model("create", "update", "restore"):
        for unique in model.special.unique:
            await _check(step, model, unique, [d for d in drafts if not d.refusals])


async def _check(step: Step, model: type[Record], unique: Unique, drafts: Sequence[Draft]) -> None:
    takers: dict[UniqueKey, Draft] = {}
    for draft in drafts:
        key = key_in(unique, draft.after)
        if key is None or (draft.operation == "update" and key == key_in(unique, draft.before)):
            continue
        if key in takers:
            draft.refuse(_duplicate(unique, shape_of(model), takers[key].id, "another record of the same command"))
        else:
            takers[key] = draft
    if not takers:
        return
    for holder in await _holders(step, model, unique, list(takers)):
        own, taker = step.drafts.get((model, holder.id)), takers[holder.key]
        refusal = _duplicate(unique, shape_of(model), holder.id if holder.seen else None, "a living record")
        if own is not None and (own.operation == "delete" or key_in(unique, own.after) != holder.key):
            step.give_up(own, taker, refusal)
        elif not unique.takes_over or taker.operation == "restore":
            taker.refuse(refusal)
        elif own is None:
            await _hand_over(step, model, unique, holder.id, taker)
        else:
            own.after[unique.where] = False
            step.give_up(own, taker, refusal)


async def _hand_over(step: Step, model: type[Record], unique: Unique, holder: UUID, taker: Draft) -> None:
    """Clear the mark on the record that had it. It falls with the one that takes it."""
    row = (await load_any(step.ctx, step.tx, model, [holder], "NO KEY UPDATE"))[holder]
    cleared = {**row, unique.where: False}
    step.drafts[model, holder] = Draft("update", model, holder, row, cleared, taker.index, peers=step.drafts)


def path_of(unique: Unique, shape: Shape) -> str:
    """The input that a caller has to change: the mark, or the last column of the group."""
    return shape.api_name(unique.says or unique.where or unique.columns[-1])


def _duplicate(unique: Unique, shape: Shape, existing: UUID | None, by: str) -> Duplicate:
    name = path_of(unique, shape)
    what = name if unique.says else " with ".join(shape.api_name(c) for c in reversed(unique.columns))
    said = f"{name} is held by {by}" if unique.where else f"{what} is taken by {by}"
    text = f"{said}: use that {shape.table.replace('_', ' ')}, or give another value."
    return Duplicate(text, name, existing_id=existing)


@dataclass(frozen=True, slots=True)
class _Holder:
    id: UUID
    key: UniqueKey
    seen: bool


async def _holders(step: Step, model: type[Record], unique: Unique, keys: Sequence[UniqueKey]) -> Iterator[_Holder]:
    """The living records that hold one of the keys."""
    ctx, dialect, shape = step.ctx, step.tx.dialect, shape_of(model)
    columns = [shape.columns[c] for c in unique.columns]

    def make() -> Sql:
        listed = ", ".join(f"t.{ident(c)}" for c in unique.columns)
        seen = Sql("CASE WHEN ", visible(ctx, model), " THEN 1 ELSE 0 END AS seen")
        mark = f" AND t.{ident(unique.where)}" if unique.where else ""
        return Sql(
            f"SELECT t.id, {listed}, ", seen, f" FROM {ident(shape.table)} AS t WHERE ", of_tenant(),
            f"{mark} AND ({listed}) IN ", keyed(columns, dialect),
        )  # fmt: skip

    text = statement(ctx, ("unique", model, unique), make)
    found = await step.tx.look(text, Run(ctx, {"keys": keys_value(columns, keys, dialect)}))
    return (
        _Holder(
            UUID(str(row["id"])),
            tuple(column.from_driver(row[name]) for name, column in zip(unique.columns, columns, strict=True)),
            bool(row["seen"]),
        )
        for row in found
    )


async def check_ids(step: Step) -> None:
    """Refuse new records whose id is taken, be it by a deleted one. Only asked after it happened."""
    for model, drafts in step.by_model("create"):
        text = statement(step.ctx, ("ids", model), partial(_same_ids, step, model))
        ids = ids_value((d.id for d in drafts), step.tx.dialect)
        rows = await step.tx.look(text, Run(step.ctx, {"ids": ids}))
        taken = {UUID(str(row["id"])): bool(row["seen"]) for row in rows}
        for draft in drafts:
            if draft.id in taken:
                draft.refuse(_id_taken(draft.id if taken[draft.id] else None))


def _same_ids(step: Step, model: type[Record]) -> Sql:
    seen = Sql("CASE WHEN ", visible(step.ctx, model), " THEN 1 ELSE 0 END AS seen")
    table = ident(shape_of(model).table)
    return Sql("SELECT t.id, ", seen, f" FROM {table} AS t WHERE ", among("t.id", "ids", step.tx.dialect))


def _id_taken(existing: UUID | None) -> Duplicate:
    return Duplicate("This id is taken: leave it out, or give another.", "id", existing_id=existing)


def explain(step_drafts: Sequence[Draft], violation: UniqueViolation) -> Duplicate:
    """What a unique index said, as a refusal: for values that another command took between our look and our write."""
    table = violation.table
    if table == CustomValue._meta.db_table:
        return explain_custom()
    culprits = [d for d in step_drafts if shape_of(d.model).table == table]
    columns = tuple(c for c in violation.columns if c != "tenant_id")
    index = culprits[0].index if len(culprits) == 1 else 0
    if not culprits or columns in ((), ("id",)):
        refusal = _id_taken(None)
        refusal.index = index
        return refusal
    shape = shape_of(culprits[0].model)
    marks = {u.columns: u for u in culprits[0].model.special.unique if u.index_name(table) == violation.constraint}
    unique = marks.get(columns) or next(iter(marks.values()), Unique(columns))
    refusal = _duplicate(unique, shape, None, "a living record")
    refusal.index = index
    return refusal
