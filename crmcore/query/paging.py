"""Order and pages: `orderBy`, `first`/`after`, `last`/`before`, and the keyset conditions that cursors become.

The id is always the last key, in the direction of the key before it, so every order is total. Nulls sort last unless
`nulls` says otherwise. A page asks for rows beyond the cursor's sort values; there is no OFFSET.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from crmcore.kit.sql import EMPTY, Sql, ident
from crmcore.query.arguments import Argument
from crmcore.query.scope import Scope, Table
from crmcore.query.values import Value, Values
from crmcore.query.vocabulary import hops, one_step, orderable


@dataclass(frozen=True, slots=True)
class Key:
    """A sort key: a value of the page's rows, called `ref` where they are filtered and sorted. `name` identifies it in
    the order's signature."""

    name: str
    value: Value
    ref: str
    nullable: bool
    descending: bool = False
    nulls_first: bool = False

    def sql(self, reverse: bool, ref: str = "") -> str:
        """The key in ORDER BY; `ref` is another name of its expression."""
        direction = " DESC" if self.descending is not reverse else ""
        if not self.nullable:
            return (ref or self.ref) + direction
        return f"{ref or self.ref}{direction} NULLS {'FIRST' if self.nulls_first is not reverse else 'LAST'}"


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a table's rows. `joins` brings in what to-one paths need."""

    keys: Sequence[Key]
    joins: Sql
    signature: str
    """What tells this order from others."""
    fulfils: Sql = EMPTY
    """A condition that the joins see to."""

    def sql(self, reverse: bool, of_page: str = "") -> str:
        """ORDER BY, on the tables or on the columns in which a page `of_page` carries the keys."""
        refs = [f"{of_page}.{key_column(i)}" if of_page else key.ref for i, key in enumerate(self.keys)]
        return " ORDER BY " + ", ".join(key.sql(reverse, ref) for key, ref in zip(self.keys, refs))


@dataclass(frozen=True, slots=True)
class Page:
    """How many rows, from which end, beyond which cursor."""

    size: int
    backward: bool
    cursor: Argument | None


def page_of(scope: Scope, given: Mapping[str, Argument]) -> Page:
    """What `first`, `after`, `last` and `before` say. BadInput if they contradict each other or ask for too much."""
    names = [name for name in ("first", "after", "last", "before") if name in given]
    set_ = {name: given[name] for name in names if not given[name].is_null()}
    for one, other in (("first", "last"), ("first", "before"), ("last", "after"), ("after", "before")):
        if one in set_ and other in set_:
            raise set_[other].fail(f"cannot be used together with {one}: use first with after, or last with before.")
    backward = "last" in set_ or "before" in set_
    amount = set_.get("last" if backward else "first")
    size = scope.limits.page_default if amount is None else amount.exact()
    if amount is not None and not 0 <= size <= scope.limits.page_max:
        raise amount.fail(f"must be from 0 to {scope.limits.page_max}.")
    return Page(size, backward, set_.get("before" if backward else "after"))


def order_of(values: Values, table: Table, given: Argument | None) -> Order:
    """The order that `orderBy` asks for; by id without one."""
    keys: list[Key] = []
    joins: dict[tuple[str, ...], Table] = {}
    pieces: list[Sql] = []
    items = [] if given is None or given.is_null() else given.items()
    for item in items:
        key = _key(values, table, item, (), joins, pieces)
        if all(key.ref != known.ref for known in keys):
            keys.append(key)
    if all(key.ref != table.ref("id") for key in keys):
        id_ = values.id(table)
        keys.append(Key("id", id_, table.ref("id"), False, bool(keys) and keys[-1].descending))
    told = "|".join(f"{k.name} {k.value.kind} {k.descending} {k.nulls_first}" for k in keys)
    return Order(tuple(keys), Sql(*pieces), told)


def _key(
    values: Values,
    table: Table,
    item: Argument,
    path: tuple[str, ...],
    joins: dict[tuple[str, ...], Table],
    pieces: list[Sql],
) -> Key:
    scope = values.scope
    record = scope.registry.by_model[table.model]
    parts = {name: part for name, part in item.fields().items() if not part.is_null()}
    through = [name for name in parts if name not in ("field", "direction", "nulls")]
    if len(through) + ("field" in parts) != 1:
        raise item.fail(one_step(record))
    if through:
        if len(parts) > 1:
            raise item.fail("direction and nulls belong beside field, at the end of the path.")
        (name,) = through
        if len(path) >= scope.limits.filter_depth:
            raise parts[name].fail(f"orders may go through {scope.limits.filter_depth} relations, not more.")
        target = join_one(scope, table, name, (*path, name), joins, pieces)
        return _key(values, target, parts[name], (*path, name), joins, pieces)
    value = values.of(table, orderable(record)[parts["field"].exact()])
    value = value.folded or value
    return Key(
        name=".".join((*path, value.name)),
        value=value,
        ref=str(value.sql),
        nullable=value.nullable or bool(path),
        descending="direction" in parts and parts["direction"].exact() == "DESC",
        nulls_first="nulls" in parts and parts["nulls"].exact() == "FIRST",
    )


def join_one(
    scope: Scope,
    table: Table,
    name: str,
    path: tuple[str, ...],
    joins: dict[tuple[str, ...], Table],
    pieces: list[Sql],
) -> Table:
    """The table at the end of a to-one path, joined once."""
    if path not in joins:
        field = hops(scope.registry.by_model[table.model])[name]
        target = joins[path] = scope.record_table(scope.registry.records[field.target])
        tie = f" LEFT JOIN {target.source} ON {target.ref('id')} = {table.ref(field.column)} AND "
        pieces.append(Sql(tie, scope.guard(target)))
    return joins[path]


KEY_COLUMN: Final = "~k"


def key_column(place: int) -> str:
    """What a page calls the sort key at this place."""
    return ident(f"{KEY_COLUMN}{place}")
