"""The endpoints that this process serves: each by one process at a time, which holds its lease.

A lease is a row's, for half a minute, and renewed long before. Who is killed leaves it to run out; then another takes
the endpoint, and what was sent but not recorded is sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crmcore.kit.sql import Sql
from crmcore.kit.text import camel
from crmcore.platform.access import Actor, ActorKind, Policy, Reach
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.events import StoredEvent
from crmcore.platform.fields import Flag, Json
from crmcore.platform.identity import scopes_of
from crmcore.platform.terms import Terms, key_of, time_of

LEASE: Final = timedelta(seconds=30)
_RENEW: Final = timedelta(seconds=20)
"""What must be left of a lease, or it is renewed."""

_ABSURD: Final = timedelta(minutes=5)
"""A lease so far ahead was written by a clock that has been set back since: it does not count."""

MOST: Final = 500
"""Endpoints that one process serves at most."""

_json: Final = Json().from_driver
_flag: Final = Flag().from_driver


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An active endpoint, as it was when it was read. `policy` is None if its actor may do nothing any more; `due_at`
    is when its next delivery is due."""

    id: UUID
    tenant_id: UUID
    url: str
    event_types: frozenset[str]
    filters: Mapping[str, Any] | None
    changed_fields: frozenset[str]
    payload: str | None
    policy: Policy | None
    sequence: int
    failures: int
    failing_since: datetime | None
    rest_until: datetime | None
    due_at: datetime | None

    def wants(self, event: StoredEvent) -> bool:
        """Whether the event's type and the fields it changed are wanted. What its record must be, a filter says."""
        area, _, verb = event.type.partition(".")
        if not self.event_types & {"*", event.type, f"{area}.*"}:
            return False
        if verb != "updated" or not self.changed_fields:
            return True
        return any(camel(name) in self.changed_fields for name in event.changed_fields)


async def hold(db: Database, me: UUID, now: datetime) -> list[Endpoint]:
    """The endpoints whose lease this process has now: those it had, and those that nobody has."""
    rows = await db.fetch(_offered(Terms(db.dialect), me, now))
    loose = [key_of(row["id"]) for row in rows if not _flag(row["held"])]
    if loose:
        async with db.transaction() as tx:
            got = await _take(tx, me, loose, now)
        rows = [row for row in rows if _flag(row["held"]) or key_of(row["id"]) in got]
    return [_endpoint(row) for row in rows]


async def release(db: Database, me: UUID) -> None:
    """Give all leases back."""
    async with db.transaction() as tx:
        await tx.execute(
            Sql("UPDATE webhook_cursor SET lease = NULL, leased_until = NULL WHERE lease = ", Terms(tx.dialect).key(me))
        )


async def advance(tx: Transaction, me: UUID, endpoints: Sequence[Endpoint], upto: int) -> bool:
    """Note that these endpoints, which stand at one sequence, have been dispatched up to another. False if one of them
    is not this process's any more, or somebody has moved it: then this must be rolled back."""
    term = Terms(tx.dialect)
    moved = await tx.execute(Sql(
        "UPDATE webhook_cursor SET sequence = ", term.number(upto), " WHERE lease = ", term.key(me), " AND sequence = ",
        term.number(endpoints[0].sequence), " AND ", term.among("endpoint_id", (e.id for e in endpoints)),
    ))  # fmt: skip
    return moved == len(endpoints)


def _offered(term: Terms, me: UUID, now: datetime) -> Sql:
    """Active endpoints, with what says whether this process has their lease for a while."""
    mine = Sql("c.lease = ", term.key(me))
    free = Sql(
        "c.lease IS NULL OR c.leased_until < ", term.time(now), " OR c.leased_until > ", term.time(now + _ABSURD)
    )
    return Sql(
        "SELECT e.id, e.tenant_id, e.url, e.event_types, e.filters, e.changed_fields, e.payload, e.actor_kind, "
        "e.actor_id, e.reach, c.sequence, c.failures, c.failing_since, c.rest_until, "
        "(SELECT min(d.next_at) FROM webhook_delivery d WHERE d.tenant_id = e.tenant_id AND d.endpoint_id = e.id "
        "AND d.next_at IS NOT NULL) AS due_at, coalesce(n.fields_version, 0) AS fields_version, t.id AS token_id, "
        "(t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > ", term.time(now), ")) AS token_lives, "
        "t.reach AS token_reach, t.scopes AS token_scopes, t.user_id AS token_user, u.id AS user_id, u.team_id, "
        "(u.is_active AND u.deleted_at IS NULL) AS user_lives, (", mine, " AND c.leased_until BETWEEN ",
        term.time(now + _RENEW), " AND ", term.time(now + _ABSURD), ") AS held "
        "FROM webhook_cursor c "
        "JOIN webhook_endpoint e ON e.id = c.endpoint_id AND e.state = 'ACTIVE' AND e.deleted_at IS NULL "
        "JOIN tenant n ON n.id = e.tenant_id AND n.state = 'ACTIVE' "
        "LEFT JOIN api_token t ON t.id = e.actor_id AND t.tenant_id = e.tenant_id "
        'LEFT JOIN "user" u ON u.tenant_id = e.tenant_id '
        "AND u.id = CASE WHEN e.actor_kind = 'USER' THEN e.actor_id ELSE t.user_id END "
        "WHERE ", mine, " OR ", free, " ORDER BY held DESC, c.endpoint_id ", f"LIMIT {MOST}",
    )  # fmt: skip


async def _take(tx: Transaction, me: UUID, ids: Iterable[UUID], now: datetime) -> set[UUID]:
    """Take or renew these leases; those that were got. Whom another process has just taken is left to it."""
    term = Terms(tx.dialect)
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgres" else ""
    rows = await tx.fetch(Sql(
        "UPDATE webhook_cursor SET lease = ", term.key(me), ", leased_until = ", term.time(now + LEASE),
        " WHERE endpoint_id IN (SELECT c.endpoint_id FROM webhook_cursor c WHERE ", term.among("c.endpoint_id", ids),
        " AND (c.lease IS NULL OR c.lease = ", term.key(me), " OR c.leased_until < ", term.time(now),
        " OR c.leased_until > ", term.time(now + _ABSURD), f"){skip}) RETURNING endpoint_id",
    ))  # fmt: skip
    return {key_of(row["endpoint_id"]) for row in rows}


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        id=key_of(row["id"]),
        tenant_id=key_of(row["tenant_id"]),
        url=row["url"],
        event_types=frozenset(_json(row["event_types"])),
        filters=_json(row["filters"]),
        changed_fields=frozenset(_json(row["changed_fields"]) or ()),
        payload=row["payload"],
        policy=_policy(row),
        sequence=int(row["sequence"]),
        failures=int(row["failures"]),
        failing_since=time_of(row["failing_since"]),
        rest_until=time_of(row["rest_until"]),
        due_at=time_of(row["due_at"]),
    )


def _policy(row: Row) -> Policy | None:
    """What the endpoint's actor may see now. None for a user who left, and for a token that is revoked or expired."""
    kind, token = ActorKind(row["actor_kind"]), key_of(row["token_id"])
    by_user = kind is ActorKind.USER or row["token_user"] is not None
    if by_user and not _flag(row["user_lives"]):
        return None
    if (token is not None and not _flag(row["token_lives"])) or (kind is ActorKind.API_KEY and token is None):
        return None
    actor = Actor(kind, key_of(row["actor_id"]), key_of(row["user_id"]), key_of(row["team_id"]))
    reach, scopes = Reach(row["token_reach"] or row["reach"]), scopes_of(row["token_scopes"])
    return Policy(key_of(row["tenant_id"]), actor, reach, int(row["fields_version"]), scopes)
