"""What the rules of one record need of others: those it names, and sums over those that name it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar
from uuid import UUID

from crmcore.kit.sql import Sql, ident, join, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.record import Draft, Record
from crmcore.records.rows import Run, among, ids_value, load_any, of_tenant, statement
from crmcore.records.shape import shape_of

T = TypeVar("T")
Fold = tuple[Literal["min", "max", "sum"], str]


async def together(ctx: Context, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run a command that looks before it writes, in one transaction; again when the database asks for it."""

    async def attempt() -> T:
        async with ctx.db.transaction() as tx:
            return await work(tx)

    return await retrying(attempt)


async def targets(ctx: Context, tx: Transaction, drafts: Sequence[Draft], column: str) -> dict[UUID, Mapping[str, Any]]:
    """The living records that the drafts name in `column`, as the same command leaves them."""
    if not drafts:
        return {}
    model = shape_of(drafts[0].model).keys[column].target
    wanted = {draft.after[column] for draft in drafts} - {None}
    peers = drafts[0].peers
    found: dict[UUID, Mapping[str, Any]] = {
        key: peers[model, key].after
        for key in wanted
        if (model, key) in peers and peers[model, key].operation != "delete"
    }
    missing = {key for key in wanted if (model, key) not in peers}
    return found | (await load_any(ctx, tx, model, missing) if missing else {})


async def summary(
    ctx: Context,
    tx: Transaction,
    model: type[Record],
    *,
    by: str,
    ids: Iterable[UUID | None],
    take: Mapping[str, Fold],
    only: tuple[str, Sequence[str]] | None = None,
) -> dict[UUID, dict[str, Any]]:
    """For each id in the foreign key `by`: what `take` folds of its living rows; None where there is none.

    `only` keeps the rows whose column has one of these values. One statement, over all rows of the tenant.
    """
    wanted = {key for key in ids if key is not None}
    if not wanted:
        return {}
    shape, key = shape_of(model), f"t.{ident(by)}"

    def make() -> Sql:
        folds = ", ".join(
            f"{function}(t.{ident(column)}) AS {ident(name)}" for name, (function, column) in take.items()
        )
        kept = Sql(f" AND t.{ident(only[0])} IN (", join(", ", map(value, only[1])), ")") if only else Sql()
        return Sql(
            f"SELECT {key} AS target, {folds} FROM {ident(shape.table)} AS t WHERE ", of_tenant(), " AND ",
            among(key, "ids", tx.dialect), kept, f" GROUP BY {key}",
        )  # fmt: skip

    name = ("summary", model, by, tuple(take.items()), only and (only[0], tuple(only[1])))
    rows = await tx.look(statement(ctx, name, make), Run(ctx, {"ids": ids_value(wanted, tx.dialect)}))
    found: dict[UUID, dict[str, Any]] = {key: dict.fromkeys(take) for key in wanted}
    for row in rows:
        found[UUID(str(row["target"]))] = {
            name: shape.columns[column].from_driver(row[name]) for name, (_, column) in take.items()
        }
    return found
