"""The table of groups: one row for each, with its keys and whatever figures are asked for, in one SELECT.

Usually the rows are grouped once. Amounts of several currencies must not meet, so where money is asked for and its
currency is no key, the rows are grouped into parts first, by the keys and the currency; the groups then add up the
parts and gather the amounts into a list. A number of distinct values cannot be added up: it comes from a division of
the same rows that no currency divides. Sums are whole numbers of any size and therefore exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from crmcore.kit.sql import Sql, all_of, ident, join
from crmcore.query.aggregates.grouping import Grouping, GroupKey
from crmcore.query.arguments import Argument
from crmcore.query.dialects import Expression, Pair
from crmcore.query.mapping import ColumnField, MoneyField, OneField, ValueField
from crmcore.query.scope import Table
from crmcore.query.values import Value
from crmcore.query.vocabulary import COUNT_DISTINCT, distinguishable, enum_name, numbers

Pairs = Callable[[Expression, Expression], Sequence[Pair]]
"""What is selected of money: from expressions of its amount and its currency."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What is grouped: the rows of a table for which the conditions hold, its guard among them. `name` and `given` tell
    the list from others: what it is called, and the arguments that say which rows it has."""

    name: str
    table: Table
    conditions: Sequence[Sql | str]
    given: Mapping[str, Argument]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the groups: the aggregate of their rows, and the one that adds up those of their parts."""

    rows: Expression
    again: str


@dataclass(slots=True)
class _Division:
    """The rows of every group, divided by a currency; `currency` is empty where they are not divided."""

    currency: Expression
    columns: dict[str, _Column] = field(default_factory=dict)


class Figures:
    """Collects the columns that a selection, a `having` and an order need, and makes the table of them."""

    def __init__(self, rows: Rows, grouping: Grouping, keys: Sequence[GroupKey]) -> None:
        scope = grouping.scope
        self.scope = scope
        self.dialect = scope.dialect
        self.rows = rows
        self.grouping = grouping
        self.keys = keys
        self.name = scope.alias("groups")
        self._parts = scope.alias("parts")
        self._whole: dict[str, _Column] = {}
        self._undivided: dict[str, _Column] = {}
        self._money: dict[str, _Division] = {}
        self._lists: dict[str, Sql] = {}

    # ------------------------------------------------------------ figures

    def key(self, place: int) -> Value:
        """The key at this place of groupBy."""
        key = self.keys[place]
        return Value(self.rows.table, self._ref(key_name(place)), key.value.kind, True, key.entry.name)

    def count(self) -> Value:
        """How many rows there are."""
        return self._counted("count", "count(*)", self._whole)

    def distinct(self, found: ValueField | OneField) -> Value:
        """How many different values a field has; of records, those that the caller may see."""
        one = isinstance(found, OneField)
        sql = self.grouping.related(found).ref("id") if isinstance(found, OneField) else self._value(found)
        name = f"distinct_{found.name}{'_record' if one else ''}"
        return self._counted(name, Sql("count(DISTINCT ", sql, ")"), self._undivided)

    def number(self, function: str, found: ValueField) -> Value:
        """The sum, avg, min or max over all rows of the group. Of amounts only where a group has one currency."""
        return self._figure(function, found, self._whole, self.name)

    def fields(self, function: str) -> Mapping[str, ValueField | MoneyField | OneField]:
        """The fields of which there is this figure, by name."""
        record = self.scope.registry.by_model[self.rows.table.model]
        return distinguishable(record) if function == COUNT_DISTINCT else numbers(record, function)

    def value(self, function: str, name: str) -> Value | None:
        """A figure of the field `name`; None where it would be an amount of several currencies."""
        found = self.fields(function)[name]
        if function == COUNT_DISTINCT:
            assert not isinstance(found, MoneyField)
            return self.distinct(found)
        if isinstance(found, MoneyField):
            mixed = isinstance(found.currency, ColumnField) and self._currency(found) is None
            return None if mixed else self.number(function, found.amount)
        assert isinstance(found, ValueField)
        return self.number(function, found)

    def compared(self, function: str, name: str, part: Argument) -> Value:
        """A figure by which groups are chosen or sorted. BadInput at `part` for an amount of several currencies."""
        value, found = self.value(function, name), self.fields(function)[name]
        if value is None:
            assert isinstance(found, MoneyField)
            currency = enum_name(found.currency.name)
            raise part.fail(f"amounts of several currencies cannot be compared. Add {{field: {currency}}} to groupBy.")
        return value

    def money(self, function: str, found: MoneyField, pairs: Pairs) -> Expression:
        """A JSON list with one object for each currency of the group."""
        currency = self._currency(found)
        if currency is None:
            return self._gathered(function, found, pairs)
        figure, m = self.number(function, found.amount), self.scope.alias("m")
        filled = f"{currency} IS NOT NULL AND {self._values(found.amount, self._whole, self.name)} > 0"
        one = Sql(f'SELECT {currency} AS "currency", ', figure.sql, f' AS "amount" WHERE {filled}')
        shown = pairs(self.dialect.show(figure.kind, f'{m}."amount"'), f'{m}."currency"')
        return self.dialect.array(shown, f"{m}.*", Sql(" FROM (", one, f") {m}"), m)

    def _gathered(self, function: str, found: MoneyField, pairs: Pairs) -> Expression:
        division = self._money.setdefault(found.currency.name, _Division(self._value(found.currency)))
        number = list(self._money).index(found.currency.name)
        figure = self._figure(function, found.amount, division.columns, self._parts)
        currency = f'{self._parts}."currency"'
        filled = f'{self._parts}."division" = {number} AND {currency} IS NOT NULL'
        filled += f" AND {self._values(found.amount, division.columns, self._parts)} > 0"
        name = f"list_{len(self._lists)}"
        shown = pairs(self.dialect.show(figure.kind, figure.sql), currency)
        self._lists[name] = self.dialect.gathered(shown, currency, filled)
        return self.dialect.show("json", self._ref(name))

    def _figure(self, function: str, found: ValueField, columns: dict[str, _Column], table: str) -> Value:
        name, value = f"{function}_{found.name}", self._value(found)
        if function in ("min", "max"):
            columns[name] = _Column(Sql(f"{function}(", value, ")"), function)
            return Value(self.rows.table, f"{table}.{ident(name)}", found.kind, True, name)
        sums = []
        for number, addend in enumerate(self.dialect.addends(value)):
            part = f"sum{number}_{found.name}"
            columns[part] = _Column(Sql("sum(", addend, ")"), "sum")
            sums.append(f"{table}.{ident(part)}")
        factor = 10000 if found.kind == "int" else 1
        if function == "sum":
            sql = self.dialect.total(sums, factor)
        else:
            sql = self.dialect.average(sums, self._values(found, columns, table), factor)
        return Value(self.rows.table, sql, "total", True, name)

    def _values(self, found: ValueField, columns: dict[str, _Column], table: str) -> str:
        """How many rows have a value."""
        name = f"count_{found.name}"
        columns[name] = _Column(Sql("count(", self._value(found), ")"), "sum")
        return f"{table}.{ident(name)}"

    def _counted(self, name: str, rows: Expression, columns: dict[str, _Column]) -> Value:
        columns[name] = _Column(rows, "count")
        return Value(self.rows.table, self._ref(name), "int", False, name)

    def _currency(self, found: MoneyField) -> str | None:
        """The key that is the currency of this money."""
        names = [key.entry.name for key in self.keys]
        currency = found.currency.name
        return self._ref(key_name(names.index(currency))) if currency in names else None

    def _value(self, found: ValueField) -> Expression:
        return self.grouping.values.of(self.rows.table, found).sql

    def _ref(self, column: str) -> str:
        return f"{self.name}.{ident(column)}"

    # ------------------------------------------------------------ the table of groups

    def source(self) -> Sql:
        """`(SELECT ...) groups1`: a row for each group; without keys one row, even of nothing."""
        if not self._money:
            made = self._grouped(_Division("", {**self._whole, **self._undivided}))
            return Sql("(", made, f") {self.name}")
        return Sql("(", self._added_up(), f") {self.name}")

    def _grouped(self, division: _Division, before: Sequence[Expression] = (), divided: bool = False) -> Sql:
        """The rows, grouped by the keys, and by a currency if `divided`."""
        table, conditions = self.rows.table, all_of(self.rows.conditions)
        keys = [key.value.sql for key in self.keys]
        source = Sql(f" FROM {table.source}", *self.grouping.joins, " WHERE ", conditions)
        if self.dialect.fence and (periods := self._periods()):
            made = [Sql(keys[place], f" AS {_period(place)}") for place in periods]
            rows = Sql(f"SELECT {table.alias}.*, ", join(", ", made), f" FROM {table.source} WHERE ", conditions)
            source = Sql(" FROM (", rows, f"{self.dialect.fence}) {table.alias}", *self.grouping.joins)
            for place in periods:
                keys[place] = f"{table.alias}.{_period(place)}"
        named = [Sql(key, f" AS {ident(key_name(place))}") for place, key in enumerate(keys)]
        columns = [Sql(column.rows, f" AS {ident(name)}") for name, column in division.columns.items()]
        return Sql("SELECT ", join(", ", [*named, *before, *columns]), source, _group_by(len(keys) + divided))

    def _periods(self) -> Sequence[int]:
        """The places of keys that are periods of a value of the table itself."""
        return [place for place, key in enumerate(self.keys) if key.entry.grain and not key.entry.path]

    def _added_up(self) -> Sql:
        """The parts of all divisions, grouped by the keys alone."""
        columns = {**self._whole, **self._undivided}
        again = [f"{self._again(name, column)} AS {ident(name)}" for name, column in columns.items()]
        lists = [Sql(made, f" AS {ident(name)}") for name, made in self._lists.items()]
        keys = [f"{self._parts}.{ident(key_name(i))} AS {ident(key_name(i))}" for i in range(len(self.keys))]
        return Sql(
            "SELECT ", join(", ", [*keys, *again, *lists]), " FROM (", join(" UNION ALL ", self._divisions()),
            f") {self._parts}", _group_by(len(keys)),
        )  # fmt: skip

    def _divisions(self) -> Sequence[Sql]:
        """One SELECT for each division, with the columns of all: those of others are empty."""
        divisions = list(self._money.values())
        divisions[0].columns.update(self._whole)
        if self._undivided:
            divisions.append(_Division("", self._undivided))
        every = {name: column for division in divisions for name, column in division.columns.items()}
        selects = []
        for number, division in enumerate(divisions):
            columns = {name: column if name in division.columns else _empty(column) for name, column in every.items()}
            # a division by nothing has an empty currency, of the type and collation of the others
            currency = division.currency or Sql("min(", divisions[0].currency, ") FILTER (WHERE 1 = 0)")
            before: list[Expression] = [Sql(currency, ' AS "currency"'), f'{number} AS "division"']
            selects.append(self._grouped(_Division(currency, columns), before, divided=bool(division.currency)))
        return selects

    def _again(self, name: str, column: _Column) -> str:
        part = f"{self._parts}.{ident(name)}"
        return self.dialect.whole(f"coalesce(sum({part}), 0)") if column.again == "count" else f"{column.again}({part})"


def _empty(column: _Column) -> _Column:
    return _Column(Sql(column.rows, " FILTER (WHERE 1 = 0)"), column.again)


def _group_by(columns: int) -> str:
    """By the first columns of the SELECT."""
    return f" GROUP BY {', '.join(str(i + 1) for i in range(columns))}" if columns else ""


def _period(place: int) -> str:
    return ident(f"~k{place}")


def key_name(place: int) -> str:
    """What the table of groups calls the key at this place."""
    return f"k{place}"
