"""What an installation remembers of its plugins, whatever becomes of their code: switched on or off, and which version.

Not per tenant: a plugin is part of the app.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tortoise.models import Model

from crmcore.kit.sql import Sql
from crmcore.platform.custom import Fetching
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Flag, Text, UtcDatetime
from crmcore.platform.plugin_settings import LONGEST_ID
from crmcore.platform.terms import Terms

_time: Final = UtcDatetime().from_driver


class PluginStateRow(Model):
    """One plugin that was ever loaded, or switched off. `version` is the last that was loaded, since `version_at`;
    `previous_version` the one before it. `purged_at` says since when its data are gone."""

    plugin = Text(LONGEST_ID, primary_key=True)
    enabled = Flag()
    version = Text(50)
    previous_version = Text(50, null=True)
    first_seen_at = UtcDatetime()
    version_at = UtcDatetime()
    switched_at = UtcDatetime(null=True)
    purged_at = UtcDatetime(null=True)

    class Meta(Model.Meta):
        table = "plugin_state"


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is remembered of one plugin."""

    plugin: str
    enabled: bool
    version: str
    previous_version: str | None
    first_seen_at: datetime
    version_at: datetime
    switched_at: datetime | None
    purged_at: datetime | None


async def remembered(db: Fetching) -> Mapping[str, Remembered]:
    """All plugins that are remembered, by id."""
    rows = await db.fetch(Sql("SELECT * FROM plugin_state ORDER BY plugin"))
    return {row["plugin"]: _read(row) for row in rows}


def _read(row: Any) -> Remembered:
    times: dict[str, Any] = {n: None if row[n] is None else _time(row[n]) for n in _TIMES}
    return Remembered(row["plugin"], bool(row["enabled"]), row["version"], row["previous_version"], **times)


_TIMES: Final = ("first_seen_at", "version_at", "switched_at", "purged_at")


async def note_versions(tx: Transaction, versions: Iterable[tuple[str, str]], at: datetime) -> None:
    """These plugins are loaded in these versions: a new one is remembered as switched on, another version is noted."""
    term = Terms(tx.dialect)
    for plugin, version in versions:
        await tx.execute(Sql(
            "INSERT INTO plugin_state (plugin, enabled, version, first_seen_at, version_at) VALUES (",
            term.text(plugin), ", ", _TRUE[tx.dialect], ", ", term.text(version), ", ", term.time(at), ", ",
            term.time(at), ") ON CONFLICT (plugin) DO UPDATE SET previous_version = plugin_state.version, "
            "version = excluded.version, version_at = excluded.version_at "
            "WHERE plugin_state.version <> excluded.version",
        ))  # fmt: skip


async def switch(tx: Transaction, plugin: str, version: str, at: datetime, *, on: bool, purged: bool = False) -> None:
    """Remember that a plugin is switched on or off, from the next start on; `purged`: that its data are gone too."""
    term = Terms(tx.dialect)
    enabled = (_TRUE if on else _FALSE)[tx.dialect]
    gone = term.time(at if purged else None)
    await tx.execute(Sql(
        "INSERT INTO plugin_state (plugin, enabled, version, first_seen_at, version_at, switched_at, purged_at) "
        "VALUES (", term.text(plugin), f", {enabled}, ", term.text(version), ", ", term.time(at), ", ", term.time(at),
        ", ", term.time(at), ", ", gone, ") ON CONFLICT (plugin) DO UPDATE SET enabled = excluded.enabled, "
        "switched_at = excluded.switched_at, purged_at = excluded.purged_at",
    ))  # fmt: skip


_TRUE: Final = {"postgres": "true", "sqlite": "1"}
_FALSE: Final = {"postgres": "false", "sqlite": "0"}
