"""Jobs that the clock makes: each tenant's entries, and their firing, once each whoever looks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Final

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Dialect, Sql, Statement, render
from crmcore.platform.database import Database
from crmcore.platform.jobs.claiming import among, names
from crmcore.platform.jobs.enqueueing import enqueue_scheduled
from crmcore.platform.jobs.kinds import JobKind
from crmcore.platform.jobs.models import CronEntry
from crmcore.platform.jobs.rows import of_run, packed, read, source, to_driver
from crmcore.platform.jobs.schedules import next_after

_DECLARED: Final = ("kind", "expression", "time_zone")
_ENTRY: Final = ("id", "tenant_id", *_DECLARED, "next_at", "created_at")
_FIRED: Final = ("id", "next_at", "last_at")
_BATCH: Final = 500


async def plan(db: Database, kinds: Mapping[str, JobKind], now: datetime) -> int:
    """Give every active tenant an entry for each kind that has a cron expression, as it is declared now; how many."""
    declared = [
        {"kind": kind.name, "expression": kind.cron, "time_zone": kind.time_zone}
        for kind in kinds.values() if kind.cron
    ]  # fmt: skip
    missing = await db.fetch(_missing(db.dialect), packed(CronEntry, _DECLARED, declared, db.dialect))
    if not missing:
        return 0
    rows = []
    for row in missing:
        held = read(CronEntry, row)
        next_at = next_after(held["expression"], held["time_zone"], now)
        rows.append({**held, "id": new_id(), "next_at": next_at, "created_at": now})
    async with db.transaction() as tx:
        return await tx.execute(_put(tx.dialect), packed(CronEntry, _ENTRY, rows, tx.dialect))


async def fire(db: Database, kinds: Mapping[str, JobKind], now: datetime) -> int:
    """Make the jobs of all entries that are due; how many.

    Of several schedulers one fires an entry: it moves the entry on in the transaction that makes the job. However many
    times were missed, there is one job for them.
    """
    fired = 0
    run = {
        "now": to_driver(CronEntry, "next_at", now, db.dialect),
        "kinds": names(list(kinds), db.dialect),
        "limit": _BATCH,
    }
    while await db.fetch(_due(db.dialect, ""), {**run, "limit": 1}):
        async with db.transaction() as tx:
            lock = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgres" else ""
            entries = [read(CronEntry, row) for row in await tx.fetch(_due(tx.dialect, lock), run)]
            if not entries:  # another scheduler has them
                return fired
            await enqueue_scheduled(tx, [(kinds[e["kind"]], e["tenant_id"], e["next_at"]) for e in entries], now)
            moved = [
                {"id": e["id"], "last_at": e["next_at"], "next_at": next_after(e["expression"], e["time_zone"], now)}
                for e in entries
            ]
            await tx.execute(_move(tx.dialect), packed(CronEntry, _FIRED, moved, tx.dialect))
        fired += len(entries)
    return fired


@cache
def _missing(dialect: Dialect) -> Statement:
    return render(
        Sql(
            "SELECT t.id AS tenant_id, v.kind, v.expression, v.time_zone FROM tenant t CROSS JOIN ",
            source(CronEntry, _DECLARED, dialect),
            " LEFT JOIN cron_entry e ON e.tenant_id = t.id AND e.kind = v.kind WHERE t.state = 'ACTIVE' "
            "AND (e.id IS NULL OR e.expression <> v.expression OR e.time_zone <> v.time_zone)",
        ),
        dialect,
    )  # fmt: skip


@cache
def _put(dialect: Dialect) -> Statement:
    """An entry whose declaration changed is planned anew."""
    listed = ", ".join(_ENTRY)
    sets = ", ".join(f"{c} = excluded.{c}" for c in ("expression", "time_zone", "next_at"))
    return render(
        Sql(
            f"INSERT INTO cron_entry ({listed}) SELECT {listed} FROM ", source(CronEntry, _ENTRY, dialect),
            f" WHERE true ON CONFLICT (tenant_id, kind) DO UPDATE SET {sets}",
        ),
        dialect,
    )  # fmt: skip


@cache
def _due(dialect: Dialect, lock: str) -> Statement:
    return render(
        Sql(
            "SELECT id, tenant_id, kind, expression, time_zone, next_at FROM cron_entry WHERE next_at <= ",
            of_run("now", "timestamptz"), " AND ", among("kind", "kinds", "text[]", dialect),
            " ORDER BY next_at, id LIMIT ", of_run("limit", "bigint"), lock,
        ),
        dialect,
    )  # fmt: skip


@cache
def _move(dialect: Dialect) -> Statement:
    return render(
        Sql(
            "UPDATE cron_entry SET next_at = v.next_at, last_at = v.last_at FROM ", source(CronEntry, _FIRED, dialect),
            " WHERE cron_entry.id = v.id",
        ),
        dialect,
    )  # fmt: skip
