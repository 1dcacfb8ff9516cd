"""How PostgreSQL and SQLite make JSON: objects, lists and groups, with equal order and key order.

The columns of a statement are JSON of a kind of their own: rows become objects where the whole answer is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from crmcore.kit.sql import Bind, Expression, Sql, ident, join
from crmcore.query.dialects.showing import literal

Pair = tuple[str, Expression]
"""A key of an object and the expression of its value."""

_POSTGRES_NAME: Final = 63
_POSTGRES_COLUMNS: Final = 1500
_SQLITE_PAIRS: Final = 400


class Making(Protocol):
    """What selections ask of a database to make JSON."""

    null: str
    """Null where JSON is expected."""

    def boolean(self, condition: Sql) -> Sql:
        """A condition that is never null, as JSON true or false."""

    def object(self, pairs: Sequence[Pair], tail: Expression = "") -> Sql:
        """A scalar subquery: one object, made of the row that `tail` (FROM ... WHERE ...) finds; null for none."""

    def answer(self, expression: Sql) -> Sql:
        """What an object or array is as the answer of a statement."""

    def array(self, pairs: Sequence[Pair], columns: str, body: Sql, alias: str) -> Sql:
        """A scalar subquery: a JSON array of objects, of the rows of `body` (FROM ... WHERE ... ORDER BY ... LIMIT), in
        their order. `columns` are the columns of `alias` that the pairs use."""

    def list_of(self, element: Expression, source: Sql, *, nulls: bool) -> Sql:
        """A scalar subquery: a JSON array of a JSON value for each row of `source`, a list of keys called v, in its
        order. Without `nulls`, what is null is left out."""

    def array_of(self, element: Sql, source: Sql, alias: str) -> Sql:
        """A scalar subquery: a JSON array of an object for each row of `source` (FROM ... ORDER BY ...), in its order;
        `alias` names the rows' table there and in the element."""

    def member(self, expression: str, name: str) -> str:
        """The member of a JSON object that an expression names, as JSON; null if it has none."""

    def or_empty(self, expression: str) -> str:
        """A JSON list; an empty one in the place of null."""

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        """A JSON array of these JSON values."""

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        """An aggregate: a JSON array of an object for each row for which the condition holds, in this order."""

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        """A JSON array of values as hexadecimal text."""


class PostgresMaking:
    null = "NULL::json"

    def boolean(self, condition: Sql) -> Sql:
        return Sql("(", condition, ")")

    def object(self, pairs: Sequence[Pair], tail: Expression = "") -> Sql:
        if _too_wide(pairs):
            return Sql("(SELECT ", _by_hand(pairs), "::json", tail, ")")
        # a row: the array or answer round it makes JSON of the whole at once, which is cheaper than text in text
        return Sql('(SELECT "~" FROM (SELECT ', _columns(pairs), tail, ') "~")')

    def answer(self, expression: Sql) -> Sql:
        return Sql("to_json(", expression, ")")

    def array(self, pairs: Sequence[Pair], columns: str, body: Sql, alias: str) -> Sql:
        # made outside of the page: else what is shown of a row is made for every row that is sorted
        page = Sql(f" FROM (SELECT {columns}", body, f") {alias}")
        if _too_wide(pairs):
            rows = Sql("SELECT ", _by_hand(pairs), '::json AS "~"', page)
            return Sql('(SELECT coalesce(json_agg("~~"."~"), \'[]\'::json) FROM (', rows, ') "~~")')
        return Sql("(SELECT coalesce(json_agg(\"~\"), '[]'::json) FROM (SELECT ", _columns(pairs), page, ') "~")')

    def list_of(self, element: Expression, source: Sql, *, nulls: bool) -> Sql:
        rows = Sql("SELECT ", "to_json(", element, ') AS "~", v."n" FROM ', source)
        kept = "" if nulls else ' FILTER (WHERE l."~" IS NOT NULL)'
        return Sql(f'(SELECT coalesce(json_agg(l."~" ORDER BY l."n"){kept}, \'[]\'::json) FROM (', rows, ") l)")

    def array_of(self, element: Sql, source: Sql, alias: str) -> Sql:
        rows = Sql(f"(SELECT {alias}.*", source, f") {alias}")
        return Sql("(SELECT coalesce(json_agg(", element, "), '[]'::json) FROM ", rows, ")")

    def member(self, expression: str, name: str) -> str:
        return f"({expression} -> {name}::text)"

    def or_empty(self, expression: str) -> str:
        return f"coalesce({expression}, '[]'::jsonb)"

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        return Sql("json_build_array(", join(", ", elements), ")")

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        made = self.object(pairs)
        return Sql("coalesce(json_agg(", made, f" ORDER BY {order}) FILTER (WHERE {condition}), '[]'::json)")

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        return Sql("encode(convert_to(json_build_array(", join(", ", expressions), ")::text, 'UTF8'), 'hex')")


class SqliteMaking:
    null = "NULL"

    def boolean(self, condition: Sql) -> Sql:
        return Sql("json(iif(", condition, ", 'true', 'false'))")

    def object(self, pairs: Sequence[Pair], tail: Expression = "") -> Sql:
        return Sql("(SELECT ", _json_object(pairs), tail, ")")

    def answer(self, expression: Sql) -> Sql:
        return expression

    def array(self, pairs: Sequence[Pair], columns: str, body: Sql, alias: str) -> Sql:
        # made outside of the page: JSON that passes through a subquery's column would come back as text
        return Sql("(SELECT json_group_array(", _json_object(pairs), f") FROM (SELECT {columns}", body, f") {alias})")

    def list_of(self, element: Expression, source: Sql, *, nulls: bool) -> Sql:
        rows = Sql("SELECT ", element, ' AS "~" FROM ', source)
        kept = "" if nulls else ' WHERE l."~" IS NOT NULL'
        return Sql('(SELECT json_group_array(json(l."~")) FROM (', rows, f" LIMIT -1) l{kept})")

    def array_of(self, element: Sql, source: Sql, alias: str) -> Sql:
        rows = Sql(f"(SELECT {alias}.*", source, f" LIMIT -1) {alias}")
        return Sql("(SELECT json_group_array(json(", element, ")) FROM ", rows, ")")

    def member(self, expression: str, name: str) -> str:
        return f"({expression} -> {name})"

    def or_empty(self, expression: str) -> str:
        return f"json(coalesce({expression}, '[]'))"

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        return Sql("json_array(", join(", ", elements), ")")

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        return Sql("json_group_array(", _json_object(pairs), f" ORDER BY {order}) FILTER (WHERE {condition})")

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        return Sql("hex(json_array(", join(", ", expressions), "))")


def _columns(pairs: Sequence[Pair]) -> Sql:
    parts: list[Sql | Bind | str] = []
    for key, expression in pairs:
        parts += (", " if parts else "", expression, f" AS {ident(key)}")
    return Sql(*parts)


def _too_wide(pairs: Sequence[Pair]) -> bool:
    """Whether PostgreSQL cannot make a row type of it: it cuts names to 63 bytes and has a limit of columns."""
    return len(pairs) > _POSTGRES_COLUMNS or any(len(key) > _POSTGRES_NAME for key, _ in pairs)


def _by_hand(pairs: Sequence[Pair]) -> Sql:
    parts: list[Sql | Bind | str] = ["('{'"]
    for number, (key, expression) in enumerate(pairs):
        comma = "," if number else ""
        parts += (f" || '{comma}\"{key}\":' || coalesce(to_json(", expression, ")::text, 'null')")
    return Sql(*parts, " || '}')")


def _json_object(pairs: Sequence[Pair]) -> Sql:
    if len(pairs) > _SQLITE_PAIRS:
        head, rest = _json_object(pairs[:_SQLITE_PAIRS]), _json_object(pairs[_SQLITE_PAIRS:])
        return Sql("json(substr(", head, ", 1, length(", head, ") - 1) || ',' || substr(", rest, ", 2))")
    parts: list[Sql | Bind | str] = []
    for key, expression in pairs:
        parts += (f"{', ' if parts else ''}{literal(key)}, ", expression)
    return Sql("json_object(", *parts, ")")
