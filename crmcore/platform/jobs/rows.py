"""Rows of the job table in and out, many at a time: their values are one JSON parameter, whatever their number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import orjson
from tortoise.models import Model

from crmcore.kit.ids import plain_key
from crmcore.kit.sql import Bind, Dialect, Sql, ident
from crmcore.platform.driver import Row
from crmcore.platform.fields import Column

ROWS: Final = Bind(lambda run: run["rows"], "json", key="rows")
"""The parameter of a statement over several rows, made by `packed`."""


def of_run(name: str, cast: str = "") -> Bind:
    """The value of this name that the statement is run with."""
    return Bind(lambda run: run[name], cast, key=name)


def source(model: type[Model], columns: Sequence[str], dialect: Dialect) -> Sql:
    """The rows as a table `v` with these columns."""
    known = columns_of(model)
    if dialect == "postgres":
        typed = ", ".join(f"{ident(c)} {known[c].pg_type}" for c in columns)
        return Sql("json_to_recordset(", ROWS, f") AS v({typed})")
    parts = ", ".join(f"value ->> {place} AS {ident(c)}" for place, c in enumerate(columns))
    return Sql(f"(SELECT {parts} FROM json_each(", ROWS, ")) AS v")


def packed(
    model: type[Model], columns: Sequence[str], rows: Iterable[Mapping[str, Any]], dialect: Dialect
) -> dict[str, str]:
    """What `source` reads, for the statement's run."""
    known = columns_of(model)
    writers = [(name, known[name].writer(dialect)) for name in columns]
    sent = [[v if (v := row[c]) is None or write is None else write(v) for c, write in writers] for row in rows]
    told: Any = [dict(zip(columns, row, strict=True)) for row in sent] if dialect == "postgres" else sent
    return {"rows": orjson.dumps(told, default=plain_key).decode()}


def read(model: type[Model], row: Row) -> dict[str, Any]:
    """A row of either driver as Python values."""
    known = columns_of(model)
    return {name: known[name].from_driver(row[name]) for name in row.keys()}  # noqa: SIM118  a driver's row


def to_driver(model: type[Model], column: str, value: Any, dialect: Dialect) -> Any:
    """The driver's value of a column."""
    return columns_of(model)[column].to_driver(value, dialect)


def columns_of(model: type[Model]) -> Mapping[str, Column]:
    return cast("Mapping[str, Column]", model._meta.fields_map)
