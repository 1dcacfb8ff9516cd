"""Taking jobs that are due, and keeping them: a lease with an end, extended while the job runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Dialect, Sql, Statement, join, render
from crmcore.platform.access import Policy
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.jobs import policies
from crmcore.platform.jobs.models import Job, Priority
from crmcore.platform.jobs.rows import of_run, packed, read, source, to_driver

_TAKEN: Final = (
    "id", "tenant_id", "kind", "payload", "priority", "run_at", "attempts", "max_attempts", "lease", "scheduled_for",
    "policy", "cause", "cancel_asked_at",
)  # fmt: skip
_uuid: Final = Uuid()


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker has, by its `lease`."""

    id: UUID
    kind: str
    payload: Mapping[str, Any]
    priority: int
    run_at: datetime
    attempts: int
    max_attempts: int
    lease: UUID
    scheduled_for: datetime | None
    policy: Policy
    cause: UUID
    cancel_asked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life of a job that runs, and how far it is."""

    id: UUID
    lease: UUID
    progress_done: int | None
    progress_total: int | None
    progress_message: str | None


async def anything_due(db: Database, kinds: Sequence[str], now: datetime) -> bool:
    """Whether there is a job to take: a read, so that a worker with nothing to do takes no lock."""
    run = {"now": to_driver(Job, "free_at", now, db.dialect), "kinds": names(kinds, db.dialect), "limit": 1}
    return bool(await db.fetch(_look(db.dialect), run))


async def claim(tx: Transaction, kinds: Sequence[str], limit: int, now: datetime, lease: timedelta) -> list[Claimed]:
    """Take at most `limit` due jobs of these kinds, the most urgent first. No two workers get the same one.

    Jobs whose lease is over are due too: their worker is gone.
    """
    run = {
        "now": to_driver(Job, "free_at", now, tx.dialect),
        "until": to_driver(Job, "free_at", now + lease, tx.dialect),
        "lease": to_driver(Job, "lease", new_id(), tx.dialect),
        "kinds": names(kinds, tx.dialect),
        "limit": limit,
    }
    found = [_claimed(row) for row in await tx.fetch(_take(tx.dialect), run)]
    return sorted(found, key=lambda job: (-job.priority, job.run_at, job.id))


async def extend(tx: Transaction, beats: Iterable[Beat], now: datetime, lease: timedelta) -> set[UUID]:
    """Put off the end of these leases and write how far the jobs are; the jobs that are still this worker's."""
    columns = ("id", "lease", "progress_done", "progress_total", "progress_message")
    rows = [{c: getattr(beat, c) for c in columns} for beat in beats]
    run = {**packed(Job, columns, rows, tx.dialect), "until": to_driver(Job, "free_at", now + lease, tx.dialect)}
    return {_uuid.from_driver(row["id"]) for row in await tx.fetch(_extend(tx.dialect), run)}


async def called_off(db: Database, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the jobs that somebody has asked to cancel."""
    wanted: Any = ids if db.dialect == "postgres" else orjson.dumps([str(i) for i in ids]).decode()
    return {_uuid.from_driver(row["id"]) for row in await db.fetch(_called_off(db.dialect), {"ids": wanted})}


async def shorten(tx: Transaction, now: datetime, lease: timedelta) -> int:
    """For a clock that was set back: no lease ends later than one given now would."""
    return await tx.execute(_shorten(tx.dialect), {"until": to_driver(Job, "free_at", now + lease, tx.dialect)})


def _claimed(row: Row) -> Claimed:
    held = read(Job, row)
    tenant = held.pop("tenant_id")
    return Claimed(**{**held, "policy": policies.from_json(tenant, held["policy"])})


def names(kinds: Sequence[str], dialect: Dialect) -> Any:
    return list(kinds) if dialect == "postgres" else orjson.dumps(list(kinds)).decode()


def _due(dialect: Dialect, lock: str = "") -> Sql:
    """The ids of due jobs: an index range for each priority, the later ones only looked at if the first do not do."""
    now, limit = of_run("now", "timestamptz"), of_run("limit", "bigint")
    kinds = among("kind", "kinds", "text[]", dialect)
    ranges = [
        Sql(
            f"SELECT id FROM (SELECT id FROM job WHERE priority = {int(priority)} AND free_at <= ", now, " AND ", kinds,
            " ORDER BY free_at, id LIMIT ", limit, lock, f") AS p{place}",
        )
        for place, priority in enumerate(sorted(Priority, reverse=True))
    ]  # fmt: skip
    return Sql(join(" UNION ALL ", ranges), " LIMIT ", limit)


def among(column: str, name: str, cast: str, dialect: Dialect) -> Sql:
    if dialect == "postgres":
        return Sql(column, " = ANY(", of_run(name, cast), ")")
    return Sql(column, " IN (SELECT value FROM json_each(", of_run(name), "))")


@cache
def _look(dialect: Dialect) -> Statement:
    return render(_due(dialect), dialect)


@cache
def _take(dialect: Dialect) -> Statement:
    taken = "id = ANY(ARRAY(" if dialect == "postgres" else "id IN (SELECT id FROM ("
    return render(
        Sql(
            "UPDATE job SET state = 'RUNNING', attempts = attempts + 1, again = (1 = 0), lease = ",
            of_run("lease", "uuid"), ", free_at = ", of_run("until", "timestamptz"), ", started_at = ",
            of_run("now", "timestamptz"), f" WHERE {taken}",
            _due(dialect, " FOR UPDATE SKIP LOCKED" if dialect == "postgres" else ""),
            f")) RETURNING {', '.join(_TAKEN)}",
        ),
        dialect,
    )  # fmt: skip


@cache
def _extend(dialect: Dialect) -> Statement:
    """A lease only grows here: another machine's clock may be ahead of ours."""
    columns = ("id", "lease", "progress_done", "progress_total", "progress_message")
    latest = "greatest" if dialect == "postgres" else "max"
    sets = ", ".join(f"{c} = v.{c}" for c in columns[2:])
    return render(
        Sql(
            f"UPDATE job SET {sets}, free_at = {latest}(job.free_at, ", of_run("until", "timestamptz"), ") FROM ",
            source(Job, columns, dialect), " WHERE job.id = v.id AND job.lease = v.lease RETURNING job.id",
        ),
        dialect,
    )  # fmt: skip


@cache
def _called_off(dialect: Dialect) -> Statement:
    tree = Sql("SELECT id FROM job WHERE cancel_asked_at IS NOT NULL AND ", among("id", "ids", "uuid[]", dialect))
    return render(tree, dialect)


@cache
def _shorten(dialect: Dialect) -> Statement:
    until = of_run("until", "timestamptz")
    return render(Sql("UPDATE job SET free_at = ", until, " WHERE state = 'RUNNING' AND free_at > ", until), dialect)
