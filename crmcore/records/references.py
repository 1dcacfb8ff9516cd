"""Every foreign key that a command sets must name a living record that the caller may see: one statement for all.

The same statement reads what the checks of the naming records need of the named ones (`Rules.reads`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import starmap
from types import MappingProxyType
from typing import Final
from uuid import UUID

import orjson

from crmcore.errors import NotFound
from crmcore.kit.sql import Dialect, Sql, ident, join
from crmcore.platform.fields import Json, Uuid
from crmcore.platform.record import Draft, Record
from crmcore.records.graph import Key
from crmcore.records.rows import Row, Run, among, ids_value, of_tenant, statement, visible
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


async def check_references(step: Step) -> None:
    """Refuse drafts that name what is not there. On PostgreSQL the targets stay until the command ends."""
    named = [(d, key, target) for d, key, target in _named(step) if not _made_here(step, key, target)]
    if not named:
        return
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    read: defaultdict[type[Record], tuple[str, ...]] = defaultdict(tuple)
    for draft, key, target in named:
        wanted[key.target].add(target)
        needed = draft.model.special.reads.get(key.column, ())
        if not set(needed) <= set(read[key.target]):
            read[key.target] = tuple(sorted({*read[key.target], *needed}))
    there = await living(step, wanted, read)
    for draft, key, target in named:
        row = there[key.target].get(target)
        if row is None:
            kind = shape_of(key.target).table.replace("_", " ")
            draft.refuse(NotFound(f"{key.name} names no {kind}, or one that you may not see.", key.name))
        elif row:
            draft.named[key.column] = row


def _named(step: Step) -> Iterator[tuple[Draft, Key, UUID]]:
    """The keys that were given anew. The caller's own user and team, set by default, are known to be there."""
    actor = step.ctx.actor
    for draft in step.alive("create", "update"):
        before = draft.before or {}
        for column, key in shape_of(draft.model).keys.items():
            target = draft.after[column]
            if target is None or before.get(column) == target:
                continue
            if column in ("owner_id", "team_id") and target in (actor.user_id, actor.team_id):
                continue
            yield draft, key, target


def _made_here(step: Step, key: Key, target: UUID) -> bool:
    draft = step.drafts.get((key.target, target))
    return draft is not None and draft.operation == "create"


_uuid: Final = Uuid()
Found = defaultdict[type[Record], dict[UUID, Row]]


async def living(
    step: Step,
    wanted: Mapping[type[Record], set[UUID]],
    read: Mapping[type[Record], tuple[str, ...]] = MappingProxyType({}),
    *,
    seen: bool = True,
) -> Found:
    """Those of the wanted records that live and, if `seen`, that the caller may see, with the columns to `read`."""
    ctx, dialect = step.ctx, step.tx.dialect
    models = sorted(wanted, key=ctx.graph.rank) if len(wanted) > 1 else list(wanted)
    taken = tuple((model, read.get(model, ())) for model in models)

    def part(model: type[Record], columns: tuple[str, ...]) -> Sql:
        table = shape_of(model).table
        lock = " FOR KEY SHARE OF t" if dialect == "postgres" else ""
        rows, shown = among("t.id", table, dialect), visible(ctx, model) if seen else of_tenant()
        listed = ", ".join(f"t.{ident(c)}" for c in dict.fromkeys(("id", *columns)))
        inner = Sql(f"SELECT {listed} FROM {ident(table)} AS t WHERE ", shown, " AND ", rows, lock)
        return Sql(
            f"SELECT '{table}' AS kind, r.id, {_as_json(model, columns, dialect)} AS told FROM (", inner, ") AS r"
        )

    text = statement(ctx, ("references", seen, taken), lambda: join(" UNION ALL ", starmap(part, taken)))
    values = {shape_of(model).table: ids_value(ids, dialect) for model, ids in wanted.items()}
    found: Found = defaultdict(dict)
    for row in await step.tx.fetch(text, Run(ctx, values)):
        model = ctx.graph.tables[row["kind"]]
        found[model][_uuid.from_driver(row["id"])] = _row(model, row["told"])
    return found


def _as_json(model: type[Record], columns: tuple[str, ...], dialect: Dialect) -> str:
    """The columns of the row `r` as a JSON object."""
    if not columns:
        return "NULL::json" if dialect == "postgres" else "NULL"
    nested = shape_of(model).columns
    parts = [
        f"json(r.{ident(c)})" if dialect == "sqlite" and isinstance(nested[c], Json) else f"r.{ident(c)}"
        for c in columns
    ]
    pairs = ", ".join(f"'{c}', {part}" for c, part in zip(columns, parts, strict=True))
    return f"{'json_build_object' if dialect == 'postgres' else 'json_object'}({pairs})"


def _row(model: type[Record], told: str | bytes | None) -> Row:
    if told is None:
        return {}
    columns = shape_of(model).columns
    return {
        c: value if isinstance(columns[c], Json) else columns[c].from_driver(value)
        for c, value in orjson.loads(told).items()
    }
