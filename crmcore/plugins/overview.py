"""All plugins of an app as one caller may see them: their states for the caller's tenant, and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crmcore.platform.context import Context
from crmcore.plugins.manager import Plugins
from crmcore.plugins.manifest import Manifest
from crmcore.plugins.problems import Problem
from crmcore.plugins.settings import json_schema
from crmcore.plugins.sources import Resolved
from crmcore.plugins.states import Listed, PluginState
from crmcore.plugins.tally import Tally
from crmcore.plugins.tenant_settings import TenantSettings, allow, may
from crmcore.plugins.wellness import Wellness


class Overview:
    """What the graph's `plugins`, `plugin` and `pluginSettingsUpdate` ask."""

    def __init__(self, plugins: Plugins, settings: TenantSettings, wellness: Wellness) -> None:
        self._plugins = plugins
        self._settings = settings
        self._wellness = wellness

    async def listing(self, ctx: Context) -> list[Listed]:
        """All plugins by id. One that is loaded and lacks settings for the caller's tenant is NEEDS_SETTINGS there; one
        that works in part is DEGRADED."""
        return [await self._for_tenant(ctx, listed) for listed in self._plugins.listing()]

    async def one(self, ctx: Context, plugin: str) -> Listed | None:
        """The plugin with this id."""
        found = [listed for listed in self._plugins.listing() if listed.id == plugin]
        return await self._for_tenant(ctx, found[0]) if found else None

    def schema(self, plugin: str) -> dict[str, Any] | None:
        """The JSON Schema of the plugin's settings; None where it has none."""
        return json_schema(self._settings.declared(plugin)) if plugin in self._settings else None

    async def settings(self, ctx: Context, plugin: str) -> Resolved:
        """The caller's tenant's settings of a plugin that has some. Forbidden for who may not read them."""
        allow(ctx, "read")
        return await self._settings.of(ctx.tenant_id, plugin)

    async def update(self, ctx: Context, plugin: str, values: Mapping[str, Any]) -> Resolved:
        """As `TenantSettings.update`."""
        return await self._settings.update(ctx, plugin, values)

    async def health(self, ctx: Context, plugin: str) -> list[Problem]:
        """What is not well with a plugin, in the caller's tenant."""
        return await self._wellness.of(plugin, ctx.tenant_id)

    def statistics(self, ctx: Context, plugin: str) -> list[Tally]:
        """What the plugin's hooks came to since the app was opened. What their faults say may be anything, so it is
        only for who may read the plugin's settings."""
        found = self._wellness.host.statistics(plugin)
        return found if may(ctx, "read") else [replace(tally, last_fault="") for tally in found]

    def unwell(self) -> dict[str, str]:
        """The plugins that do not work, or not as they should, whoever asks; by id, with their states."""
        well = (PluginState.LOADED, PluginState.DISABLED)
        return {one.id: str(one.state) for one in map(self._now, self._plugins.listing()) if one.state not in well}

    def _now(self, listed: Listed) -> Listed:
        if listed.state is not PluginState.LOADED or not self._wellness.is_degraded(listed.id):
            return listed
        seen = [problem.message for problem in self._wellness.seen(listed.id) if problem.severity == "ERROR"]
        return replace(listed, state=PluginState.DEGRADED, problems=(*listed.problems, *seen))

    async def _for_tenant(self, ctx: Context, listed: Listed) -> Listed:
        listed = self._now(listed)
        if listed.state is not PluginState.LOADED or listed.id not in self._settings:
            return listed
        return needing(listed, await self._settings.of(ctx.tenant_id, listed.id))


def needing(listed: Listed, resolved: Resolved) -> Listed:
    """A loaded plugin as it is for a tenant whose settings these are."""
    if not resolved.problem:
        return listed
    said = f"It {resolved.problem}"
    return replace(listed, state=PluginState.NEEDS_SETTINGS, problems=(*listed.problems, said))


def described(meta: Manifest) -> dict[str, Any]:
    """A manifest as JSON."""
    told: dict[str, Any] = {"description": meta.description, "api": meta.api}
    for name in ("requires", "conflicts"):
        told[name] = dict(getattr(meta, name))
    for name in ("subscribes", "checks"):
        told[name] = list(getattr(meta, name))
    told["outboundHosts"] = list(meta.outbound_hosts)
    told["permissions"] = {each.name: each.description for each in meta.permissions}
    told["settings"] = None if meta.settings is None else json_schema(meta.settings)
    return told
