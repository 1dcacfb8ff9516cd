"""Order and pages: `orderBy`, `first`/`after`, `last`/`before`, and the keyset conditions that cursors become.

The id is always the last key, in the direction of the key before it, so every order is total. Nulls sort last unless
`nulls` says otherwise. A page asks for rows beyond the cursor's sort values; there is no OFFSET.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from crmcore.kit.sql import EMPTY, Sql, all_of, ident
from crmcore.query.arguments import Argument
from crmcore.query.child_figures import asked_figure
from crmcore.query.custom import CustomRows
from crmcore.query.dialects import Dialect
from crmcore.query.scope import Scope, Table
from crmcore.query.values import Value, Values
from crmcore.query.vocabulary import CUSTOM, hops, measured, one_step, orderable


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
    own_id: str = ""
    """The id of the page's row in the table of the key, where that has one: an index may have both, in order."""
    tie: str = ""
    """What holds of the page's row and a row of another table that has the key; empty for a key of its own."""

    @property
    def computed(self) -> bool:
        """Whether it is more than a name."""
        return isinstance(self.value.sql, Sql)

    def of(self, table: Table) -> bool:
        """Whether it is a column of this table."""
        return self.value.table is table and not self.computed

    def sql(self, reverse: bool, ref: str = "") -> str:
        """The key in ORDER BY; `ref` is another name of its expression."""
        direction = " DESC" if self.descending is not reverse else ""
        if not self.nullable:
            return (ref or self.ref) + direction
        return f"{ref or self.ref}{direction} NULLS {'FIRST' if self.nulls_first is not reverse else 'LAST'}"


@dataclass(frozen=True, slots=True)
class Order:
    """A total order of a table's rows.

    joins      brings in what to-one paths need
    signature  tells this order from others, but for the values of the arguments in `given`
    fulfils    a condition that the joins see to
    """

    keys: Sequence[Key]
    joins: Sql
    signature: str
    fulfils: Sql = EMPTY
    given: Sequence[Argument] = ()

    @property
    def computed(self) -> bool:
        """Whether a key is computed."""
        return any(key.computed for key in self.keys)

    def rows(self, dialect: Dialect, table: Table, conditions: Sequence[Sql | str], beyond: Sql) -> Sql:
        """` FROM ... WHERE ...`: the rows for which the conditions hold and that are beyond a cursor, each with its
        keys. What is computed is computed once, in a subquery, whatever compares or sorts it."""
        source = Sql(f" FROM {table.source}", self.joins, " WHERE ")
        if not self.computed:
            return Sql(source, all_of([*conditions, beyond]))
        keys = [(i, key.value) for i, key in enumerate(self.keys) if not key.of(table)]
        made = [Sql(", ", value.sql, f" AS {computed_key(i)}") for i, value in keys]
        inner = Sql(f"SELECT {table.alias}.*", *made, source, all_of(conditions), dialect.apart)
        return Sql(" FROM (", inner, f") {table.alias} WHERE ", beyond or "1 = 1")

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
    making = _Making(values)
    keys: list[Key] = []
    for item in [] if given is None or given.is_null() else given.items():
        key = making.key(table, item)
        if not key.computed and any(key.ref == known.ref for known in keys):
            continue
        keys.append(key)
    if all(key.ref != table.ref("id") for key in keys):
        id_ = values.id(table)
        keys.append(Key("id", id_, table.ref("id"), False, bool(keys) and keys[-1].descending))
    told = "|".join(f"{k.name} {k.value.kind} {k.descending} {k.nulls_first}" for k in keys)
    if any(key.computed for key in keys):
        names = [f"{table.alias}.{computed_key(i)}" for i in range(len(keys))]
        keys = [key if key.of(table) else replace(key, ref=name) for key, name in zip(keys, names)]
    return Order(tuple(keys), Sql(*making.pieces), told, given=tuple(making.given))


class _Making:
    """An order in the making: the tables that its paths join, and the arguments on whose values it depends."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.scope = values.scope
        self.joins: dict[tuple[str, ...], Table] = {}
        self.pieces: list[Sql] = []
        self.given: list[Argument] = []

    def key(self, table: Table, item: Argument, path: tuple[str, ...] = (), tie: str = "") -> Key:
        """The key that an item of `orderBy` asks for; `path` led to `table`, by `tie` at last."""
        record = self.scope.registry.by_model[table.model]
        parts = {name: part for name, part in item.fields().items() if not part.is_null()}
        steps = [name for name in parts if name not in ("direction", "nulls")]
        if len(steps) != 1:
            raise item.fail(one_step([*([] if record.is_log else [CUSTOM]), *hops(record), *measured(record)]))
        (name,) = steps
        if name in hops(record):
            return self._through(table, name, item, path)
        own_id = ""
        if name == CUSTOM:
            value, own_id = self._custom(table, parts[name], path)
            tie = f"{own_id} = {table.ref('id')}" if own_id else ""
        elif name == "field":
            value = self.values.of(table, orderable(record)[parts[name].exact()])
        else:
            value = asked_figure(self.values, table, measured(record)[name], parts[name])
            self.given.append(parts[name])
        filled = value.sql in self.scope.filled if isinstance(value.sql, str) else False
        value = value.folded or value
        if path and isinstance(value.sql, Sql):  # computed from nothing it could still be something
            value = replace(value, sql=Sql(f"CASE WHEN {table.ref('id')} IS NOT NULL THEN ", value.sql, " END"))
        return Key(
            name=".".join((*path, value.name)),
            value=value,
            ref=value.sql if isinstance(value.sql, str) else "",
            nullable=(value.nullable and not filled) or bool(path) or name == CUSTOM,
            descending="direction" in parts and parts["direction"].exact() == "DESC",
            nulls_first="nulls" in parts and parts["nulls"].exact() == "FIRST",
            own_id=own_id,
            tie=tie,
        )

    def _custom(self, table: Table, asked: Argument, path: tuple[str, ...]) -> tuple[Value, str]:
        """The value of a custom field, and the id of the page's row beside it."""
        rows = CustomRows(self.scope).ordered(table, asked)
        self.pieces.append(Sql(f" LEFT JOIN {rows.table.source} ON ", rows.tie))
        self.given.append(asked)
        return rows.value, "" if path else rows.table.ref("record_id")

    def _through(self, table: Table, name: str, item: Argument, path: tuple[str, ...]) -> Key:
        parts = {key: part for key, part in item.fields().items() if not part.is_null()}
        if len(parts) > 1:
            raise item.fail("direction and nulls belong beside field, at the end of the path.")
        if len(path) >= self.scope.limits.filter_depth:
            raise parts[name].fail(f"orders may go through {self.scope.limits.filter_depth} relations, not more.")
        further = (*path, name)
        target = join_one(self.scope, table, name, further, self.joins, self.pieces)
        tie = f"{target.ref('id')} = {table.ref(hops(self.scope.registry.by_model[table.model])[name].column)}"
        return self.key(target, parts[name], further, tie)


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


def computed_key(place: int) -> str:
    """What the rows call the sort key at this place, where it is no column of theirs."""
    return ident(f"~o{place}")


KEY_COLUMN: Final = "~k"


def key_column(place: int) -> str:
    """What a page calls the sort key at this place."""
    return ident(f"{KEY_COLUMN}{place}")
