"""What was put aside: events that a plugin failed at, and those of the same record behind them.

Of the pending events of one plugin and one record only the first is ever due; the others wait for it. So each record's
events are told in their order, and records do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.events import EVENTS, StoredEvent, read_at
from crmcore.platform.listening.cursors import Cursor
from crmcore.platform.terms import Terms, key_of

_ADDED: Final = {
    "id": "uuid", "tenant_id": "uuid", "plugin": "text", "sequence": "bigint", "event_id": "uuid", "type": "text",
    "record_type": "text", "record_id": "uuid", "attempts": "int", "problem": "text",
}  # fmt: skip
_OWN: Final = {"status": "text", "next_at": "timestamptz", "attempted_at": "timestamptz"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How telling an event went: `again_at` is when it is told next; None if it was taken, or is dead (`problem`)."""

    event: StoredEvent
    attempted: bool
    problem: str | None = None
    again_at: datetime | None = None

    @property
    def status(self) -> str:
        return "PENDING" if self.again_at is not None else "DEAD" if self.problem is not None else "DONE"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that was put aside and is due; `event` is None if the log has it no longer."""

    id: UUID
    record_id: UUID
    sequence: int
    attempts: int
    event: StoredEvent | None


async def add(tx: Transaction, cursor: Cursor, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Put events aside. One that is there already stays as it is."""
    if not outcomes:
        return
    term = Terms(tx.dialect)
    rows = [
        {
            "id": new_id(), "tenant_id": cursor.tenant_id, "plugin": cursor.plugin, "sequence": o.event.sequence,
            "event_id": o.event.id, "type": o.event.type, "record_type": o.event.record_type,
            "record_id": o.event.record_id, "attempts": int(o.attempted), "problem": o.problem, "status": o.status,
            "next_at": term.moment(o.again_at), "attempted_at": term.moment(now if o.attempted else None),
        }
        for o in outcomes
    ]  # fmt: skip
    columns = {**_ADDED, **_OWN}
    names = ", ".join(columns)
    await tx.execute(Sql(
        f"INSERT INTO plugin_event ({names}, made_at) SELECT {names}, ", term.time(now), " FROM ",
        term.rows(rows, columns), " WHERE true ON CONFLICT (tenant_id, plugin, sequence) DO NOTHING",
    ))  # fmt: skip


async def blocked(db: Database, cursor: Cursor, records: Collection[UUID]) -> dict[UUID, datetime]:
    """Those of the records of which something waits already, and until when."""
    term = Terms(db.dialect)
    rows = await db.fetch(Sql(
        "SELECT record_id, max(next_at) AS until FROM plugin_event WHERE ", _own(term, cursor),
        " AND next_at IS NOT NULL AND ", term.among("record_id", records), " GROUP BY record_id",
    ))  # fmt: skip
    return {key_of(row["record_id"]): time for row in rows if (time := term.read_time(row["until"])) is not None}


async def due(db: Database, cursor: Cursor, now: datetime, limit: int) -> list[Waiting]:
    """The events to tell now: of each record the first, the longest due before the others."""
    term = Terms(db.dialect)
    rows = await db.fetch(Sql(
        "SELECT d.id, d.sequence, d.record_id, d.attempts FROM plugin_event d WHERE ", _own(term, cursor, "d."),
        " AND d.next_at IS NOT NULL AND d.next_at <= ", term.time(now),
        " AND NOT EXISTS (SELECT 1 FROM plugin_event b WHERE b.tenant_id = d.tenant_id AND b.plugin = d.plugin "
        "AND b.record_id = d.record_id AND b.next_at IS NOT NULL AND b.sequence < d.sequence) "
        "ORDER BY d.next_at, d.sequence LIMIT ", term.number(limit),
    ))  # fmt: skip
    events = await read_at(db, cursor.tenant_id, [int(row["sequence"]) for row in rows])
    return [_waiting(row, events) for row in rows]


def _waiting(row: Row, events: dict[int, StoredEvent]) -> Waiting:
    sequence = int(row["sequence"])
    return Waiting(key_of(row["id"]), key_of(row["record_id"]), sequence, int(row["attempts"]), events.get(sequence))


async def settle(
    tx: Transaction, cursor: Cursor, ended: Sequence[tuple[Waiting, str, str | None, datetime | None]], now: datetime
) -> None:
    """Record how attempts ended: the status, the problem, and when it is told again. What follows a failure waits as
    long. What another process has recorded stays as it is."""
    term = Terms(tx.dialect)
    rows: list[dict[str, Any]] = [
        {"id": w.id, "attempts": w.attempts, "status": status, "problem": problem, "next_at": term.moment(again)}
        for w, status, problem, again in ended
    ]
    columns = {"id": "uuid", "attempts": "int", "status": "text", "problem": "text", "next_at": "timestamptz"}
    await tx.execute(Sql(
        "UPDATE plugin_event AS d SET status = v.status, attempts = d.attempts + 1, next_at = v.next_at, problem = "
        "v.problem, attempted_at = ", term.time(now), " FROM ", term.rows(rows, columns),
        " WHERE d.id = v.id AND d.attempts = v.attempts AND d.next_at IS NOT NULL",
    ))  # fmt: skip
    for waiting, _, _, again in ended:
        if again is not None:
            await put_off(tx, cursor, waiting, again)


async def put_off(tx: Transaction, cursor: Cursor, waiting: Waiting, until: datetime) -> None:
    """Tell neither this event nor those of the same record behind it before then."""
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "UPDATE plugin_event SET next_at = ", term.time(until), " WHERE ", _own(term, cursor), " AND record_id = ",
        term.key(waiting.record_id), " AND next_at IS NOT NULL AND next_at < ", term.time(until),
        " AND sequence >= ", term.number(waiting.sequence),
    ))  # fmt: skip


async def replay(
    tx: Transaction,
    tenant_id: UUID,
    plugin: str,
    now: datetime,
    *,
    ids: Collection[UUID] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> int:
    """Have dead events told again: those of `ids`, or those put aside from `since` until before `until`. How many they
    are. Attempts are counted anew."""
    term = Terms(tx.dialect)
    wanted: list[Sql] = []
    if ids is not None:
        wanted.append(Sql(" AND ", term.among("id", ids)))
    if since is not None:
        wanted.append(Sql(" AND made_at >= ", term.time(since)))
    if until is not None:
        wanted.append(Sql(" AND made_at < ", term.time(until)))
    tx.announce(EVENTS)
    return await tx.execute(Sql(
        "UPDATE plugin_event SET status = 'PENDING', attempts = 0, next_at = ", term.time(now), " WHERE tenant_id = ",
        term.key(tenant_id), " AND plugin = ", term.text(plugin), " AND status = 'DEAD'", *wanted,
    ))  # fmt: skip


def _own(term: Terms, cursor: Cursor, of: str = "") -> Sql:
    return Sql(f"{of}tenant_id = ", term.key(cursor.tenant_id), f" AND {of}plugin = ", term.text(cursor.plugin))
