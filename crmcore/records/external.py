"""What records are called in other systems: `("northwind", "ALFKI")`.

A reference lives and is deleted with its record: that of a deleted record neither resolves nor blocks another's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

import orjson

from crmcore.errors import Duplicate, Invalid
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Dialect, Sql
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Text, Uuid
from crmcore.platform.record import Draft, Record, Rules, Unique
from crmcore.records.changes import ExternalRef as Ref
from crmcore.records.history import REFS
from crmcore.records.rows import Row, Run, given, insert, of_tenant, select, statement, update
from crmcore.records.shape import shape_of
from crmcore.records.step import Step
from crmcore.records.values import accept

_PATH = "externalRefs"

ExternalKey = tuple[str, str, str]
"""System, type of record, and id there."""


class ExternalRef(Record):
    """The id of a record in another system."""

    system = Text(100)
    external_id = Text(255)
    record_type = Text(63)
    record_id = Uuid()

    special: ClassVar[Rules] = Rules(unique=(Unique(("system", "record_type", "external_id")),))

    class Meta(Record.Meta):
        table = "external_ref"
        indexes = (("tenant_id", "record_id", "id"),)


async def find_by_external(
    ctx: Context, model: type[Record], system: str, external_ids: Iterable[str], *, tx: Transaction | None = None
) -> dict[str, UUID]:
    """The living records of these external ids, by external id; what is unknown is left out. One statement."""
    wanted = [(system, shape_of(model).table, external) for external in set(external_ids)]
    found = await holders(ctx, tx, wanted) if wanted else {}
    return {external: key for (_, _, external), key in found.items()}


async def holders(ctx: Context, tx: Transaction | None, wanted: Sequence[ExternalKey]) -> dict[ExternalKey, UUID]:
    """The living records that have these external ids."""
    dialect = ctx.db.dialect

    def make() -> Sql:
        return Sql(
            "SELECT t.system, t.record_type, t.external_id, t.record_id FROM external_ref AS t WHERE ", of_tenant(),
            " AND (t.system, t.record_type, t.external_id) IN (", _listed(dialect), ")",
        )  # fmt: skip

    text = statement(ctx, "external refs", make)
    run = Run(ctx, {"wanted": orjson.dumps(wanted).decode()})
    rows = await (tx.look(text, run) if tx else ctx.db.fetch(text, run))
    return {(r["system"], r["record_type"], r["external_id"]): UUID(str(r["record_id"])) for r in rows}


def _listed(dialect: Dialect) -> Sql:
    if dialect == "sqlite":
        return Sql("SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(", given("wanted"), ")")
    return Sql("SELECT v ->> 0, v ->> 1, v ->> 2 FROM json_array_elements(", given("wanted", "json"), ") AS v")


async def check_refs(step: Step) -> None:
    """Refuse references that are malformed or taken; note in each draft what its references were and are to be."""
    if not step.refs:
        return
    drafts = [d for d in step.alive("create", "update") if (d.model, d.id) in step.refs]
    wanted: dict[tuple[str, str, str], Draft] = {}
    for draft in drafts:
        table = shape_of(draft.model).table
        for system, external in _accepted(draft, step.refs[draft.model, draft.id]):
            other = wanted.setdefault((system, table, external), draft)
            if other is not draft:
                draft.refuse(_taken(system, external, other.id))
    if not drafts:
        return
    held = await holders(step.ctx, step.tx, list(wanted)) if wanted else {}
    for key, holder in held.items():
        draft = wanted[key]
        own = step.drafts.get((draft.model, holder))
        if own is not None and own.operation == "delete":
            step.give_up(own, draft, _taken(key[0], key[2], holder))
        elif holder != draft.id:
            draft.refuse(_taken(key[0], key[2], holder))
    await _note(step, drafts)


def _accepted(draft: Draft, refs: Iterable[Ref]) -> Iterable[Ref]:
    columns = shape_of(ExternalRef).columns
    for system, external in dict.fromkeys(refs):
        for name, value in (("system", system), ("external_id", external)):
            try:
                accept(name, columns[name], value)
                fault = "" if value.strip() else "must not be empty"
            except ValueError as error:
                fault = str(error)
            if fault:
                draft.refuse(Invalid(f"{_PATH}: {name} {fault}.", _PATH))
                return
        yield system, external


def _taken(system: str, external: str, holder: UUID) -> Duplicate:
    text = f"{external!r} of {system!r} is the external id of another record: change that one, or give another id."
    return Duplicate(text, _PATH, existing_id=holder)


async def _note(step: Step, drafts: Sequence[Draft]) -> None:
    """Put the references before and after into the drafts, sorted, so that they are compared and told like columns."""
    updated = [d.id for d in drafts if d.operation == "update"]
    current: defaultdict[UUID, list[Ref]] = defaultdict(list)
    for row in await _of(step, updated, ("record_id", "system", "external_id")):
        current[row["record_id"]].append((row["system"], row["external_id"]))
    for draft in drafts:
        if isinstance(draft.before, dict):
            draft.before[REFS] = _told(current[draft.id])
        named = step.refs[draft.model, draft.id]
        if (draft.model, draft.id) in step.refs_added:
            systems = {system for system, _ in named}
            named = [*named, *(ref for ref in current[draft.id] if ref[0] not in systems)]
        draft.after[REFS] = _told(named)


def _told(refs: Iterable[Ref]) -> list[dict[str, str]]:
    return [{"system": system, "externalId": external} for system, external in sorted(set(refs))]


async def _of(step: Step, records: Sequence[UUID], take: tuple[str, ...] = ()) -> list[Row]:
    if not records:
        return []
    return await select(step.ctx, step.tx, ExternalRef, ("record_id",), records, seen=False, take=take)


def _refs_differ(draft: Draft) -> bool:
    return REFS in draft.after and draft.after[REFS] != (draft.before or {}).get(REFS)


async def write_refs(step: Step) -> None:
    """Make the living references of the drafts what the drafts say; delete those of deleted records."""
    drafts = {d.id: d for d in step.alive("create", "update") if _refs_differ(d)} if step.refs else {}
    gone = {d.id: d for d in step.alive("delete")}
    if not drafts and not gone:
        return
    replaced = [d.id for d in drafts.values() if d.operation == "update"]
    end, kept = [], set[tuple[UUID, str, str]]()
    for row in await _of(step, [*replaced, *gone]):
        own = drafts.get(row["record_id"])
        told = {"system": row["system"], "externalId": row["external_id"]}
        if own is not None and told in own.after[REFS]:
            kept.add((own.id, row["system"], row["external_id"]))
        else:
            deletion = gone[row["record_id"]].after["deletion_id"] if row["record_id"] in gone else None
            end.append(row | {"deleted_at": step.at, "deletion_id": deletion} | step.stamp())
    if end:
        await _set_deleted(step, end)
    new = [
        _row(step, draft, ref["system"], ref["externalId"])
        for draft in drafts.values()
        for ref in draft.after[REFS]
        if (draft.id, ref["system"], ref["externalId"]) not in kept
    ]
    if new:
        await insert(step.ctx, step.tx, ExternalRef, new)


def _row(step: Step, draft: Draft, system: str, external: str) -> Row:
    stamp = step.stamp()
    made = {f"created{c.removeprefix('updated')}": value for c, value in stamp.items()}
    own = {
        "id": new_id(), "tenant_id": step.ctx.tenant_id, "version": 1, "deleted_at": None, "deletion_id": None,
        "system": system, "external_id": external, "record_type": shape_of(draft.model).table, "record_id": draft.id,
        "custom_fields": None,
    }  # fmt: skip
    return {**own, **stamp, **made}


async def move_refs(step: Step, table: str, others: Collection[UUID], draft: Draft) -> list[tuple[UUID, UUID]]:
    """Let the living references of the others be those of the draft's record, which tells it. The ids of the moved
    ones, each with whose it was."""
    rows = [row for row in await _of(step, [*others, draft.id]) if row["record_type"] == table]
    moved = [row for row in rows if row["record_id"] != draft.id]
    own = [(row["system"], row["external_id"]) for row in rows if row["record_id"] == draft.id]
    if not moved:
        return []
    draft.before = {**(draft.before or {}), REFS: _told(own)}
    draft.after[REFS] = _told([*own, *((row["system"], row["external_id"]) for row in moved)])
    await _set(step, ("record_id",), [row | {"record_id": draft.id} | step.stamp() for row in moved])
    return [(row["id"], row["record_id"]) for row in moved]


async def return_refs(step: Step, draft: Draft, homes: Mapping[UUID, UUID]) -> int:
    """Give the references with these ids, as far as they are the draft's record's, to whose they were; how many."""
    rows = await _of(step, [draft.id])
    moved = [row for row in rows if row["id"] in homes]
    if moved:
        draft.before = {**(draft.before or {}), REFS: _told((row["system"], row["external_id"]) for row in rows)}
        stay = [row for row in rows if row["id"] not in homes]
        draft.after[REFS] = _told((row["system"], row["external_id"]) for row in stay)
        await _set(step, ("record_id",), [row | {"record_id": homes[row["id"]]} | step.stamp() for row in moved])
    return len(moved)


async def restore_refs(step: Step, deletions: Mapping[UUID, Draft]) -> None:
    """Bring back the references that were deleted with these deletions; refuse a deletion one of whose is taken."""
    rows = await select(
        step.ctx, step.tx, ExternalRef, ("deletion_id",), deletions, life="deleted", seen=False, lock="UPDATE"
    )
    keys = [(row["system"], row["record_type"], row["external_id"]) for row in rows]
    held = await holders(step.ctx, step.tx, keys) if keys else {}
    back: list[Any] = []
    for row, key in zip(rows, keys, strict=True):
        root = deletions[row["deletion_id"]]
        if key in held:
            root.refuse(_taken(key[0], key[2], held[key]))
        else:
            back.append((root, row))
    step.refs_back = back


async def write_refs_back(step: Step) -> None:
    """Write what `restore_refs` found, but for deletions that were refused since."""
    if not step.refs_back:
        return
    alive = {id(draft) for draft in step.alive("restore")}
    rows = [row for root, row in step.refs_back if id(root) in alive]
    if rows:
        await _set_deleted(step, [row | {"deleted_at": None, "deletion_id": None} | step.stamp() for row in rows])


async def _set_deleted(step: Step, rows: Sequence[Row]) -> None:
    await _set(step, ("deleted_at", "deletion_id"), rows)


async def _set(step: Step, columns: Sequence[str], rows: Sequence[Row]) -> None:
    await update(step.ctx, step.tx, ExternalRef, (*columns, *step.stamp()), rows)
