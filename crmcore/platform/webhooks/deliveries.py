"""The rows of deliveries: added, found when they are due, and settled.

A delivery is pending as long as `next_at` is set. Of the pending ones of one endpoint and one record only the first is
ever due; the others wait for it. So each record's messages arrive in the order of its events, and records do not wait
for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import EMPTY, Sql
from crmcore.platform.database import Database, Row, Transaction
from crmcore.platform.events import StoredEvent
from crmcore.platform.fields import Json
from crmcore.platform.terms import Terms, key_of, time_of
from crmcore.platform.webhooks.answers import Answer
from crmcore.platform.webhooks.endpoints import Endpoint
from crmcore.platform.webhooks.models import TEST, WebhookDeliveryStatus


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery that is due, and what its event says; `sequence` and the event are None for a test, and the event
    is None when it is kept no longer."""

    id: UUID
    tenant_id: UUID
    endpoint_id: UUID
    sequence: int | None
    type: str
    record_type: str
    record_id: UUID
    attempts: int
    made_at: datetime
    event: Told | None


@dataclass(frozen=True, slots=True)
class Told:
    """What of an event goes into every message. `version` is the record's after it; None if the record was purged."""

    at: datetime
    version: int | None
    changed_fields: Sequence[str]


_json: Final = Json().from_driver
_ADDED: Final = {
    "id": "uuid", "tenant_id": "uuid", "endpoint_id": "uuid", "sequence": "bigint", "event_id": "uuid", "type": "text",
    "record_type": "text", "record_id": "uuid",
}  # fmt: skip


async def add(tx: Transaction, chosen: Sequence[tuple[Endpoint, StoredEvent]], now: datetime) -> None:
    """Add a delivery for each pair, by one statement. One that is there already stays as it is.

    What comes behind a delivery that waits for its next attempt need not be looked at before.
    """
    if chosen:
        await _insert(tx, [_row(e.tenant_id, e.id, event) for e, event in chosen], now)


async def add_test(tx: Transaction, tenant_id: UUID, endpoint_id: UUID, now: datetime) -> UUID:
    """Add a delivery that says nothing but that it arrives; its id."""
    row = {"id": new_id(), "tenant_id": tenant_id, "endpoint_id": endpoint_id, "type": TEST}
    await _insert(tx, [{**row, "record_type": "webhook_endpoint", "record_id": endpoint_id}], now)
    return row["id"]  # type: ignore[return-value]


async def due(
    db: Database, me: UUID, endpoint: Endpoint, now: datetime, *, limit: int, busy: Collection[UUID] = ()
) -> list[Delivery]:
    """The deliveries to attempt now, the longest due first, but of records that are `busy`. None if the endpoint is not
    this process's or not active any more."""
    term = Terms(db.dialect)
    idle = Sql(" AND NOT ", term.among("d.record_id", busy)) if busy else EMPTY
    rows = await db.fetch(Sql(
        "SELECT d.id, d.sequence, d.type, d.record_type, d.record_id, d.attempts, d.made_at, v.at, "
        "v.changed_fields, v.before ->> 'version' AS version_before, v.after ->> 'version' AS version_after "
        "FROM webhook_delivery d LEFT JOIN event v ON v.tenant_id = d.tenant_id AND v.sequence = d.sequence "
        "WHERE d.tenant_id = ", term.key(endpoint.tenant_id), " AND d.endpoint_id = ", term.key(endpoint.id),
        " AND d.next_at IS NOT NULL AND d.next_at <= ", term.time(now), idle,
        " AND NOT EXISTS (SELECT 1 FROM webhook_delivery b WHERE b.tenant_id = d.tenant_id "
        "AND b.endpoint_id = d.endpoint_id AND b.record_id = d.record_id AND b.next_at IS NOT NULL "
        "AND b.sequence < d.sequence) "
        "AND EXISTS (SELECT 1 FROM webhook_cursor c JOIN webhook_endpoint e ON e.id = c.endpoint_id "
        "WHERE c.endpoint_id = d.endpoint_id AND c.lease = ", term.key(me),
        " AND e.state = 'ACTIVE' AND e.deleted_at IS NULL) ORDER BY d.next_at, d.sequence LIMIT ", term.number(limit),
    ))  # fmt: skip
    return [_delivery(endpoint, row) for row in rows]


def _delivery(endpoint: Endpoint, row: Row) -> Delivery:
    told = None
    if row["at"] is not None:
        told = Told(time_of(row["at"]), _version(row), _json(row["changed_fields"]))
    return Delivery(
        id=key_of(row["id"]),
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.id,
        sequence=row["sequence"],
        type=row["type"],
        record_type=row["record_type"],
        record_id=key_of(row["record_id"]),
        attempts=int(row["attempts"]),
        made_at=time_of(row["made_at"]),
        event=told,
    )


def _version(row: Row) -> int | None:
    after, before = row["version_after"], row["version_before"]
    if after is not None:
        return int(after)
    return None if before is None else int(before) + 1  # a deletion is a step too


async def settle(
    tx: Transaction, delivery: Delivery, answer: Answer, now: datetime, *, again_at: datetime | None
) -> bool:
    """Record an attempt. With `again_at` the delivery stays pending, and what waits behind it is not looked at before;
    without, it is over. False if another process has recorded an attempt meanwhile: then nothing is changed."""
    term = Terms(tx.dialect)
    status = (
        WebhookDeliveryStatus.PENDING
        if again_at
        else WebhookDeliveryStatus.DELIVERED
        if answer.taken
        else WebhookDeliveryStatus.DEAD
    )
    recorded = await tx.execute(Sql(
        "UPDATE webhook_delivery SET status = ", term.text(status), ", attempts = attempts + 1, next_at = ",
        term.time(again_at), ", attempted_at = ", term.time(now), ", duration_ms = ", term.number(answer.duration_ms),
        ", response_code = ", term.number(answer.code), ", problem = ", term.text(answer.problem), ", answer = ",
        term.text(answer.body or None), " WHERE id = ", term.key(delivery.id), " AND attempts = ",
        term.number(delivery.attempts), " AND next_at IS NOT NULL",
    ))  # fmt: skip
    if recorded and again_at:
        await tx.execute(Sql(
            "UPDATE webhook_delivery SET next_at = ", term.time(again_at), " WHERE tenant_id = ",
            term.key(delivery.tenant_id), " AND endpoint_id = ", term.key(delivery.endpoint_id), " AND record_id = ",
            term.key(delivery.record_id), " AND next_at IS NOT NULL AND next_at < ", term.time(again_at),
            " AND sequence > ", term.number(delivery.sequence),
        ))  # fmt: skip
    return recorded > 0


async def settle_taken(tx: Transaction, taken: Sequence[tuple[Delivery, Answer]], now: datetime) -> None:
    """Record attempts that succeeded, by one statement; those that another process has recorded stay as they are."""
    term = Terms(tx.dialect)
    rows = [
        {"id": d.id, "attempts": d.attempts, "duration": a.duration_ms, "code": a.code, "answer": a.body or None}
        for d, a in taken
    ]
    await tx.execute(Sql(
        "UPDATE webhook_delivery AS d SET status = 'DELIVERED', attempts = d.attempts + 1, next_at = NULL, "
        "attempted_at = ", term.time(now), ", duration_ms = v.duration, response_code = v.code, problem = NULL, "
        "answer = v.answer FROM ", term.rows(rows, _TAKEN),
        " WHERE d.id = v.id AND d.attempts = v.attempts AND d.next_at IS NOT NULL",
    ))  # fmt: skip


_TAKEN: Final = {"id": "uuid", "attempts": "int", "duration": "int", "code": "int", "answer": "text"}


async def cancel(tx: Transaction, tenant_id: UUID, endpoint_ids: Collection[UUID]) -> None:
    """Give up what is pending for these endpoints."""
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "UPDATE webhook_delivery SET status = 'CANCELLED', next_at = NULL WHERE tenant_id = ", term.key(tenant_id),
        " AND next_at IS NOT NULL AND ", term.among("endpoint_id", endpoint_ids),
    ))  # fmt: skip


async def replay(
    tx: Transaction,
    tenant_id: UUID,
    endpoint_id: UUID,
    now: datetime,
    *,
    ids: Collection[UUID] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    statuses: Collection[str] = (),
) -> int:
    """Make deliveries pending again that are over: those of `ids`, or those created from `since` until before `until`,
    with one of the statuses. How many they are. Attempts are counted anew; the messages keep their ids."""
    term = Terms(tx.dialect)
    wanted: list[Sql] = []
    if ids is not None:
        wanted.append(Sql(" AND ", term.among("id", ids)))
    if since is not None:
        wanted.append(Sql(" AND made_at >= ", term.time(since)))
    if until is not None:
        wanted.append(Sql(" AND made_at < ", term.time(until)))
    if statuses:
        among = ", ".join(f"'{WebhookDeliveryStatus(status)}'" for status in statuses)
        wanted.append(Sql(f" AND status IN ({among})"))
    return await tx.execute(Sql(
        "UPDATE webhook_delivery SET status = 'PENDING', attempts = 0, next_at = ", term.time(now),
        " WHERE tenant_id = ", term.key(tenant_id), " AND endpoint_id = ", term.key(endpoint_id),
        " AND next_at IS NULL", *wanted,
    ))  # fmt: skip


def _row(tenant_id: UUID, endpoint_id: UUID, event: StoredEvent) -> dict[str, Any]:
    return {
        "id": new_id(), "tenant_id": tenant_id, "endpoint_id": endpoint_id, "sequence": event.sequence,
        "event_id": event.id, "type": event.type, "record_type": event.record_type, "record_id": event.record_id,
    }  # fmt: skip


async def _insert(tx: Transaction, rows: Sequence[dict[str, Any]], now: datetime) -> None:
    term = Terms(tx.dialect)
    at, names = term.time(now), ", ".join(_ADDED)
    waits = (
        "SELECT max(p.next_at) FROM webhook_delivery p WHERE p.tenant_id = v.tenant_id "
        "AND p.endpoint_id = v.endpoint_id AND p.record_id = v.record_id AND p.next_at IS NOT NULL"
    )
    await tx.execute(Sql(
        f"INSERT INTO webhook_delivery ({names}, status, attempts, made_at, next_at) SELECT {names}, 'PENDING', 0, ",
        at, f", {term.greatest}(", at, f", coalesce(({waits}), ", at, ")) FROM ", term.rows(rows, _ADDED),
        " WHERE true ON CONFLICT (tenant_id, endpoint_id, sequence) DO NOTHING",
    ))  # fmt: skip


__all__ = ["Delivery", "add", "add_test", "cancel", "due", "replay", "settle"]
