"""Values of custom fields on their way into the rows: taken over, checked, and kept where they can be found."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, cast
from uuid import UUID

import orjson

from crmcore.errors import Duplicate, Invalid, NotFound
from crmcore.kit.ids import from_global, new_id
from crmcore.kit.sql import Dialect, Sql
from crmcore.platform.custom import BY_MEMBER, CustomFieldType, CustomValue, Definition, Definitions
from crmcore.platform.record import Draft, Record
from crmcore.records.changes import FieldValue
from crmcore.records.custom.accepting import accepted, found_by, held
from crmcore.records.references import living
from crmcore.records.rows import TENANT, Run, given, insert, statement
from crmcore.records.shape import shape_of
from crmcore.records.step import Step

COLUMN: Final = "custom_fields"
_PATH: Final = "customFields"

Place = tuple[str, ...]
"""Where in the input a value was given."""


async def take_custom(step: Step) -> None:
    """Put the values given for custom fields into the drafts, each refused by its place if it cannot be taken.

    New records must have what is required, unless they follow from something else. Without values and without
    definitions there is nothing to do, and nothing is asked.
    """
    new = [] if step.derived else [d for d in step.drafts.values() if d.operation == "create"]
    if not step.custom and not new:
        return
    known = await step.ctx.custom_fields(step.tx)
    if not known.every and not step.custom:
        return
    references: list[tuple[Draft, Definition, Place]] = []
    for key, values in step.custom.items():
        draft = step.drafts.get(key)
        if draft is not None and draft.operation in ("create", "update"):
            references += _take(step, known, draft, values)
    for draft in new:
        _require(known, draft)
    await _check_references(step, references)


def _take(
    step: Step, known: Definitions, draft: Draft, values: tuple[FieldValue, ...]
) -> Iterator[tuple[Draft, Definition, Place]]:
    """Merge the values into the draft; what refers to other records is handed out."""
    kept = dict(draft.after[COLUMN] or {})
    table = shape_of(draft.model).table
    for number, value in enumerate(values):
        definition = known.find(table, value.key)
        place = (_PATH, str(number), value.member)
        if definition is None:
            said = f"There is no custom field {value.key!r} of type {table}: customFields lists those there are."
            draft.refuse(Invalid(said, _PATH, str(number), "key"))
            continue
        try:
            taken = _accept(definition, value)
        except ValueError as error:
            draft.refuse(Invalid(f"{value.key} {error}.", *place))
            continue
        if taken is None:
            kept.pop(definition.slot, None)
        else:
            kept[definition.slot] = taken
        step.custom_places[draft.model, draft.id, definition.slot] = place
        if taken is not None and definition.type is CustomFieldType.REFERENCE:
            yield draft, definition, place
    draft.after[COLUMN] = kept or None


def _accept(definition: Definition, value: FieldValue) -> Any:
    if BY_MEMBER[value.member] is not definition.type:
        raise ValueError(f"is a {definition.type} field: give {definition.type.member}, not {value.member}")
    taken = None if value.value is None else accepted(definition, value.value)
    if definition.is_required and (taken is None or (isinstance(taken, str) and not taken.strip())):
        raise ValueError("is required")
    return taken


def _require(known: Definitions, draft: Draft) -> None:
    said = {refusal.path for refusal in draft.refusals}
    kept = draft.after[COLUMN] or {}
    for definition in known.of(shape_of(draft.model).table):
        if definition.is_required and definition.slot not in kept and not any(p[:1] == (_PATH,) for p in said):
            draft.refuse(Invalid(f"{definition.key} is required: give it in customFields.", _PATH))


async def _check_references(step: Step, named: list[tuple[Draft, Definition, Place]]) -> None:
    """Refuse references to what is not there, or not the caller's to see."""
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    targets = []
    for draft, definition, place in named:
        model = step.ctx.graph.tables.get(definition.reference_type)
        key = from_global(draft.after[COLUMN][definition.slot])[1]
        targets.append((draft, definition, place, model, key))
        other = step.drafts.get((model, key))
        if model is not None and (other is None or other.operation != "create"):
            wanted[model].add(key)
    there = await living(step, wanted) if wanted else {}
    for draft, definition, place, model, key in targets:
        made_here = model is not None and key not in wanted[model]
        if model is None or not (made_here or key in there.get(model, ())):
            said = f"{definition.key} names no {definition.reference_type}, or one that you may not see."
            draft.refuse(NotFound(said, *place))


async def check_custom_uniques(step: Step) -> None:
    """Refuse values of unique fields that are taken, by another draft or by a living record."""
    takers: dict[tuple[str, str], Draft] = {}
    for draft in step.alive("create", "update", "restore"):
        if not draft.after[COLUMN]:
            continue
        known = await step.ctx.custom_fields(step.tx)
        for slot, kept in _gained(draft).items():
            text = held(known.by_slot[slot], kept) if slot in known.by_slot else None
            if text is None:
                continue
            if (other := takers.setdefault((slot, text), draft)) is not draft:
                draft.refuse(_taken(step, known, draft, slot, other.id, "another record of the same command"))
    if takers:
        await _refuse_taken(step, takers)


async def _refuse_taken(step: Step, takers: dict[tuple[str, str], Draft]) -> None:
    known = await step.ctx.custom_fields(step.tx)
    text = statement(step.ctx, "custom holders", lambda: _holders(step.tx.dialect))
    rows = await step.tx.look(text, Run(step.ctx, {"keys": orjson.dumps(list(takers)).decode()}))
    for row in rows:
        slot, holder = str(row["field_id"]), UUID(str(row["record_id"]))
        taker = takers[slot, row["held"]]
        own = step.drafts.get((taker.model, holder))
        if own is taker:
            continue
        if own is not None and slot in _lost(own):
            step.give_up(own, taker, _taken(step, known, taker, slot, holder, "a living record"))
            continue
        seen = await living(step, {taker.model: {holder}})
        known_id = holder if holder in seen.get(taker.model, ()) else None
        taker.refuse(_taken(step, known, taker, slot, known_id, "a living record"))


def _holders(dialect: Dialect) -> Sql:
    if dialect == "sqlite":
        listed = Sql("SELECT value ->> 0, value ->> 1 FROM json_each(", given("keys"), ")")
    else:
        listed = Sql("SELECT (v ->> 0)::uuid, v ->> 1 FROM json_array_elements(", given("keys", "json"), ") AS v")
    return Sql(
        "SELECT t.record_id, t.field_id, t.held FROM custom_value AS t WHERE t.tenant_id = ", TENANT,
        " AND (t.field_id, t.held) IN (", listed, ")",
    )  # fmt: skip


def _taken(step: Step, known: Definitions, draft: Draft, slot: str, existing: UUID | None, by: str) -> Duplicate:
    place = step.custom_places.get((draft.model, draft.id, slot), (_PATH,))
    text = f"{known.by_slot[slot].key} is taken by {by}: use that record, or give another value."
    return Duplicate(text, *place, existing_id=existing)


def _gained(draft: Draft) -> dict[str, Any]:
    """The values that a draft's record has from now on and had not before."""
    after: dict[str, Any] = draft.after[COLUMN] or {}
    if draft.operation != "update":
        return {} if draft.operation == "delete" else after
    before = (draft.before or {}).get(COLUMN) or {}
    return {slot: kept for slot, kept in after.items() if before.get(slot) != kept}


def _lost(draft: Draft) -> dict[str, Any]:
    """The values that a draft's record has no longer."""
    before: dict[str, Any] = (draft.before or {}).get(COLUMN) or {}
    if draft.operation != "update":
        return before if draft.operation == "delete" else {}
    after = draft.after[COLUMN] or {}
    return {slot: kept for slot, kept in before.items() if after.get(slot) != kept}


async def write_custom(step: Step) -> None:
    """Make the table of values say what the drafts say: what is given up goes first, so that others can take it."""
    drafts = [d for d in step.alive("create", "update", "delete", "restore") if _touched(d)]
    if not drafts:
        return
    known = await step.ctx.custom_fields(step.tx)
    gone = [(str(draft.id), slot) for draft in drafts for slot in _lost(draft)]
    if gone:
        text = statement(step.ctx, "custom gone", lambda: _gone(step.tx.dialect))
        await step.tx.execute(text, Run(step.ctx, {"gone": orjson.dumps(gone).decode()}))
    rows = [row for draft in drafts for row in _rows(step, known, draft)]
    if rows:
        await insert(step.ctx, step.tx, cast("type[Record]", CustomValue), rows)


def _touched(draft: Draft) -> bool:
    return bool(_gained(draft) or _lost(draft))


def _gone(dialect: Dialect) -> Sql:
    if dialect == "sqlite":
        listed = Sql("SELECT value ->> 0, value ->> 1 FROM json_each(", given("gone"), ")")
    else:
        pairs = given("gone", "json")
        listed = Sql("SELECT (v ->> 0)::uuid, (v ->> 1)::uuid FROM json_array_elements(", pairs, ") AS v")
    return Sql(
        "DELETE FROM custom_value WHERE tenant_id = ", TENANT, " AND (record_id, field_id) IN (", listed, ")",
    )  # fmt: skip


def _rows(step: Step, known: Definitions, draft: Draft) -> Iterator[dict[str, Any]]:
    blank: dict[str, Any] = dict.fromkeys(shape_of(cast("type[Record]", CustomValue)).columns)
    for slot, kept in _gained(draft).items():
        definition = known.by_slot.get(slot)
        for columns in found_by(definition, kept) if definition else ():
            own = {"id": new_id(), "tenant_id": step.ctx.tenant_id, "field_id": UUID(slot), "record_id": draft.id}
            yield {**blank, **own, **columns, "held": held(definition, kept) if definition else None}


def explain_custom() -> Duplicate:
    """What the table of values says when another command took a value between our look and our write."""
    return Duplicate("The value of a unique custom field was taken at the same time: give another.", _PATH)


__all__ = ["COLUMN", "check_custom_uniques", "explain_custom", "take_custom", "write_custom"]
