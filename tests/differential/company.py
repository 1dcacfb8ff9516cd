"""A small, nasty company: every kind of record with random values, put into the tables beside the write engine.

So rows may be what no command would leave behind: names that differ in case or accents only, ties and gaps everywhere,
parents that are deleted, rows of another tenant that name ours. The same seed gives the same company on every database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final
from uuid import UUID

from crmcore.kit.sql import Sql, ident, join, value
from crmcore.kit.text import fold
from crmcore.platform.access import ActorKind
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Column, Folded
from crmcore.platform.record import Record
from crmcore.platform.tables import columns_of, foreign_keys
from crmcore.records import RecordGraph

Row = dict[str, Any]
Tables = Mapping[type[Record], Sequence[Row]]

WORDS: Final = (
    "Ärger",
    "arger",
    "ARGER",
    "straße",
    "STRASSE",
    "Zoe",
    "zoë",
    "",
    "a b",
    "大学",
    "Ω",
    "😀",
    "%_\\'\"",
    "ab",
    "abc",
)
ROWS: Final = 14
_LISTS: Final = {"allowed_next": [], "required_fields": ["amount"]}
_OF_A_PARTY: Final = ("address", "contact_point")
_START: Final = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)


def made(graph: RecordGraph, seed: int, tenants: Sequence[UUID]) -> dict[type[Record], list[Row]]:
    """Rows of all records, parents first, for all tenants; the first one has most."""
    random = Random(seed)
    tables: dict[type[Record], list[Row]] = {}
    for model in sorted(graph.tables.values(), key=lambda m: (m._meta.db_table == "external_ref", graph.rank(m))):
        rows = tables[model] = []
        for tenant in tenants:
            for number in range(ROWS if tenant == tenants[0] else 3):
                row = _row(random, model, tables, tenant, len(rows), number)
                if any(_same(unique.columns, row, other) for unique in model.special.unique for other in rows):
                    row["deleted_at"] = _instant(random)  # only the living must differ
                rows.append(row)
    return tables


def _same(columns: Sequence[str], row: Row, other: Row) -> bool:
    told = ["tenant_id", *columns]
    return other["deleted_at"] is None and all(row[c] is not None and row[c] == other[c] for c in told)


def _row(random: Random, model: type[Record], tables: Tables, tenant: UUID, serial: int, number: int) -> Row:
    keys = foreign_keys(model)
    row: Row = {}
    for name in columns_of(model):
        column: Any = model._meta.fields_db_projection_reverse[name]
        field: Any = model._meta.fields_map[column]
        if name in keys:
            either = name == "contact_id" and row.get("customer_id") is None and model._meta.db_table in _OF_A_PARTY
            row[name] = _named(random, tables.get(keys[name], ()), tenant, bool(field.null) and not either)
        else:
            row[name] = _value(random, name, field, serial)
    row |= {
        "id": UUID(int=random.getrandbits(128), version=4), "tenant_id": tenant, "version": random.randint(1, 3),
        "created_at": _instant(random), "updated_at": _instant(random), "deletion_id": None,
        "created_by_kind": random.choice(list(ActorKind)), "updated_by_kind": ActorKind.SYSTEM,
        "deleted_at": _instant(random) if random.random() < 0.15 else None,
    }  # fmt: skip
    for name, field in model._meta.fields_map.items():
        if isinstance(field, Folded):
            row[name] = None if row[field.of] is None else fold(row[field.of])
    _keep_constraints(model, row, serial)
    if model._meta.db_table == "external_ref":
        other = random.choice([m for m in tables if m is not model])
        known = random.choice(tables[other])
        row |= {
            "record_type": other._meta.db_table,
            "record_id": known["id"],
            "system": "erp",
            "external_id": str(serial),
        }
    return row


def _named(random: Random, parents: Sequence[Row], tenant: UUID, nullable: bool) -> UUID | None:
    """A parent of the tenant, rarely one of another: a row must never show what is not its tenant's."""
    own = [p for p in parents if p["tenant_id"] == tenant or random.random() < 0.03]
    if not own or (nullable and random.random() < 0.3):
        return None
    found: UUID = random.choice(own)["id"]
    return found


def _value(random: Random, name: str, field: Any, serial: int) -> Any:
    kind = field.kind
    if field.null and random.random() < 0.4 and not name.endswith("currency"):
        return None
    if name.endswith("currency"):
        return random.choice(["EUR", "USD", "JPY"])
    if kind == "text":
        return random.choice(WORDS)[: field.max_length]
    if kind == "choice":
        return random.choice(list(field.enum))
    if kind == "choices":
        return random.sample(list(field.enum), random.randint(0, 3))
    if kind == "json":
        if name in _LISTS:
            return list(_LISTS[name])
        return None if field.null else []
    if kind == "int":
        return random.choice([0, 1, 2, 3, 10, -5, 2**31 - 1])
    if kind == "decimal":
        return Decimal(random.choice(["0", "0.0001", "-2.5", "12.5", "100", "99999999.9999", "33.3333"]))
    if kind == "bool":
        return random.random() < 0.5
    if kind == "datetime":
        return _instant(random)
    if kind == "date":
        return date(2026, 1, 31) + timedelta(days=random.choice([0, 0, 1, 28, 59, 180, -400]))
    if kind == "uuid":
        return UUID(int=random.getrandbits(128), version=4)
    return None


def _instant(random: Random) -> datetime:
    return _START + timedelta(
        hours=random.choice([0, 0, 1, 2, 3, 24, 24 * 40, 24 * 250]), microseconds=random.choice([0, 0, 1])
    )


def _keep_constraints(model: type[Record], row: Row, serial: int) -> None:
    """What the database itself insists on: one party, and unique values."""
    if {"customer_id", "contact_id"} <= row.keys() and model._meta.db_table in _OF_A_PARTY:
        row["contact_id" if row["customer_id"] is not None else "customer_id"] = None
    for unique in model.special.unique:
        column = unique.columns[-1]
        if unique.where:
            row[unique.where] = False
        elif isinstance(row.get(column), str):
            folded: Any = model._meta.fields_map[column]
            source = folded.of if isinstance(folded, Folded) else column
            row[source] = f"{row[source] or ''} {serial}"
            row[column] = fold(row[source]) if source != column else row[source]
        elif isinstance(row.get(column), int):
            row[column] = serial


async def insert(tx: Transaction, tables: Tables) -> None:
    """Put the rows where they belong."""
    for model, rows in tables.items():
        names = columns_of(model)
        fields: Any = model._meta.fields_map
        columns: Mapping[str, Column] = {n: fields[model._meta.fields_db_projection_reverse[n]] for n in names}
        head = f"INSERT INTO {ident(model._meta.db_table)} ({', '.join(map(ident, names))}) VALUES "
        for row in rows:
            values = [value(columns[n].to_driver(row[n], tx.dialect)) for n in names]
            await tx.execute(Sql(head, "(", join(", ", values), ")"))
