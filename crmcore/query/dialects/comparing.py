"""What differs between PostgreSQL and SQLite when values are compared: text, with and without case, lists, and words.

Both find the same records. Expressions are SQL text or pieces of a tree, values are Binds.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Final, Protocol

from crmcore.kit.sql import Bind, Expression, Sql, ident
from crmcore.kit.text import character_class, fold_table
from crmcore.platform.search import SearchEntry
from crmcore.platform.tables import WordsIndex

_ENTRY: Final = SearchEntry._meta.db_table
_WORD_COLUMNS: Final = ("words", "parts")
_WORDS: Final = ident(WordsIndex.beside(_ENTRY))


class Comparing(Protocol):
    """What filters ask of a database. A condition on a missing value is not true."""

    def contains(self, expression: Expression, part: Bind) -> Sql: ...

    def starts_with(self, expression: Expression, part: Bind) -> Sql: ...

    def ends_with(self, expression: Expression, part: Bind) -> Sql: ...

    def one_of(self, expression: Expression, values: Bind) -> Sql:
        """Whether the expression is among the values of a bound list."""

    def has_any(self, expression: Expression, values: Bind) -> Sql:
        """Whether a JSON list of texts holds any of a bound list."""

    def has_all(self, expression: Expression, values: Bind) -> Sql:
        """Whether a JSON list of texts holds all of a bound list."""

    def is_empty(self, expression: Expression) -> Sql:
        """Whether a JSON list holds nothing."""

    def fold(self, expression: Expression) -> Sql:
        """The text as `kit.text.fold` makes it."""

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        """Whether the text has all of a bound list in it: patterns of LIKE on PostgreSQL, plain texts on SQLite."""

    def has_words(self, entry: str, query: Bind) -> Sql:
        """Whether the words of a search entry fulfil a query in the index's own language."""


class PostgresComparing:
    def contains(self, expression: Expression, part: Bind) -> Sql:
        return Sql("strpos(", expression, ", ", part, ") > 0")

    def starts_with(self, expression: Expression, part: Bind) -> Sql:
        return Sql("starts_with(", expression, ", ", part, ")")

    def ends_with(self, expression: Expression, part: Bind) -> Sql:
        return Sql("right(", expression, ", length(", part, ")) = ", part)

    def one_of(self, expression: Expression, values: Bind) -> Sql:
        return Sql(expression, " = ANY(", values, ")")

    def has_any(self, expression: Expression, values: Bind) -> Sql:
        return Sql(expression, " ?| ", values)

    def has_all(self, expression: Expression, values: Bind) -> Sql:
        return Sql(expression, " ?& ", values)

    def is_empty(self, expression: Expression) -> Sql:
        return Sql(expression, " = '[]'::jsonb")

    def fold(self, expression: Expression) -> Sql:
        # Each step is one pass, however many characters there are to look for; translate() goes through its whole list
        # for every character. The last step is the dear one: few scripts have cases, and ASCII and ß are done before.
        ascii_only = Sql("octet_length(", expression, ") = length(", expression, ")")
        lower = Sql("lower(", expression, ' COLLATE "C")')
        bare = Sql("regexp_replace(normalize(", expression, ', NFKD) COLLATE "C", ', _MARKS, ", '', 'g')")
        plain = Sql("(SELECT lower(replace(", bare, ", 'ß', 'ss')) AS plain OFFSET 0) f")  # OFFSET: computed once
        small = Sql("(SELECT string_agg(coalesce(", _SMALL, " ->> c, c), '') FROM string_to_table(plain, NULL) c)")
        rest = Sql("SELECT CASE WHEN plain ~ ", _CAPITALS, " THEN ", small, " ELSE plain END FROM ", plain)
        return Sql("CASE WHEN ", ascii_only, " THEN ", lower, " ELSE (", rest, ") END")

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        return Sql(f"{expression} LIKE ALL (", parts, ")")

    def has_words(self, entry: str, query: Bind) -> Sql:
        return Sql(WordsIndex.words(_WORD_COLUMNS, entry, "postgres"), " @@ ", query, "::tsquery")


@cache
def _fold_classes() -> tuple[str, str, str]:
    """Regular expressions for what goes away in folding and for what changes, and what that becomes, as JSON."""
    changed, gone = fold_table()
    return character_class(gone), character_class(changed), json.dumps(changed, ensure_ascii=False)


_MARKS = Bind(lambda _run: _fold_classes()[0], "text", "fold marks")
_CAPITALS = Bind(lambda _run: _fold_classes()[1], "text", "fold capitals")
_SMALL = Bind(lambda _run: _fold_classes()[2], "jsonb", "fold small")


class SqliteComparing:
    def contains(self, expression: Expression, part: Bind) -> Sql:
        return Sql("instr(", expression, ", ", part, ") > 0")

    def starts_with(self, expression: Expression, part: Bind) -> Sql:
        return Sql("substr(", expression, ", 1, length(", part, ")) = ", part)

    def ends_with(self, expression: Expression, part: Bind) -> Sql:
        # substr(x, 0) is the whole text, so the empty ending, which every text has, is a case of its own
        ending = Sql("substr(", expression, ", -length(", part, ")) = ", part)
        return Sql("iif(length(", part, ") = 0, ", expression, " IS NOT NULL, ", ending, ")")

    def one_of(self, expression: Expression, values: Bind) -> Sql:
        return Sql(expression, " IN (SELECT value FROM json_each(", values, "))")

    def has_any(self, expression: Expression, values: Bind) -> Sql:
        wanted = Sql("(SELECT value FROM json_each(", values, "))")
        return Sql("EXISTS (SELECT 1 FROM json_each(", expression, ") WHERE value IN ", wanted, ")")

    def has_all(self, expression: Expression, values: Bind) -> Sql:
        held = Sql("(SELECT value FROM json_each(", expression, "))")
        lacking = Sql("EXISTS (SELECT 1 FROM json_each(", values, ") WHERE value NOT IN ", held, ")")
        return Sql("(", expression, " IS NOT NULL AND NOT ", lacking, ")")

    def is_empty(self, expression: Expression) -> Sql:
        return Sql("json_array_length(", expression, ") = 0")

    def fold(self, expression: Expression) -> Sql:
        return Sql("fold(", expression, ")")

    def contains_all(self, expression: str, parts: Bind) -> Sql:
        return Sql("NOT EXISTS (SELECT 1 FROM json_each(", parts, f") WHERE instr({expression}, value) = 0)")

    def has_words(self, entry: str, query: Bind) -> Sql:
        return Sql(f"{entry}.id IN (SELECT rowid FROM {_WORDS} WHERE {_WORDS} MATCH ", query, ")")
