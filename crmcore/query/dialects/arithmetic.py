"""Exact sums, averages and periods of the calendar on both databases.

Decimals are whole ten-thousandths. PostgreSQL adds them up as numeric, of any size. SQLite has 64 bits, so what is
added up there are the high and the low half of each number, and a total is text that sorts like it (kit/exact.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from crmcore.kit.exact import LOW
from crmcore.kit.periods import Grain
from crmcore.kit.sql import Bind, Expression, Sql


class Arithmetic(Protocol):
    """What aggregates ask of a database."""

    fence: str
    """Ends a subquery whose columns the planner shall take as they are; empty where it has no need of that."""

    def addends(self, expression: Expression) -> Sequence[Expression]:
        """What is added up to the sum of whole numbers: in two halves where one sum could become too large."""

    def total(self, sums: Sequence[str], factor: int) -> Expression:
        """The sum of whole numbers of any size, from the sums of the addends, times `factor`: of kind "total"."""

    def average(self, sums: Sequence[str], count: str, factor: int) -> Expression:
        """That total divided by `count`, rounded half-even to a whole number; null where the count is 0."""

    def whole(self, expression: str) -> str:
        """A sum of counts as a plain whole number."""

    def period(self, kind: str, expression: Expression, grain: Grain, zone: Bind) -> Sql:
        """The first day of the period of a date or datetime; of an HOUR the instant at which it begins."""


class PostgresArithmetic:
    fence = " OFFSET 0"  # else it expects as many months as there are instants, and sorts them all on disk

    def addends(self, expression: Expression) -> Sequence[Expression]:
        return (expression,)

    def total(self, sums: Sequence[str], factor: int) -> Expression:
        return f"({sums[0]}::numeric * {factor})" if factor > 1 else f"{sums[0]}::numeric"

    def average(self, sums: Sequence[str], count: str, factor: int) -> Expression:
        total = self.total(sums, factor)
        quotient, rest = f"div({total}, {count})", f"mod({total}, {count})"  # truncated, so the sign is the total's
        away = f"2 * abs({rest}) > {count} OR (2 * abs({rest}) = {count} AND abs({quotient}) % 2 = 1)"
        return f"CASE WHEN {count} > 0 THEN {quotient} + CASE WHEN {away} THEN sign({total}) ELSE 0 END END"

    def whole(self, expression: str) -> str:
        return f"({expression})::bigint"

    def period(self, kind: str, expression: Expression, grain: Grain, zone: Bind) -> Sql:
        if kind == "date":
            return Sql(f"date_trunc('{grain.lower()}', ", expression, "::timestamp)::date")
        if grain == "HOUR":
            return Sql("date_trunc('hour', ", expression, ", ", zone, ")")
        return Sql(f"date_trunc('{grain.lower()}', ", expression, " AT TIME ZONE ", zone, ")::date")


class SqliteArithmetic:
    fence = ""

    def addends(self, expression: Expression) -> Sequence[Expression]:
        return Sql("(", expression, f") / {LOW}"), Sql("(", expression, f") % {LOW}")

    def total(self, sums: Sequence[str], factor: int) -> Expression:
        high, low = sums
        return f"exact_total({high}, {low}, {factor})"

    def average(self, sums: Sequence[str], count: str, factor: int) -> Expression:
        high, low = sums
        return f"exact_average({high}, {low}, {count}, {factor})"

    def whole(self, expression: str) -> str:
        return expression

    def period(self, kind: str, expression: Expression, grain: Grain, zone: Bind) -> Sql:
        if kind == "date":
            return Sql("period_of_day(", expression, f", '{grain}')")
        return Sql("period_of_instant(", expression, f", '{grain}', ", zone, ")")
