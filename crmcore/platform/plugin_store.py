"""What plugins remember: JSON under a key, for each plugin and tenant."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final
from uuid import UUID

import orjson
from tortoise.models import Model

from crmcore.errors import Invalid
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Json, Text, UtcDatetime, Uuid
from crmcore.platform.tables import UniqueIndex
from crmcore.platform.terms import Terms

LONGEST_KEY: Final = 200
LARGEST: Final = 1_000_000
"""Bytes of one value."""

_json: Final = Json().from_driver


class PluginStored(Model):
    """One value of a plugin in a tenant."""

    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    plugin = Text(31)
    key = Text(LONGEST_KEY)
    value = Json()
    changed_at = UtcDatetime()

    class Meta(Model.Meta):
        table = "plugin_stored"
        indexes: ClassVar[Any] = (
            UniqueIndex(fields=("tenant_id", "plugin", "key"), name="uq_plugin_stored_key"),
        )  # fmt: skip


class Store:
    """A plugin's values in one tenant. What is given a transaction `tx` lasts or goes with it."""

    def __init__(self, plugin: str, ctx: Context) -> None:
        self._plugin = plugin
        self._ctx = ctx

    async def get(self, key: str, default: Any = None, *, tx: Transaction | None = None) -> Any:
        """The value under a key, or `default`."""
        db = tx or self._ctx.db
        rows = await db.fetch(Sql("SELECT value FROM plugin_stored", self._own(Terms(db.dialect), key)))
        return _json(rows[0]["value"]) if rows else default

    async def put(self, key: str, value: Any, *, tx: Transaction | None = None) -> None:
        """Keep a value that is JSON, in the place of what was there. Invalid for one that is none or too large."""
        if not key or len(key) > LONGEST_KEY or "\0" in key:
            raise Invalid(f"A key has 1 to {LONGEST_KEY} characters.", "key")
        packed = _packed(value)
        if tx is None:
            async with self._ctx.db.transaction() as own:
                await _put(own, self._ctx.tenant_id, self._plugin, key, packed, self._ctx.clock())
        else:
            await _put(tx, self._ctx.tenant_id, self._plugin, key, packed, self._ctx.clock())

    async def delete(self, key: str, *, tx: Transaction | None = None) -> bool:
        """Forget a key; whether there was a value."""
        if tx is None:
            async with self._ctx.db.transaction() as own:
                return await self.delete(key, tx=own)
        return await tx.execute(Sql("DELETE FROM plugin_stored", self._own(Terms(tx.dialect), key))) > 0

    async def items(self, prefix: str = "") -> dict[str, Any]:
        """All values whose key begins so, by key, in the order of the keys."""
        db = self._ctx.db
        term = Terms(db.dialect)
        rows = await db.fetch(Sql(
            "SELECT key, value FROM plugin_stored", self._own(term), f" AND substr(key, 1, {len(prefix)}) = ",
            term.text(prefix),
        ))  # fmt: skip
        return {row["key"]: _json(row["value"]) for row in sorted(rows, key=lambda row: str(row["key"]))}

    def _own(self, term: Terms, key: str | None = None) -> Sql:
        own = Sql(" WHERE tenant_id = ", term.key(self._ctx.tenant_id), " AND plugin = ", term.text(self._plugin))
        return own if key is None else Sql(own, " AND key = ", term.text(key))


def _packed(value: Any) -> str:
    try:
        packed = orjson.dumps(value)
    except (TypeError, ValueError) as error:
        raise Invalid(f"What is stored is JSON: {error}.", "value") from error
    if len(packed) > LARGEST or b"\\u0000" in packed:
        raise Invalid(f"A value has at most {LARGEST:,} bytes, and no NUL in its texts.", "value")
    return packed.decode()


async def _put(tx: Transaction, tenant: UUID, plugin: str, key: str, packed: str, at: datetime) -> None:
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "INSERT INTO plugin_stored (id, tenant_id, plugin, key, value, changed_at) VALUES (", term.key(new_id()), ", ",
        term.key(tenant), ", ", term.text(plugin), ", ", term.text(key), ", ", term.json(packed), ", ",
        term.time(at), ") ON CONFLICT (tenant_id, plugin, key) DO UPDATE SET value = excluded.value, "
        "changed_at = excluded.changed_at",
    ))  # fmt: skip
