"""`search`: the records that a few words find, the best first.

Every word must be found, each as the beginning of a word of the record or of one of its parts. What is found comes in
three ranks: what is called so, or something that begins so; what has all the words in its own text; what has them with
the help of its parts, such as a phone number. Within a rank, by the text. platform/search.py keeps the entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import orjson
from tortoise.models import Model

from crmcore.kit.sql import Bind, Sql
from crmcore.kit.words import Query, query_of
from crmcore.platform.search import SearchEntry, code_of, matching
from crmcore.query.arguments import Argument, Run
from crmcore.query.paging import Key, Order
from crmcore.query.scope import Scope, Table, uuid_bind
from crmcore.query.values import Value, Values

LONGEST: Final = 200
"""Characters of a search."""

MOST_TERMS: Final = 10
"""Words of a search."""

RANKS: Final = {
    "BEGINS": "It is called so, or something that begins so.",
    "WORDS": "All words are in its own text.",
    "PARTS": "Some words are in what belongs to it, such as a phone number or an email address.",
}
"""What a record may be found by, the best first."""


class Search:
    """Compiles one search within one compilation. BadInput, when it runs, if it asks for too much."""

    def __init__(self, scope: Scope, given: Argument) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self._given = given

    def finds(self, table: Table) -> Sql:
        """The condition on rows of `table`: the words find them."""
        entry = self.scope.alias("e")
        found = f'{table.ref("id")} IN (SELECT {entry}."record_id" FROM "search_entry" {entry} WHERE '
        return Sql(found, self._found(table.model, entry), ")")

    def order(self, table: Table, values: Values, finds: Sql) -> Order:
        """The order of a list in which only what `finds` holds for is, the best first."""
        entries, ranked = self.ranked(table.model)
        rank, own, key = entries.ref("rank"), entries.ref("own"), entries.ref("record_id")
        keys = (
            Key("rank", Value(entries, rank, "int", False, "rank"), rank, False),
            Key("own", Value(entries, own, "text", False, "own"), own, False),
            Key("id", values.id(table), key, False),
        )
        return Order(keys, Sql(" JOIN ", ranked, f" ON {key} = {table.ref('id')}"), "search", finds)

    def ranked(self, model: type[Model]) -> tuple[Table, Sql]:
        """The entries of a kind of record that are found, with their rank, as a table. In order: so PostgreSQL looks
        only for the records of a page."""
        entry, held = self.scope.alias("e"), cast("Any", SearchEntry)
        entries = Table(self.scope.alias("s"), held)
        columns = f'(SELECT {entry}."record_id", {entry}."own", '
        source = ' AS "rank" FROM "search_entry" ' + f"{entry} WHERE "
        order = f' ORDER BY "rank", {entry}."own", {entry}."record_id") {entries.alias}'
        return entries, Sql(columns, self._rank(entry), source, self._found(model, entry), order)

    def _found(self, model: type[Model], entry: str) -> Sql:
        """The tenant's entries of a kind that are found. SQLite must not take the index of tenant and kind for its way
        to them."""
        kind, dialect = model._meta.db_table, self.dialect.name
        way = "+" if dialect == "sqlite" else ""
        tenant = uuid_bind(lambda run: run.context.policy.tenant_id, self.dialect, "tenant")

        def words(run: Run, query: Query) -> str:
            return matching(query, code_of(run.context.policy.tenant_id, kind), dialect)

        return Sql(
            f'{way}{entry}."tenant_id" = ', tenant, f" AND {way}{entry}.\"record_type\" = '{kind}' AND ",
            self.dialect.has_words(entry, self._bind(words)),
        )  # fmt: skip

    def _rank(self, entry: str) -> Sql:
        own = f'{entry}."own"'
        begins = self.dialect.starts_with(own, self._bind(lambda _run, query: f"\t {query.plain}"))
        words = self._bind(lambda _run, query: self._parts(query.plain.split()), "text[]")
        has_all = self.dialect.contains_all(own, words)
        return Sql("CASE WHEN ", begins, " THEN 0 WHEN ", has_all, " THEN 1 ELSE 2 END")

    def _parts(self, words: list[str]) -> Any:
        """What `Dialect.contains_all` wants: every word of a text stands behind a space."""
        if self.dialect.name == "postgres":
            return [f"% {word}%" for word in words]
        return orjson.dumps([f" {word}" for word in words]).decode()

    def _bind(self, make: Callable[[Run, Query], Any], cast: str = "text") -> Bind:
        """What `make` makes of the query, as a parameter."""
        get, given = self._given.get(), self._given

        def made(run: Run) -> Any:
            asked = str(get(run))
            if len(asked) > LONGEST:
                raise given.fail(f"at most {LONGEST} characters.")
            query = query_of(asked)
            if len(query.terms) > MOST_TERMS:
                raise given.fail(f"at most {MOST_TERMS} words.")
            return make(run, query)

        return Bind(made, cast)
