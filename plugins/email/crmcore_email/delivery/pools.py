"""A pool for each mail server that the tenants' settings name."""

from __future__ import annotations

from crmcore_email.delivery.pool import Pool
from crmcore_email.settings import EmailSettings


class Pools:
    """The pools of one app. They last until it ends; tenants with the same settings share one."""

    def __init__(self) -> None:
        self._held: dict[str, Pool] = {}

    def of(self, settings: EmailSettings) -> Pool:
        """The pool for these settings."""
        key = settings.model_dump_json() + settings.smtp_password.get_secret_value()
        if key not in self._held:
            self._held[key] = Pool(settings)
        return self._held[key]

    def problems(self) -> list[str]:
        """Of each mail server that was not reached when it was tried last, what was wrong."""
        return [pool.problem for pool in self._held.values() if pool.problem]

    async def close(self) -> None:
        """End all connections; who sends after this opens new ones."""
        held, self._held = self._held, {}
        for pool in held.values():
            await pool.close()
