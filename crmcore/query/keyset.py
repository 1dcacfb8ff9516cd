"""Beyond a cursor: the keyset conditions, in forms that an index can serve.

Where every key has a value and one direction, it is one comparison of rows. Otherwise it is spelled out key by key,
with a redundant bound on the leading key. A leading key that may be null splits the list: the rows with a value and
those without are two ranges of its index, each read in order; one condition over both would be read from the beginning.
A key of a table that a to-one leads to may be null, too: apart, the rows with a value are found by that table's index.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tortoise.models import Model

from crmcore.kit.sql import EMPTY, Bind, Sql, all_of, any_of, join
from crmcore.platform.tables import indexes_of
from crmcore.query.arguments import Argument, Run
from crmcore.query.cursors import Binding, Cursors
from crmcore.query.operands import CASTS, from_payload
from crmcore.query.paging import Key, Order
from crmcore.query.scope import Scope


@dataclass(frozen=True, slots=True)
class Half:
    """The rows of a list whose leading key has a value, or has none: a condition, and their order."""

    condition: Sql
    order: str


class Keyset:
    """The condition of being beyond a cursor in an order."""

    def __init__(self, scope: Scope, order: Order, cursor: Argument, cursors: Cursors, binding: Binding) -> None:
        self.order = order
        dialect = scope.dialect.name
        get, memo = cursor.get(), object()

        def values(run: Run) -> list[Any]:
            found: list[Any] | None = run.memo.get(memo)
            if found is None:
                try:
                    found = cursors.open(str(get(run)), run, binding(run), len(order.keys))
                except ValueError as error:
                    raise cursor.fail(str(error)) from error
                run.memo[memo] = found
            return found

        self.nulls: tuple[bool, ...] = scope.questions.ask(
            ("cursor", memo), lambda run: tuple(v is None for v in values(run))
        )
        self.binds = [self._bind(i, key, values, dialect) for i, key in enumerate(order.keys)]

    @staticmethod
    def _bind(place: int, key: Key, values: Any, dialect: Any) -> Bind:
        convert = from_payload(key.value.kind, dialect)
        return Bind(lambda run: convert(values(run)[place]), CASTS[key.value.kind])

    def own(self) -> Sql:
        """The row of the cursor itself, if it is still where it was."""
        return all_of([self._equal(place) for place in range(len(self.order.keys))])

    def beyond(self, reverse: bool) -> Sql:
        """Rows after the cursor (before it, if `reverse`)."""
        keys = self.order.keys
        downs = {key.descending is not reverse for key in keys}
        if len(downs) == 1 and not any(key.nullable for key in keys):
            sign = "<" if downs.pop() else ">"
            if len(keys) == 1:
                return Sql(keys[0].ref, f" {sign} ", self.binds[0])
            left = ", ".join(key.ref for key in keys)
            return Sql(f"({left}) {sign} (", join(", ", self.binds), ")")
        return all_of([self._bound(reverse), any_of(self._terms(0, reverse))])

    def half(self, with_nulls: bool, reverse: bool) -> Sql | None:
        """Those rows beyond the cursor whose leading key has no value, or has one; None if there are none."""
        key = self.order.keys[0]
        if with_nulls is not self.nulls[0]:
            comes_later = (key.nulls_first is not reverse) is not with_nulls
            return Sql(f"{key.ref} IS NULL" if with_nulls else _has_value(key)) if comes_later else None
        if with_nulls:
            return Sql(f"{key.ref} IS NULL AND ", any_of(self._terms(1, reverse)))
        filled = self.within(replace(self.order, keys=filled_keys(self.order)))
        beyond = filled.beyond(reverse)
        if not key.tie:
            return beyond
        if key.own_id:
            return Sql(_has_value(key), " AND ", beyond)
        # no index has keys of two tables: the comparison of rows is no range of it
        return all_of([Sql(key.tie), filled._bound(reverse), beyond])

    def within(self, order: Order) -> Keyset:
        """The same cursor in an order of the same keys, which may call them otherwise or differ in what may be null."""
        other = copy(self)
        other.order = order
        return other

    def _terms(self, begin: int, reverse: bool) -> Iterator[Sql]:
        """One condition for each key from `begin` on: equal before it, later in it."""
        equal: list[Sql | str] = []
        for place in range(begin, len(self.order.keys)):
            after = self._after(place, reverse)
            if after is not None:
                yield all_of([*equal, after])
            equal.append(self._equal(place))

    def _equal(self, place: int) -> Sql:
        ref = self.order.keys[place].ref
        return Sql(ref, " IS NULL") if self.nulls[place] else Sql(ref, " = ", self.binds[place])

    def _after(self, place: int, reverse: bool) -> Sql | None:
        """The rows whose key at this place comes later; None if there are none."""
        key = self.order.keys[place]
        nulls_first = key.nulls_first is not reverse
        if self.nulls[place]:
            return Sql(key.ref, " IS NOT NULL") if nulls_first else None
        sign = "<" if key.descending is not reverse else ">"
        later = Sql(key.ref, f" {sign} ", self.binds[place])
        return Sql("(", later, f" OR {key.ref} IS NULL)") if key.nullable and not nulls_first else later

    def _bound(self, reverse: bool) -> Sql:
        """What the leading key alone says: redundant, but a range that an index can serve."""
        key = self.order.keys[0]
        if self.nulls[0] or (key.nullable and key.nulls_first is reverse):
            return EMPTY
        sign = "<=" if key.descending is not reverse else ">="
        return Sql(key.ref, f" {sign} ", self.binds[0])


def filled_keys(order: Order) -> Sequence[Key]:
    """The order's keys among rows whose leading key has a value: where its table has the row's id, that one counts."""
    key, *rest = order.keys
    same = [replace(k, ref=key.own_id) if key.own_id and k.name == "id" else k for k in rest]
    return replace(key, nullable=False), *same


def _has_value(key: Key) -> str:
    """The leading key has a value. Where it stands in another table, what ties its row is said too: then a database
    sees that no row is there without one, and may begin with that table."""
    return f"{key.ref} IS NOT NULL" + (f" AND {key.tie}" if key.tie else "")


def halves(order: Order, keyset: Keyset | None, reverse: bool) -> Iterator[Half]:
    """The list beyond the cursor (all of it without one) in two parts, by whether the leading key has a value."""
    key, rest = order.keys[0], order.keys[1:]
    nulls_first = key.nulls_first is not reverse
    for with_nulls in (nulls_first, not nulls_first):
        if keyset is None:
            condition: Sql | None = Sql(f"{key.ref} IS NULL" if with_nulls else _has_value(key))
        else:
            condition = keyset.half(with_nulls, reverse)
        if condition is not None:
            keys = rest if with_nulls else filled_keys(order)
            yield Half(condition, " ORDER BY " + ", ".join(k.sql(reverse) for k in keys))


@cache
def leads_index(model: type[Model], column: str) -> bool:
    """Whether an index of the table has this column right after the tenant."""
    whole = (index for index in indexes_of(model) if not getattr(index, "where", ""))
    return any(tuple(index.fields[:2]) == ("tenant_id", column) for index in whole)
