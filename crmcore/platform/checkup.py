"""Is the database fit to serve from? What `crmcore doctor` asks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crmcore.kit.sql import Sql
from crmcore.platform.database import Database
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate import differences, pending

OLDEST_POSTGRES: Final = 150000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice` says what to do where it is not well."""

    name: str
    well: bool
    found: str
    advice: str = ""


async def examine(db: Database, apps: Sequence[App]) -> list[Finding]:
    """Version, text encoding, migrations and, once there are none waiting, the schema itself."""
    found = await (_sqlite(db) if db.dialect == "sqlite" else _postgres(db))
    waiting = [str(key) for key in await pending(db, apps)]
    said = ", ".join(waiting) or "none wait"
    found.append(Finding("migrations", not waiting, said, "Run crmcore migrate." if waiting else ""))
    if not waiting:
        wrong = await differences(db, await load_models(apps))
        advice = "Somebody changed the schema by hand: put back what is missing." if wrong else ""
        found.append(Finding("schema", not wrong, " ".join(wrong) or "as the models say", advice))
    return found


async def _sqlite(db: Database) -> list[Finding]:
    rows = await db.fetch(
        Sql(
            "SELECT sqlite_version() AS version, (SELECT encoding FROM pragma_encoding) AS encoding, "
            "(SELECT journal_mode FROM pragma_journal_mode) AS journal, "
            "(SELECT quick_check FROM pragma_quick_check LIMIT 1) AS integrity"
        )
    )
    row = rows[0]
    return [
        Finding("SQLite", True, str(row["version"])),
        Finding("encoding", row["encoding"] == "UTF-8", str(row["encoding"]), "Make the database anew in UTF-8."),
        Finding("journal", row["journal"] == "wal", str(row["journal"]), "Is the file on a network drive? Move it."),
        Finding("integrity", row["integrity"] == "ok", str(row["integrity"]), "Restore the file from a backup."),
    ]


async def _postgres(db: Database) -> list[Finding]:
    rows = await db.fetch(
        Sql(
            "SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding, "
            "current_setting('server_version_num')::int AS number, (SELECT datcollate FROM pg_database "
            "WHERE datname = current_database()) AS collation"
        )
    )
    row = rows[0]
    old = row["number"] < OLDEST_POSTGRES
    return [
        Finding("PostgreSQL", not old, str(row["version"]), "Use PostgreSQL 15 or newer."),
        Finding("encoding", row["encoding"] == "UTF8", str(row["encoding"]), "Make the database with ENCODING 'UTF8'."),
        Finding("collation", True, f"{row['collation']}; crmcore's own columns are C"),
    ]
