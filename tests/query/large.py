"""Tables with many rows, made in the database from one row."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from crmcore.kit.sql import Sql, ident, join
from crmcore.platform.database import Database
from tests.query.conftest import Seed

_FIRST = 0x10000000


async def fill(db: Database, tenant: UUID, model: Any, rows: int, **expressions: str) -> None:
    """Copies of one row that differ in their ids and in these columns: SQL of `i`, which counts from 0. Customers differ
    in name and employees anyway, and half of them have no `verified_at`. Statistics are gathered afterwards."""
    seed = Seed(db, tenant)
    pattern = await seed(model, name="pattern") if "name" in model._meta.fields_map else await seed(model)
    postgres = db.dialect == "postgres"
    columns = {ident(c): f"p.{ident(c)}" for c in model._meta.fields_db_projection}
    step = "make_interval(secs => i / 3)" if postgres else "i / 3"
    if postgres:
        moment = f"timestamptz '2026-01-01 00:00:00+00' + {step}"
        id_ = f"('{_FIRST:08x}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid"
    else:
        moment = f"strftime('%Y-%m-%dT%H:%M:%S.000000+00:00', '2026-01-01', '+' || ({step}) || ' seconds')"
        id_ = f"printf('{_FIRST:08x}-0000-7000-8000-%012x', i)"
    made = {"id": id_, "created_at": moment, "updated_at": moment}
    if model._meta.db_table == "customer":
        made["name"] = "'Name ' || (i * 7919 % 10007)"
        made["name_folded"] = "'name ' || (i * 7919 % 10007)"
        made["employees"] = "i % 1000"
        made["verified_at"] = f"CASE WHEN i % 2 = 0 THEN {moment} END"
    made |= expressions
    for name, expression in made.items():
        if name in model._meta.fields_db_projection:
            columns[ident(name)] = expression
    counted = f"generate_series(0, {rows - 1}) AS n(i)" if postgres else "n"
    head = "" if postgres else f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows - 1}) "
    table = ident(model._meta.db_table)
    select = Sql(head, f"INSERT INTO {table} (", join(", ", columns), ") ")
    if not postgres:
        select = Sql(f"INSERT INTO {table} (", join(", ", columns), f") {head}")
    source = Sql("SELECT ", join(", ", columns.values()), f" FROM {table} p, {counted} WHERE p.id = '{pattern}'")
    async with db.transaction() as tx:
        await tx.execute(Sql(select, source))
        await tx.execute(Sql(f"DELETE FROM {table} WHERE id = '{pattern}'"))
        await tx.execute(Sql("ANALYZE"))
