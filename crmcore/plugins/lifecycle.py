"""From one start to the next: which plugins the database switches off or keeps waiting, and which versions it has seen.

Schema and models are fixed for the life of a process: what changes here counts from the next start on.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from crmcore.errors import NotFound
from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.platform.migrate import Standing, applied_in, has_table, standing
from crmcore.platform.plugin_states import Remembered, note_versions, remembered, switch
from crmcore.plugins.manager import Plugins
from crmcore.plugins.states import PluginFault, PluginState

log = logging.getLogger("crmcore.plugins")


async def known(db: Database) -> Mapping[str, Remembered]:
    """What the database remembers of plugins; nothing before the core's migrations have run."""
    return await remembered(db) if await has_table(db, "plugin_state") else {}


async def switched_off(db: Database) -> dict[str, str]:
    """The plugins that are switched off in the database, and why they are not loaded."""
    return {id: _why(row) for id, row in (await known(db)).items() if not row.enabled}


async def settle(db: Database, plugins: Plugins, core: App) -> None:
    """Leave out what is switched off in the database, and what does not fit the tables that are there."""
    out = {id: PluginFault(why, state=PluginState.DISABLED) for id, why in (await switched_off(db)).items()}
    apps = [share.app for share in plugins.contributions() if share.app is not None and share.plugin not in out]
    for id, found in (await standing(db, core, apps)).items() if apps else ():
        if fault := _fault(found):
            out[id] = fault
    plugins.leave_out(out)


async def note(db: Database, plugins: Plugins, at: datetime) -> None:
    """Remember the plugins that are loaded, and their versions; most starts find that they are known."""
    loaded = {id: meta.version for id, meta in plugins.manifests().items()}
    if not loaded:
        return
    seen = await known(db)
    news = [(id, version) for id, version in loaded.items() if id not in seen or seen[id].version != version]
    if not news:
        return
    async with db.transaction() as tx:
        await note_versions(tx, news, at)
    for id, version in news:
        before = f", before it {seen[id].version}" if id in seen else ""
        log.info("Plugin %s is here in version %s%s.", id, version, before)


async def enable(db: Database, plugins: Plugins, plugin: str, at: datetime, *, on: bool) -> None:
    """Switch a plugin on or off, from the next start on. NotFound if there is none, and the database knows none."""
    seen = (await known(db)).get(plugin)
    listed = {each.id: each for each in plugins.listing()}
    if plugin not in listed and seen is None:
        there = ", ".join(listed) or "none"
        raise NotFound(f"There is no plugin {plugin!r}. There are: {there}.")
    version = listed[plugin].version if plugin in listed else ""
    async with db.transaction() as tx:
        await switch(tx, plugin, version, at, on=on)


async def migrations_of(db: Database, plugin: str) -> list[str]:
    """The migrations of a plugin that the database has, whether its code is there or not."""
    return sorted(key.name for key in await applied_in(db) if key.app == plugin)


def _why(row: Remembered) -> str:
    day = f"{row.switched_at:%Y-%m-%d}" if row.switched_at else ""
    did = "Its data were dropped" if row.purged_at else "It was switched off"
    return f"{did} on {day}: crmcore plugin enable {row.plugin}."


def _fault(found: Standing) -> PluginFault | None:
    if found.problem:
        state = PluginState.INCOMPATIBLE if found.newer else PluginState.FAILED
        return PluginFault(found.problem, state=state)
    if found.waiting:
        names = ", ".join(map(str, found.waiting))
        said = f"{names} {'waits' if len(found.waiting) == 1 else 'wait'}: run crmcore migrate and start again."
        return PluginFault(said, state=PluginState.NEEDS_MIGRATION)
    return None
