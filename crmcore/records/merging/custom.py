"""Custom fields that refer to merged records: found by the values' own table, of deleted records in their JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson

from crmcore.kit.ids import from_global, to_global
from crmcore.kit.sql import Dialect, Sql, ident
from crmcore.platform.custom import CustomFieldType, Definition
from crmcore.platform.record import Draft, Record
from crmcore.records.custom import COLUMN
from crmcore.records.merging.models import RowFate
from crmcore.records.merging.naming import read
from crmcore.records.merging.trail import Trail
from crmcore.records.rows import TENANT, Run, among, given, ids_value, patch, select, statement
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


async def repoint_values(step: Step, trail: Trail, target: str, survivor: UUID, others: Iterable[UUID]) -> None:
    """Let the custom fields that refer to the others refer to the survivor; a unique one that would then stand twice is
    cleared. Nothing is asked where the tenant has no field that refers to such records."""
    known = await step.ctx.custom_fields(step.tx)
    fields = {d.id: d for d in known.every if d.type is CustomFieldType.REFERENCE and d.reference_type == target}
    if not fields:
        return
    gone, to = frozenset(others), to_global(target, survivor)
    holders, taken = await _holders(step, fields, survivor, gone)
    for table, slots in sorted(holders.items()):
        drafts = await _drafts(step, step.ctx.graph.tables[table], {key for key, _ in slots})
        for (key, field_id), whom in sorted(slots.items()):
            draft, definition = drafts.get(key), fields[field_id]
            if draft is None or draft.operation == "delete":
                continue
            cleared = definition.is_unique and field_id in taken
            taken.add(field_id)
            values = dict(draft.after[COLUMN] or {})
            values.pop(definition.slot)
            draft.after[COLUMN] = (values if cleared else {**values, definition.slot: to}) or None
            trail.add(table, key, RowFate.CLEARED if cleared else RowFate.VALUE, definition.slot, whom)
    for definition in fields.values():
        model = step.ctx.graph.tables.get(definition.record_type)
        if model is not None and not definition.deleted:
            await _repoint_deleted(step, trail, model, definition, {to_global(target, one): to for one in gone})


async def _holders(
    step: Step, fields: Mapping[UUID, Definition], survivor: UUID, gone: frozenset[UUID]
) -> tuple[dict[str, dict[tuple[UUID, UUID], UUID]], set[UUID]]:
    """Who refers to whom, by the holder's table; and the fields in which somebody refers to the survivor already."""
    dialect = step.tx.dialect

    def make() -> Sql:
        return Sql(
            "SELECT t.record_id, t.field_id, t.target_id FROM custom_value AS t WHERE t.tenant_id = ", TENANT, " AND ",
            among("t.field_id", "fields", dialect), " AND ", among("t.target_id", "ids", dialect),
        )  # fmt: skip

    values = {"fields": ids_value(fields, dialect), "ids": ids_value({survivor, *gone}, dialect)}
    found: defaultdict[str, dict[tuple[UUID, UUID], UUID]] = defaultdict(dict)
    taken: set[UUID] = set()
    for row in await step.tx.fetch(statement(step.ctx, "merge references", make), Run(step.ctx, values)):
        record, field, target = (UUID(str(row[c])) for c in ("record_id", "field_id", "target_id"))
        if target == survivor:
            taken.add(field)
        else:
            found[fields[field].record_type][record, field] = target
    return found, taken


async def _drafts(step: Step, model: type[Record], keys: Iterable[UUID]) -> dict[UUID, Draft]:
    """The drafts of these records: those of the merge, and new ones of the others that live."""
    wanted = set(keys)
    missing = {key for key in wanted if (model, key) not in step.drafts}
    for row in await select(step.ctx, step.tx, model, ("id",), missing, lock="NO KEY UPDATE", seen=False):
        draft = Draft("update", model, row["id"], row, dict(row), peers=step.drafts)
        step.drafts[model, row["id"]] = draft
    return {key: step.drafts[model, key] for key in wanted if (model, key) in step.drafts}


async def _repoint_deleted(
    step: Step, trail: Trail, model: type[Record], definition: Definition, to: Mapping[str, str]
) -> None:
    table = shape_of(model).table
    rows = await deleted_with(step, model, definition.slot, to)
    for row in rows:
        whom = row[COLUMN][definition.slot]
        row[COLUMN] = {**row[COLUMN], definition.slot: to[whom]}
        trail.add(table, row["id"], RowFate.VALUE, definition.slot, from_global(whom)[1])
    if rows:
        await patch(step.ctx, step.tx, model, [COLUMN], rows)


async def deleted_with(step: Step, model: type[Record], slot: str, kept: Iterable[str]) -> list[dict[str, Any]]:
    """The deleted records that have one of these texts in the slot: id and custom fields."""

    def make() -> Sql:
        return Sql(
            f"SELECT t.id, t.{COLUMN} FROM {ident(shape_of(model).table)} AS t WHERE t.tenant_id = ", TENANT,
            f" AND t.deleted_at IS NOT NULL AND t.{COLUMN} ->> ", given("slot", "text"), " IN (",
            _texts(step.tx.dialect), ")",
        )  # fmt: skip

    run = Run(step.ctx, {"slot": slot, "kept": orjson.dumps(list(kept)).decode()})
    rows = await step.tx.fetch(statement(step.ctx, ("deleted with", model), make), run)
    return read(model, ("id", COLUMN), rows)


def _texts(dialect: Dialect) -> Sql:
    if dialect == "sqlite":
        return Sql("SELECT value FROM json_each(", given("kept"), ")")
    return Sql("SELECT json_array_elements_text(", given("kept", "json"), ")")
