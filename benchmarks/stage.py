"""Setting the stage: migrated databases with two tenants and their data, and the token that everybody uses.

There is one PostgreSQL database, and as many beside it with the same rows as are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import asyncpg

from benchmarks.company import Ids, Size
from benchmarks.data import copy, load
from crmcore.migrations import CORE
from crmcore.platform.access import Reach
from crmcore.platform.database import connect, dialect_of
from crmcore.platform.identity import create_tenant, create_token
from crmcore.platform.migrate import migrate


@dataclass(frozen=True, slots=True)
class Stage:
    """Databases ready to be measured. `ids` are those that requests may name: visible to the token's holder."""

    urls: Mapping[str, str]
    token: str
    ids: Ids

    @property
    def files(self) -> list[str]:
        """The SQLite database, if there is one."""
        return [self.urls["sqlite"]] if "sqlite" in self.urls else []


async def fill(url: str, size: Size, beside: Sequence[str] = ()) -> Ids:
    """Migrate the databases and fill them; what the first tenant has."""
    for each in (url, *beside):
        report = await migrate(each, [CORE])
        if report.differences:
            raise RuntimeError(f"The migrated schema is not what the models say: {report.differences}")
    db = await connect(url, connections=2)
    try:
        async with db.transaction() as tx:
            tenants = [await create_tenant(tx, slug, slug) for slug in ("measured", "beside")]
    finally:
        await db.close()
    await copy("tenant", tenants, url, beside)
    return await load((url, *beside), tenants, size)


async def admit(url: str, ids: Ids, reach: Reach = Reach.TENANT, beside: Sequence[str] = ()) -> Stage:
    """A token for the first tenant. With OWN or TEAM it acts as a user and sees that much."""
    user, customers = await _seen(url, ids, reach)
    db = await connect(url, connections=2)
    try:
        async with db.transaction() as tx:
            token = await create_token(tx, ids.tenant, "benchmark", user_id=user, reach=reach)
    finally:
        await db.close()
    await copy("api_token", [token.id], url, beside)
    return Stage({dialect_of(each): each for each in (url, *beside)}, token.text, replace(ids, customer=customers))


async def _seen(url: str, ids: Ids, reach: Reach) -> tuple[Any, list[UUID]]:
    """The user that the token acts as, if it does, and the customers that are seen with it."""
    connection = await asyncpg.connect(url)
    try:
        user: Any = None
        owner, bound = "", [ids.tenant]
        if reach is not Reach.TENANT:
            text = 'SELECT id FROM "user" WHERE tenant_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 1'
            user = await connection.fetchval(text, ids.tenant)
            owner, bound = " AND owner_id = $2", [ids.tenant, user]
        if reach is Reach.TEAM:
            owner, bound = " AND (owner_id = $2 OR team_id = $3)", [*bound, ids.team_of[user]]
        text = f"SELECT id FROM customer WHERE tenant_id = $1 AND deleted_at IS NULL{owner} ORDER BY id"
        return user, [row["id"] for row in await connection.fetch(text, *bound)]
    finally:
        await connection.close()
