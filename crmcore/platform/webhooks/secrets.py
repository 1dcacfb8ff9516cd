"""The keys of endpoints: written once, told once to the tenant, and read by whoever signs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.platform.custom import Fetching
from crmcore.platform.database import Transaction
from crmcore.platform.terms import Terms
from crmcore.platform.webhooks.signing import new_secret

OVERLAP: Final = timedelta(hours=24)
"""How long the old key signs beside a new one unless the tenant says otherwise."""


async def make_secret(
    tx: Transaction, tenant_id: UUID, endpoint_id: UUID, now: datetime, overlap: timedelta = OVERLAP
) -> str:
    """A new key for the endpoint. The one it had signs beside it for a while; one that was ending already ends now."""
    term, made = Terms(tx.dialect), new_secret()
    own = Sql(" WHERE tenant_id = ", term.key(tenant_id), " AND endpoint_id = ", term.key(endpoint_id))
    await tx.execute(Sql("DELETE FROM webhook_secret", own, " AND ends_at IS NOT NULL"))
    await tx.execute(Sql("UPDATE webhook_secret SET ends_at = ", term.time(now + overlap), own))
    await tx.execute(Sql(
        "INSERT INTO webhook_secret (id, tenant_id, endpoint_id, secret, created_at) VALUES (", term.key(new_id()),
        ", ", term.key(tenant_id), ", ", term.key(endpoint_id), ", ", term.text(made), ", ", term.time(now), ")",
    ))  # fmt: skip
    return made


async def share_secret(tx: Transaction, tenant_id: UUID, endpoint_id: UUID, secret: str) -> None:
    """Let a new endpoint sign with the key of another."""
    term = Terms(tx.dialect)
    await tx.execute(Sql(
        "UPDATE webhook_secret SET secret = ", term.text(secret), " WHERE tenant_id = ", term.key(tenant_id),
        " AND endpoint_id = ", term.key(endpoint_id),
    ))  # fmt: skip


async def signing_keys(db: Fetching, tenant_id: UUID, endpoint_id: UUID, now: datetime) -> list[str]:
    """The keys that sign the endpoint's messages now, the newest first."""
    term = Terms(db.dialect)
    rows = await db.fetch(Sql(
        "SELECT secret FROM webhook_secret WHERE tenant_id = ", term.key(tenant_id), " AND endpoint_id = ",
        term.key(endpoint_id), " AND (ends_at IS NULL OR ends_at > ", term.time(now), ") ORDER BY ends_at IS NULL DESC",
    ))  # fmt: skip
    return [row["secret"] for row in rows]
