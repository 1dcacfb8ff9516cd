"""Personal data: everything that is kept of a person, to be handed out or to be erased.

What is about a person follows from the keys: the record itself, its parts, and of records that name it loosely, and of
their parts, the columns that their rules call `personal`. So what a plugin keeps is covered by its models alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from crmcore.errors import Forbidden
from crmcore.platform.context import Context
from crmcore.platform.custom import Definitions
from crmcore.platform.database import Transaction
from crmcore.platform.events import erase_events
from crmcore.platform.fields import Text
from crmcore.platform.record import Draft, Record
from crmcore.records.drafting import not_there
from crmcore.records.graph import Key, keys_of
from crmcore.records.purging import purge_in, remove
from crmcore.records.related import together
from crmcore.records.rows import Life, Lock, Row, patch, select
from crmcore.records.shape import Shape, shape_of
from crmcore.records.step import Step
from crmcore.records.write import Command

ERASED = "[erased]"
"""What stands in a text that must not be empty."""


async def personal_data(ctx: Context, model: type[Record], key: UUID) -> dict[str, list[dict[str, Any]]]:
    """All that is kept of a person, by kind of record, living and deleted: JSON, named as in the API. NotFound if the
    caller sees no such person."""
    if not await select(ctx, None, model, ("id",), [key]):
        raise not_there(model)
    fields = await ctx.custom_fields()
    found: dict[str, list[dict[str, Any]]] = {}
    todo: list[tuple[type[Record], list[Row]]] = [(model, await _held(ctx, model, "id", [key]))]
    told: set[tuple[str, UUID]] = set()
    while todo:
        kind, rows = todo.pop()
        fresh = [row for row in rows if (shape_of(kind).table, row["id"]) not in told]
        told |= {(shape_of(kind).table, row["id"]) for row in fresh}
        _tell(found, kind, fresh, _all_of(kind), fields)
        for named in ctx.graph.naming(kind) if fresh else ():
            if named.on_delete == "CASCADE":
                todo.append((named.model, await _held(ctx, named.model, named.column, [row["id"] for row in fresh])))
    for named, rows in await _loose(ctx, model, key):
        fresh = [row for row in rows if (shape_of(named.model).table, row["id"]) not in told]
        told |= {(shape_of(named.model).table, row["id"]) for row in fresh}
        _tell(found, named.model, fresh, (named.column, *named.model.special.personal), fields)
    return found


async def erase_person(ctx: Context, model: type[Record], key: UUID, expected_version: int | None = None) -> UUID:
    """Purge a person, and blank what records that name it loosely say of it, in their history too. Forbidden and
    refused as a purge is."""
    table = shape_of(model).table
    if not ctx.policy.may("purge", table):
        raise Forbidden(f"You may not erase a {table.replace('_', ' ')}.")
    return await together(ctx, partial(_erase, ctx, model, key, expected_version))


async def _erase(ctx: Context, model: type[Record], key: UUID, expected_version: int | None, tx: Transaction) -> UUID:
    held = await _loose(ctx, model, key, tx)
    await Command(ctx, tx, False).run_prepared(partial(_blank, held=held))
    for one, rows in held:
        gone = [_blanked(one.model, row) for row in rows if row["deleted_at"] is not None]
        if gone:
            await patch(ctx, tx, one.model, one.model.special.personal, gone)
            await remove(ctx, tx, "search_entry", "record_id", [row["id"] for row in gone])
    await purge_in(ctx, model, key, expected_version, tx)
    for one, rows in held:
        if rows:
            ids = [row["id"] for row in rows]
            await erase_events(tx, ctx.tenant_id, shape_of(one.model).table, ids, ctx.clock())
    return key


async def _loose(
    ctx: Context, model: type[Record], key: UUID, tx: Transaction | None = None
) -> list[tuple[Key, list[Row]]]:
    """The rows that say something of the person without being parts of it: those that name it, and their parts."""
    todo = [(one, [key]) for one in ctx.graph.naming(model) if one.on_delete != "CASCADE"]
    found = []
    while todo:
        one, ids = todo.pop()
        parts = [part for part in ctx.graph.naming(one.model) if part.on_delete == "CASCADE"]
        if not one.model.special.personal and not any(part.model.special.personal for part in parts):
            continue
        rows = [row for row in await _held(ctx, one.model, one.column, ids, tx) if _is_of(one.model, row, model, key)]
        if one.model.special.personal:
            found.append((one, rows))
        if rows:
            todo += [(part, [row["id"] for row in rows]) for part in parts if part.model.special.personal]
    return found


def _is_of(kind: type[Record], row: Row, model: type[Record], key: UUID) -> bool:
    """Whether a row is about this person: one that names persons names them among those. A part that names nobody is
    about whoever the record is about that it is a part of."""
    named = [row[own.column] for own in keys_of(kind) if own.target is model and row[own.column] is not None]
    return not named or key in named


async def _blank(step: Step, held: Sequence[tuple[Key, Sequence[Row]]]) -> None:
    for one, rows in held:
        for row in rows:
            if row["deleted_at"] is None:
                after = _blanked(one.model, row)
                draft = Draft("update", one.model, row["id"], row, after, peers=step.drafts)
                step.drafts[one.model, row["id"]] = draft


def _blanked(model: type[Record], row: Mapping[str, Any]) -> dict[str, Any]:
    shape, personal = shape_of(model), model.special.personal
    return {**row, **{column: _nothing(shape, column) for column in personal}}


def _nothing(shape: Shape, column: str) -> Any:
    if column not in shape.required:
        return None
    return ERASED if isinstance(shape.columns[column], Text) else shape.blank_row[column]


async def _held(
    ctx: Context, model: type[Record], column: str, ids: Sequence[UUID], tx: Transaction | None = None
) -> list[Row]:
    """The tenant's rows, living and deleted, whoever asks: they follow from the person that the caller may see."""
    found: list[Row] = []
    lives: tuple[Life, ...] = ("living", "deleted")
    lock: Lock = "UPDATE" if tx else ""
    for life in lives:
        found += await select(ctx, tx, model, (column,), ids, life=life, seen=False, lock=lock)
    return found


def _tell(
    found: dict[str, list[dict[str, Any]]],
    model: type[Record],
    rows: Sequence[Row],
    columns: Sequence[str],
    fields: Definitions,
) -> None:
    shape = shape_of(model)
    for row in rows:
        said = {shape.api_name(c): _json(shape, c, row[c]) for c in ("id", "created_at", "deleted_at", *columns)}
        custom = row["custom_fields"] or {}
        said["customFields"] = {fields.by_slot[slot].key: v for slot, v in custom.items() if slot in fields.by_slot}
        found.setdefault(shape.table, []).append(said)


def _all_of(model: type[Record]) -> tuple[str, ...]:
    return tuple(column for column in shape_of(model).own if column != "custom_fields")


def _json(shape: Shape, column: str, value: Any) -> Any:
    return None if value is None else shape.columns[column].to_event(value)
