"""How an upsert finds the record that it means: by id, by external id, by what is unique, by a handle of its parts.

A match says which keys a new record would have, and looks for the records that have one of many keys: one statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crmcore.kit.sql import Sql, ident, join, value
from crmcore.kit.text import fold as folded
from crmcore.kit.text import snake
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Column, Uuid
from crmcore.platform.record import Draft, Handle, Record
from crmcore.records.changes import Create
from crmcore.records.drafting import fold
from crmcore.records.external import ExternalRef
from crmcore.records.graph import Key
from crmcore.records.rows import TENANT, Life, Run, keyed, keys_value, of_tenant, statement, visible
from crmcore.records.shape import shape_of
from crmcore.records.values import accept

MatchKey = tuple[Any, ...]
_ID = Uuid()


@dataclass(frozen=True, slots=True)
class Found:
    """A record that has the key. `seen` is whether the caller may see it."""

    id: UUID
    seen: bool


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """One way to find records of `model`, called `name`; `said` describes it, `path` is the input that it looks at.

    keys     the keys that a new record would have; ValueError for a value that its column cannot take
    columns  what is compared with a key: columns of the record, or of `via`, whose column `key` names the record
    only     a column of `via`, and the values that it must have
    public   whether a record that the caller may not see stands in the way of a new one: what is unique does
    """

    name: str
    said: str
    model: type[Record]
    path: str
    keys: Callable[[Create], Iterable[MatchKey]]
    columns: tuple[str, ...]
    via: type[Record] | None = None
    key: str = ""
    only: tuple[str, tuple[str, ...]] | None = None
    public: bool = True

    @property
    def types(self) -> list[Column]:
        """The types of the columns."""
        return [shape_of(self.via or self.model).columns[column] for column in self.columns]


async def find(
    ctx: Context, tx: Transaction, match: Match, keys: Collection[MatchKey], life: Life = "living"
) -> dict[MatchKey, list[Found]]:
    """The living or the deleted records that have one of the keys, by key. Of deleted ones, those the caller sees."""
    if not keys:
        return {}
    types = match.types
    text = statement(ctx, ("match", match.model, match.name, life), lambda: _look(ctx, match, life))
    rows = await tx.fetch(text, Run(ctx, {"keys": keys_value(types, keys, tx.dialect)}))
    found: defaultdict[MatchKey, list[Found]] = defaultdict(list)
    for row in rows:
        key = tuple(column.from_driver(row[f"c{place}"]) for place, column in enumerate(types))
        record = Found(_ID.from_driver(row["id"]), bool(row["seen"]))
        if record not in found[key]:
            found[key].append(record)
    return found


def _look(ctx: Context, match: Match, life: Life) -> Sql:
    at, dialect = "p" if match.via else "t", ctx.db.dialect
    names = [f"{at}.{ident(column)}" for column in match.columns]
    listed = ", ".join(f"{name} AS c{place}" for place, name in enumerate(names))
    seen = visible(ctx, match.model, life)
    parts: list[Any] = [
        f"SELECT t.id, {listed}, CASE WHEN ", seen, " THEN 1 ELSE 0 END AS seen",
        f" FROM {ident(match.model._meta.db_table)} AS t",
    ]  # fmt: skip
    if match.via:
        alive = "p.deleted_at IS NULL" if life == "living" else "p.deletion_id = t.deletion_id"
        joined = f" JOIN {ident(match.via._meta.db_table)} AS p ON p.{ident(match.key)} = t.id AND {alive}"
        parts += [joined, " AND p.tenant_id = ", TENANT]
        if match.only:
            kinds = join(", ", [value(kind) for kind in match.only[1]])
            parts += [f" AND p.{ident(match.only[0])} IN (", kinds, ")"]
    parts += [" WHERE ", of_tenant(life), f" AND ({', '.join(names)}) IN ", keyed(match.types, dialect)]
    if life == "deleted":
        parts.append(" AND t.deletion_id IS NOT NULL")  # as the index of deleted rows says it
    if life == "deleted" or not match.public:
        parts += [" AND ", seen]
    return Sql(*parts)


def matches_of(model: type[Record], naming: Iterable[Key]) -> dict[str, Match]:
    """All matches of a record, by name. `naming` are the foreign keys that name it."""
    found = [_by_id(model), _by_external_ref(model)]
    for unique in model.special.unique:
        if len(unique.columns) == 1 and not unique.where and unique.columns[0] not in shape_of(model).keys:
            found.append(_by_column(model, unique.columns[0]))
    for key in naming:
        special = key.model.special
        if key.column in special.finds and key.on_delete == "CASCADE":
            found += [_by_handle(model, key, handle) for handle in special.handles]
    return {match.name: match for match in found}


def _by_id(model: type[Record]) -> Match:
    return Match("ID", "Its id.", model, "id", lambda new: [(new.id,)] if new.id else (), ("id",))


def _by_external_ref(model: type[Record]) -> Match:
    only = ("record_type", (shape_of(model).table,))
    return Match(
        "EXTERNAL_REF", "One of its ids in other systems.", model, "externalRefs",
        lambda new: new.external_refs, ("system", "external_id"), ExternalRef, "record_id", only,
    )  # fmt: skip


def _by_column(model: type[Record], column: str) -> Match:
    shape = shape_of(model)
    source = shape.folded.get(column, column)
    name = shape.api_name(column)

    def keys(new: Create) -> Iterable[MatchKey]:
        given = accept(source, shape.columns[source], new.values.get(source))
        if given is not None:
            yield (folded(given) if source != column else given,)

    return Match(snake(name).upper(), f"Its {name}, which is unique.", model, name, keys, (column,))


def _by_handle(model: type[Record], key: Key, handle: Handle) -> Match:
    def keys(new: Create) -> Iterable[MatchKey]:
        for part in new.parts:
            if part.change.model is key.model and part.column == key.column and isinstance(part.change, Create):
                row = as_made(part.change, {})
                if row[handle.kind] in handle.kinds and row[handle.column] is not None:
                    yield (row[handle.column],)

    return Match(
        handle.name, handle.said, model, "", keys, (handle.column,), key.model, key.column,
        (handle.kind, handle.kinds), public=False,
    )  # fmt: skip


def as_made(new: Create, tied: dict[str, Any]) -> dict[str, Any]:
    """The row that a new record would have, as far as its own rules know. ValueError for a value that does not fit."""
    shape = shape_of(new.model)
    row = shape.new_row()
    row |= {column: accept(column, shape.own[column], given) for column, given in new.values.items()} | tied
    draft = Draft("create", new.model, new.id or UUID(int=0), None, row)
    for rule in new.model.special.rules:
        _exhaust(rule(draft))
    fold(draft, shape)
    return row


def _exhaust(refusals: Iterable[Any]) -> None:
    """Let a rule run to its end: what it refuses is said when the record is drafted in earnest."""
    it: Iterator[Any] = iter(refusals)
    for _ in it:
        pass


__all__ = ["Found", "Match", "MatchKey", "as_made", "find", "matches_of"]
