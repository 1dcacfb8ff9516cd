"""What a read begins with: a list, one record by id or external id, records by their ids, or groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
)

from crmcore.kit.ids import from_global
from crmcore.kit.sql import Bind, Sql
from crmcore.query.aggregates import Rows
from crmcore.query.arguments import Argument, Questions, Run, arguments
from crmcore.query.changes import ChangeFeed, Changes
from crmcore.query.compile import Records
from crmcore.query.cursors import Cursors
from crmcore.query.everywhere import SearchEverywhere
from crmcore.query.mapping import RecordType
from crmcore.query.operands import converter, list_converter
from crmcore.query.scope import EACH, Named, Scope, uuid_bind
from crmcore.query.selection import object_type

RootKind = Literal["list", "one", "external", "aggregate", "node", "nodes", "search", "changes", "ref", "refs", "mixed"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A record that a resolver answers with: the engine reads what is selected. `type` is the record type's name.

    `deleted` asks for a record that is deleted; otherwise such a one is null.
    """

    type: str
    id: UUID
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Refs:
    """Several records of one type, answered in this order. A record that is not there is null, or left out of a list
    without nulls."""

    type: str
    ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """What a field of the graph is for the engine. `record` is None for node, nodes, search, changes and mixed, which
    is records of several types whose tables are given with their ids; `deleted` as in Ref."""

    kind: RootKind
    record: RecordType | None = None
    deleted: bool = False


@dataclass(slots=True)
class Reading:
    """What the executor knows about the field that is being completed.

    document     the identity of the cached document and operation
    nodes        the field's nodes, merged
    variables    coerced
    path         the response path of the field
    return_type  the field's type
    parent_type  the type that the field belongs to; the query type unless given
    """

    document: Any
    nodes: Sequence[FieldNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    path: tuple[str | int, ...]
    return_type: GraphQLOutputType
    parent_type: GraphQLObjectType | None = None

    @property
    def place(self) -> tuple[str, ...]:
        """The path without places in lists: what is the same for all items."""
        return tuple(step for step in self.path if isinstance(step, str))

    def given(self, questions: Questions, schema: GraphQLSchema) -> dict[str, Argument]:
        """The arguments of the field."""
        parent = self.parent_type or schema.query_type
        assert parent is not None
        return arguments(questions, self.nodes[0], parent.fields[self.nodes[0].name.value].args)


class Roots:
    """Compiles the statement of a root within one compilation."""

    def __init__(self, scope: Scope, cursors: Cursors, feed: ChangeFeed) -> None:
        self.scope = scope
        self.feed = feed
        self.dialect = scope.dialect
        self.cursors = cursors
        self.records = Records(scope, cursors)

    def compile(self, root: Root, reading: Reading) -> Sql:
        """The whole statement: one row with one column, the finished JSON."""
        return Sql("SELECT ", self.dialect.answer(self._expression(root, reading)), ' AS "answer"')

    def _expression(self, root: Root, reading: Reading) -> Sql:
        if root.kind == "ref":
            assert root.record is not None
            asked = Sql(uuid_bind(lambda run: run.ids[0], self.dialect))
            return self._one(root.record, reading, asked, deleted=root.deleted)
        if root.kind == "refs":
            assert root.record is not None
            key = root.record.table
            return self._many([root.record], lambda run: [(key, id_) for id_ in run.ids], reading, root.deleted)
        if root.kind == "mixed":
            found = self.scope.questions.ask("mixed", lambda run: tuple(sorted({table for table, _ in run.ids})))
            known = self.scope.registry.by_table
            return self._many([known[table] for table in found], lambda run: run.ids, reading)
        given = reading.given(self.scope.questions, self.scope.schema)
        if root.kind == "node":
            return self._node(given["id"], reading)
        if root.kind == "nodes":
            return self._nodes(given["ids"], reading)
        if root.kind == "search":
            everywhere = SearchEverywhere(self.scope, self.cursors, self.records)
            return everywhere.compile(reading.nodes[0].name.value, given, _object(reading), reading.nodes)
        if root.kind == "changes":
            return Changes(self.scope, self.records, self.feed).compile(_object(reading), reading.nodes)
        assert root.record is not None
        if root.kind == "list":
            table = self.scope.record_table(root.record)
            type_ = _object(reading)
            table.deleted = "deleted" in given and given["deleted"].exact() is True
            guard = self.scope.guard(table)
            name = reading.nodes[0].name.value
            return self.records.connections.compile(name, table, guard, given, type_, reading.nodes, ())
        if root.kind == "aggregate":
            return self._aggregate(root.record, given, reading)
        if root.kind == "external":
            return self._one(root.record, reading, self._external(root.record, given))
        id_ = given["id"].bind(converter("uuid", self.dialect.name, root.record.table), "uuid")
        return self._one(root.record, reading, Sql(id_))

    def _one(self, record: RecordType, reading: Reading, id_: Sql, *, deleted: bool = False) -> Sql:
        table = self.scope.record_table(record)
        table.deleted = deleted
        type_ = object_type(self.scope.schema, record.name)
        found = Sql(f"{table.ref('id')} = ", id_)
        return self.records.one(table, type_, reading.nodes, (), found)

    def _aggregate(self, record: RecordType, given: Mapping[str, Argument], reading: Reading) -> Sql:
        table = self.scope.record_table(record)
        conditions = [self.scope.guard(table), self.records.filters.where(table, given.get("where"))]
        rows = Rows(reading.nodes[0].name.value, table, conditions, {})
        return self.records.aggregates.compile(rows, given, _object(reading), reading.nodes, (EACH,))

    def _external(self, record: RecordType, given: Mapping[str, Argument]) -> Sql:
        ref, rows = self.scope.external_refs(record)
        text = converter("text", self.dialect.name)
        system, external = given["system"].bind(text, "text"), given["externalId"].bind(text, "text")
        return Sql(
            f'(SELECT {ref}."record_id"', rows, f'{ref}."system" = ', system,
            f' AND {ref}."external_id" = ', external, " LIMIT 1)",
        )  # fmt: skip

    def _node(self, id_: Argument, reading: Reading) -> Sql:
        get = id_.get()

        def prefix(run: Run) -> str:
            try:
                return from_global(str(get(run)))[0]
            except ValueError as error:
                raise id_.fail(str(error)) from error

        record = self.scope.registry.by_table.get(self.scope.questions.ask(("prefix", id_.trail), prefix))
        if record is None:
            return Sql(self.dialect.null)
        return self._one(record, reading, Sql(id_.bind(converter("uuid", self.dialect.name, record.table), "uuid")))

    def _nodes(self, ids: Argument, reading: Reading) -> Sql:
        get, memo, most = ids.get(), ("nodes", ids.trail), self.scope.limits.ids_max

        def keys(run: Run) -> list[tuple[str, UUID]]:
            if memo not in run.memo:
                given = get(run)
                if len(given) > most:
                    raise ids.fail(f"at most {most} ids at once.")
                try:
                    run.memo[memo] = [from_global(str(item)) for item in given]
                except ValueError as error:
                    raise ids.fail(str(error)) from error
            return run.memo[memo]  # type: ignore[no-any-return]

        known = self.scope.registry.by_table
        found = self.scope.questions.ask(memo, lambda run: tuple(sorted({p for p, _ in keys(run)} & known.keys())))
        return self._many([known[prefix] for prefix in found], keys, reading)

    def _many(self, records: Sequence[RecordType], keys: Any, reading: Reading, deleted: bool = False) -> Sql:
        """An array of records in the order of `keys(run)`: pairs of a table's name and a key."""
        if self.dialect.name == "postgres":
            source: Sql = Sql(
                "unnest(",
                Bind(lambda run: [t for t, _ in keys(run)], "text[]"),
                ", ",
                Bind(lambda run: [k for _, k in keys(run)], "uuid[]"),
                ') WITH ORDINALITY AS v("type", "id", "n")',
            )
            ref = Named('v."type"', 'v."id"')
        else:
            as_json = list_converter(lambda pair: [pair[0], str(pair[1])], "sqlite")
            source = Sql("json_each(", Bind(lambda run: as_json(keys(run))), ") v")
            ref = Named("v.value ->> 0", "v.value ->> 1")
        element = self.records.one_of(records, ref, reading.nodes, (EACH,), deleted=deleted)
        return self.dialect.list_of(element, source, nulls=_nulls(reading))


def _object(reading: Reading) -> GraphQLObjectType:
    found = get_named_type(reading.return_type)
    assert isinstance(found, GraphQLObjectType)
    return found


def _nulls(reading: Reading) -> bool:
    """Whether the list that the field answers with may hold nulls."""
    return not str(reading.return_type).rstrip("!").endswith("!]")
