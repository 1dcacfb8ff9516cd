"""The history of every state machine: a row for each move, with how long the record stood in the state that it left.

A new record leaves no row: its first state began when it was created. So creating costs nothing, and the rows of a
command go out together with its facts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit import times
from crmcore.kit.ids import new_id, plain_key
from crmcore.kit.sql import Bind, Dialect, Sql, Statement, render
from crmcore.platform.access import TENANT_REACH, Access, ActorKind
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import BigInt, Choice, Text, UtcDatetime, Uuid
from crmcore.platform.record import Draft
from crmcore.records.shape import shape_of


class Transition(Model):
    """A move of a record from one state to another. `seconds` is how long it stood in `from_state`."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    record_type = Text(63)
    record_id = Uuid()
    field = Text(63)
    from_state = Text(40)
    to_state = Text(40)
    at = UtcDatetime()
    seconds = BigInt()
    actor_kind = Choice(ActorKind)
    actor_id = Uuid(null=True)
    cause = Uuid()
    reason = Text(5000, null=True)

    access: ClassVar[Access] = TENANT_REACH

    class Meta(Model.Meta):
        table = "transition"
        indexes: ClassVar[Any] = (
            ("tenant_id", "id"),
            ("tenant_id", "record_type", "record_id", "id"),
        )


async def write_transitions(ctx: Context, tx: Transaction, told: Iterable[tuple[Draft, Sequence[str]]]) -> None:
    """Note the moves among these drafts, each with its changed columns: with what the transaction sends next."""
    entered: dict[UUID, Any] = {}
    moves = [
        _row(ctx, draft, entered)
        for draft, changed in told
        if draft.operation == "update" and (machine := draft.model.special.machine) and machine.column in changed
    ]
    if moves:
        await tx.add("transition", _INSERT[tx.dialect], orjson.dumps(moves, default=plain_key).decode())


def _row(ctx: Context, draft: Draft, entered: dict[UUID, Any]) -> Mapping[str, Any]:
    """`since` is when the record may have entered the state at the earliest: by a move of the same command, or as it
    was created. If there are rows of it, its last move is later."""
    machine, before, after = draft.model.special.machine, draft.before or {}, draft.after
    assert machine is not None
    at = after["updated_at"]
    since = entered.get(draft.id, before["created_at"])
    entered[draft.id] = at
    return {
        "id": new_id(),
        "tenant_id": draft.after["tenant_id"],
        "record_type": shape_of(draft.model).table,
        "record_id": draft.id,
        "field": machine.column,
        "from_state": before[machine.column],
        "to_state": after[machine.column],
        "at": times.to_text(at),
        "since": times.to_text(since),
        "actor_kind": ctx.actor.kind,
        "actor_id": ctx.actor.id,
        "cause": ctx.cause,
        "reason": draft.notes.get("reason") or ctx.reason or None,
    }


_COLUMNS: Final = {
    "id": "uuid", "tenant_id": "uuid", "record_type": "text", "record_id": "uuid", "field": "text",
    "from_state": "text", "to_state": "text", "at": "timestamptz", "actor_kind": "text", "actor_id": "uuid",
    "cause": "uuid", "reason": "text",
}  # fmt: skip


def _insert(dialect: Dialect) -> Statement:
    """Run with the moves as JSON. The state was entered with the last move before, or at `since`."""
    columns = ", ".join(f'"{column}"' for column in _COLUMNS)
    rows = Bind(lambda moves: moves, "json")
    last = (
        "(SELECT max(t.at) FROM transition t WHERE t.tenant_id = {tenant} AND t.record_type = {type} "
        "AND t.record_id = {id} AND t.field = {field})"
    )
    if dialect == "postgres":
        typed = ", ".join(f'"{column}" {kind}' for column, kind in {**_COLUMNS, "since": "timestamptz"}.items())
        entered = last.format(tenant="v.tenant_id", type="v.record_type", id="v.record_id", field='v."field"')
        stood = f"greatest(0, floor(extract(epoch FROM v.at - greatest(v.since, {entered}))))::bigint"
        source = Sql("json_to_recordset(", rows, f") AS v({typed})")
        return render(
            Sql(f"INSERT INTO transition ({columns}, seconds) SELECT {columns}, {stood} FROM ", source), dialect
        )
    named = {column: f"v.value ->> '{column}'" for column in (*_COLUMNS, "since")}
    entered = last.format(
        tenant=named["tenant_id"], type=named["record_type"], id=named["record_id"], field=named["field"]
    )
    begun = f"max({named['since']}, coalesce({entered}, ''))"
    stood = f"max(0, ({_micros(named['at'])} - {_micros(begun)}) / 1000000)"
    taken = ", ".join(named[column] for column in _COLUMNS)
    return render(
        Sql(f"INSERT INTO transition ({columns}, seconds) SELECT {taken}, {stood} FROM json_each(", rows, ") v"),
        dialect,
    )


def _micros(moment: str) -> str:
    """SQLite: the microseconds of a moment, which is kept as text, since 1970."""
    return f"(unixepoch({moment}) * 1000000 + CAST(substr({moment}, 21, 6) AS INTEGER))"


_INSERT: Final[Mapping[Dialect, Statement]] = {"sqlite": _insert("sqlite"), "postgres": _insert("postgres")}
