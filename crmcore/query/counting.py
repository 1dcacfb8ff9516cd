"""`totalCount`: of the whole list, up to a bound, or estimated. A list counts only where it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crmcore.kit.sql import Sql, ident
from crmcore.query.arguments import Argument
from crmcore.query.scope import Scope, Table

EXACT: Final = 10_000
"""An estimate is exact up to here."""

_PAGES: Final = 500
"""How many pages of the table an estimate looks at."""


def total_count(scope: Scope, table: Table, conditions: Sql, given: Mapping[str, Argument], *, root: bool) -> Sql:
    """A scalar subquery: how many rows of `table` fulfil the conditions."""
    counted = exact_count(_rows(table, conditions), given)
    if _estimated(given) and not _bounded(given) and root and scope.dialect.name == "postgres":
        return _estimate(table, conditions)
    return counted


def exact_count(rows: Sql, given: Mapping[str, Argument]) -> Sql:
    """A scalar subquery: how many rows there are, `rows` being what stands after FROM; never an estimate."""
    if not _bounded(given):
        return Sql("(SELECT count(*) FROM ", rows, ")")
    if _estimated(given):
        raise given["estimate"].fail("cannot be used together with atMost.")
    bound = given["atMost"].bind(_bound, "bigint")
    return Sql("(SELECT count(*) FROM (SELECT 1 FROM ", rows, " LIMIT ", bound, ') "~")')


def _bounded(given: Mapping[str, Argument]) -> bool:
    return "atMost" in given and not given["atMost"].is_null()


def _estimated(given: Mapping[str, Argument]) -> bool:
    return "estimate" in given and given["estimate"].exact() is True


def _bound(given: int) -> int:
    if given < 1:
        raise ValueError("must be 1 or more.")
    return given


def _rows(table: Table, conditions: Sql, sample: str = "") -> Sql:
    return Sql(f"{table.source}{sample} WHERE ", conditions)


def _estimate(table: Table, conditions: Sql) -> Sql:
    """A count as far as EXACT; the rows of a few pages, scaled up, where there are more. The sample is the same from
    one request to the next, and all of a table that has never been analysed."""
    named = ident(table.model._meta.db_table)
    share = f"least(100, 100.0 * {_PAGES} / greatest(relpages, 1))"
    percent = f"(SELECT {share} FROM pg_class WHERE oid = '{named}'::regclass)"
    sample = f" TABLESAMPLE SYSTEM ({percent}::real) REPEATABLE (0)"
    scaled = Sql(f"(SELECT round(count(*) * 100 / {percent})::bigint FROM ", _rows(table, conditions, sample), ")")
    few = Sql('(SELECT count(*) AS "n" FROM (SELECT 1 FROM ', _rows(table, conditions), f' LIMIT {EXACT + 1}) "~")')
    answer = Sql(f'CASE WHEN "~n"."n" <= {EXACT} THEN "~n"."n" ELSE greatest("~n"."n", ', scaled, ") END")
    return Sql("(SELECT ", answer, " FROM ", few, ' "~n")')
