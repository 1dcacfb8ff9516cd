"""A database as the compiler sees it: how it makes JSON, shows values, compares and calculates, and what it plans well.

Both give equal answers: same values, formats, order and key order.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from crmcore.kit.sql import Dialect as Name
from crmcore.query.dialects.arithmetic import Arithmetic, PostgresArithmetic, SqliteArithmetic
from crmcore.query.dialects.comparing import Comparing, PostgresComparing, SqliteComparing
from crmcore.query.dialects.making import Making, PostgresMaking, SqliteMaking
from crmcore.query.dialects.showing import PostgresShowing, Showing, SqliteShowing


class Dialect(Arithmetic, Comparing, Making, Showing, Protocol):
    """What the compiler asks of a database."""

    name: Name
    apart: str
    """The end of a subquery that is not merged into the query round it, so that its columns are computed once."""
    limits_joins: bool
    """Whether a join for a page is planned for its few rows, and begun with the table whose index has its order."""

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        """Whether a plain index has its nulls where this order wants them."""


class Postgres(PostgresArithmetic, PostgresComparing, PostgresMaking, PostgresShowing):
    name: Name = "postgres"
    apart = " OFFSET 0"
    limits_joins = True

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        return nulls_first is descending


class Sqlite(SqliteArithmetic, SqliteComparing, SqliteMaking, SqliteShowing):
    name: Name = "sqlite"
    apart = " LIMIT -1"
    limits_joins = False

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        return nulls_first is not descending


DIALECTS: Final[dict[Name, Any]] = {"postgres": Postgres, "sqlite": Sqlite}
