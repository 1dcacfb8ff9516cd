"""What somebody would write by hand to bring one known file in: COPY or executemany, the same rows as the product's.

A customer with an email address and a phone number for each line, what they are called elsewhere, an event for each
record, and the words by which the customer is found. The words and normal forms are the product's own: they are its
format. Nothing is checked.
"""

from __future__ import annotations

import asyncio
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uuid_utils

from crmcore.kit.emails import normal_email
from crmcore.kit.phones import normal_phone
from crmcore.kit.text import fold
from crmcore.kit.words import words_of
from crmcore.platform.search import code_of, own_text
from crmcore.platform.sqlite import connect_file, file_of

CUSTOMER = ("id", "tenant_id", "version", "created_at", "created_by_kind", "updated_at", "updated_by_kind", "kind",
            "name", "name_folded", "roles", "industry", "lifecycle_stage", "is_key_account")  # fmt: skip
POINT = ("id", "tenant_id", "version", "created_at", "created_by_kind", "updated_at", "updated_by_kind", "customer_id",
         "type", "value", "normalized", "is_primary", "status")  # fmt: skip
REF = ("id", "tenant_id", "version", "created_at", "created_by_kind", "updated_at", "updated_by_kind", "system",
       "external_id", "record_type", "record_id")  # fmt: skip
EVENT = ("id", "tenant_id", "type", "record_type", "record_id", "after", "changed_fields", "actor_kind", "cause", "at")
ENTRY = ("tenant_id", "record_type", "record_id", "own", "words", "parts")

TABLES = {"customer": CUSTOMER, "contact_point": POINT, "external_ref": REF, "event": EVENT, "search_entry": ENTRY}
Tables = dict[str, list[tuple[Any, ...]]]
PIECE = 10_000


def new_id() -> str:
    return str(uuid_utils.uuid7())


class Maker:
    """Makes the rows of a line, in the order of the tables' columns."""

    def __init__(self, tenant: str, at: Any) -> None:
        self.tenant, self.at = tenant, at
        self.stamp = (tenant, 1, at, "IMPORT", at, "IMPORT")
        self.cause = new_id()
        self.code = code_of(UUID(tenant), "customer")
        self.roles = '["CUSTOMER"]'
        self.fields = {
            kind: orjson.dumps(names).decode()
            for kind, names in {
                "customer": ["kind", "name", "roles", "industry", "lifecycle_stage", "is_key_account", "external_refs"],
                "contact_point": ["customer_id", "type", "value", "normalized", "is_primary", "status",
                                  "external_refs"],
            }.items()
        }  # fmt: skip

    def line(self, row: dict[str, str], into: Tables) -> None:
        key, name, industry = row["number"], row["company"], row["industry"]
        own = new_id()
        into["customer"].append(
            (own, *self.stamp, "ORGANIZATION", name, fold(name), self.roles, industry, "PROSPECT", False)
        )
        self._beside(into, "customer", own, key, {
            "kind": "ORGANIZATION", "name": name, "roles": ["CUSTOMER"], "industry": industry,
            "lifecycle_stage": "PROSPECT", "is_key_account": False,
        })  # fmt: skip
        parts = {}
        for kind, value, normal in (
            ("EMAIL", row["email"], normal_email(row["email"])), ("PHONE", row["phone"], normal_phone(row["phone"])),
        ):  # fmt: skip
            point = new_id()
            into["contact_point"].append((point, *self.stamp, own, kind, value, normal, False, "UNVERIFIED"))
            self._beside(into, "contact_point", point, f"{key}:{kind.lower()}", {
                "customer_id": own, "type": kind, "value": value, "normalized": normal, "is_primary": False,
                "status": "UNVERIFIED",
            })  # fmt: skip
            parts[point] = self._words([normal])
        held = orjson.dumps(parts).decode()
        into["search_entry"].append((self.tenant, "customer", own, own_text([name]), self._words([name]), held))

    def _beside(self, into: Tables, table: str, record: str, key: str, told: dict[str, Any]) -> None:
        into["external_ref"].append((new_id(), *self.stamp, "erp", key, table, record))
        after = {"version": 1, **told, "external_refs": [{"system": "erp", "externalId": key}]}
        into["event"].append((
            new_id(), self.tenant, f"{table}.created", table, record, orjson.dumps(after).decode(), self.fields[table],
            "IMPORT", self.cause, self.at,
        ))  # fmt: skip

    def _words(self, texts: Sequence[str]) -> str:
        return " ".join(self.code + word for word in words_of(texts))


def pieces(file: Path, maker: Maker) -> Iterator[Tables]:
    """The rows of the whole file, so many lines at a time."""
    with file.open(newline="", encoding="utf-8") as text:
        into: Tables = {table: [] for table in TABLES}
        for number, row in enumerate(csv.DictReader(text), 1):
            maker.line(row, into)
            if number % PIECE == 0:
                yield into
                into = {table: [] for table in TABLES}
        yield into


async def postgres(url: str, file: Path) -> None:
    connection = await asyncpg.connect(url)
    try:
        tenant = str(await connection.fetchval("SELECT id FROM tenant ORDER BY id LIMIT 1"))
        async with connection.transaction():
            for tables in pieces(file, Maker(tenant, datetime.now(UTC))):
                for table, rows in tables.items():
                    await connection.copy_records_to_table(table, columns=TABLES[table], records=rows)
    finally:
        await connection.close()


def sqlite(path: Path, file: Path) -> None:
    connection = connect_file(path)
    try:
        [tenant] = connection.execute("SELECT id FROM tenant ORDER BY id LIMIT 1").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        for tables in pieces(file, Maker(tenant, datetime.now(UTC).isoformat(timespec="microseconds"))):
            for table, rows in tables.items():
                connection.executemany(_insert(table, TABLES[table]), rows)
        connection.execute("COMMIT")
    finally:
        connection.close()


def _insert(table: str, columns: Iterable[str]) -> str:
    listed = list(columns)
    return f"INSERT INTO {table} ({', '.join(listed)}) VALUES ({', '.join('?' for _ in listed)})"


def main(url: str, file: str) -> None:
    if url.startswith("sqlite:"):
        sqlite(file_of(url), Path(file))
    else:
        asyncio.run(postgres(url, Path(file)))


if __name__ == "__main__":
    main(*sys.argv[1:])
