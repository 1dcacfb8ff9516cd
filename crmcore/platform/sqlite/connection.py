"""A connection to a SQLite file, with the settings and functions that crmcore relies on."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from crmcore.errors import ConfigError
from crmcore.platform.sqlite.functions import add_functions

OLDEST: Final = (3, 51, 3)
"""The first version without the WAL-reset defect, which can corrupt a file silently."""

_MEMORY: Final = ("", ":memory:")


def connect_file(
    path: Path, *, query_only: bool = False, foreign_keys: bool = True, timeout_ms: int = 10_000
) -> sqlite3.Connection:
    """A connection with crmcore's settings, in autocommit: transactions are begun in words."""
    if sqlite3.sqlite_version_info < OLDEST:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old: crmcore needs {'.'.join(map(str, OLDEST))} or newer, because "
            "older ones can corrupt a database. Install the package pysqlite3, or use a newer Python."
        )
    try:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=128)
        for pragma in (
            f"busy_timeout={timeout_ms}",
            "journal_mode=WAL",
            "synchronous=NORMAL",
            f"foreign_keys={'ON' if foreign_keys else 'OFF'}",
            "cache_size=-20000",
            "temp_store=MEMORY",
            "secure_delete=ON",
            "journal_size_limit=67108864",
            "wal_autocheckpoint=10000",
            f"query_only={'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")  # house(sql-text): the pragmas above, which take no binds
    except sqlite3.Error as error:
        raise ConfigError(f"The database file {path} cannot be opened: {error}.") from error
    connection.row_factory = sqlite3.Row
    add_functions(connection)
    return connection


def file_of(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`. ConfigError for anything else."""
    path = url.removeprefix("sqlite:///")
    if path == url or path in _MEMORY or "?" in path:
        raise ConfigError(f"{url!r} names no SQLite file: write sqlite:///crmcore.db or sqlite:////srv/crm/crmcore.db.")
    return Path(path)
