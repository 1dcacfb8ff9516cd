"""Is the schema in the database the one that the models declare? Every difference, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tortoise.migrations.constraints import CheckConstraint
from tortoise.models import Model

from crmcore.kit.sql import Dialect, Sql
from crmcore.platform.database import Database, Row
from crmcore.platform.tables import WordsIndex, foreign_keys, indexes_of

_PG_NAMES: Final = {
    "VARCHAR": "CHARACTER VARYING",
    "INT": "INTEGER",
    "BIGSERIAL": "BIGINT",
    "SERIAL": "INTEGER",
    "BOOL": "BOOLEAN",
    "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE",
}

_SQLITE: Final = {
    "columns": 'SELECT m.name AS t, c.name, c.type, c."notnull" OR c.pk AS filled FROM sqlite_master m, '
    "pragma_table_info(m.name) c WHERE m.type = 'table'",
    "indexes": 'SELECT m.name AS t, i.name, i."unique" AS uniq, (SELECT group_concat(c.name) FROM '
    "pragma_index_info(i.name) c) AS columns, (SELECT s.sql FROM sqlite_master s WHERE s.name = i.name) AS filter "
    "FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table' "
    # a words index is a table beside the table, and three triggers that keep it
    "UNION ALL SELECT m.tbl_name, substr(m.name, 1, length(m.name) - 7) AS made, 0, '', NULL FROM sqlite_master m "
    "JOIN sqlite_master w ON w.name = m.tbl_name || '_words' WHERE m.type = 'trigger' "
    "GROUP BY m.tbl_name, made HAVING count(*) = 3",
    "keys": 'SELECT m.name AS t, k."from" AS name, k."table" AS target FROM sqlite_master m, '
    "pragma_foreign_key_list(m.name) k WHERE m.type = 'table'",
    "checks": "SELECT name AS t, sql AS name FROM sqlite_master WHERE type = 'table'",
}

_POSTGRES: Final = {
    "columns": "SELECT c.relname AS t, a.attname AS name, a.attnotnull AS filled, "
    "format_type(a.atttypid, a.atttypmod) || coalesce((SELECT ' COLLATE \"' || l.collname || '\"' FROM pg_collation l "
    "WHERE l.oid = a.attcollation AND l.collname <> 'default'), '') AS type FROM pg_attribute a "
    "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped "
    "AND c.relnamespace = current_schema()::regnamespace",
    "indexes": "SELECT c.relname AS t, n.relname AS name, i.indisunique AS uniq, pg_get_expr(i.indpred, i.indrelid) "
    "AS filter, (SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY "
    "AS k(number, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number) AS columns "
    "FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid "
    "WHERE c.relnamespace = current_schema()::regnamespace AND i.indisvalid",
    "keys": "SELECT c.relname AS t, a.attname AS name, f.relname AS target FROM pg_constraint k "
    "JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid JOIN pg_attribute a "
    "ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] WHERE k.contype = 'f' "
    "AND c.relnamespace = current_schema()::regnamespace",
    "checks": "SELECT c.relname AS t, k.conname AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid "
    "WHERE k.contype = 'c' AND c.relnamespace = current_schema()::regnamespace",
}


@dataclass(slots=True)
class _Table:
    """What there is, or should be, in one table; the values are compared as they are."""

    columns: dict[str, tuple[str, bool]] = field(default_factory=dict)
    indexes: dict[str, tuple[bool, str, str]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    checks: set[str] = field(default_factory=set)


async def differences(db: Database, models: Mapping[str, Mapping[str, type[Model]]]) -> list[str]:
    """What is missing or other than declared, one sentence each; indexes and tables that are more do not matter."""
    there = await _real(db)
    found: list[str] = []
    for model in (model for app in models.values() for model in app.values()):
        table = model._meta.db_table
        if table in there:
            found += _compare(table, _declared(model, db.dialect), there[table])
        else:
            found.append(f"The table {table} is missing.")
    return sorted(set(found))


def _compare(table: str, wanted: _Table, real: _Table) -> Iterator[str]:
    for name, (kind, filled) in wanted.columns.items():
        if name not in real.columns:
            yield f"The column {table}.{name} is missing."
        elif real.columns[name] != (kind, filled):
            want, have = (f"{k} {'NOT NULL' if f else 'NULL'}" for k, f in ((kind, filled), real.columns[name]))
            yield f"The column {table}.{name} is {have}, not {want}."
    for name in real.columns.keys() - wanted.columns.keys():
        yield f"The column {table}.{name} is not declared."
    for name, index in wanted.indexes.items():
        if name not in real.indexes:
            yield f"The index {name} of {table} is missing."
        elif real.indexes[name] != index:
            yield f"The index {name} of {table} is {real.indexes[name]}, not {index}."
    for name, target in wanted.keys.items():
        if real.keys.get(name) != target:
            yield f"The foreign key {table}.{name} names {real.keys.get(name, 'nothing')}, not {target}."
    for name in wanted.checks - real.checks:
        yield f"The check {name} of {table} is missing."


def _declared(model: type[Model], dialect: Dialect) -> _Table:
    wanted = _Table()
    for name, column in model._meta.fields_db_projection.items():
        told: Any = model._meta.fields_map[name]
        kind = str(told.get_for_dialect(dialect, "SQL_TYPE"))
        if told.pk and told.generated and dialect == "sqlite":
            kind = "INTEGER"
        wanted.columns[column] = _type(kind, dialect), bool(told.pk or not told.null)
    for index in indexes_of(model):
        where = index.extra.removeprefix(" WHERE ")
        columns = "" if isinstance(index, WordsIndex) else ",".join(index.fields)
        wanted.indexes[str(index.name)] = index.INDEX_TYPE == "UNIQUE", columns, _bare(where)
    wanted.keys = {column: target._meta.db_table for column, target in foreign_keys(model).items()}
    wanted.checks = {c.name for c in model._meta.constraints or () if isinstance(c, CheckConstraint)}
    return wanted


def _type(text: str, dialect: Dialect) -> str:
    name, rest = re.fullmatch(r"(\w+)(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
    return (_PG_NAMES.get(name.upper(), name) if dialect == "postgres" else name).upper() + rest


async def _real(db: Database) -> dict[str, _Table]:
    queries = _SQLITE if db.dialect == "sqlite" else _POSTGRES
    rows: dict[str, Iterable[Row]] = {kind: await db.fetch(Sql(text)) for kind, text in queries.items()}
    tables: dict[str, _Table] = {}
    for row in rows["columns"]:
        kind = re.sub(r"^[a-z ]+", lambda m: m[0].upper(), row["type"])
        tables.setdefault(row["t"], _Table()).columns[row["name"]] = kind, bool(row["filled"])
    for row in rows["indexes"]:
        where = row["filter"] or ""
        where = where.partition(" WHERE ")[2] if db.dialect == "sqlite" else where
        tables[row["t"]].indexes[row["name"]] = bool(row["uniq"]), row["columns"] or "", _bare(where)
    for row in rows["keys"]:
        tables[row["t"]].keys[row["name"]] = row["target"]
    for row in rows["checks"]:
        names = re.findall(r'CONSTRAINT "([^"]+)" CHECK', row["name"]) if db.dialect == "sqlite" else [row["name"]]
        tables[row["t"]].checks.update(names)
    return tables


def _bare(condition: str) -> str:
    """A condition as both databases would agree on it: PostgreSQL adds brackets."""
    return re.sub(r'[()";\s]+', " ", condition).strip().lower()
