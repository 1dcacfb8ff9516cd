"""What a merge did, row by row: written down so that it can be undone, counted so that it can be told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Uuid
from crmcore.platform.record import Record
from crmcore.records.merging.models import MergedRow, RowFate
from crmcore.records.merging.naming import read
from crmcore.records.rows import TENANT, Row, Run, insert
from crmcore.records.shape import shape_of

_MODEL = cast("type[Record]", MergedRow)
_UUID = Uuid()


@dataclass(frozen=True, slots=True)
class RelationOutcome:
    """What became of the rows of one table that name merged records in one column (or custom field's slot). `stayed`
    counts, for an undoing, those that somebody changed since."""

    record_type: str
    field: str
    moved: int = 0
    set_aside: int = 0
    stayed: int = 0


@dataclass(slots=True)
class Trail:
    """The rows of one merge, as they are written down."""

    tenant_id: UUID
    merge_id: UUID
    rows: list[Row] = field(default_factory=list)

    def add(self, table: str, key: UUID, fate: RowFate, name: str | None, from_id: UUID | None) -> None:
        """Something was done to a row."""
        own = {"id": new_id(), "tenant_id": self.tenant_id, "merge_id": self.merge_id}
        self.rows.append(
            {**own, "record_type": table, "record_id": key, "fate": fate, "field": name, "from_id": from_id}
        )

    def relations(self) -> list[RelationOutcome]:
        """The rows by table and field. What was set aside or lost its mark counts apart from what moved."""
        moved, aside = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for row in self.rows:
            counter = moved if row["fate"] in (RowFate.MOVED, RowFate.VALUE) else aside
            counter[row["record_type"], row["field"] or ""] += 1
        return [RelationOutcome(*key, moved[key], aside[key]) for key in sorted({*moved, *aside})]

    async def write(self, ctx: Context, tx: Transaction) -> None:
        """Keep it: one statement."""
        if self.rows:
            await insert(ctx, tx, _MODEL, self.rows)


async def read_trail(ctx: Context, tx: Transaction, merge_id: UUID) -> list[Row]:
    """The rows of a merge, in the order in which they were written down."""
    columns: Sequence[str] = tuple(shape_of(_MODEL).columns)
    listed = ", ".join(f't."{c}"' for c in columns)
    found: list[Any] = await tx.fetch(
        Sql(
            f"SELECT {listed} FROM merged_row AS t WHERE t.tenant_id = ", TENANT, " AND t.merge_id = ",
            value(_UUID.to_driver(merge_id, tx.dialect), "uuid"), " ORDER BY t.record_type, t.id",
        ),
        Run(ctx),
    )  # fmt: skip
    return read(_MODEL, columns, found)
