"""A page of the feed as JSON: its records as they are now, read with one statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from graphql import GraphQLObjectType

from crmcore.kit.sql import Bind, Sql
from crmcore.query.arguments import Run
from crmcore.query.changes.feed import ChangeFeed, ChangePage
from crmcore.query.dialects import Expression
from crmcore.query.mapping import RecordType
from crmcore.query.merged import RecordOfTypes
from crmcore.query.scope import EACH, Named, Scope
from crmcore.query.selection import TYPENAME, Selected, inner_type
from crmcore.query.vocabulary import enum_name

PAGE: Final = "changes"
"""Where a run has the ChangePage that is shown."""

_ROWS: Final = "changed"


class Changes:
    """Compiles the root field `changes` within one compilation."""

    def __init__(self, scope: Scope, records: RecordOfTypes, feed: ChangeFeed) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.records = records
        self.feed = feed

    def compile(self, type_: GraphQLObjectType, nodes: Sequence[Any]) -> Sql:
        """A scalar subquery: the page that the run holds. Only the types on it are in the statement: most pages have
        one or two, and PostgreSQL would plan for all of them each time."""
        there = self.scope.questions.ask(PAGE, lambda run: tuple(sorted({table for table, _ in _page(run).records})))
        types = [self.feed.types[table] for table in there]
        shown: dict[str, Expression] = {
            "cursor": Sql(Bind(lambda run: _page(run).cursor, "text")),
            "hasMore": self.dialect.boolean(Sql(Bind(lambda run: _page(run).has_more, "boolean"))),
            "resyncRequired": self.dialect.boolean(Sql(Bind(lambda run: _page(run).resync, "boolean"))),
        }
        pairs = [
            (part.key, self._nodes(types, type_, part) if part.name == "nodes" else self._plain(part, type_, shown))
            for part in self.scope.selection.of(nodes, type_)
        ]
        if not types:
            return self.dialect.object(pairs)
        return Sql(f"(WITH {_ROWS} AS MATERIALIZED (", self._rows(types), ") SELECT ", self.dialect.object(pairs), ")")

    def _plain(self, part: Selected, type_: GraphQLObjectType, shown: Mapping[str, Expression]) -> Expression:
        return self.dialect.text(type_.name) if part.name == TYPENAME else shown[part.name]

    def _rows(self, types: Sequence[RecordType]) -> Sql:
        """The CTE: the page's records in their order, with the version of those that the caller sees."""
        if self.dialect.name == "postgres":
            tables = Bind(lambda run: [table for table, _ in _page(run).records], "text[]")
            keys = Bind(lambda run: [key for _, key in _page(run).records], "uuid[]")
            named = Sql("SELECT * FROM unnest(", tables, ", ", keys, ') WITH ORDINALITY AS k("type", "id", "n")')
        else:
            pairs = Bind(lambda run: orjson.dumps([(table, str(key)) for table, key in _page(run).records]).decode())
            named = Sql('SELECT value ->> 0 AS "type", value ->> 1 AS "id", key AS "n" FROM json_each(', pairs, ")")
        cases: list[Sql | str] = []
        for record in types:
            table = self.scope.record_table(record)
            row = f'(SELECT {table.ref("version")} FROM {table.source} WHERE {table.ref("id")} = k."id" AND '
            cases += (f" WHEN '{record.table}' THEN ", row, self.scope.guard(table), ")")
        return Sql('SELECT k.*, CASE k."type"', *cases, ' END AS "version" FROM (', named, ") k")

    def _nodes(self, types: Sequence[RecordType], type_: GraphQLObjectType, part: Selected) -> Sql:
        if not types:
            return self.dialect.tuple_of([])
        inner = inner_type(type_.fields[part.name])
        names = " ".join(f"WHEN '{record.table}' THEN '{enum_name(record.name)}'" for record in types)
        shown = {
            "op": "CASE WHEN v.\"version\" IS NULL THEN 'DELETE' ELSE 'UPSERT' END",
            "type": f'CASE v."type" {names} END',
            "id": 'v."type" || \'_\' || v."id"',
            "version": 'v."version"',
        }
        seen = Named('CASE WHEN v."version" IS NOT NULL THEN v."type" END', 'v."id"')
        pairs: list[tuple[str, Expression]] = []
        for each in self.scope.selection.of(part.nodes, inner):
            if each.name == "node":
                place = (part.key, EACH, each.key)
                pairs.append((each.key, self.records.one_of(types, seen, each.nodes, place, reached=True)))
            else:
                pairs.append((each.key, self._plain(each, inner, shown)))
        source = Sql(f'{_ROWS} v ORDER BY v."n"')
        return self.dialect.list_of(self.dialect.object(pairs), source, nulls=False)


def _page(run: Run) -> ChangePage:
    found: ChangePage = run.memo[PAGE]
    return found
