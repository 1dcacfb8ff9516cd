"""The places of listeners in the log: each is moved by one process at a time, which holds its lease.

A lease is for half a minute, and renewed long before. Who is killed leaves it to run out; then another goes on from the
place, and what was told but not recorded is told again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.events import settled
from crmcore.platform.fields import Flag
from crmcore.platform.terms import Terms, key_of, time_of

LEASE: Final = timedelta(seconds=30)
_RENEW: Final = timedelta(seconds=20)
"""What must be left of a lease, or it is renewed."""

_ABSURD: Final = timedelta(minutes=5)
"""A lease so far ahead was written by a clock that has been set back since: it does not count."""

_MADE: Final = {"id": "uuid", "tenant_id": "uuid", "plugin": "text", "sequence": "bigint", "began": "bigint"}
_flag: Final = Flag().from_driver


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place of a plugin in a tenant, as it was when it was read. `due_at`: when something put aside is due."""

    id: UUID
    tenant_id: UUID
    plugin: str
    sequence: int
    due_at: datetime | None


async def begin(db: Database, plugins: Collection[str]) -> None:
    """Give every active tenant a place for each of these plugins. A new plugin begins with what happens from now on; in
    a new tenant, with the first that happened there since it was new."""
    if not plugins:
        return
    term = Terms(db.dialect)
    names = term.rows([{"plugin": plugin} for plugin in plugins], {"plugin": "text"})
    missing = await db.fetch(Sql(
        "SELECT t.id AS tenant_id, v.plugin, (SELECT min(o.began) FROM plugin_cursor o WHERE o.plugin = v.plugin) "
        "AS began FROM tenant t CROSS JOIN ", names,
        " LEFT JOIN plugin_cursor c ON c.tenant_id = t.id AND c.plugin = v.plugin "
        "WHERE t.state = 'ACTIVE' AND c.id IS NULL",
    ))  # fmt: skip
    if not missing:
        return
    now = await settled(db)
    rows = []
    for row in missing:
        began = now if row["began"] is None else int(row["began"])
        made = {"id": new_id(), "tenant_id": key_of(row["tenant_id"]), "plugin": row["plugin"]}
        rows.append({**made, "sequence": began, "began": began})
    listed = ", ".join(_MADE)
    async with db.transaction() as tx:
        await tx.execute(Sql(
            f"INSERT INTO plugin_cursor ({listed}) SELECT {listed} FROM ", term.rows(rows, _MADE),
            " WHERE true ON CONFLICT (tenant_id, plugin) DO NOTHING",
        ))  # fmt: skip


async def hold(db: Database, me: UUID, plugins: Collection[str], now: datetime) -> list[Cursor]:
    """The places of these plugins whose lease this process has now: those it had, and those that nobody has."""
    if not plugins:
        return []
    rows = await db.fetch(_offered(Terms(db.dialect), me, plugins, now))
    loose = [key_of(row["id"]) for row in rows if not _flag(row["held"])]
    if loose:
        async with db.transaction() as tx:
            got = await _take(tx, me, loose, now)
        rows = [row for row in rows if _flag(row["held"]) or key_of(row["id"]) in got]
    return [_cursor(row) for row in rows]


async def advance(tx: Transaction, me: UUID, cursor: Cursor, upto: int) -> bool:
    """Note that the plugin was told everything up to a sequence, or that the rest is put aside. False if the place is
    not this process's any more: then this must be rolled back."""
    term = Terms(tx.dialect)
    moved = await tx.execute(Sql(
        "UPDATE plugin_cursor SET sequence = ", term.number(upto), " WHERE id = ", term.key(cursor.id), " AND lease = ",
        term.key(me), " AND sequence <= ", term.number(upto),
    ))  # fmt: skip
    return moved == 1


async def release(db: Database, me: UUID) -> None:
    """Give all leases back."""
    async with db.transaction() as tx:
        await tx.execute(
            Sql("UPDATE plugin_cursor SET lease = NULL, leased_until = NULL WHERE lease = ", Terms(tx.dialect).key(me))
        )


def _offered(term: Terms, me: UUID, plugins: Iterable[str], now: datetime) -> Sql:
    """Places with what says whether this process has their lease for a while."""
    mine = Sql("c.lease = ", term.key(me))
    free = Sql(
        "c.lease IS NULL OR c.leased_until < ", term.time(now), " OR c.leased_until > ", term.time(now + _ABSURD)
    )
    names = term.rows([{"plugin": plugin} for plugin in plugins], {"plugin": "text"})
    return Sql(
        "SELECT c.id, c.tenant_id, c.plugin, c.sequence, (SELECT min(e.next_at) FROM plugin_event e "
        "WHERE e.tenant_id = c.tenant_id AND e.plugin = c.plugin AND e.next_at IS NOT NULL) AS due_at, (", mine,
        " AND c.leased_until BETWEEN ", term.time(now + _RENEW), " AND ", term.time(now + _ABSURD), ") AS held "
        "FROM plugin_cursor c JOIN tenant t ON t.id = c.tenant_id AND t.state = 'ACTIVE' JOIN ", names,
        " ON v.plugin = c.plugin WHERE ", mine, " OR ", free, " ORDER BY held DESC, c.id",
    )  # fmt: skip


async def _take(tx: Transaction, me: UUID, ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Take or renew these leases; those that were got. Whom another process has just taken is left to it."""
    term = Terms(tx.dialect)
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgres" else ""
    rows = await tx.fetch(Sql(
        "UPDATE plugin_cursor SET lease = ", term.key(me), ", leased_until = ", term.time(now + LEASE),
        " WHERE id IN (SELECT c.id FROM plugin_cursor c WHERE ", term.among("c.id", ids),
        " AND (c.lease IS NULL OR c.lease = ", term.key(me), " OR c.leased_until < ", term.time(now),
        " OR c.leased_until > ", term.time(now + _ABSURD), f"){skip}) RETURNING id",
    ))  # fmt: skip
    return {key_of(row["id"]) for row in rows}


def _cursor(row: Row) -> Cursor:
    return Cursor(
        key_of(row["id"]), key_of(row["tenant_id"]), row["plugin"], int(row["sequence"]), time_of(row["due_at"])
    )
