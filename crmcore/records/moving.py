"""Records move to other states: looked at, checked against their machine, and written, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from crmcore.kit.sql import Sql, ident, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change, Event, Record
from crmcore.records.changes import Update, Written
from crmcore.records.drafting import not_there
from crmcore.records.related import together
from crmcore.records.rows import Row, Run, load, of_tenant
from crmcore.records.shape import shape_of
from crmcore.records.write import write

_BATCH: Final = 500

Guard = Callable[[Row], Mapping[str, Any]]
Look = Callable[[Transaction, Row], Awaitable[None]]


async def find(ctx: Context, tx: Transaction, model: type[Record], key: UUID) -> Row:
    """The living record, locked until the command ends. NotFound if the caller sees none."""
    found = await load(ctx, tx, model, [key], "NO KEY UPDATE")
    if key not in found:
        raise not_there(model)
    return found[key]


async def move(
    ctx: Context,
    model: type[Record],
    key: UUID,
    target: StrEnum,
    *,
    guard: Guard = lambda row: {},
    look: Look | None = None,
    events: Sequence[Event] = (),
    notes: Mapping[str, Any] | None = None,
    also: Sequence[Change] = (),
    expected_version: int | None = None,
) -> UUID:
    """Move a record to another state of its machine; answers with its id.

    `guard` sees the record as it is, refuses by raising, and gives the values that go with the move; `look` may look at
    other records and refuse; `also` are changes of other records that are made with it.
    """
    machine = model.special.machine
    assert machine is not None, f"{model.__name__} has no machine"

    async def run(tx: Transaction) -> UUID:
        row = await find(ctx, tx, model, key)
        machine.check(row[machine.column], target, shape_of(model).table.replace("_", " "))
        values = {**guard(row), machine.column: target}
        if look is not None:
            await look(tx, row)
        told = {name: note for name, note in (notes or {}).items() if note is not None}
        step = Update(
            model, key, values, expected_version=expected_version, moves=True, events=tuple(events), notes=told
        )
        await write(ctx, [step, *also], tx=tx)
        return key

    return await together(ctx, run)


async def move_all(
    ctx: Context,
    model: type[Record],
    source: StrEnum,
    target: StrEnum,
    due: Sql,
    *,
    moved: Callable[[int], Awaitable[None]] | None = None,
) -> int:
    """Move all of the tenant's records that are in a state, and for which `due` holds (of a row `t`); how many.

    For what the clock does: many at a time, each batch in a transaction of its own, after which `moved` is told how
    many there are so far. A record that a rule keeps from the move stays as it is.
    """
    machine = model.special.machine
    assert machine is not None, f"{model.__name__} has no machine"
    machine.check(source, target, shape_of(model).table)
    count, last = 0, UUID(int=0)
    while True:
        async with ctx.db.transaction() as tx:
            ids = await _in_state(ctx, tx, model, source, due, last)
            steps = [Update(model, key, {machine.column: target}, moves=True) for key in ids]
            written = await write(ctx, steps, tx=tx, partial=True)
        if not ids:
            return count
        last = ids[-1]
        count += sum(isinstance(one, Written) for one in written)
        if moved is not None:
            await moved(count)


async def _in_state(
    ctx: Context, tx: Transaction, model: type[Record], state: StrEnum, due: Sql, after: UUID
) -> list[UUID]:
    """The next ids, locked until the transaction ends."""
    shape, machine = shape_of(model), model.special.machine
    assert machine is not None
    key = shape.columns["id"]
    tree = Sql(
        f"SELECT t.id FROM {ident(shape.table)} AS t WHERE ", of_tenant(), f" AND t.{ident(machine.column)} = ",
        value(str(state)), " AND t.id > ", value(key.to_driver(after, tx.dialect)), " AND ", due,
        f" ORDER BY t.id LIMIT {_BATCH}", " FOR NO KEY UPDATE OF t" if tx.dialect == "postgres" else "",
    )  # fmt: skip
    rows = await tx.fetch(tree, Run(ctx))
    return [key.from_driver(row["id"]) for row in rows]
