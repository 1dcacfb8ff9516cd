"""What a plugin would bring, told before it does: to the graph and to the database, and what it asks for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from crmcore.errors import ConfigError
from crmcore.platform.database import Database
from crmcore.platform.metadata import App
from crmcore.platform.migrate import Planned, planned
from crmcore.plugins.manager import Plugins
from crmcore.plugins.manifest import Manifest
from crmcore.settings import Settings


@dataclass(slots=True)
class Plan:
    """What a plugin would bring. `asks` are what it wants to reach, hear and check, by the manifest's names; `graph`
    is SDL; `database` what its migrations that wait would do."""

    plugin: str
    version: str
    asks: dict[str, list[str]] = field(default_factory=dict)
    graph: str = ""
    database: list[Planned] = field(default_factory=list)
    destructive: bool = False
    problems: Sequence[str] = ()


async def plan_of(
    settings: Settings,
    db: Database,
    core: App,
    plugin: str,
    added: Callable[[Settings, Settings], Awaitable[str]],
) -> Plan:
    """The plan for a plugin that is found, with only what it requires beside it. `added` answers what the second of two
    apps has in its graph beyond the first. ConfigError if there is no such plugin, or its manifest cannot be read."""
    everything = settings.model_copy(update={"plugins_disable": [], "plugins_allow": []})
    plugins = Plugins.discover(everything, strict=False)
    meta = plugins.manifest(plugin)
    if meta is None:
        there = {each.id: each for each in plugins.listing()}
        why = "; ".join(there[plugin].problems) if plugin in there else f"there are {', '.join(there) or 'none'}."
        raise ConfigError(f"No plan can be made for {plugin!r}: {why}")
    needed = sorted(_needed(plugins, plugin))
    listed = next(each for each in plugins.listing() if each.id == plugin)
    told = Plan(plugin, meta.version, _asks(meta), problems=listed.problems)
    told.graph = await added(_only(everything, needed), _only(everything, [*needed, plugin]))
    if (app := plugins.app_of(plugin)) is not None:
        others = [plugins.app_of(each) for each in needed]
        told.database = await planned(db, [core, *(each for each in others if each is not None), app], plugin)
    told.destructive = any(step.destructive for step in told.database)
    return told


def _needed(plugins: Plugins, plugin: str) -> set[str]:
    """What it requires, and what that requires."""
    found: set[str] = set()
    todo = [plugin]
    while todo:
        meta = plugins.manifest(todo.pop())
        for other in meta.requires if meta else ():
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def _only(settings: Settings, plugins: Sequence[str]) -> Settings:
    return settings.model_copy(update={"plugins_allow": list(plugins), "plugins_enabled": bool(plugins)})


def _asks(meta: Manifest) -> dict[str, list[str]]:
    fields = meta.settings.model_fields if meta.settings else {}
    asked = {
        "requires": [f"{other} {versions}".strip() for other, versions in meta.requires.items()],
        "permissions": [f"{each.name}: {each.description}" for each in meta.permissions],
        "outbound_hosts": list(meta.outbound_hosts),
        "subscribes": list(meta.subscribes),
        "checks": list(meta.checks),
        "settings": [name for name, each in fields.items() if each.is_required()],
    }
    return {name: found for name, found in asked.items() if found}
