"""What the database already knows of a chunk of rows: records by their id elsewhere, and by a text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from uuid import UUID

import orjson

from crmcore.importing.binding import BY_ID, BY_LINE, Lookup
from crmcore.importing.parsing import LookupKey, RefKey
from crmcore.kit.sql import Sql, ident, value
from crmcore.kit.text import fold
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Uuid
from crmcore.records import Record, find_by_external, select
from crmcore.records.rows import Run, visible

MANY: Final = "more than one"
"""A text that more than one living record has."""

_uuid = Uuid()


class Finder:
    """Set-based reads of one import, remembered: one statement per kind of record for a whole chunk."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.ids: dict[RefKey, UUID] = {}
        self.looked: dict[LookupKey, UUID | str] = {}
        self.many: set[RefKey] = set()

    async def refs(self, tx: Transaction, keys: Iterable[tuple[RefKey, type[Record]]]) -> None:
        """Learn the ids of these living records, as far as they are known."""
        groups: dict[tuple[type[Record], str, str], set[str]] = defaultdict(set)
        for key, model in keys:
            if key not in self.ids:
                groups[model, key[0], key[1]].add(key[2])
        for (model, table, system), texts in groups.items():
            if system == BY_LINE:
                continue
            if system == BY_ID:
                rows = await select(self.ctx, tx, model, ("id",), map(UUID, texts), take=("id",))
                found = {str(row["id"]): row["id"] for row in rows}
            elif system.startswith("\x00"):
                found = await self._by_column(tx, model, system[1:], texts)
                self.many.update((table, system, text) for text, record in found.items() if record is None)
            else:
                found = await find_by_external(self.ctx, model, system, texts, tx=tx)
            self.ids.update(((table, system, text), record) for text, record in found.items() if record is not None)

    async def _by_column(
        self, tx: Transaction, model: type[Record], column: str, texts: Iterable[str]
    ) -> dict[str, UUID | None]:
        """The living records that the caller sees with these texts in a column; None where there are several."""
        tree = Sql(
            "SELECT t.id, t.", ident(column), " AS said FROM ", ident(model._meta.db_table), " t WHERE ",
            visible(self.ctx, model), " AND t.", ident(column), " IN ", _list(tx, texts),
        )  # fmt: skip
        found: dict[str, UUID | None] = {}
        for row in await tx.fetch(tree, Run(self.ctx)):
            said = str(row["said"])
            found[said] = None if said in found else UUID(str(row["id"]))
        return found

    async def lookups(self, tx: Transaction, keys: Iterable[LookupKey]) -> None:
        """Find these records by their texts."""
        groups: dict[Lookup, list[LookupKey]] = defaultdict(list)
        for key in keys:
            if key not in self.looked:
                groups[key.lookup].append(key)
        for lookup, wanted in groups.items():
            column = ident(lookup.column)
            tree = Sql(
                "SELECT t.id, t.",
                column,
                " AS said FROM ",
                ident(lookup.target._meta.db_table),
                " t WHERE ",
                self._tenant(tx, "t."),
                " AND t.deleted_at IS NULL AND t.",
                column,
                " IN ",
                _list(tx, {key.compared for key in wanted}),
                *self._within(tx, lookup),
            )
            found: dict[str, UUID | str] = {}
            for row in await tx.fetch(tree):
                said = str(row["said"])
                found[said] = MANY if said in found else UUID(str(row["id"]))
            self.looked.update((key, found[key.compared]) for key in wanted if key.compared in found)

    def _tenant(self, tx: Transaction, alias: str = "") -> Sql:
        return Sql(alias, "tenant_id = ", value(_uuid.to_driver(self.ctx.tenant_id, tx.dialect)))

    def _within(self, tx: Transaction, lookup: Lookup) -> list[Sql]:
        return [
            Sql(
                " AND t.",
                ident(column),
                " IN (SELECT w.id FROM ",
                ident(outer._meta.db_table),
                " w WHERE ",
                self._tenant(tx, "w."),
                " AND w.deleted_at IS NULL AND w.",
                ident(_name_column(outer)),
                " = ",
                value(fold(name) if _name_column(outer) == "name_folded" else name),
                ")",
            )
            for column, outer, name in lookup.within
        ]


def _name_column(model: type[Record]) -> str:
    return "name_folded" if "name_folded" in model._meta.fields_map else "name"


def _list(tx: Transaction, texts: Iterable[str]) -> Sql:
    """The texts as one bound list."""
    bound = value(orjson.dumps(sorted(texts)).decode())
    if tx.dialect == "sqlite":
        return Sql("(SELECT value FROM json_each(", bound, "))")
    return Sql("(SELECT json_array_elements_text(", bound, "::json))")
