"""Rows in and out, many at a time: one statement whether it is one row or a thousand, values as one JSON parameter."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal
from uuid import UUID

import orjson

from crmcore.kit.ids import plain_key
from crmcore.kit.sql import Bind, Dialect, Sql, Statement, all_of, ident, join, render
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Column, Uuid, Writer
from crmcore.platform.predicates import predicate
from crmcore.platform.record import Record
from crmcore.records.shape import Shape, shape_of

Lock = Literal["", "KEY SHARE", "NO KEY UPDATE", "UPDATE"]
Life = Literal["living", "deleted"]
Row = dict[str, Any]

_uuid: Final = Uuid()


@dataclass(slots=True)
class Run:
    """What the binds of a statement read: the context, and the values of this call by name."""

    context: Context
    values: Mapping[str, Any] = field(default_factory=dict)


TENANT: Final = Bind(
    lambda run: _uuid.to_driver(run.context.tenant_id, run.context.db.dialect), "uuid", key="records.tenant"
)


def given(name: str, cast: str = "") -> Bind:
    """The call's value of this name."""
    return Bind(lambda run: run.values[name], cast, key=("records", name))


def statement(ctx: Context, key: Hashable, make: Callable[[], Sql]) -> Statement:
    """The rendered statement that `make` gives, kept for the next call under `key` and the policy's shape."""
    kept = ctx.graph.statements
    full = (key, ctx.policy.shape, ctx.db.dialect)
    found: Statement | None = kept.get(full)
    if found is None:
        found = kept[full] = render(make(), ctx.db.dialect)
    return found


def among(column: str, name: str, dialect: Dialect) -> Sql:
    """`column` is one of the ids given under `name`."""
    if dialect == "postgres":
        return Sql(column, " = ANY(", given(name, "uuid[]"), ")")
    return Sql(column, " IN (SELECT value FROM json_each(", given(name), "))")


def ids_value(ids: Iterable[UUID], dialect: Dialect) -> Any:
    """The parameter that `among` wants."""
    ordered = sorted(set(ids))
    return ordered if dialect == "postgres" else orjson.dumps([str(i) for i in ordered]).decode()


def keyed(columns: Sequence[Column], dialect: Dialect) -> Sql:
    """The tuples of values given under `keys`, as a subselect of so many columns."""
    if dialect == "sqlite":
        parts = ", ".join(f"value ->> {place}" for place in range(len(columns)))
        return Sql(f"(SELECT {parts} FROM json_each(", given("keys"), "))")
    names = ", ".join(f"k{place}" for place in range(len(columns)))
    typed = ", ".join(f"k{place} {column.pg_type}" for place, column in enumerate(columns))
    return Sql(f"(SELECT {names} FROM json_to_recordset(", given("keys", "json"), f") AS v({typed}))")


def keys_value(columns: Sequence[Column], keys: Iterable[Sequence[Any]], dialect: Dialect) -> str:
    """The parameter that `keyed` wants, of tuples of Python values."""
    rows = [[column.to_json(value) for column, value in zip(columns, key, strict=True)] for key in keys]
    if dialect == "sqlite":
        return orjson.dumps(rows).decode()
    return orjson.dumps([{f"k{place}": value for place, value in enumerate(row)} for row in rows]).decode()


def visible(ctx: Context, model: type[Record], life: Life = "living") -> Sql:
    """What the caller may see of the table `t`; of its deleted rows, what they may restore."""
    return predicate(ctx.policy, model, "t", ctx.db.dialect, deleted=life == "deleted")


def of_tenant(life: Life = "living") -> Sql:
    """The tenant's rows of the table `t`, whoever asks: for what follows from a change the caller was allowed."""
    return Sql("(t.tenant_id = ", TENANT, f" AND t.deleted_at IS {'NOT ' if life == 'deleted' else ''}NULL)")


async def select(
    ctx: Context,
    tx: Transaction | None,
    model: type[Record],
    columns: Sequence[str],
    ids: Iterable[UUID],
    *,
    lock: Lock = "",
    life: Life = "living",
    seen: bool = True,
    take: tuple[str, ...] = (),
) -> list[Row]:
    """The rows in which one of the columns is among the ids, ordered by id; as Python values.

    Whole rows, or only the columns to `take`. `seen` False leaves the caller's row policy out, for what follows from a
    change that they were allowed. Without a transaction they are read beside all of them, which waits for no writer.
    """
    dialect = ctx.db.dialect
    wanted = ids_value(ids, dialect)
    shape = shape_of(model)

    def make() -> Sql:
        listed = ", ".join(f"t.{ident(c)}" for c in take or shape.columns)
        rows = Sql("(", join(" OR ", [among(f"t.{ident(c)}", "ids", dialect) for c in columns]), ")")
        where = all_of([visible(ctx, model, life) if seen else of_tenant(life), rows])
        end = f" FOR {lock} OF t" if lock and dialect == "postgres" else ""
        return Sql(f"SELECT {listed} FROM {ident(shape.table)} AS t WHERE ", where, f" ORDER BY t.id{end}")

    key = ("select", model, tuple(columns), lock, life, seen, take)
    fetch = ctx.db.fetch if tx is None else tx.fetch if lock else tx.look
    found = await fetch(statement(ctx, key, make), Run(ctx, {"ids": wanted}))
    readers = _readers(model, take)
    return [{c: v if (v := row[c]) is None or read is None else read(v) for c, read in readers} for row in found]


@cache
def _readers(model: type[Record], take: tuple[str, ...]) -> tuple[tuple[str, Callable[[Any], Any] | None], ...]:
    """The columns to take, or each, and what makes its Python value; None where the driver's value is it."""
    columns = shape_of(model).columns
    return tuple(
        (name, None if type(columns[name]).from_driver is Column.from_driver else columns[name].from_driver)
        for name in take or columns
    )


async def load(
    ctx: Context, tx: Transaction | None, model: type[Record], ids: Iterable[UUID], lock: Lock = ""
) -> dict[UUID, Row]:
    """The living records of these ids that the caller may see, by id."""
    wanted = set(ids)
    return {row["id"]: row for row in await select(ctx, tx, model, ("id",), wanted, lock=lock)} if wanted else {}


async def load_any(
    ctx: Context, tx: Transaction, model: type[Record], ids: Iterable[UUID], lock: Lock = ""
) -> dict[UUID, Row]:
    """The tenant's living records of these ids, whoever asks: for what follows from a change that was allowed."""
    return {row["id"]: row for row in await select(ctx, tx, model, ("id",), ids, lock=lock, seen=False)}


async def insert(ctx: Context, tx: Transaction, model: type[Record], rows: Sequence[Row]) -> None:
    """Insert the rows, each with a value for every column: with what the transaction sends next."""
    shape = shape_of(model)
    columns = tuple(shape.columns)

    def make() -> Sql:
        names = ", ".join(map(ident, columns))
        taken = ", ".join(_part(shape, columns, tx.dialect))
        source = _source(shape, columns, tx.dialect)
        return Sql(f"INSERT INTO {ident(shape.table)} ({names}) SELECT {taken} FROM ", source)

    text = statement(ctx, ("insert", model), make)
    await tx.add(shape.table, text, Run(ctx, {"rows": _payload(shape, columns, rows, tx.dialect)}))


async def update(
    ctx: Context, tx: Transaction, model: type[Record], changed: Iterable[str], rows: Sequence[Row]
) -> int:
    """Set the changed columns of each row that still has the `version` which the row says; the number of rows found.

    The version is stepped by one.
    """
    shape = shape_of(model)
    columns = ("id", "version", *sorted(set(changed) - {"id", "version"}))

    def make() -> Sql:
        parts = _part(shape, columns, tx.dialect)
        sets = "".join(f"{ident(c)} = {part}, " for c, part in zip(columns[2:], parts[2:], strict=True))
        return Sql(
            f"UPDATE {ident(shape.table)} AS t SET {sets}version = t.version + 1 FROM ",
            _source(shape, columns, tx.dialect),
            f" WHERE t.id = {parts[0]} AND t.version = {parts[1]} AND ", _tenant_after_id(tx.dialect),
        )  # fmt: skip

    text = statement(ctx, ("update", model, columns), make)
    return await tx.execute(text, Run(ctx, {"rows": _payload(shape, columns, rows, tx.dialect)}))


async def patch(
    ctx: Context, tx: Transaction, model: type[Record], columns: Iterable[str], rows: Sequence[Row]
) -> None:
    """Set the columns of rows that this command inserted or is about to update; their version stays."""
    shape = shape_of(model)
    set_columns = ("id", *sorted(columns))

    def make() -> Sql:
        parts = _part(shape, set_columns, tx.dialect)
        sets = ", ".join(f"{ident(c)} = {part}" for c, part in zip(set_columns[1:], parts[1:], strict=True))
        source = _source(shape, set_columns, tx.dialect)
        where = Sql(f" WHERE t.id = {parts[0]} AND ", _tenant_after_id(tx.dialect))
        return Sql(f"UPDATE {ident(shape.table)} AS t SET {sets} FROM ", source, where)

    text = statement(ctx, ("patch", model, set_columns), make)
    await tx.execute(text, Run(ctx, {"rows": _payload(shape, set_columns, rows, tx.dialect)}))


def _tenant_after_id(dialect: Dialect) -> Sql:
    """The tenant's rows, found by their id: SQLite would rather read all of an index that begins with the tenant."""
    return Sql(f"{'+' if dialect == 'sqlite' else ''}t.tenant_id = ", TENANT)


def _part(shape: Shape, columns: Sequence[str], dialect: Dialect) -> list[str]:
    """Each column's value in a row of the source `v`."""
    if dialect == "postgres":
        return [f"v.{ident(c)}" for c in columns]
    return [f"(v.value ->> {place})" for place in range(len(columns))]


def _source(shape: Shape, columns: Sequence[str], dialect: Dialect) -> Sql:
    """The JSON parameter as a table `v`."""
    if dialect == "sqlite":
        return Sql("json_each(", given("rows"), ") AS v")
    typed = ", ".join(f"{ident(c)} {shape.columns[c].pg_type}" for c in columns)
    return Sql("json_to_recordset(", given("rows", "json"), f") AS v({typed})")


def _payload(shape: Shape, columns: Sequence[str], rows: Sequence[Row], dialect: Dialect) -> str:
    """The rows as JSON: for PostgreSQL objects without their nulls, for SQLite lists."""
    taken = _writers(shape.model, tuple(columns), dialect)
    if dialect == "postgres":
        sent: list[Any] = [
            {c: v if write is None else write(v) for c, write in taken if (v := row[c]) is not None} for row in rows
        ]
    else:
        sent = [[v if (v := row[c]) is None or write is None else write(v) for c, write in taken] for row in rows]
    return orjson.dumps(sent, default=plain_key).decode()


@cache
def _writers(model: type[Record], columns: tuple[str, ...], dialect: Dialect) -> tuple[tuple[str, Writer | None], ...]:
    """The columns, and what makes of a value what is sent; None where orjson does it."""
    known = shape_of(model).columns
    return tuple((name, known[name].writer(dialect)) for name in columns)
