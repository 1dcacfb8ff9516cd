"""Setting the stage: a migrated database with two tenants and their data, and the token that everybody uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import asyncpg

from benchmarks.company import Ids, Size
from benchmarks.data import load
from crmcore.migrations import CORE
from crmcore.platform.access import Reach
from crmcore.platform.database import connect
from crmcore.platform.identity import create_tenant, create_token
from crmcore.platform.migrate import migrate


@dataclass(frozen=True, slots=True)
class Stage:
    """A database ready to be measured. `ids` are those that requests may name: visible to the token's holder."""

    url: str
    token: str
    ids: Ids


async def prepare(url: str, size: Size, reach: Reach = Reach.TENANT) -> Stage:
    """Migrate and fill the database. With OWN or TEAM the token acts as a user and sees that much."""
    report = await migrate(url, [CORE])
    if report.differences:
        raise RuntimeError(f"The migrated schema is not what the models say: {report.differences}")
    db = await connect(url, connections=2)
    try:
        async with db.transaction() as tx:
            tenants = [await create_tenant(tx, slug, slug) for slug in ("measured", "beside")]
        ids = await load(url, tenants, size)
        user = await _visible(url, ids, reach)
        async with db.transaction() as tx:
            token = await create_token(tx, tenants[0], "benchmark", user_id=user, reach=reach)
    finally:
        await db.close()
    return Stage(url, token.text, ids)


async def _visible(url: str, ids: Ids, reach: Reach) -> Any:
    """Leave among the customers those that requests may name; the user that the token acts as, if it does."""
    connection = await asyncpg.connect(url)
    try:
        user: Any = None
        owner, bound = "", [ids.tenant]
        if reach is not Reach.TENANT:
            user = await connection.fetchval(
                'SELECT id FROM "user" WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1', ids.tenant
            )
            owner, bound = " AND owner_id = $2", [ids.tenant, user]
        if reach is Reach.TEAM:
            owner, bound = " AND (owner_id = $2 OR team_id = $3)", [*bound, ids.team_of[user]]
        text = f"SELECT id FROM customer WHERE tenant_id = $1 AND deleted_at IS NULL{owner} ORDER BY id"
        ids.customer = [row["id"] for row in await connection.fetch(text, *bound)]
        return user
    finally:
        await connection.close()
