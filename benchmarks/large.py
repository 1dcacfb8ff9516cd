"""A database of very many customers and nothing else: what a page costs must not depend on how many there are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import asyncpg

from benchmarks.company import FORMS, INDUSTRIES, LIFECYCLE, WORDS, Ids
from benchmarks.contestants import Contestant
from benchmarks.stage import Stage
from crmcore.kit.text import fold
from crmcore.migrations import CORE
from crmcore.platform.database import connect
from crmcore.platform.identity import create_tenant, create_token
from crmcore.platform.migrate import migrate

FILL = """
INSERT INTO customer (
    id, tenant_id, version, created_at, created_by_kind, updated_at, updated_by_kind, deleted_at, kind, name,
    name_folded, roles, industry, employees, lifecycle_stage, is_key_account
)
SELECT
    (lpad(to_hex(1735689600000 + n * 60000), 12, '0') || '7' || substr(dice, 1, 3) || '8' || substr(dice, 4, 15))::uuid,
    $1::uuid, 1, at, 'SYSTEM', at, 'SYSTEM', CASE WHEN n % 50 = 0 THEN at END, 'ORGANIZATION', w.name || ' ' || n,
    w.folded || ' ' || n, '["CUSTOMER"]', ($4::text[])[1 + n % 8], n % 2000, ($5::text[])[1 + n % 7], n % 20 = 0
FROM (
    SELECT n, md5(n::text || $1::uuid) AS dice, timestamptz '2025-01-01 00:00+00' + n * interval '1 minute' AS at
    FROM generate_series(1, $2::bigint) n
) numbers
JOIN json_to_recordset($3::json) AS w(place int, name text, folded text)
    ON w.place = ('x' || substr(dice, 20, 6))::bit(24)::int % json_array_length($3::json)
"""
PER_WALK = 500


async def fill(url: str, customers: int) -> Stage:
    """A migrated database with that many customers of a tenant, and a tenth of another's; a token for the first."""
    await migrate(url, [CORE])
    db = await connect(url, connections=2)
    try:
        async with db.transaction() as tx:
            tenant, beside = [await create_tenant(tx, slug, slug) for slug in ("measured", "beside")]
            token = await create_token(tx, tenant, "benchmark")
    finally:
        await db.close()
    named = [f"{word} {form}" for word in WORDS for form in FORMS]
    names = json.dumps([{"place": n, "name": name, "folded": fold(name)} for n, name in enumerate(named)])
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for key, count in ((tenant, customers), (beside, customers // 10)):
            await connection.execute(FILL, key, count, names, list(INDUSTRIES), list(LIFECYCLE), timeout=600)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return Stage({"postgres": url}, token.text, Ids(tenant))


def cursor_at(contestant: Contestant, document: str, order: str, rows: int, token: str) -> str:
    """The cursor behind which the last `rows` of the list begin, found by walking from the end."""
    cursor = None
    for page in _pages(rows):
        variables = {"order": [{"field": order}], "last": page, "before": cursor}
        answer = contestant.send("/graphql", json.dumps({"query": document, "variables": variables}), token)
        cursor = answer["data"]["customers"]["pageInfo"]["startCursor"]
    assert cursor is not None
    return str(cursor)


def _pages(rows: int) -> Iterator[Any]:
    for start in range(0, rows, PER_WALK):
        yield min(PER_WALK, rows - start)
