"""What SQLite's errors mean to the layers above: a constraint by its name, a conflict that may be tried again."""

from __future__ import annotations

import re
import sqlite3
from typing import Final

from crmcore.platform import driver

_FAILED: Final = re.compile(r"constraint failed: (?:index '(?P<index>[^']+)'|(?P<columns>.+))")


def translated(error: sqlite3.Error, connection: sqlite3.Connection) -> BaseException:
    """The error of driver.py that says the same; the error itself if there is none."""
    text = str(error)
    if isinstance(error, sqlite3.IntegrityError):
        return _integrity(text, connection)
    code = getattr(error, "sqlite_errorcode", None)
    if (code is not None and code & 0xFF in (5, 6)) or "locked" in text:  # SQLITE_BUSY, SQLITE_LOCKED
        return driver.Retryable(text)
    if code is not None and code & 0xFF == 13:  # SQLITE_FULL
        return driver.StorageFull(text)
    if text == "interrupted":
        return driver.StatementTimeout(text)
    return error


def _integrity(text: str, connection: sqlite3.Connection) -> driver.IntegrityViolation:
    match = _FAILED.search(text)
    named = match["index"] if match and match["index"] else ""
    places = match["columns"].split(", ") if match and match["columns"] else []
    table = places[0].partition(".")[0] if places and "." in places[0] else ""
    columns = tuple(place.partition(".")[2] for place in places) if table else ()
    if text.startswith("UNIQUE"):
        return driver.UniqueViolation(text, named or _unique_index(connection, table, columns), table, columns)
    if text.startswith("FOREIGN KEY"):
        return driver.ForeignKeyViolation(text)
    if text.startswith("NOT NULL"):
        return driver.NotNullViolation(text, "", table, columns)
    if text.startswith("CHECK"):
        return driver.CheckViolation(text, places[0] if places else "")
    return driver.IntegrityViolation(text)


def _unique_index(connection: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> str:
    """The unique index of exactly these columns; empty if there is none (a primary key of the row id)."""
    for index in connection.execute('SELECT name FROM pragma_index_list(?) WHERE "unique"', (table,)).fetchall():
        parts = connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index[0],)).fetchall()
        if tuple(part[0] for part in parts) == columns:
            return str(index[0])
    return ""
