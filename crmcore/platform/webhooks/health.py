"""How an endpoint's receiver fares: what decides when it is given rest, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta

from crmcore.kit.sql import Sql
from crmcore.platform.database import Transaction
from crmcore.platform.terms import Terms, time_of
from crmcore.platform.webhooks.endpoints import Endpoint
from crmcore.platform.webhooks.retrying import rest_until


async def note_success(tx: Transaction, endpoint: Endpoint) -> None:
    """The receiver has taken a message: all is well again."""
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "UPDATE webhook_cursor SET failures = 0, failing_since = NULL, rest_until = NULL WHERE endpoint_id = ",
        term.key(endpoint.id), " AND failures > 0",
    ))  # fmt: skip


async def note_failure(tx: Transaction, endpoint: Endpoint, now: datetime, wish: timedelta | None) -> datetime:
    """The receiver has failed, and may have asked for a pause. Since when it has been failing."""
    term = Terms(tx.dialect)
    own = Sql(" WHERE endpoint_id = ", term.key(endpoint.id))
    rows = await tx.fetch(Sql(
        "UPDATE webhook_cursor SET failures = failures + 1, failing_since = coalesce(failing_since, ", term.time(now),
        ")", own, " RETURNING failures, failing_since",
    ))  # fmt: skip
    if not rows:
        return now
    since: datetime = time_of(rows[0]["failing_since"])
    if rest := rest_until(int(rows[0]["failures"]), since, now, wish):
        await tx.execute(Sql("UPDATE webhook_cursor SET rest_until = ", term.time(rest), own))
    return since
