"""The settings of all plugins for all tenants, as one process knows them: read when they are asked for, kept for a
moment, so that a change elsewhere is seen within two seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.errors import Forbidden, Invalid, NotFound, Refusals
from crmcore.platform.access import Action, Reach
from crmcore.platform.context import Context
from crmcore.platform.custom import Fetching
from crmcore.platform.database import Database, Transaction
from crmcore.platform.events import Fact, record_events
from crmcore.platform.plugin_settings import Kept, lock_settings, read_settings, write_settings
from crmcore.platform.vault import Vault
from crmcore.plugins.settings import PluginSettings, is_secret, outbound_hosts
from crmcore.plugins.sources import Operator, Resolved, Wrong, migrated, operators, references, resolve

FRESH: Final = 2.0
"""Seconds for which what was read is believed."""

LARGEST: Final = 200_000
"""Bytes of what a tenant may set of one plugin."""

TABLE: Final = "plugin_setting"
"""What scopes call settings of plugins."""

_MOST: Final = 10_000


class TenantSettings:
    """What `crm.settings()` and the graph read. `file` is the part `plugins` of the settings file."""

    def __init__(
        self,
        db: Database,
        secret: bytes,
        classes: Mapping[str, type[PluginSettings]],
        file: Mapping[str, Mapping[str, Any]],
        environment: Mapping[str, str],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._vault = Vault(secret)
        self._classes = classes
        self._operators = {id: operators(id, cls, file.get(id, {}), environment) for id, cls in classes.items()}
        self._now = now
        self._known: dict[tuple[UUID, str], tuple[float, Resolved]] = {}
        self._changing: dict[tuple[UUID, str], float] = {}

    def __contains__(self, plugin: str) -> bool:
        """Whether the plugin declares settings."""
        return plugin in self._classes

    def declared(self, plugin: str) -> type[PluginSettings]:
        """The class of the plugin's settings."""
        return self._classes[plugin]

    async def of(self, tenant: UUID, plugin: str, source: Fetching | None = None) -> Resolved:
        """The settings of a plugin that declares some; at most one statement, on `source`: who is in a transaction
        reads in it, because a second connection may not be to be had."""
        place, now = (tenant, plugin), self._now()
        known = self._known.get(place)
        if known is not None and now - known[0] < FRESH:
            return known[1]
        source = self._db if source is None else source
        found = self._resolved(plugin, await read_settings(source, self._vault, tenant, plugin))
        if source is self._db and now - self._changing.get(place, now - FRESH) >= FRESH:
            self._changing.pop(place, None)
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[place] = now, found
        return found

    async def given(self, plugin: str, ctx: Context) -> PluginSettings | None:
        """What `crm.settings()` answers: None for a plugin that declares none. NeedsSettings while some are missing."""
        return (await self.of(ctx.tenant_id, plugin, ctx.db)).complete() if plugin in self else None

    async def hosts(self, plugin: str, ctx: Context) -> frozenset[str]:
        """The hosts that the settings let the plugin reach."""
        made = (await self.of(ctx.tenant_id, plugin, ctx.db)).settings if plugin in self else None
        return frozenset() if made is None else outbound_hosts(made)

    async def ready(self, plugin: str, tenant: UUID, source: Fetching | None = None) -> bool:
        """Whether the plugin has what it needs in the tenant: until then its hooks are not called there."""
        return plugin not in self or not (await self.of(tenant, plugin, source)).problem

    async def update(self, ctx: Context, plugin: str, given: Mapping[str, Any]) -> Resolved:
        """Set values for the caller's tenant; None forgets one, so that the operator's or the default holds again.

        Recorded with who did it: the names, and the values of what is no secret. Refused are callers who do not see the
        whole tenant, names that are none, values that are wrong by themselves or do not go together, and references.
        """
        allow(ctx, "update")
        if plugin not in self._classes:
            raise NotFound(f"No plugin {plugin!r} with settings is loaded.", "plugin")
        cls = self._classes[plugin]
        if problems := [Invalid(each.message, "values", *each.path) for each in _unfit(cls, given)]:
            raise Refusals(problems)
        async with ctx.db.transaction() as tx:
            await lock_settings(tx, ctx.tenant_id, plugin, cls.version, ctx.clock())
            resolved = await self._set(ctx, tx, plugin, given)
        self._forget(ctx.tenant_id, plugin)
        return resolved

    async def _set(self, ctx: Context, tx: Transaction, plugin: str, given: Mapping[str, Any]) -> Resolved:
        cls = self._classes[plugin]
        kept = await read_settings(tx, self._vault, ctx.tenant_id, plugin)
        before, _ = migrated(cls, kept)
        after = {name: value for name, value in {**before, **given}.items() if value is not None}
        if len(orjson.dumps(after)) > LARGEST:
            raise Invalid(f"A plugin's settings have at most {LARGEST:,} bytes.", "values")
        resolved = self._resolved(plugin, made := Kept(cls.version, after, id=kept.id if kept else None))
        of_the_operator = self._operators[plugin].wrong
        wrong = [w for w in resolved.wrong if w not in of_the_operator and (not w.path or w.path[0] in given)]
        if wrong:
            raise Refusals([Invalid(each.message, "values", *each.path) for each in wrong])
        secret = frozenset(name for name in after if name not in cls.model_fields or is_secret(cls, name))
        key = await write_settings(tx, self._vault, ctx.tenant_id, plugin, made, secret, ctx.clock())
        changed = sorted(name for name in given if before.get(name) != after.get(name))
        if changed:
            shown = [name for name in changed if name not in secret and not is_secret(cls, name)]
            await record_events(tx, [_fact(ctx, plugin, key, changed, _part(before, shown), _part(after, shown))])
        return resolved

    def _resolved(self, plugin: str, kept: Kept | None) -> Resolved:
        return resolve(plugin, self._classes[plugin], self._operators.get(plugin, Operator()), kept)

    def _forget(self, tenant: UUID, plugin: str) -> None:
        """A change is under way: until it is surely committed, nothing that is read meanwhile is believed."""
        self._known.pop((tenant, plugin), None)
        self._changing[tenant, plugin] = self._now()


def may(ctx: Context, action: Action) -> bool:
    """Whether the caller may do this to settings of plugins."""
    return ctx.policy.reach is Reach.TENANT and ctx.policy.may(action, TABLE)


def allow(ctx: Context, action: Action) -> None:
    """Forbidden unless the caller may do this to settings of plugins."""
    if not may(ctx, action):
        raise Forbidden(f"Settings of plugins are for those who see the whole tenant and may {action} {TABLE}.")


def _unfit(cls: type[PluginSettings], given: Mapping[str, Any]) -> list[Wrong]:
    found = []
    for name, value in given.items():
        if name not in cls.model_fields:
            there = ", ".join(cls.model_fields)
            found.append(Wrong((name,), f"There is no setting {name[:80]!r}. There are: {there}."))
        elif reference := next(references(value), None):
            found.append(Wrong((name,), f"{reference} is for the operator of the server: give the value itself."))
    return found


def _part(values: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: values.get(name) for name in names}


def _fact(
    ctx: Context, plugin: str, key: UUID, changed: list[str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Fact:
    actor = ctx.actor
    return Fact(
        tenant_id=ctx.tenant_id,
        type=f"{TABLE}.updated",
        record_type=TABLE,
        record_id=key,
        before={"plugin": plugin, **before},
        after={"plugin": plugin, **after},
        changed_fields=changed,
        actor_kind=actor.kind,
        actor_id=actor.id,
        cause=ctx.cause,
        at=ctx.clock(),
        token_id=actor.token_id,
        operation=ctx.operation or None,
        reason=ctx.reason or None,
    )
