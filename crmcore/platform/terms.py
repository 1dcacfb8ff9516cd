"""Values in hand-written SQL: bound, in the form that each database wants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit.ids import plain_key
from crmcore.kit.sql import Bind, Dialect, Sql, value
from crmcore.platform.fields import UtcDatetime, Uuid

_KEY: Final = Uuid()
_TIME: Final = UtcDatetime()


class Terms:
    """Makes bound values for one kind of database."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect: Dialect = dialect
        self.greatest = "greatest" if dialect == "postgres" else "max"

    def key(self, key: UUID | None) -> Bind:
        return value(_KEY.to_driver(key, self.dialect), "uuid")

    def time(self, at: datetime | None) -> Bind:
        return value(_TIME.to_driver(at, self.dialect), "timestamptz")

    def number(self, number: int | None) -> Bind:
        return value(number, "bigint")

    def text(self, text: str | None) -> Bind:
        return value(text, "text")

    def json(self, packed: str | None) -> Bind:
        """A value that is JSON text already."""
        return value(packed, "jsonb")

    def moment(self, at: datetime | None) -> Any:
        """A time in the JSON of `rows`."""
        return _TIME.to_json(at)

    def read_time(self, held: Any) -> datetime | None:
        """The time that a driver returned."""
        return time_of(held)  # type: ignore[no-any-return]  # a column's value is Any

    def among(self, column: str, keys: Iterable[UUID]) -> Sql:
        """`column` is one of the keys."""
        if self.dialect == "postgres":
            return Sql(column, " = ANY(", value(list(keys), "uuid[]"), ")")
        return Sql(column, " IN (SELECT value FROM json_each(", value(_json([str(key) for key in keys])), "))")

    def rows(self, rows: Iterable[dict[str, Any]], columns: dict[str, str]) -> Sql:
        """The rows as a table `v` with these columns and their PostgreSQL types."""
        held = _json(list(rows))
        if self.dialect == "postgres":
            typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            return Sql("json_to_recordset(", value(held, "json"), f") AS v({typed})")
        parts = ", ".join(f"value ->> '{name}' AS \"{name}\"" for name in columns)
        return Sql(f"(SELECT {parts} FROM json_each(", value(held), ")) AS v")


def from_row(row: Any, **read: Callable[[Any], Any]) -> dict[str, Any]:
    """Columns of a row as Python values."""
    return {name: None if row[name] is None else convert(row[name]) for name, convert in read.items()}


def _json(held: Any) -> str:
    return orjson.dumps(held, default=plain_key).decode()


key_of: Final = _KEY.from_driver
time_of: Final = _TIME.from_driver
