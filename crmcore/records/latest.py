"""The newest record of each of many parents, read at once: what a batch field of a page needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.errors import Forbidden
from crmcore.kit.sql import Sql, ident
from crmcore.platform.context import Context
from crmcore.platform.record import Record
from crmcore.records.rows import Run, among, ids_value, statement, visible
from crmcore.records.shape import shape_of


async def latest(
    ctx: Context, model: type[Record], columns: Sequence[str], *, by: str, ids: Iterable[UUID], order: str
) -> dict[UUID, Mapping[str, Any]]:
    """For each id in the foreign key column `by`, these columns of the record with the greatest `order`.

    One statement, whatever the number of ids. Only living records of the caller's tenant that the caller may see count;
    an id without any is left out. Of two with an equal `order` the younger id wins; a null `order` loses.
    Forbidden if the caller may not read such records at all.
    """
    shape = shape_of(model)
    if not ctx.policy.may("read", shape.table):
        raise Forbidden(f"You may not read {shape.table} records.")
    wanted = list(dict.fromkeys((by, *columns)))
    types = {name: shape.columns[name] for name in (*wanted, order)}  # an unknown column is a KeyError, not SQL

    def make() -> Sql:
        listed = ", ".join(f"t.{ident(c)}" for c in wanted)
        newest = f"PARTITION BY t.{ident(by)} ORDER BY t.{ident(order)} DESC NULLS LAST, t.id DESC"
        return Sql(
            f"SELECT * FROM (SELECT {listed}, row_number() OVER ({newest}) AS place ",
            f"FROM {ident(shape.table)} AS t WHERE ",
            visible(ctx, model), " AND ", among(f"t.{ident(by)}", "ids", ctx.db.dialect), ") AS ranked WHERE place = 1",
        )  # fmt: skip

    text = statement(ctx, ("latest", model, tuple(wanted), by, order), make)
    rows = await ctx.db.fetch(text, Run(ctx, {"ids": ids_value(ids, ctx.db.dialect)}))
    found = ({name: types[name].from_driver(row[name]) for name in wanted} for row in rows)
    return {row[by]: row for row in found}
