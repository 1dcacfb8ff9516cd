"""A graph for tests of the read engine: the schema written out from the registry, and a minimal executor.

The product's schema is made by `crmcore.schema`, a room above; here the engine is tested alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import orjson
from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values

from crmcore.kit import times
from crmcore.platform.context import Context
from crmcore.query import (
    BatchField,
    CustomFields,
    ExternalRefsField,
    ManyField,
    MomentField,
    MoneyField,
    OneField,
    ReadEngine,
    Reading,
    RecordType,
    Registry,
    Root,
    StampField,
    TimelineField,
    ValueField,
    relative,
)
from crmcore.query import vocabulary as words
from crmcore.query.operators import operators_of

_SCALARS = {
    "uuid": "ID", "text": "String", "int": "Int", "bool": "Boolean", "decimal": "Decimal", "datetime": "DateTime",
    "date": "Date",
}  # fmt: skip
_OPERANDS = {
    "id": "ID", "text": "String", "texts": "String", "int": "Int", "bool": "Boolean", "decimal": "Decimal",
    "datetime": "DateTime", "date": "Date",
}  # fmt: skip
_PAGING = "search: String, first: Int, after: String, last: Int, before: String"
_TIMELINE = "types: [TimelineType!], since: DateTime, until: DateTime, direction: OrderDirection, first: Int, after: String, last: Int, before: String"
_BATCH_TYPES = {str: "String", int: "Int", bool: "Boolean", float: "Float"}


def schema_of(registry: Registry) -> GraphQLSchema:
    """An executable schema of the registry's records."""
    schema = build_schema("\n".join(_sdl(registry)))
    for name, parse_, show in (
        ("DateTime", times.from_text, times.to_text),
        ("Date", date.fromisoformat, date.isoformat),
        ("Decimal", Decimal, str),
    ):
        scalar: Any = schema.type_map[name]
        scalar.parse_value = scalar.coerce_input_value = parse_
        scalar.serialize = scalar.coerce_output_value = show
    return schema


def _sdl(registry: Registry) -> Any:
    yield "scalar DateTime scalar Date scalar Decimal interface Node { id: ID! }"
    yield "enum OrderDirection { ASC DESC } enum NullsOrder { FIRST LAST }"
    yield "enum ActorKind { USER API_KEY PLUGIN SYSTEM IMPORT } type ActorStamp { kind: ActorKind! id: ID }"
    yield "type Money { amount: Decimal! currencyCode: String! } type ExternalRef { system: String! externalId: String! }"
    yield "type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }"
    yield "type AggregateKey { field: String! value: String record: Node }"
    yield f"enum DateGrain {{ {' '.join(words.GRAINS)} }}"
    periods = [*(f"{k}: Int" for k in relative.COUNTED), *(f"{k}: Boolean" for k in relative.NAMED)]
    yield f"input RelativePeriod {{ {' '.join(periods)} timeZone: String }}"
    on_timelines = [words.enum_name(r.name) for r in registry.records.values() if r.on_timelines]
    yield f"enum TimelineType {{ {' '.join(on_timelines)} }}"
    yield "interface TimelineItem implements Node { id: ID! timelineAt: DateTime }"
    yield from _connection("Timeline", "TimelineItem")
    for kind, operand in _OPERANDS.items():
        yield f"input {words.TYPE_NAMES[kind]} {{ {_operators(kind, operand)} }}"
    yield f"input ActorKindFilter {{ {_operators('choice', 'ActorKind')} }}"
    for name, parts in words.COMPOSED.items():
        made = {k: "ActorKindFilter" if kind == "choice" else words.TYPE_NAMES[kind] for k, kind in parts.items()}
        yield f"input {name} {{ {' '.join(f'{k}: {type_}' for k, type_ in made.items())} }}"
    yield _many_filter("ExternalRef")
    enums: dict[str, Any] = {}
    for record in registry.records.values():
        for field in record.fields.values():
            if isinstance(field, ValueField) and field.enum and field.enum.__name__ not in enums:
                enums[field.enum.__name__] = field
        yield from _record(registry, record)
    for name, field in enums.items():
        if name != "ActorKind":
            yield f"enum {name} {{ {' '.join(field.enum)} }}"
        for kind, suffix in (("choice", ""), ("choices", "List")):
            yield f"input {name}{suffix}Filter {{ {_operators(kind, name)} }}"
    types = " ".join(words.enum_name(r.name) for r in registry.records.values() if r.searchable)
    yield f"enum SearchType {{ {types} }} enum SearchMatch {{ BEGINS WORDS PARTS }}"
    yield "type SearchEdge { cursor: String! node: Node! match: SearchMatch! }"
    yield "type SearchConnection { nodes: [Node!]! edges: [SearchEdge!]! pageInfo: PageInfo! totalCount(atMost: Int, estimate: Boolean): Int! }"
    yield "type Query { node(id: ID!): Node nodes(ids: [ID!]!): [Node]"
    paging = "first: Int, after: String, last: Int, before: String"
    yield f"search(query: String!, types: [SearchType!], {paging}): SearchConnection"
    for record in registry.records.values():
        name, root = record.name, record.root
        yield f"{record.root_plural}(where: {name}Filter, orderBy: [{name}Order!], {_PAGING}): {name}Connection"
        yield f"{root}(id: ID!): {name} {root}ByExternalRef(system: String!, externalId: String!): {name}"
        yield f"{root}Aggregate(where: {name}Filter, {_grouping(name)}): [{name}Aggregate!]"
    yield "}"


def _operators(kind: Any, operand: str) -> str:
    types = {"value": operand, "list": f"[{operand}!]", "boolean": "Boolean", "period": "RelativePeriod"}
    return " ".join(f"{name}: {types[operator.operand]}" for name, operator in operators_of(kind).items())


def _many_filter(name: str) -> str:
    count = f"input {name}CountFilter {{ where: {name}Filter {_operators('int', 'Int')} }}"
    many = f"some: {name}Filter none: {name}Filter every: {name}Filter count: {name}CountFilter"
    return f"input {name}ManyFilter {{ {many} }} {count}"


def _connection(name: str, node: str, more: str = "") -> Any:
    yield f"type {name}Connection {{ nodes: [{node}!]! edges: [{name}Edge!]! pageInfo: PageInfo! totalCount(atMost: Int, estimate: Boolean): Int!{more} }}"
    yield f"type {name}Edge {{ cursor: String! node: {node}! }}"


def _record(registry: Registry, record: RecordType) -> Any:
    name = record.name
    interfaces = "TimelineItem & Node" if record.on_timelines else "Node"
    yield f"type {name} implements {interfaces} {{ {' '.join(_output(f) for f in _own(record))} }}"
    yield from _connection(name, name, f" aggregate({_grouping(name)}): [{name}Aggregate!]!")
    filters = " ".join(f"{key}: {_filter(key, f)}" for key, f in words.filterable(record).items())
    yield f"input {name}Filter {{ and: [{name}Filter!] or: [{name}Filter!] not: {name}Filter {filters} }}"
    yield _many_filter(name)
    hops = words.hops(record)
    orders = " ".join(f"{key}: {hop.target}Order" for key, hop in hops.items())
    orders += "".join(f" {key}: {many.target}Figure" for key, many in words.measured(record).items())
    yield f"enum {name}OrderField {{ {' '.join(words.orderable(record))} }}"
    yield f"input {name}Order {{ field: {name}OrderField {orders} direction: OrderDirection nulls: NullsOrder }}"
    yield from _aggregates(record)


def _grouping(name: str) -> str:
    return (
        f"groupBy: [{name}GroupBy!], having: {name}Having, orderBy: [{name}AggregateOrder!], first: Int, after: String"
    )


def _aggregates(record: RecordType) -> Any:
    name = record.name
    groups = " ".join(f"{key}: {hop.target}GroupBy" for key, hop in words.hops(record).items())
    yield f"enum {name}GroupField {{ {' '.join(words.groupable(record))} }}"
    yield f"input {name}GroupBy {{ field: {name}GroupField dateGrain: DateGrain timeZone: String {groups} }}"
    distinct = words.distinguishable(record)
    yield f"enum {name}CountDistinctField {{ {' '.join(map(words.enum_name, distinct))} }}"
    yield f"type {name}CountDistinct {{ {' '.join(f'{key}: Int!' for key in distinct)} }}"
    yield f"input {name}CountDistinctHaving {{ {' '.join(f'{key}: IntFilter' for key in distinct)} }}"
    parts, inputs, conditions = [], [], []
    for function in words.AGGREGATES:
        if fields := words.numbers(record, function):
            made = f"{name}{function.capitalize()}"
            yield f"type {made} {{ {' '.join(f'{k}: {_figure(function, f)}' for k, f in fields.items())} }}"
            yield f"enum {made}Field {{ {' '.join(map(words.enum_name, fields))} }}"
            yield f"input {made}Having {{ {' '.join(f'{k}: {_condition(function, f)}' for k, f in fields.items())} }}"
            parts.append(f"{function}: {made}!")
            inputs.append(f"{function}: {made}Field")
            conditions.append(f"{function}: {made}Having")
    counts = f"count: Int! countDistinct: {name}CountDistinct!"
    yield f"type {name}Aggregate {{ keys: [AggregateKey!]! cursor: String! {counts} {' '.join(parts)} }}"
    counts = f"count: IntFilter countDistinct: {name}CountDistinctHaving"
    logic = f"and: [{name}Having!] or: [{name}Having!] not: {name}Having"
    yield f"input {name}Having {{ {logic} {counts} {' '.join(conditions)} }}"
    figures = " ".join(["count: Boolean", *inputs])
    yield f"input {name}Figure {{ {figures} where: {name}Filter currencyCode: String }}"
    inputs += [f"key: {name}GroupBy count: Boolean countDistinct: {name}CountDistinctField"]
    yield f"input {name}AggregateOrder {{ {' '.join(inputs)} direction: OrderDirection nulls: NullsOrder }}"


def _condition(function: str, field: Any) -> str:
    of_decimals = function in ("sum", "avg") or isinstance(field, MoneyField)
    return "DecimalFilter" if of_decimals else words.filter_type(field)


def _own(record: RecordType) -> Any:
    """The fields without the custom ones, which are tested with the whole app."""
    return (field for field in record.fields.values() if not isinstance(field, CustomFields))


def _figure(function: str, field: Any) -> str:
    if isinstance(field, MoneyField):
        return "[Money!]!"
    return "Decimal" if function in ("sum", "avg") else _SCALARS[field.kind]


def _filter(key: str, field: Any) -> str:
    if isinstance(field, OneField):
        return f"{field.target}Filter" if key == field.name else "IdFilter"
    return f"{field.target}ManyFilter" if isinstance(field, ManyField) else words.filter_type(field)


def _output(field: Any) -> str:
    must = "" if field.nullable else "!"
    if isinstance(field, ManyField):
        target = field.target
        return f"{field.name}(where: {target}Filter, orderBy: [{target}Order!], {_PAGING}): {target}Connection!"
    if isinstance(field, OneField):
        return f"{field.name}: {field.target}"
    if isinstance(field, TimelineField):
        return f"{field.name}({_TIMELINE}): TimelineConnection!"
    if isinstance(field, MomentField):
        return f"{field.name}: DateTime{must}"
    if isinstance(field, MoneyField):
        return f"{field.name}: Money{must}"
    if isinstance(field, StampField):
        return f"{field.name}: ActorStamp!"
    if isinstance(field, ExternalRefsField):
        return f"{field.name}: [ExternalRef!]!"
    if isinstance(field, BatchField):
        return f"{field.name}: {_BATCH_TYPES.get(field.annotation) or field.annotation.__name__}"
    assert isinstance(field, ValueField)
    if field.enum:
        kind = f"[{field.enum.__name__}!]" if field.kind == "choices" else field.enum.__name__
    elif field.kind == "json":
        kind = "[String!]"
    else:
        kind = _SCALARS[field.kind]
    return f"{field.name}: {kind}{must}"


class Graph:
    """Answers documents with the engine alone."""

    def __init__(self, registry: Registry, engine: ReadEngine) -> None:
        self.registry = registry
        self.engine = engine
        self.roots: dict[str, Root] = {"node": Root("node"), "nodes": Root("nodes"), "search": Root("search")}
        for record in registry.records.values():
            self.roots[record.root_plural] = Root("list", record)
            self.roots[record.root] = Root("one", record)
            self.roots[f"{record.root}ByExternalRef"] = Root("external", record)
            self.roots[f"{record.root}Aggregate"] = Root("aggregate", record)

    def readings(self, text: str, variables: Mapping[str, Any] | None = None) -> dict[str, tuple[Root, Reading]]:
        """What the executor hands to the engine for each root field."""
        schema = self.engine.schema
        document = parse(text)
        problems = validate(schema, document)
        assert not problems, problems
        (operation,) = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        values = get_variable_values(schema, operation.variable_definitions or (), dict(variables or {}))
        assert not isinstance(values, list), values
        fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
        query = schema.query_type
        assert query is not None
        found = {}
        for node in operation.selection_set.selections:
            assert isinstance(node, FieldNode)
            key = node.alias.value if node.alias else node.name.value
            type_ = query.fields[node.name.value].type
            reading = Reading(text, [node], fragments, values.coerced, (key,), type_)
            found[key] = (self.roots[node.name.value], reading)
        return found

    async def texts(self, ctx: Context, text: str, variables: Mapping[str, Any] | None = None) -> dict[str, bytes]:
        """The finished JSON of each root field; errors of batch fields fail the test."""
        answers = {}
        for key, (root, reading) in self.readings(text, variables).items():
            done = await self.engine.read(ctx, root, reading)
            assert not done.errors, done.errors
            answers[key] = done.json or b"null"
        return answers

    async def ask(self, ctx: Context, text: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer as Python values, keys in their order."""
        return {key: orjson.loads(found) for key, found in (await self.texts(ctx, text, variables)).items()}
