"""What a command leaves in the history: one fact for each record it changed, and the named ones beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.custom import NOTHING, Definitions
from crmcore.platform.database import Transaction
from crmcore.platform.events import Fact, record_events
from crmcore.platform.record import Draft, Record
from crmcore.records.catalogue import VERBS, told_of
from crmcore.records.rows import TENANT, Run
from crmcore.records.shape import shape_of


async def write_history(ctx: Context, tx: Transaction, drafts: Iterable[tuple[Draft, Sequence[str]]]) -> None:
    """Record the facts of these drafts, each with its changed columns, by one statement."""
    told = list(drafts)
    own = any(row.get(CUSTOM) for draft, _ in told for row in (draft.before or {}, draft.after))
    known = await ctx.custom_fields(tx) if own else NOTHING
    await record_events(tx, [fact for draft, changed in told for fact in _facts(ctx, draft, changed, known)])


def _facts(ctx: Context, draft: Draft, changed: Sequence[str], known: Definitions) -> Iterable[Fact]:
    """An update's `before` and `after` hold what changed, the others the whole record without its nulls.

    What the command told beside the values (why a case was reopened) stands under `notes`.
    """
    table = shape_of(draft.model).table
    whole = draft.operation != "update"
    before = None if draft.operation in ("create", "restore") else _columns(draft, draft.before or {}, changed, whole)
    after = None if draft.operation == "delete" else _columns(draft, draft.after, changed, whole)
    for told in (before, after):
        if told and told.get(CUSTOM):
            told[CUSTOM] = {d.key: told[CUSTOM][d.slot] for d in known.of(table) if d.slot in told[CUSTOM]}
    if after is not None and draft.notes:
        after["notes"] = dict(draft.notes)
    for name in told_of(draft, changed):
        yield Fact(
            tenant_id=ctx.tenant_id,
            type=name,
            record_type=table,
            record_id=draft.id,
            before=before,
            after=after,
            changed_fields=changed,
            actor_kind=ctx.actor.kind,
            actor_id=ctx.actor.id,
            cause=ctx.cause,
            token_id=ctx.actor.token_id,
            operation=ctx.operation or None,
            reason=draft.notes.get("reason") or ctx.reason or None,
            at=draft.after["updated_at"],
        )


def _columns(draft: Draft, row: Mapping[str, Any], changed: Sequence[str], whole: bool) -> dict[str, Any]:
    shape = shape_of(draft.model)
    if whole:
        told = {c: v if tell is None else tell(v) for c, tell in shape.told.items() if (v := row[c]) is not None}
    else:
        told = {c: shape.own[c].to_event(row[c]) for c in changed if c in shape.own}
    return {"version": row["version"], **told, **({REFS: row[REFS]} if REFS in row else {})}


CUSTOM: Final = "custom_fields"
"""The column of custom fields, whose values are told by their keys."""

REFS: Final = "external_refs"
"""The name under which a change of a record's external references is told."""


async def changed_since(
    ctx: Context, tx: Transaction, steps: Mapping[tuple[type[Record], UUID], int]
) -> dict[tuple[type[Record], UUID], set[str]]:
    """The columns changed in the last so many versions of each record. Each version has one fact of its own."""
    tables = {shape_of(model).table: model for model, _ in steps}
    ids = orjson.dumps([str(key) for _, key in steps]).decode()
    types = orjson.dumps([f"{table}.{verb}" for table in tables for verb in VERBS.values()]).decode()
    rows = await tx.fetch(_latest(ids, types, tx.dialect), Run(ctx))
    left, found = dict(steps), {key: set[str]() for key in steps}
    for row in rows:
        key = (tables[row["record_type"]], UUID(str(row["record_id"])))
        if left.get(key, 0) > 0:
            left[key] -= 1
            fields = row["changed_fields"]
            found[key].update(orjson.loads(fields) if isinstance(fields, str | bytes) else fields)
    return found


def _latest(ids: str, types: str, dialect: str) -> Sql:
    def among(parameter: str, kind: str) -> Sql:
        if dialect == "sqlite":
            return Sql("IN (SELECT value FROM json_each(", value(parameter), "))")
        return Sql(f"IN (SELECT e::{kind} FROM json_array_elements_text(", value(parameter, "json"), ") AS e)")

    return Sql(
        "SELECT record_type, record_id, changed_fields FROM event WHERE tenant_id = ", TENANT, " AND record_id ",
        among(ids, "uuid"), " AND type ", among(types, "text"), " ORDER BY sequence DESC",
    )  # fmt: skip
