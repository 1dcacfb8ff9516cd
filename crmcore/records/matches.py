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
from crmcore.kit.text import blank, snake
from crmcore.kit.text import fold as folded
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Column, Uuid
from crmcore.platform.record import Draft, Handle, Record
from crmcore.records.changes import Create
from crmcore.records.drafting import fold
from crmcore.records.external import ExternalRef
from crmcore.records.graph import Key
from crmcore.records.rows import Life, Run, among, ids_value, keyed, keys_value, of_tenant, statement, visible
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
    """The living or the deleted records that have one of the keys, by key. Of deleted ones, those the caller sees.

    Parts are looked up alone, and their records by id then: no planner can mistake that for a join of two tables.
    """
    found: defaultdict[MatchKey, list[Found]] = defaultdict(list)
    if not keys:
        return found
    types = match.types
    text = statement(ctx, ("match", match.model, match.name, life), lambda: _having(ctx, match, life))
    hits = await tx.fetch(text, Run(ctx, {"keys": keys_value(types, keys, tx.dialect)}))
    seen = await _seen(ctx, tx, match.model, {_ID.from_driver(hit["id"]) for hit in hits}, life)
    for hit in hits:
        key = tuple(column.from_driver(hit[f"c{place}"]) for place, column in enumerate(types))
        record, deletion = _ID.from_driver(hit["id"]), _ID.from_driver(hit["deletion_id"])
        if record not in seen or seen[record].deletion != deletion:
            continue  # a part that was deleted by itself does not tell its record apart any more
        if seen[record].shown or (match.public and life == "living"):
            found[key].append(Found(record, seen[record].shown))
    return found


def _having(ctx: Context, match: Match, life: Life) -> Sql:
    """The rows that have one of the keys, each with its record."""
    whole = f"t.{ident(match.key)} AS id" if match.via else "t.id"
    named = [f"t.{ident(column)}" for column in match.columns]
    told = ", ".join([whole, "t.deletion_id", *(f"{name} AS c{place}" for place, name in enumerate(named))])
    gone = " AND t.deletion_id IS NOT NULL" if life == "deleted" else ""  # as the index of deleted rows says it
    kinds = Sql()
    if match.only:
        kinds = Sql(f" AND t.{ident(match.only[0])} IN (", join(", ", map(value, match.only[1])), ")")
    return Sql(
        f"SELECT {told} FROM {ident((match.via or match.model)._meta.db_table)} AS t WHERE ", of_tenant(life), gone,
        kinds, f" AND ({', '.join(named)}) IN ", keyed(match.types, ctx.db.dialect),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Seen:
    """A record that was looked up by its id: its deletion, and whether the caller may see it."""

    deletion: UUID | None
    shown: bool


async def _seen(ctx: Context, tx: Transaction, model: type[Record], ids: set[UUID], life: Life) -> dict[UUID, _Seen]:
    if not ids:
        return {}

    def make() -> Sql:
        shown = Sql("CASE WHEN ", visible(ctx, model, life), " THEN 1 ELSE 0 END AS shown")
        told = Sql("SELECT t.id, t.deletion_id, ", shown, f" FROM {ident(model._meta.db_table)} AS t WHERE ")
        return Sql(told, of_tenant(life), " AND ", among("t.id", "ids", tx.dialect))

    text = statement(ctx, ("match seen", model, life), make)
    rows = await tx.fetch(text, Run(ctx, {"ids": ids_value(ids, tx.dialect)}))
    return {_ID.from_driver(r["id"]): _Seen(_ID.from_driver(r["deletion_id"]), bool(r["shown"])) for r in rows}


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
    table = shape_of(model).table
    return Match(
        "EXTERNAL_REF", "One of its ids in other systems.", model, "externalRefs",
        lambda new: [(system, table, external) for system, external in new.external_refs],
        ("system", "record_type", "external_id"), ExternalRef, "record_id",
    )  # fmt: skip


def _by_column(model: type[Record], column: str) -> Match:
    shape = shape_of(model)
    source = shape.folded.get(column, column)
    name = shape.api_name(column)

    def keys(new: Create) -> Iterable[MatchKey]:
        given = accept(source, shape.columns[source], new.values.get(source))
        if not blank(given):
            yield (folded(given) if source != column else given,)

    return Match(snake(name).upper(), f"Its {name}, which is unique.", model, name, keys, (column,))


def _by_handle(model: type[Record], key: Key, handle: Handle) -> Match:
    def keys(new: Create) -> Iterable[MatchKey]:
        for part in new.parts:
            if part.change.model is key.model and part.column == key.column and isinstance(part.change, Create):
                row = as_made(part.change, {})
                if row[handle.kind] in handle.kinds and not blank(row[handle.column]):
                    yield (row[handle.column],)

    return Match(
        handle.name, handle.said, model, "", keys, (handle.column,), key.model, key.column,
        (handle.kind, handle.kinds), public=False,
    )  # fmt: skip


def as_made(new: Create, tied: dict[str, Any]) -> dict[str, Any]:
    """The row that a new record would have, as far as its own rules know. ValueError for a value that does not fit."""
    shape = shape_of(new.model)
    row = shape.new_row()
    row |= {c: shape.kept(c, accept(c, shape.own[c], given)) for c, given in new.values.items()} | tied
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
