"""The rows that name merged records: every foreign key of any record, a plugin's too, and every pair of columns
`record_type` and `record_id`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crmcore.kit.sql import Sql, ident, join
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Record
from crmcore.records.external import ExternalRef
from crmcore.records.merging.choosing import POINTER
from crmcore.records.merging.models import MergeRecord
from crmcore.records.rows import TENANT, Row, Run, among, ids_value, statement
from crmcore.records.shape import shape_of

LOOSE = ("record_type", "record_id")
"""A pair of columns that names a record of any kind."""


@dataclass(frozen=True, slots=True)
class Naming:
    """A kind of record, and its columns that name records of the kind that is merged. `loose` is a pair's."""

    model: type[Record]
    columns: tuple[str, ...]
    loose: bool = False

    @property
    def table(self) -> str:
        return shape_of(self.model).table


def namings(ctx: Context, model: type[Record]) -> Iterator[Naming]:
    """Everything that names records of this kind, parents first. What is kept of earlier merges stays as it is, but for
    the pointers of merged records: they lead to whoever lives."""
    by_model: dict[type[Record], list[str]] = {}
    for key in ctx.graph.naming(model):
        by_model.setdefault(key.model, []).append(key.column)
    for other in sorted(ctx.graph.tables.values(), key=ctx.graph.rank):
        if other in by_model:
            yield Naming(other, tuple(by_model[other]))
        if other is not MergeRecord and set(LOOSE) <= shape_of(other).columns.keys():
            yield Naming(other, ("record_id",), loose=True)


def names_itself(model: type[Record]) -> list[str]:
    """The columns by which records of the kind stand in trees of their own kind."""
    return [column for column, key in shape_of(model).keys.items() if key.target is model and column != POINTER]


async def rows_naming(
    ctx: Context, tx: Transaction, naming: Naming, target: str, ids: Iterable[UUID], *, deleted: bool
) -> list[Row]:
    """The tenant's rows, whoever asks, that name one of these records of the table `target`, in the order of their ids
    and locked. Living ones are whole; of deleted ones only the id and the naming columns are there."""
    shape = shape_of(naming.model)
    taken = ("id", *naming.columns) if deleted else tuple(shape.columns)

    def make() -> Sql:
        listed = ", ".join(f"t.{ident(c)}" for c in taken)
        named = join(" OR ", [among(f"t.{ident(c)}", "ids", tx.dialect) for c in naming.columns])
        pair = f" AND t.record_type = '{target}'" if naming.loose else ""
        lock = " FOR NO KEY UPDATE OF t" if tx.dialect == "postgres" else ""
        return Sql(
            f"SELECT {listed} FROM {ident(shape.table)} AS t WHERE t.tenant_id = ", TENANT,
            f" AND t.deleted_at IS {'NOT ' if deleted else ''}NULL AND (", named, f"){pair} ORDER BY t.id{lock}",
        )  # fmt: skip

    text = statement(ctx, ("naming", naming, target, deleted), make)
    return read(naming.model, taken, await tx.fetch(text, Run(ctx, {"ids": ids_value(ids, tx.dialect)})))


def read(model: type[Record], columns: Sequence[str], rows: Iterable[Any]) -> list[Row]:
    """What the driver returned, as Python values."""
    known = shape_of(model).columns
    return [{c: known[c].from_driver(row[c]) for c in columns} for row in rows]


def is_told(naming: Naming) -> bool:
    """Whether a change of such a row is a fact of its own. External references are told with whom they name."""
    return naming.model is not ExternalRef
