"""Every foreign key that a command sets must name a living record that the caller may see: one statement for all.

The same statement reads what the checks of the naming records need of the named ones (`Rules.reads`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

import orjson

from crmcore.errors import NotFound
from crmcore.kit.sql import Dialect, Sql, Statement, ident, join
from crmcore.platform.context import Context
from crmcore.platform.fields import Json, Uuid
from crmcore.platform.record import Draft, Record
from crmcore.records.graph import Key
from crmcore.records.rows import Row, Run, among, given, ids_value, of_tenant, statement, visible
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
    """Those of the wanted records that live and, if `seen`, that the caller may see, with the columns to `read`.

    On PostgreSQL they stay so until the command ends: locked at once, or with the rows that the command sends.
    """
    ctx, tx = step.ctx, step.tx
    models = sorted(wanted, key=ctx.graph.rank) if len(wanted) > 1 else list(wanted)
    looking = _Looking(ctx, tx.dialect, tuple((model, read.get(model, ())) for model in models), seen)
    values = {shape_of(model).table: ids_value(ids, tx.dialect) for model, ids in wanted.items()}
    if tx.begun:
        rows = await tx.fetch(looking.rows(locked=tx.dialect == "postgres"), Run(ctx, values))
    else:
        rows = await tx.look(looking.rows(locked=False), Run(ctx, values))
        if rows:
            tx.lean(looking.condition(), Run(ctx, {**values, "found": len(rows)}))
    found: Found = defaultdict(dict)
    for row in rows:
        model = ctx.graph.tables[row["kind"]]
        found[model][_uuid.from_driver(row["id"])] = _row(model, row["told"])
    return found


@dataclass(frozen=True, slots=True)
class _Looking:
    """The statements that look for records; `taken` are their kinds, with the columns to read of each."""

    ctx: Context
    dialect: Dialect
    taken: tuple[tuple[type[Record], tuple[str, ...]], ...]
    seen: bool

    def rows(self, *, locked: bool) -> Statement:
        """The records, with what is read of each as JSON."""
        key = ("references", self.seen, self.taken, locked)
        return statement(self.ctx, key, lambda: join(" UNION ALL ", (self._told(m, c, locked) for m, c in self.taken)))

    def condition(self) -> Statement:
        """Whether there are still so many, once they are locked."""

        def make() -> Sql:
            counts = (Sql("(SELECT count(*) FROM (", self._inner(m, (), True), ") AS r)") for m, _ in self.taken)
            return Sql(join(" + ", counts), " = ", given("found", "bigint"))

        return statement(self.ctx, ("referred", self.seen, tuple(m for m, _ in self.taken)), make)

    def _told(self, model: type[Record], columns: tuple[str, ...], locked: bool) -> Sql:
        told = _as_json(model, columns, self.dialect)
        inner = self._inner(model, columns, locked)
        return Sql(f"SELECT '{shape_of(model).table}' AS kind, r.id, {told} AS told FROM (", inner, ") AS r")

    def _inner(self, model: type[Record], columns: tuple[str, ...], locked: bool) -> Sql:
        table = shape_of(model).table
        rows = among("t.id", table, self.dialect)
        shown = visible(self.ctx, model) if self.seen else of_tenant()
        listed = ", ".join(f"t.{ident(c)}" for c in dict.fromkeys(("id", *columns)))
        lock = " FOR KEY SHARE OF t" if locked else ""
        return Sql(f"SELECT {listed} FROM {ident(table)} AS t WHERE ", shown, " AND ", rows, lock)


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
