"""Trees made of a foreign key to the same record: no one is their own ancestor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from crmcore.errors import Invalid
from crmcore.kit.sql import Sql, ident
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Draft, Record
from crmcore.records.rows import TENANT, Run, among, ids_value, statement
from crmcore.records.shape import shape_of

_LOCK = 7_701


async def refuse_cycles(ctx: Context, tx: Transaction, drafts: Sequence[Draft], column: str, message: str) -> None:
    """Refuse those drafts whose new parent in `column` stands below them, also by way of other drafts.

    Two statements at most, whatever the number and depth. On PostgreSQL commands that move records in a tree take
    turns: two moves, each right alone, could close a ring together.
    """
    moved = {draft.id: draft for draft in drafts if draft.changed(column) and draft.after[column] is not None}
    if not moved:
        return
    model = drafts[0].model
    if any(draft.operation == "update" for draft in moved.values()):
        await take_turns(ctx, tx)
    above = await ancestors(ctx, tx, model, column, {draft.after[column] for draft in moved.values()})
    above |= {draft.id: draft.after[column] for draft in drafts}
    name = shape_of(model).api_name(column)
    for draft in moved.values():
        if _below_itself(draft.id, above):
            draft.refuse(Invalid(message, name))


async def take_turns(ctx: Context, tx: Transaction) -> None:
    """Until the command ends, nobody else moves records in a tree of the tenant. SQLite has one writer anyway."""
    if tx.dialect == "postgres":
        await tx.execute(Sql(f"SELECT pg_advisory_xact_lock({_LOCK}, hashtext(", TENANT, "::text))"), Run(ctx))


async def ancestors(
    ctx: Context, tx: Transaction, model: type[Record], column: str, ids: Iterable[UUID]
) -> dict[UUID, UUID | None]:
    """These records and all above them, each with what stands above it in `column`. One statement."""
    table, link = ident(shape_of(model).table), ident(column)

    def make() -> Sql:
        start = among("t.id", "ids", tx.dialect)
        return Sql(
            f"WITH RECURSIVE up AS (SELECT t.id, t.{link} AS above FROM {table} AS t WHERE t.tenant_id = ", TENANT,
            " AND ", start, f" UNION SELECT t.id, t.{link} FROM {table} AS t JOIN up ON t.id = up.above WHERE ",
            "t.tenant_id = ", TENANT, ") SELECT id, above FROM up",
        )  # fmt: skip

    text = statement(ctx, ("ancestors", model, column), make)
    rows = await tx.fetch(text, Run(ctx, {"ids": ids_value(ids, tx.dialect)}))
    return {UUID(str(row["id"])): _id(row["above"]) for row in rows}


def _id(value: object) -> UUID | None:
    return None if value is None else UUID(str(value))


def _below_itself(start: UUID, above: Mapping[UUID, UUID | None]) -> bool:
    seen: set[UUID] = set()
    here = above.get(start)
    while here is not None and here not in seen:
        if here == start:
            return True
        seen.add(here)
        here = above.get(here)
    return False
