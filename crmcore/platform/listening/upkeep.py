"""What keeps the tables small, and what is left when a plugin goes for good: nothing."""

from __future__ import annotations

from datetime import timedelta

from crmcore.kit.sql import Sql
from crmcore.platform.database import Transaction
from crmcore.platform.jobs import JobKind, JobRun, delete_before
from crmcore.platform.listening.models import PluginEvent, PluginEventStatus
from crmcore.platform.terms import Terms


def prune_plugin_events(kept_days: int) -> JobKind:
    """The job that takes away events which plugins took in the end, and dead ones, so many days after they were put
    aside."""

    async def prune(run: JobRun) -> int:
        before, gone = run.ctx.clock() - timedelta(days=kept_days), 0
        for status in (PluginEventStatus.DONE, PluginEventStatus.DEAD):
            gone += await delete_before(run, PluginEvent, "made_at", before, status=status)
        return gone

    return JobKind("plugins.prune_events", prune, timeout=600, cron="47 3 * * *")


async def forget(tx: Transaction, plugin: str) -> None:
    """Forget everything that the core keeps for a plugin beside its settings: its places in the log, what it was not
    told yet, and what it stored."""
    term = Terms(tx.dialect)
    own = Sql(" WHERE plugin = ", term.text(plugin))
    for table in ("plugin_cursor", "plugin_event", "plugin_stored"):
        await tx.execute(Sql(f"DELETE FROM {table}", own))
