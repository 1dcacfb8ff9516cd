"""Every foreign key that a command sets must name a living record that the caller may see: one statement for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from uuid import UUID

from crmcore.errors import NotFound
from crmcore.kit.sql import Sql, ident, join
from crmcore.platform.record import Draft, Record
from crmcore.records.graph import Key
from crmcore.records.rows import Run, among, ids_value, of_tenant, statement, visible
from crmcore.records.shape import shape_of
from crmcore.records.step import Step


async def check_references(step: Step) -> None:
    """Refuse drafts that name what is not there. On PostgreSQL the targets stay until the command ends."""
    named = list(_named(step))
    wanted: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    for _, key, target in named:
        if not _made_here(step, key, target):
            wanted[key.target].add(target)
    there = await living(step, wanted) if wanted else {}
    for draft, key, target in named:
        if _made_here(step, key, target) or target in there.get(key.target, ()):
            continue
        kind = shape_of(key.target).table.replace("_", " ")
        draft.refuse(NotFound(f"{key.name} names no {kind}, or one that you may not see.", key.name))


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


async def living(
    step: Step, wanted: Mapping[type[Record], set[UUID]], *, seen: bool = True
) -> dict[type[Record], set[UUID]]:
    """Those of the wanted records that live and, if `seen`, that the caller may see."""
    ctx, dialect = step.ctx, step.tx.dialect
    models = sorted(wanted, key=ctx.graph.rank)

    def part(model: type[Record]) -> Sql:
        table = shape_of(model).table
        lock = " FOR KEY SHARE OF t" if dialect == "postgres" else ""
        rows, shown = among("t.id", table, dialect), visible(ctx, model) if seen else of_tenant()
        inner = Sql(f"SELECT t.id FROM {ident(table)} AS t WHERE ", shown, " AND ", rows, lock)
        return Sql(f"SELECT '{table}' AS kind, r.id FROM (", inner, ") AS r")

    text = statement(ctx, ("references", seen, *models), lambda: join(" UNION ALL ", map(part, models)))
    values = {shape_of(model).table: ids_value(ids, dialect) for model, ids in wanted.items()}
    found: defaultdict[type[Record], set[UUID]] = defaultdict(set)
    for row in await step.tx.fetch(text, Run(ctx, values)):
        found[ctx.graph.tables[row["kind"]]].add(UUID(str(row["id"])))
    return found
