"""How PostgreSQL and SQLite show a value in the API's form: equal formats, to the letter.

Expressions are SQL text or pieces of a tree; every name in them is ours or quoted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from crmcore.kit.sql import Expression, Sql


class Showing(Protocol):
    """What selections ask of a database to show their values."""

    def show(self, kind: str, expression: Expression) -> Expression:
        """A value of this kind in the API's form; null stays null."""

    def raw(self, kind: str, expression: Expression) -> Expression:
        """A value in a form that JSON carries without loss and `Column.from_driver` understands."""

    def global_id(self, table: str, expression: Expression) -> Expression: ...

    def text(self, constant: str) -> str:
        """A constant of ours as text."""

    def constant(self, constant: str) -> str:
        """A constant of ours as text that is compared and sorted as columns are: by code point."""

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        """The key of a group as text in the API's form; `table` is the record's, where it is one."""

    def key_in(self, expression: str, begin: int) -> str:
        """The key in a global id, a JSON text, from its character `begin` on."""


class PostgresShowing:
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

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        if kind == "datetime":
            return self.show(kind, expression)
        return self.global_id(table, expression) if table else f"{expression}::text"

    def key_in(self, expression: str, begin: int) -> str:
        return f"substr({expression} #>> '{{}}', {begin})::uuid"


class SqliteShowing:
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

    def key_text(self, kind: str, expression: str, table: str) -> Expression:
        if table:
            return self.global_id(table, expression)
        if kind == "bool":
            return _sqlite_bool(expression)
        return f"CAST({expression} AS TEXT)"

    def key_in(self, expression: str, begin: int) -> str:
        return f"substr({expression} ->> '$', {begin})"


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
