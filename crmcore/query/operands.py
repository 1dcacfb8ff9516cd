"""Values on their way from an argument to the database: checked, and in the form that the column compares with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.kit import decimals, times
from crmcore.kit.exact import to_sortable
from crmcore.kit.ids import from_global
from crmcore.kit.sql import Dialect
from crmcore.kit.text import fold

Convert = Callable[[Any], Any]

CASTS: Final = {
    "text": "text", "folded": "text", "choice": "text", "uuid": "uuid", "int": "bigint", "bool": "boolean",
    "decimal": "bigint", "total": "numeric", "actor": "text", "datetime": "timestamptz", "date": "date",
}  # fmt: skip
"""The PostgreSQL type of a parameter that is compared with a column of this kind."""


def text(given: Any) -> str:
    """Text that both databases take. ValueError for what no record can hold."""
    found = str(given.value if isinstance(given, Enum) else given)
    if not found.isascii():
        found.encode()  # a lone surrogate: UnicodeEncodeError is a ValueError
    if "\0" in found:
        raise ValueError("holds a NUL character")
    return found


def folded(given: Any) -> str:
    return fold(text(given))


def whole(given: Any) -> int:
    return int(given)


def scaled(given: Any) -> int:
    return decimals.to_scaled(given if isinstance(given, Decimal) else Decimal(str(given)))


def instant(given: Any) -> datetime:
    found = given if isinstance(given, datetime) else times.from_text(str(given))
    if found.tzinfo is None:
        raise ValueError("must have a time zone offset")
    return found


def day(given: Any) -> date:
    return given if isinstance(given, date) else date.fromisoformat(str(given))


def truth(given: Any) -> bool:
    return bool(given)


def actor(given: Any) -> str:
    """The global id of whoever acted, in the one form that stamps have. ValueError for any other text."""
    prefix, key = from_global(str(given))
    return f"{prefix}_{key}"


def key_of(table: str) -> Callable[[Any], UUID]:
    """What takes a global id of this table's records apart, or with no table, a bare UUID. ValueError for any other
    text."""
    if not table:
        return lambda given: UUID(str(given))

    def key(given: Any) -> UUID:
        prefix, found = from_global(str(given))
        if prefix != table:
            raise ValueError(f"{str(given)!r} is no {table} id")
        return found

    return key


_PARSERS: Final[dict[str, Convert]] = {
    "text": text, "folded": folded, "choice": text, "int": whole, "bool": truth, "decimal": scaled, "total": scaled,
    "datetime": instant, "date": day, "actor": actor,
}  # fmt: skip

_SQLITE: Final[dict[str, Convert]] = {
    "uuid": str, "bool": int, "datetime": times.to_text, "date": lambda found: found.isoformat(), "total": to_sortable,
}  # fmt: skip


def converter(kind: str, dialect: Dialect, table: str = "") -> Convert:
    """From an argument to the driver's value. `table` for kind "uuid": whose ids are meant."""
    parse = key_of(table) if kind == "uuid" else _PARSERS[kind]
    last = _SQLITE.get(kind) if dialect == "sqlite" else None
    return parse if last is None else lambda given: last(parse(given))


def list_converter(one: Convert, dialect: Dialect) -> Convert:
    """A list as one parameter: an array for PostgreSQL, JSON text for SQLite."""
    if dialect == "postgres":
        return lambda given: [one(item) for item in given]
    return lambda given: orjson.dumps([one(item) for item in given]).decode()


def from_payload(kind: str, dialect: Dialect) -> Convert:
    """From a value in a cursor to the driver's value: there, decimals are whole and ids are bare."""
    if kind == "uuid":
        return UUID if dialect == "postgres" else str
    if kind in ("decimal", "int"):
        return int
    if kind == "total":  # a sum may be too large for a number of JSON
        return Decimal if dialect == "postgres" else str
    return converter("text" if kind == "folded" else kind, dialect)
