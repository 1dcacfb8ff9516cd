"""Pairs are proposed: a job compares what has changed since it last looked, and keeps what it finds as pairs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.events import read_events, settled
from crmcore.platform.fields import Uuid
from crmcore.platform.jobs import JobKind, JobRun
from crmcore.platform.record import Change, Draft, Record, effect
from crmcore.records.changes import Create, Delete, Update
from crmcore.records.duplicates.finding import POINTS, Candidate, find_duplicates, profiles
from crmcore.records.duplicates.models import DuplicatePair, PairStatus
from crmcore.records.merging.models import MergeRecord
from crmcore.records.rows import TENANT, Row, Run, among, ids_value, of_tenant, select, statement
from crmcore.records.shape import shape_of
from crmcore.records.write import write

PROPOSE_FROM: Final = 0.6
"""Pairs that are less likely the same are not proposed."""

_EVENTS: Final = 200
_UUID: Final = Uuid()
_GONE: Final = ("deleted", "merged")


def propose_duplicates() -> JobKind:
    """The job that keeps the pairs of a tenant up to date with its records."""
    return JobKind("duplicates.propose", propose, timeout=3600, cron="41 * * * *")


async def propose(run: JobRun) -> int:
    """Compare every record that was changed since the last time; the number of pairs that are new or scored anew. A
    part of the log at a time: what is done stays done."""
    ctx, found = run.ctx, 0
    upto = await settled(ctx.db)
    after = await _begun(ctx)
    while True:
        facts = await read_events(ctx.db, after=after, upto=upto, limit=_EVENTS, tenant_id=ctx.tenant_id)
        if not facts:
            return found
        changed = await _changed(ctx, [(f.record_type, f.record_id) for f in facts])
        async with ctx.db.transaction() as tx:
            for model, keys in changed.items():
                found += await _propose_for(ctx, tx, model, keys)
            after = facts[-1].sequence
            await _note(ctx, tx, after)
        await run.progress(after, upto)


async def _begun(ctx: Context) -> int:
    rows = await ctx.db.fetch(Sql("SELECT sequence FROM duplicate_scan WHERE tenant_id = ", TENANT), Run(ctx))
    return int(rows[0]["sequence"]) if rows else 0


async def _note(ctx: Context, tx: Transaction, sequence: int) -> None:
    key = value(_UUID.to_driver(new_id(), tx.dialect), "uuid")
    await tx.execute(
        Sql(
            "INSERT INTO duplicate_scan (id, tenant_id, sequence) VALUES (", key, ", ", TENANT, ", ",
            value(sequence, "bigint"), ") ON CONFLICT (tenant_id) DO UPDATE SET sequence = excluded.sequence",
        ),
        Run(ctx),
    )  # fmt: skip


async def _changed(ctx: Context, facts: Iterable[tuple[str, UUID]]) -> dict[type[Record], set[UUID]]:
    """The records that are compared anew: those of the facts, and those that its contact points reach."""
    kinds = {t: m for t, m in ctx.graph.tables.items() if m.special.likeness is not None}
    found: dict[type[Record], set[UUID]] = {model: set() for model in kinds.values()}
    points = set()
    for table, key in facts:
        if table in kinds:
            found[kinds[table]].add(key)
        elif table == POINTS:
            points.add(key)
    if points:
        for model in kinds.values():
            assert model.special.likeness is not None
            found[model] |= await _reached_by(ctx, model.special.likeness.reached, points)
    return {model: keys for model, keys in found.items() if keys}


async def _reached_by(ctx: Context, column: str, points: Iterable[UUID]) -> set[UUID]:
    def make() -> Sql:
        where = among("t.id", "ids", ctx.db.dialect)
        return Sql(f"SELECT t.{column} AS key FROM {POINTS} AS t WHERE ", of_tenant(), " AND ", where)

    run = Run(ctx, {"ids": ids_value(points, ctx.db.dialect)})
    rows = await ctx.db.fetch(statement(ctx, ("reached by", column), make), run)
    return {UUID(str(row["key"])) for row in rows if row["key"] is not None}


async def _propose_for(ctx: Context, tx: Transaction, model: type[Record], keys: Iterable[UUID]) -> int:
    """Compare these records with those that may be the same, and write what is new of it."""
    there = await profiles(ctx, model, keys, tx=tx)
    likely: dict[tuple[UUID, UUID], Candidate] = {}
    for key, profile in there.items():
        for other in await find_duplicates(ctx, model, profile, but=[key], least=PROPOSE_FROM, tx=tx):
            likely[min(key, other.id), max(key, other.id)] = other
    known = {
        (row["first_id"], row["second_id"]): row
        for row in await select(ctx, tx, DuplicatePair, ("first_id", "second_id"), there, seen=False)
    }
    changes = [change for pair, one in likely.items() if (change := _change(model, pair, one, known.get(pair)))]
    changes += [
        Delete(DuplicatePair, row["id"])
        for pair, row in known.items()
        if row["status"] is PairStatus.OPEN and pair not in likely
    ]
    await write(ctx, changes, tx=tx)
    return len(changes)


def _change(model: type[Record], pair: tuple[UUID, UUID], found: Candidate, row: Row | None) -> Change | None:
    """What is new of a pair. One that was dismissed, or merged and taken apart again, is left alone."""
    values = {"score": str(found.score), "reasons": [reason.to_json() for reason in found.reasons]}
    if row is None:
        own = {"record_type": shape_of(model).table, "first_id": pair[0], "second_id": pair[1]}
        return Create(DuplicatePair, {**own, **values})
    if row["status"] is PairStatus.OPEN and row["reasons"] != values["reasons"]:
        return Update(DuplicatePair, row["id"], values)
    return None


@effect(MergeRecord)
async def settle_pairs(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """Pairs of records that became one are merged; open pairs of one that is gone are taken away. An undoing opens
    again what the merge closed."""
    changes: list[Change] = []
    for draft in drafts:
        if draft.operation == "create":
            changes += await _close(ctx, tx, draft)
        elif draft.operation == "update" and draft.changed("undone_at"):
            rows = await select(ctx, tx, DuplicatePair, ("merge_id",), [draft.id], seen=False)
            back = {"status": PairStatus.OPEN, "merge_id": None}
            changes += [Update(DuplicatePair, row["id"], back) for row in rows if row["status"] is PairStatus.MERGED]
    return changes


async def _close(ctx: Context, tx: Transaction, draft: Draft) -> list[Change]:
    gone = {UUID(one) for one in draft.after["merged"]}
    one = {draft.after["survivor_id"], *gone}
    changes: list[Change] = []
    for row in await select(ctx, tx, DuplicatePair, ("first_id", "second_id"), gone, seen=False):
        if {row["first_id"], row["second_id"]} <= one:
            changes.append(Update(DuplicatePair, row["id"], {"status": PairStatus.MERGED, "merge_id": draft.id}))
        elif row["status"] is PairStatus.OPEN:
            changes.append(Delete(DuplicatePair, row["id"]))
    return changes
