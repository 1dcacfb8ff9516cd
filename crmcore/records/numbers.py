"""Numbers that people read, for records that were given none."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from crmcore.kit.sql import Sql, ident
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.numbering import next_numbers
from crmcore.platform.record import Draft
from crmcore.records.rows import Run, given, of_tenant, statement
from crmcore.records.shape import shape_of


async def give_numbers(ctx: Context, tx: Transaction, drafts: Sequence[Draft], prefix: str) -> None:
    """Fill `number` of the drafts that have none: `C-000042`, the tenant's next, past those given by hand."""
    nameless = [draft for draft in drafts if draft.after["number"] is None]
    if not nameless:
        return
    table = shape_of(drafts[0].model).table
    given_here = {draft.after["number"] for draft in drafts}
    free: list[str] = []
    while len(free) < len(nameless):
        numbers = await next_numbers(tx, ctx.tenant_id, table, len(nameless) - len(free))
        made = [f"{prefix}{number:06d}" for number in numbers]
        taken = given_here | await _taken(ctx, tx, table, made)
        free += [number for number in made if number not in taken]
    for draft, number in zip(nameless, free, strict=True):
        draft.after["number"] = number


async def _taken(ctx: Context, tx: Transaction, table: str, numbers: Sequence[str]) -> set[str]:
    def make() -> Sql:
        listed = (
            Sql("SELECT value FROM json_each(", given("numbers"), ")")
            if tx.dialect == "sqlite"
            else Sql("SELECT json_array_elements_text(", given("numbers", "json"), ")")
        )
        where = Sql(" WHERE ", of_tenant(), " AND t.number IN (", listed, ")")
        return Sql(f"SELECT t.number FROM {ident(table)} AS t", where)

    text = statement(ctx, ("numbers", table), make)
    rows = await tx.fetch(text, Run(ctx, {"numbers": orjson.dumps(numbers).decode()}))
    return {str(row["number"]) for row in rows}
