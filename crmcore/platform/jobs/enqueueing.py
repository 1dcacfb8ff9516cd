"""Asking for work: the job is there when the caller's transaction is, and only then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Dialect, Sql, Statement, render
from crmcore.platform.access import Policy
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.jobs import policies
from crmcore.platform.jobs.kinds import JobKind
from crmcore.platform.jobs.models import LIVE, Job, JobState, Priority
from crmcore.platform.jobs.policies import system_policy
from crmcore.platform.jobs.rows import of_run, packed, source, to_driver

_COLUMNS: Final = (
    "id", "tenant_id", "kind", "payload", "state", "priority", "run_at", "free_at", "attempts", "max_attempts",
    "unique_key", "again", "scheduled_for", "policy", "actor_kind", "actor_id", "cause", "created_at",
)  # fmt: skip
_LOOKS: Final = 5
JOBS: Final = "jobs"
"""The channel on which workers are told that there is something to do."""


async def enqueue(
    ctx: Context,
    tx: Transaction,
    kind: JobKind,
    payload: Mapping[str, Any],
    *,
    run_at: datetime | None = None,
    priority: int = Priority.NORMAL,
    unique_key: str | None = None,
    policy: Policy | None = None,
) -> UUID:
    """Have a job of this kind run, at once or at a time; the id of the job.

    It acts as the caller does, or by `policy` (`system_policy`). While a job of the kind and tenant with `unique_key`
    waits or runs there is no second one: the id of that one is answered. The payload is JSON, and small: it names
    records, it does not hold them.
    """
    now = ctx.clock()
    row = _row(kind, payload, policy or ctx.policy, ctx.cause, now, run_at or now)
    row |= {"priority": int(priority), "unique_key": unique_key}
    if row["run_at"] <= now:
        tx.announce(JOBS)
    if unique_key is None:
        await tx.add("job", _insert(tx.dialect), packed(Job, _COLUMNS, [row], tx.dialect))
        return UUID(str(row["id"]))
    return await _unique(tx, kind, row)


async def enqueue_scheduled(tx: Transaction, firings: Sequence[tuple[JobKind, UUID, datetime]], now: datetime) -> None:
    """Jobs that the clock makes: of a kind, for a tenant, for a time. What has its job already gets no second one."""
    rows = [
        _row(kind, {}, system_policy(tenant), new_id(), now, now) | {"scheduled_for": time}
        for kind, tenant, time in firings
    ]
    tx.announce(JOBS)
    await tx.execute(_insert_scheduled(tx.dialect), packed(Job, _COLUMNS, rows, tx.dialect))


def _row(
    kind: JobKind, payload: Mapping[str, Any], policy: Policy, cause: UUID, now: datetime, run_at: datetime
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "tenant_id": policy.tenant_id,
        "kind": kind.name,
        "payload": dict(payload),
        "state": JobState.READY,
        "priority": int(Priority.NORMAL),
        "run_at": run_at,
        "free_at": run_at,
        "attempts": 0,
        "max_attempts": kind.attempts,
        "unique_key": None,
        "again": False,
        "scheduled_for": None,
        "policy": policies.to_json(policy),
        "actor_kind": policy.actor.kind,
        "actor_id": policy.actor.id,
        "cause": cause,
        "created_at": now,
    }


async def _unique(tx: Transaction, kind: JobKind, row: Mapping[str, Any]) -> UUID:
    """Insert the row, or find the job that keeps it away; that one may be over before we find it: then once more."""
    named = {c: to_driver(Job, c, row[c], tx.dialect) for c in ("tenant_id", "kind", "unique_key")}
    insert = _insert_again(tx.dialect) if kind.rerun else _insert_unique(tx.dialect)
    for _ in range(_LOOKS):
        rows = await tx.fetch(insert, packed(Job, _COLUMNS, [row], tx.dialect))
        rows = rows or await tx.fetch(_find(tx.dialect), named)
        if rows:
            return UUID(str(rows[0]["id"]))
    raise AssertionError(f"The job {kind.name} with the key {row['unique_key']} comes and goes.")


def _inserting(dialect: Dialect, more: str = "") -> Statement:
    names = ", ".join(_COLUMNS)
    where = " WHERE true" if dialect == "sqlite" else ""  # or it takes ON CONFLICT for the ON of a join
    return render(
        Sql(f"INSERT INTO job ({names}) SELECT {names} FROM ", source(Job, _COLUMNS, dialect), where, more), dialect
    )


@cache
def _insert(dialect: Dialect) -> Statement:
    return _inserting(dialect)


@cache
def _insert_unique(dialect: Dialect) -> Statement:
    return _inserting(dialect, f" ON CONFLICT (tenant_id, kind, unique_key) WHERE {LIVE} DO NOTHING RETURNING id")


@cache
def _insert_again(dialect: Dialect) -> Statement:
    """A job that runs is told that it was asked for again. Its worker cannot end it before this transaction is over."""
    more = "DO UPDATE SET again = job.state = 'RUNNING' RETURNING id"
    return _inserting(dialect, f" ON CONFLICT (tenant_id, kind, unique_key) WHERE {LIVE} {more}")


@cache
def _insert_scheduled(dialect: Dialect) -> Statement:
    more = "ON CONFLICT (tenant_id, kind, scheduled_for) WHERE scheduled_for IS NOT NULL DO NOTHING"
    return _inserting(dialect, f" {more}")


@cache
def _find(dialect: Dialect) -> Statement:
    return render(
        Sql(
            "SELECT id FROM job WHERE tenant_id = ", of_run("tenant_id", "uuid"), " AND kind = ", of_run("kind"),
            " AND unique_key = ", of_run("unique_key"), f" AND {LIVE}",
        ),
        dialect,
    )  # fmt: skip
