"""A pool for each tenant's mail server."""

from __future__ import annotations

from uuid import UUID

from crmcore.plugins import Crm
from crmcore_email.delivery.pool import Pool
from crmcore_email.settings import EmailSettings


class Pools:
    """The pools of one app, which last until it ends, or the tenant's settings are others."""

    def __init__(self) -> None:
        self._held: dict[UUID, Pool] = {}

    def of(self, crm: Crm, settings: EmailSettings) -> Pool:
        """The tenant's pool, with these settings."""
        pool = self._held.get(crm.tenant_id)
        if pool is None or pool.settings != settings:
            if pool is not None:
                crm.spawn(pool.close())
            pool = self._held[crm.tenant_id] = Pool(settings)
        return pool

    def problem(self, crm: Crm) -> str:
        """Why the tenant's mail server was not reached when it was tried last; empty if it was."""
        pool = self._held.get(crm.tenant_id)
        return pool.problem if pool is not None else ""

    async def close(self) -> None:
        """End all connections; who sends after this opens new ones."""
        held, self._held = self._held, {}
        for pool in held.values():
            await pool.close()
