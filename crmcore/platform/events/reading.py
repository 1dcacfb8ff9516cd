"""The log read back, from a sequence on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.sql import Bind, Dialect, Sql, Statement, all_of, render
from crmcore.platform.access import ActorKind
from crmcore.platform.database import Database
from crmcore.platform.events.log import Event
from crmcore.platform.fields import Column


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One row of the log. `before` and `after` hold columns in their JSON form, as `Event` says."""

    sequence: int
    id: UUID
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


async def read_events(
    db: Database, *, after: int, upto: int, limit: int, tenant_id: UUID | None = None, types: Sequence[str] = ()
) -> list[StoredEvent]:
    """The first events after a sequence, in their order, up to one that is `settled`; of one tenant, of these types.

    A type is an event's ("deal.won"), not a record's.
    """
    run = {"after": after, "upto": upto, "limit": limit, "tenant": tenant_id, "types": types}
    rows = await db.fetch(_statement(db.dialect, tenant_id is not None, bool(types)), run)
    return [StoredEvent(**{name: read(row[name]) for name, read in _READERS.items()}) for row in rows]


async def read_at(db: Database, tenant_id: UUID, sequences: Sequence[int]) -> dict[int, StoredEvent]:
    """The tenant's events with these sequences; those that are there."""
    if not sequences:
        return {}
    rows = await db.fetch(_statement_at(db.dialect), {"tenant": tenant_id, "sequences": list(sequences)})
    found = [StoredEvent(**{name: read(row[name]) for name, read in _READERS.items()}) for row in rows]
    return {event.sequence: event for event in found}


def _column(name: str) -> Column:
    column = Event._meta.fields_map[name]
    assert isinstance(column, Column)
    return column


_READERS: Final = {field.name: _column(field.name).from_driver for field in fields(StoredEvent)}


@cache
def _statement(dialect: Dialect, of_tenant: bool, of_types: bool) -> Statement:
    def given(name: str, cast: str) -> Bind:
        return Bind(lambda run: run[name], cast)

    where = [Sql("sequence > ", given("after", "bigint")), Sql("sequence <= ", given("upto", "bigint"))]
    if of_tenant:
        key = Bind(lambda run: _column("tenant_id").to_driver(run["tenant"], dialect), "uuid")
        where.append(Sql("tenant_id = ", key))
    if of_types:
        where.append(_among(dialect))
    columns = ", ".join(_READERS)
    limit = given("limit", "bigint")
    return render(
        Sql(f"SELECT {columns} FROM event WHERE ", all_of(where), " ORDER BY sequence LIMIT ", limit), dialect
    )


@cache
def _statement_at(dialect: Dialect) -> Statement:
    key = Bind(lambda run: _column("tenant_id").to_driver(run["tenant"], dialect), "uuid")
    if dialect == "postgres":
        listed = Sql("sequence = ANY(", Bind(lambda run: run["sequences"], "bigint[]"), ")")
    else:
        numbers = Bind(lambda run: orjson.dumps(run["sequences"]).decode())
        listed = Sql("sequence IN (SELECT value FROM json_each(", numbers, "))")
    return render(Sql(f"SELECT {', '.join(_READERS)} FROM event WHERE tenant_id = ", key, " AND ", listed), dialect)


def _among(dialect: Dialect) -> Sql:
    if dialect == "postgres":
        return Sql("type = ANY(", Bind(lambda run: list(run["types"]), "text[]"), ")")
    names = Bind(lambda run: orjson.dumps(list(run["types"])).decode())
    return Sql("type IN (SELECT value FROM json_each(", names, "))")
