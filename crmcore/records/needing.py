"""Who stands against a deletion: the living records that stay and cannot do without what is to go."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson

from crmcore.kit.sql import Dialect, Sql, ident, join
from crmcore.platform.record import Draft, Record
from crmcore.records.graph import Key, keys_of
from crmcore.records.rows import Run, among, given, ids_value, of_tenant, statement
from crmcore.records.shape import shape_of
from crmcore.records.step import Step

Deleted = Mapping[type[Record], Mapping[UUID, Draft]]


async def needing(step: Step, keys: Sequence[Key], deleted: Deleted) -> Iterator[tuple[str, int, int]]:
    """Table, root of the deletion, and how many rows of the table need that root or its parts. One statement.

    A row counts once, by however many of `keys` it names whatever goes; not at all if it is a part of one that counts.
    """
    dialect = step.tx.dialect
    values: dict[str, Any] = {}
    for key in keys:
        values |= _roots_value(shape_of(key.target).table, deleted[key.target], dialect)
        values[f"but {shape_of(key.model).table}"] = ids_value(deleted.get(key.model, {}), dialect)
    names = tuple((shape_of(k.model).table, k.column) for k in keys)
    found = await step.tx.fetch(
        statement(step.ctx, ("needed", *names), lambda: _counts(keys, dialect)), Run(step.ctx, values)
    )
    models = _models(keys)
    return ((shape_of(models[row["place"]]).table, int(row["root"]), int(row["number"])) for row in found)


def _models(keys: Sequence[Key]) -> list[type[Record]]:
    return list(dict.fromkeys(key.model for key in keys))


def _counts(keys: Sequence[Key], dialect: Dialect) -> Sql:
    models = _models(keys)
    named = join(" UNION ", [_named(models.index(key.model), key, dialect) for key in keys])
    parts = [Sql(f" AND NOT {_part(models, key)}") for model in models for key in keys_of(model) if _holds(models, key)]
    return Sql(
        "WITH named (place, root, id) AS (", named,
        ") SELECT n.place, n.root, count(*) AS number FROM named AS n WHERE 1 = 1", *parts, " GROUP BY n.place, n.root",
    )  # fmt: skip


def _named(place: int, key: Key, dialect: Dialect) -> Sql:
    """The rows that name a deleted one by this key, each with the root that it stands against."""
    table, target = shape_of(key.model).table, shape_of(key.target).table
    return Sql(
        f"SELECT {place}, r.root, t.id FROM {ident(table)} AS t JOIN ", _roots(target, dialect),
        f" ON r.id = t.{ident(key.column)} WHERE ", of_tenant(),
        " AND NOT (", among("t.id", f"but {table}", dialect), ")",
    )  # fmt: skip


def _holds(models: Sequence[type[Record]], key: Key) -> bool:
    return key.on_delete == "CASCADE" and key.target in models and key.target is not key.model


def _part(models: Sequence[type[Record]], key: Key) -> str:
    """Whether the row is a part, by this key, of one that counts against the same root."""
    return (
        f"(n.place = {models.index(key.model)} AND EXISTS (SELECT 1 FROM {ident(shape_of(key.model).table)} AS t "
        f"JOIN named AS w ON w.id = t.{ident(key.column)} "
        f"WHERE t.id = n.id AND w.root = n.root AND w.place = {models.index(key.target)}))"
    )


def _roots(table: str, dialect: Dialect) -> Sql:
    """The deleted rows of a table as `r`: `id`, and `root`, the place of the change that deletes them."""
    if dialect == "postgres":
        ids, roots = given(f"to {table}", "uuid[]"), given(f"roots {table}", "int[]")
        return Sql("unnest(", ids, ", ", roots, ") AS r(id, root)")
    return Sql("(SELECT key AS id, value AS root FROM json_each(", given(f"to {table}"), ")) AS r")


def _roots_value(table: str, drafts: Mapping[UUID, Draft], dialect: Dialect) -> dict[str, Any]:
    ordered = sorted(drafts)
    roots = [drafts[i].index for i in ordered]
    if dialect == "postgres":
        return {f"to {table}": ordered, f"roots {table}": roots}
    pairs = {str(i): root for i, root in zip(ordered, roots, strict=True)}
    return {f"to {table}": orjson.dumps(pairs).decode()}
