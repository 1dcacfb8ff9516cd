"""Facts: one append-only table, written in the transaction that made them true.

Audit, deliveries, subscriptions and the delta feed are all queries over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit import times
from crmcore.kit.ids import new_id, plain_key
from crmcore.kit.sql import Bind, Sql, Statement, render
from crmcore.platform.access import TENANT_REACH, Access, ActorKind
from crmcore.platform.database import Transaction
from crmcore.platform.events.order import FIRST_NUMBER, NEXT_NUMBER, SEQUENCE
from crmcore.platform.fields import BigInt, Choice, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex


class Event(Model):
    """`sequence` orders the events; `before` and `after` hold the columns in their JSON form; `cause` the request.

    Append-only, and the database sees to it: triggers refuse every UPDATE and DELETE but the one of `erasing.py`, by
    which `before`, `after` and `reason` become null and `erased_at` says so. `operation` is the mutation, job or
    command that did it, `reason` why, `token_id` the API token that was used.
    """

    sequence = BigInt(primary_key=True)
    id = Uuid()
    tenant_id = Uuid()
    type = Text(120)
    record_type = Text(63)
    record_id = Uuid()
    before = Json(null=True)
    after = Json(null=True)
    changed_fields = Json()
    actor_kind = Choice(ActorKind)
    actor_id = Uuid(null=True)
    cause = Uuid()
    token_id = Uuid(null=True)
    operation = Text(120, null=True)
    reason = Text(5000, null=True)
    at = UtcDatetime()
    erased_at = UtcDatetime(null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "event"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "id"), name="uq_event_id"),
            ("tenant_id", "sequence"),
            ("tenant_id", "record_type", "record_id", "id"),
            ("tenant_id", "cause", "id"),
            ("tenant_id", "actor_id", "id"),
        )


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the event table. `before` and `after` are ready for JSON (`Column.to_event`)."""

    tenant_id: UUID
    type: str
    record_type: str
    record_id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed_fields: Sequence[str]
    actor_kind: ActorKind
    actor_id: UUID | None
    cause: UUID
    at: datetime
    token_id: UUID | None = None
    operation: str | None = None
    reason: str | None = None
    id: UUID = field(default_factory=new_id)


_COLUMNS: Final = {
    "id": "uuid",
    "tenant_id": "uuid",
    "type": "text",
    "record_type": "text",
    "record_id": "uuid",
    "before": "jsonb",
    "after": "jsonb",
    "changed_fields": "jsonb",
    "actor_kind": "text",
    "actor_id": "uuid",
    "cause": "uuid",
    "token_id": "uuid",
    "operation": "text",
    "reason": "text",
    "at": "timestamptz",
}


EVENTS: Final = "events"
"""The channel on which new facts are announced."""


async def record_events(tx: Transaction, rows: Sequence[Fact]) -> None:
    """Add the facts, in this order, to what the transaction sends next; its commit is announced on "events"."""
    if not rows:
        return
    tx.announce(EVENTS)
    if tx.dialect == "sqlite":  # finds a value by its place faster than by its name
        await tx.add("event", _SQLITE, _json([_values(fact) for fact in rows]))
        return
    first = SEQUENCE not in tx.holds
    tx.holds.add(SEQUENCE)
    await tx.add("event", _POSTGRES_FIRST if first else _POSTGRES_NEXT, _json(rows))


def _postgres(number: str) -> Statement:
    """Run with the facts as JSON."""
    columns = ", ".join(f'"{column}"' for column in _COLUMNS)
    typed = ", ".join(f'"{column}" {kind}' for column, kind in _COLUMNS.items())
    into = f"INSERT INTO event (sequence, {columns}) SELECT {number}, {columns} FROM json_to_recordset("
    return render(Sql(into, Bind(lambda facts: facts, "json"), f") AS v({typed})"), "postgres")


def _sqlite() -> Statement:
    columns = ", ".join(f'"{column}"' for column in _COLUMNS)
    parts = ", ".join(f"value ->> {place}" for place in range(len(_COLUMNS)))
    into = f"INSERT INTO event ({columns}) SELECT {parts} FROM json_each("
    return render(Sql(into, Bind(lambda facts: facts), ")"), "sqlite")


_SQLITE: Final = _sqlite()
_POSTGRES_FIRST: Final = _postgres(FIRST_NUMBER)
_POSTGRES_NEXT: Final = _postgres(NEXT_NUMBER)


def _json(facts: Sequence[Any]) -> str:
    return orjson.dumps(facts, default=plain_key).decode()


_row_of: Final = attrgetter(*_COLUMNS)


def _values(fact: Fact) -> list[Any]:
    *row, at = _row_of(fact)
    return [*row, times.to_text(at)]
