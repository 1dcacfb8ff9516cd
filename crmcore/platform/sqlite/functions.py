"""What SQLite cannot do in SQL and PostgreSQL can: exact sums beyond 64 bits, the calendar of a time zone,
and text without case and accents."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from crmcore.kit import exact, periods
from crmcore.kit.text import fold


def _of_instant(at: str | None, grain: periods.Grain, zone: str) -> str | None:
    return None if at is None else periods.of_instant(at, grain, zone)


def _of_day(day: str | None, grain: periods.Grain) -> str | None:
    return None if day is None else periods.of_day(day, grain)


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)


FUNCTIONS: Final[dict[str, tuple[int, Any]]] = {
    "exact_total": (3, exact.total),
    "exact_average": (4, exact.average),
    "exact_decimal": (1, exact.decimal),
    "period_of_instant": (3, _of_instant),
    "period_of_day": (2, _of_day),
    "fold": (1, _fold),
}
"""Name, number of arguments, function. Null stays null."""


def add_functions(connection: sqlite3.Connection) -> None:
    """Make them known to a connection."""
    for name, (arity, function) in FUNCTIONS.items():
        connection.create_function(name, arity, function, deterministic=True)
