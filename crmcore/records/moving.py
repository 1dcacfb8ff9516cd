"""A record moves to another state: looked at, checked against its machine, and written, in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change, Event, Record
from crmcore.records.changes import Update
from crmcore.records.drafting import not_there
from crmcore.records.related import together
from crmcore.records.rows import Row, load
from crmcore.records.shape import shape_of
from crmcore.records.write import write

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
