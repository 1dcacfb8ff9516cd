"""What differs between PostgreSQL and SQLite: how JSON is made, how values are shown, how text is compared.

Both give equal answers: same values, formats, order and key order. Expressions are SQL text or pieces of a tree; every
name in them is ours or quoted, every value a Bind.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from crmcore.kit.sql import Bind, Sql, ident, join
from crmcore.kit.sql import Dialect as Name
from crmcore.platform.search import SearchEntry
from crmcore.platform.tables import WordsIndex
from crmcore.query.arithmetic import Arithmetic, PostgresArithmetic, SqliteArithmetic
from crmcore.query.comparing import Comparing, Expression, PostgresComparing, SqliteComparing

Pair = tuple[str, Expression]

_ENTRY: Final = SearchEntry._meta.db_table
_WORD_COLUMNS: Final = ("words", "parts")
_WORDS: Final = ident(WordsIndex.beside(_ENTRY))
_POSTGRES_NAME: Final = 63
_POSTGRES_COLUMNS: Final = 1500
_SQLITE_PAIRS: Final = 400


class Dialect(Arithmetic, Comparing, Protocol):
    """What the compiler asks of a database."""

    name: Name
    null: str
    """Null where JSON is expected."""
    apart: str
    """The end of a subquery that is not merged into the query round it, so that its columns are computed once."""
    limits_joins: bool
    """Whether a join for a page is planned for its few rows, and begun with the table whose index has its order."""

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        """Whether a plain index has its nulls where this order wants them."""

    def show(self, kind: str, expression: Expression) -> Expression:
        """A value of this kind in the API's form; null stays null."""

    def raw(self, kind: str, expression: Expression) -> Expression:
        """A value in a form that JSON carries without loss and `Column.from_driver` understands."""

    def global_id(self, table: str, expression: Expression) -> Expression: ...

    def text(self, constant: str) -> str:
        """A constant of ours as text."""

    def constant(self, constant: str) -> str:
        """A constant of ours as text that is compared and sorted as columns are: by code point."""

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

    def key_in(self, expression: str, begin: int) -> str:
        """The key in a global id, a JSON text, from its character `begin` on."""

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        """A JSON array of these JSON values."""

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        """The key of a group as text in the API's form; `table` is the record's, where it is one."""

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        """An aggregate: a JSON array of an object for each row for which the condition holds, in this order."""

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        """A JSON array of values as hexadecimal text."""

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        """Whether the text has all of a bound list in it: patterns of LIKE on PostgreSQL, plain texts on SQLite."""

    def has_words(self, entry: str, query: Bind) -> Sql:
        """Whether the words of a search entry fulfil a query in the index's own language."""


class Postgres(PostgresArithmetic, PostgresComparing):
    name: Name = "postgres"
    null = "NULL::json"
    apart = " OFFSET 0"
    limits_joins = True

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        return nulls_first is descending

    def show(self, kind: str, expression: Expression) -> Expression:
        if kind in ("decimal", "total"):
            # numeric keeps the scale of its factors: always four places
            return Sql("(", expression, " * 0.0001)::text")
        if kind == "datetime":
            return Sql("to_char(", expression, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')")
        return expression

    def raw(self, kind: str, expression: Expression) -> Expression:
        if kind == "total":
            return Sql("(", expression, ")::text")
        return expression if kind == "decimal" else self.show(kind, expression)

    def global_id(self, table: str, expression: Expression) -> Expression:
        return Sql(f"'{table}_' || ", expression)

    def text(self, constant: str) -> str:
        return f"{literal(constant)}::text"

    def constant(self, constant: str) -> str:
        return f'{literal(constant)}::text COLLATE "C"'

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

    def key_in(self, expression: str, begin: int) -> str:
        return f"substr({expression} #>> '{{}}', {begin})::uuid"

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        return Sql("json_build_array(", join(", ", elements), ")")

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        if kind == "datetime":
            return self.show(kind, expression)
        return self.global_id(table, expression) if table else f"{expression}::text"

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        made = self.object(pairs)
        return Sql("coalesce(json_agg(", made, f" ORDER BY {order}) FILTER (WHERE {condition}), '[]'::json)")

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        return Sql("encode(convert_to(json_build_array(", join(", ", expressions), ")::text, 'UTF8'), 'hex')")

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        return Sql(f"{expression} LIKE ALL (", parts, ")")

    def has_words(self, entry: str, query: Bind) -> Sql:
        return Sql(WordsIndex.words(_WORD_COLUMNS, entry, self.name), " @@ ", query, "::tsquery")


class Sqlite(SqliteArithmetic, SqliteComparing):
    name: Name = "sqlite"
    null = "NULL"
    apart = " LIMIT -1"
    limits_joins = False

    def index_order(self, descending: bool, nulls_first: bool) -> bool:
        return nulls_first is not descending

    def show(self, kind: str, expression: Expression) -> Expression:
        if kind == "decimal":
            return _named(expression, _sqlite_decimal)
        if kind == "total":
            return Sql("exact_decimal(", expression, ")")
        if kind == "bool":
            return Sql("json(", _named(expression, _sqlite_bool), ")")
        if kind in ("json", "choices"):
            return Sql("json(", expression, ")")
        return expression

    def raw(self, kind: str, expression: Expression) -> Expression:
        return expression if kind in ("decimal", "total") else self.show(kind, expression)

    def global_id(self, table: str, expression: Expression) -> Expression:
        return Sql(f"'{table}_' || ", expression)

    def text(self, constant: str) -> str:
        return literal(constant)

    def constant(self, constant: str) -> str:
        return literal(constant)

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

    def key_in(self, expression: str, begin: int) -> str:
        return f"substr({expression} ->> '$', {begin})"

    def tuple_of(self, elements: Sequence[Expression]) -> Sql:
        return Sql("json_array(", join(", ", elements), ")")

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        if table:
            return self.global_id(table, expression)
        if kind == "bool":
            return _sqlite_bool(expression)
        return f"CAST({expression} AS TEXT)"

    def gathered(self, pairs: Sequence[Pair], order: str, condition: str) -> Sql:
        return Sql("json_group_array(", _json_object(pairs), f" ORDER BY {order}) FILTER (WHERE {condition})")

    def hex_array(self, expressions: Sequence[Expression]) -> Sql:
        return Sql("hex(json_array(", join(", ", expressions), "))")

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        return Sql("NOT EXISTS (SELECT 1 FROM json_each(", parts, f") WHERE instr({expression}, value) = 0)")

    def has_words(self, entry: str, query: Bind) -> Sql:
        return Sql(f"{entry}.id IN (SELECT rowid FROM {_WORDS} WHERE {_WORDS} MATCH ", query, ")")


DIALECTS: Final[dict[Name, Any]] = {"postgres": Postgres, "sqlite": Sqlite}


def literal(constant: str) -> str:
    """A text constant of ours (a type name, a response key) as SQL."""
    return "'" + constant.replace("'", "''") + "'"


def _named(expression: Expression, make: Callable[[str], str]) -> Expression:
    """What `make` says of an expression that it names several times; what is computed is computed once."""
    if isinstance(expression, str):
        return make(expression)
    return Sql("(SELECT ", make('"~v"'), " FROM (SELECT ", expression, ' AS "~v"))')


def _sqlite_decimal(name: str) -> str:
    sign, whole = f"iif({name} < 0, '-', '')", f"abs({name})"
    return f"iif({name} IS NULL, NULL, printf('%s%d.%04d', {sign}, {whole} / 10000, {whole} % 10000))"


def _sqlite_bool(name: str) -> str:
    return f"iif({name} IS NULL, NULL, iif({name}, 'true', 'false'))"


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


__all__ = ["DIALECTS", "Dialect", "Expression", "Pair"]
