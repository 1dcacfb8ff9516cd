"""Taking a plugin out of a database: its tables, and what the core's own tables keep for it. Nothing else changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from crmcore.errors import ConfigError
from crmcore.kit.sql import Sql, ident, join, value
from crmcore.platform.database import Database, Transaction
from crmcore.platform.metadata import App, load_models
from crmcore.platform.migrate import leaning_on, migrate
from crmcore.platform.plugin_states import switch
from crmcore.plugins import lifecycle
from crmcore.plugins.manager import Plugins

_KEPT: Final = frozenset({"plugin_state", "plugin_setting", "plugin_stored"})
"""With the data, what a plugin was told and what it keeps stay; of what it has heard, nothing does."""

_LOGS: Final = frozenset({"event", "webhook_delivery", "import", "export"})
"""What happened, happened."""


@dataclass(slots=True)
class Purged:
    """What went: `migrations` that were taken back, and rows by table."""

    plugin: str
    migrations: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)


async def purge(
    db: Database,
    plugins: Plugins,
    every: Plugins,
    core: App,
    plugin: str,
    at: datetime,
    *,
    drop: bool,
    losing: bool = False,
) -> Purged:
    """Switch a plugin off and take out its jobs and its places in the log of events; with `drop` also its tables, its
    settings, its stored values, and what the core keeps of its records (search, external ids, custom fields).

    `plugins` are those that are switched on, and this one; `every` also those that are not: their tables may lean on
    its. Other servers should not run it any more. ConfigError if another plugin needs it, if its code is needed and not
    there, or if its tables hold rows and `losing` does not allow that.
    """
    if others := plugins.requiring(plugin):
        raise ConfigError(f"{', '.join(others)} requires {plugin}: disable or purge that first.")
    seen = await lifecycle.known(db)
    meta = plugins.manifest(plugin)
    if meta is None and plugin not in seen:
        raise ConfigError(f"There is no plugin {plugin!r}, and the database knows none.")
    done, app = Purged(plugin), plugins.app_of(plugin)
    tables: list[str] = []
    if drop:
        tables = await _back(db, every, core, plugin, app, done, losing=losing)
    models = list((await load_models([core]))[core.label].values())
    async with db.transaction() as tx:
        await _forget(tx, models, plugin, tables, done, drop=drop)
        version = meta.version if meta else seen[plugin].version
        await switch(tx, plugin, version, at, on=False, purged=drop)
    return done


async def _back(
    db: Database, plugins: Plugins, core: App, plugin: str, app: App | None, done: Purged, *, losing: bool
) -> list[str]:
    """Take the plugin's migrations back; its tables' names."""
    applied = await lifecycle.migrations_of(db, plugin)
    if app is None:
        if applied:
            raise ConfigError(
                f"The code of {plugin} is needed to take its tables back: install it again, or keep the data."
            )
        return []
    apps = _with(plugins, core, app)
    if others := await leaning_on(db, apps, plugin):
        raise ConfigError(f"The tables of {', '.join(others)} lean on those of {plugin}: purge that first.")
    tables = sorted({str(model._meta.db_table) for model in (await load_models(apps))[plugin].values()})
    if applied:
        report = await migrate(db.url, apps, to=(plugin, None), losing=losing)
        done.migrations = [str(key) for key in report.reverted]
    return tables


def _with(plugins: Plugins, core: App, app: App) -> list[App]:
    """All apps whose tables may lean on each other, in the order in which they load."""
    others = [share.app for share in plugins.contributions() if share.app is not None and share.plugin != app.label]
    return [core, *others, app]


async def _forget(
    tx: Transaction, models: Sequence[type[Any]], plugin: str, tables: Sequence[str], done: Purged, *, drop: bool
) -> None:
    """Delete what the core's tables keep for the plugin."""
    by_table: dict[str, set[str]] = {str(m._meta.db_table): set(m._meta.fields_db_projection.values()) for m in models}
    own = Sql(" WHERE plugin = ", value(plugin, "text"))
    kinds = Sql(" WHERE substr(kind, 1, ", str(len(plugin) + 1), ") = ", value(f"{plugin}.", "text"))
    among = Sql(" IN (", join(", ", [value(table, "text") for table in tables]), ")")
    if drop and tables and "custom_value" in by_table:
        fields = Sql(" WHERE field_id IN (SELECT id FROM custom_field WHERE record_type", among, ")")
        await _delete(tx, "custom_value", fields, done)
    for table, columns in sorted(by_table.items()):
        if "plugin" in columns and table != "plugin_state" and (drop or table not in _KEPT):
            await _delete(tx, table, own, done)
        if "kind" in columns and table in {"job", "cron_entry"}:
            await _delete(tx, table, kinds, done)
        if drop and tables and "record_type" in columns and table not in _LOGS:
            await _delete(tx, table, Sql(" WHERE record_type", among), done)


async def _delete(tx: Transaction, table: str, where: Sql, done: Purged) -> None:
    if gone := await tx.execute(Sql("DELETE FROM ", ident(table), where)):
        done.rows[table] = done.rows.get(table, 0) + gone
