"""`search` at the root: records of every kind that a few words find, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from graphql import GraphQLObjectType

from crmcore.errors import Forbidden
from crmcore.kit.sql import EMPTY, Sql
from crmcore.query.arguments import Argument
from crmcore.query.cursors import Cursors, binding_of
from crmcore.query.mapping import RecordType
from crmcore.query.merged import ROW, MergedLists, RecordOfTypes, Side
from crmcore.query.paging import Key, Order, key_column
from crmcore.query.scope import Scope
from crmcore.query.search import RANKS, Search
from crmcore.query.values import Value
from crmcore.query.vocabulary import enum_name

_MATCH: Final = "match"


class SearchEverywhere:
    """Compiles the root field `search` within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors, records: RecordOfTypes) -> None:
        self.scope = scope
        self.lists = MergedLists(scope, cursors, records)

    def compile(self, name: str, given: Mapping[str, Argument], type_: GraphQLObjectType, nodes: Sequence[Any]) -> Sql:
        """A scalar subquery: the page of what `query` finds among the records of `types`."""
        given = {key: part for key, part in given.items() if not part.is_null()}
        search = Search(self.scope, given["query"])
        sides = [self._side(search, record) for record in self._types(given)]
        if "types" in given and not given["types"].items():
            sides = [sides[0].empty()]
        binding = binding_of(name, sides[0].order.signature, given)
        ranks = " ".join(f"WHEN {number} THEN '{rank}'" for number, rank in enumerate(RANKS))
        match = f"CASE {ROW}.{key_column(0)} {ranks} END"
        return self.lists.compile(sides, binding, given, type_, nodes, (), {_MATCH: match})

    def _types(self, given: Mapping[str, Argument]) -> list[RecordType]:
        """The kinds of records to look for, all unless some are given; without those that the caller may not read at
        all. Forbidden if that leaves none."""
        found = [record for record in self.scope.readable_records() if record.searchable]
        wanted = {item.exact() for item in given["types"].items()} if "types" in given else set()
        found = [record for record in found if not wanted or enum_name(record.name) in wanted]
        if not found:
            raise Forbidden("You may not read these records.")
        return found

    def _side(self, search: Search, record: RecordType) -> Side:
        """What is found of a kind. CROSS JOIN keeps SQLite's way: from the entries to the records."""
        table = self.scope.record_table(record)
        entries, ranked = search.ranked(table.model)
        source = Sql(ranked, f" CROSS JOIN {table.source}")
        tie = f"{table.ref('id')} = {entries.ref('record_id')}"
        type_ = self.scope.dialect.constant(record.table)
        parts = (
            ("rank", entries.ref("rank"), "int"), ("own", entries.ref("own"), "text"),
            ("id", entries.ref("record_id"), "uuid"), ("type", type_, "text"),
        )  # fmt: skip
        keys = [Key(name, Value(entries, ref, kind, False, name), ref, False) for name, ref, kind in parts]
        return Side(record, source, [tie, self.scope.guard(table)], Order(tuple(keys), EMPTY, "search"))
