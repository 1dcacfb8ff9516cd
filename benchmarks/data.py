"""Filling a migrated database: COPY straight into the tables, then statistics.

Two tenants share every table, so that a statement without its tenant predicate would be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from benchmarks.company import Company, Ids, Size


async def load(url: str, tenants: Sequence[UUID], size: Size) -> Ids:
    """Fill the database and gather statistics; the keys of the first tenant."""
    connection = await asyncpg.connect(url)
    companies = [
        Company(tenant, size if n == 0 else Size(max(size.customers // 4, 10)), seed=n)
        for n, tenant in enumerate(tenants)
    ]
    try:
        await connection.execute("SET session_replication_role = replica")  # no foreign key check row by row
        for company in companies:
            for table, columns, rows in company.tables():
                await connection.copy_records_to_table(table, columns=columns, records=rows)
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    return companies[0].ids
