"""What a tenant has set of a plugin's settings: one row for each, the secrets in it closed (vault.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Bind, Sql, value
from crmcore.platform.custom import Fetching
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Int, Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from crmcore.platform.terms import Terms
from crmcore.platform.vault import CannotOpen, Vault

LONGEST_ID: Final = 31
"""Of the id of a plugin."""

_json: Final = Json().from_driver


class PluginSetting(Model):
    """A plugin's settings in one tenant, as far as the tenant has set them. `held` are values by name; `closed` those
    of secrets, each closed for its place. `version` is that of the plugin's class when they were set."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    plugin = Text(LONGEST_ID)
    version = Int()
    held = Json()
    closed = Json()
    changed_at = UtcDatetime()

    class Meta(Model.Meta):
        table = "plugin_setting"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("tenant_id", "plugin"), name="uq_plugin_setting_plugin"),)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a tenant has set. `lost` are the names of secrets that cannot be opened any more."""

    version: int
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lost: frozenset[str] = frozenset()
    id: UUID | None = None


async def lock_settings(tx: Transaction, tenant: UUID, plugin: str, version: int, at: datetime) -> None:
    """Nobody else changes what the tenant has set of the plugin before the transaction's end."""
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "INSERT INTO plugin_setting (id, tenant_id, plugin, version, held, closed, changed_at) VALUES (",
        term.key(new_id()), ", ", term.key(tenant), ", ", term.text(plugin), ", ", term.number(version),
        ", ", _packed({}), ", ", _packed({}), ", ", term.time(at), ") ON CONFLICT (tenant_id, plugin) DO "
        "UPDATE SET changed_at = excluded.changed_at",
    ))  # fmt: skip


async def read_settings(db: Fetching, vault: Vault, tenant: UUID, plugin: str) -> Kept | None:
    """What the tenant has set of the plugin; None where that is nothing."""
    term = Terms(db.dialect)
    own = Sql(" WHERE tenant_id = ", term.key(tenant), " AND plugin = ", term.text(plugin))
    rows = await db.fetch(Sql("SELECT id, version, held, closed FROM plugin_setting", own))
    if not rows:
        return None
    values, lost = dict(_json(rows[0]["held"])), set()
    for name, closed in _json(rows[0]["closed"]).items():
        try:
            values[name] = orjson.loads(vault.open(closed, _place(tenant, plugin, name)))
        except CannotOpen:
            lost.add(name)
    return Kept(int(rows[0]["version"]), values, frozenset(lost), UUID(str(rows[0]["id"])))


async def write_settings(
    tx: Transaction, vault: Vault, tenant: UUID, plugin: str, kept: Kept, secret: frozenset[str], at: datetime
) -> UUID:
    """Keep what the tenant has set, in the place of what it had; `secret` are the names whose values are closed."""
    term = Terms(tx.dialect)
    open_, closed = (
        {name: value for name, value in kept.values.items() if (name in secret) is hidden} for hidden in (False, True)
    )
    sealed = {n: vault.close(orjson.dumps(v).decode(), _place(tenant, plugin, n)) for n, v in closed.items()}
    rows = await tx.fetch(Sql(
        "INSERT INTO plugin_setting (id, tenant_id, plugin, version, held, closed, changed_at) VALUES (",
        term.key(kept.id or new_id()), ", ", term.key(tenant), ", ", term.text(plugin), ", ", term.number(kept.version),
        ", ", _packed(open_), ", ", _packed(sealed), ", ", term.time(at), ") ON CONFLICT (tenant_id, plugin) DO "
        "UPDATE SET version = excluded.version, held = excluded.held, closed = excluded.closed, "
        "changed_at = excluded.changed_at RETURNING id",
    ))  # fmt: skip
    return UUID(str(rows[0]["id"]))


def _packed(values: Mapping[str, Any]) -> Bind:
    return value(orjson.dumps(values).decode(), "jsonb")


def _place(tenant: UUID, plugin: str, name: str) -> str:
    return f"plugin setting {tenant} {plugin} {name}"
