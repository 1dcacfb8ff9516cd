"""The conventions of the graph, checked on a schema as it is printed: the core's and every plugin's.

A check yields sentences that begin with the place: `Customer.name: has no description`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    build_schema,
    get_named_type,
    is_introspection_type,
    is_specified_directive,
    is_specified_scalar_type,
)

PAGING = ("first", "after", "last", "before")
RECORD_FIELDS = {
    "id": "ID!",
    "version": "Int!",
    "createdAt": "DateTime!",
    "createdBy": "ActorStamp!",
    "updatedAt": "DateTime!",
    "updatedBy": "ActorStamp!",
    "deletedAt": "DateTime",
    "externalRefs": "[ExternalRef!]!",
    "customFields": "[CustomFieldValue!]!",
}
OTHERS_IDS = {"externalId", "taxId"}
_CAMEL = re.compile(r"[a-z][a-zA-Z0-9]*")
_PASCAL = re.compile(r"[A-Z][a-zA-Z0-9]*")
_UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")

Fielded = GraphQLObjectType | GraphQLInterfaceType


def problems(sdl: str) -> list[str]:
    """Everything in a printed schema that breaks a convention."""
    schema = build_schema(sdl)
    checks = (descriptions, names, lists, ids, scalars, roots, mutations, connections, records, user_errors)
    return sorted(problem for check in checks for problem in check(schema))


def _types(schema: GraphQLSchema) -> Iterator[object]:
    for kind in schema.type_map.values():
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind):
            yield kind


def _objects(schema: GraphQLSchema) -> Iterator[Fielded]:
    return (kind for kind in _types(schema) if isinstance(kind, Fielded))


def _fields(schema: GraphQLSchema) -> Iterator[tuple[Fielded, str, GraphQLField]]:
    for kind in _objects(schema):
        for name, field in kind.fields.items():
            yield kind, name, field


def _is_root(schema: GraphQLSchema, kind: object) -> bool:
    return kind in (schema.query_type, schema.mutation_type, schema.subscription_type)


def descriptions(schema: GraphQLSchema) -> Iterator[str]:
    """On everything, written for a front-end developer."""

    def bare(place: str, thing: object) -> Iterator[str]:
        if not (getattr(thing, "description", None) or "").strip():
            yield f"{place}: has no description"

    for kind in _types(schema):
        name = kind.name  # type: ignore[attr-defined]
        if not _is_root(schema, kind):
            yield from bare(name, kind)
        if isinstance(kind, GraphQLEnumType):
            for value_name, value in kind.values.items():
                yield from bare(f"{name}.{value_name}", value)
        elif isinstance(kind, GraphQLInputObjectType):
            for input_name, input_field in kind.fields.items():
                yield from bare(f"{name}.{input_name}", input_field)
        elif isinstance(kind, Fielded):
            for field_name, field in kind.fields.items():
                yield from bare(f"{name}.{field_name}", field)
                for argument_name, argument in field.args.items():
                    yield from bare(f"{name}.{field_name}({argument_name}:)", argument)
    for directive in schema.directives:
        if not is_specified_directive(directive):
            yield from bare(f"@{directive.name}", directive)


def names(schema: GraphQLSchema) -> Iterator[str]:
    def wrong(place: str, name: str, form: re.Pattern[str], called: str) -> Iterator[str]:
        if not form.fullmatch(name):
            yield f"{place}: should be {called}"

    for kind in _types(schema):
        name = kind.name  # type: ignore[attr-defined]
        yield from wrong(name, name, _PASCAL, "PascalCase")
        if isinstance(kind, GraphQLEnumType):
            for value in kind.values:
                yield from wrong(f"{name}.{value}", value, _UPPER, "UPPER_CASE")
        elif isinstance(kind, GraphQLInputObjectType):
            for field in kind.fields:
                yield from wrong(f"{name}.{field}", field, _CAMEL, "camelCase")
    for owner, field, definition in _fields(schema):
        yield from wrong(f"{owner.name}.{field}", field, _CAMEL, "camelCase")
        for argument in definition.args:
            yield from wrong(f"{owner.name}.{field}({argument}:)", argument, _CAMEL, "camelCase")


def lists(schema: GraphQLSchema) -> Iterator[str]:
    """`[T!]!` in answers, `[T!]` at a root (an error there empties one field); `[T!]` in inputs."""
    for owner, name, field in _fields(schema):
        place = f"{owner.name}.{name}"
        if get_named_type(field.type).name == "Node":
            continue  # nodes(ids:) answers in the order of the ids, with null for what is not there
        kind = field.type
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        elif isinstance(kind, GraphQLList) and not _is_root(schema, owner):
            yield f"{place}: a list is never null, it is empty: [T!]!"
        if isinstance(kind, GraphQLList) and not isinstance(kind.of_type, GraphQLNonNull):
            yield f"{place}: a list holds no nulls: [T!]"
    inputs = [
        (f"{kind.name}.{name}", field.type)
        for kind in _types(schema)
        if isinstance(kind, GraphQLInputObjectType)
        for name, field in kind.fields.items()
    ]
    arguments = [
        (f"{owner.name}.{name}({argument}:)", definition.type)
        for owner, name, field in _fields(schema)
        for argument, definition in field.args.items()
    ]
    for place, wrapped in (*inputs, *arguments):
        inner = wrapped.of_type if isinstance(wrapped, GraphQLNonNull) else wrapped
        if isinstance(inner, GraphQLList) and not isinstance(inner.of_type, GraphQLNonNull):
            yield f"{place}: a list holds no nulls: [T!]"


def ids(schema: GraphQLSchema) -> Iterator[str]:
    """A thing's own id is `ID!`; an id in an input is `ID` or `IdFilter`, unless somebody else gave it."""
    for owner, name, field in _fields(schema):
        if name == "id" and owner.name != "ActorStamp" and str(field.type) != "ID!":
            yield f"{owner.name}.id: should be ID!, is {field.type}"
        for argument, definition in field.args.items():
            if argument in {"id", "ids"} and get_named_type(definition.type).name != "ID":
                yield f"{owner.name}.{name}({argument}:): should be ID"
    for kind in _types(schema):
        if isinstance(kind, GraphQLInputObjectType):
            for name, input_field in kind.fields.items():
                is_id = name == "id" or (name.endswith("Id") and name not in OTHERS_IDS)
                if is_id and get_named_type(input_field.type).name not in {"ID", "IdFilter", "Boolean"}:
                    yield f"{kind.name}.{name}: should be ID or IdFilter"


def scalars(schema: GraphQLSchema) -> Iterator[str]:
    """Our scalars say where their form is specified; numbers with a fraction are `Decimal`; `...At` is a time."""
    for kind in _types(schema):
        if isinstance(kind, GraphQLScalarType) and not kind.specified_by_url:
            yield f"{kind.name}: has no @specifiedBy"
    for owner, name, field in _fields(schema):
        named = get_named_type(field.type).name
        if named == "Float":
            yield f"{owner.name}.{name}: a Float is not exact, use Decimal or Money"
        if re.search(r"[a-z]At$", name) and named != "DateTime":
            yield f"{owner.name}.{name}: a name that ends in At is a DateTime, is {named}"


def roots(schema: GraphQLSchema) -> Iterator[str]:
    """Nullable: or one error would empty the whole answer, other fields' finished work included."""
    for root in (schema.query_type, schema.mutation_type):
        for name, field in root.fields.items() if root else ():
            if isinstance(field.type, GraphQLNonNull):
                yield f"{root.name if root else ''}.{name}: a root field is nullable, is {field.type}"


def mutations(schema: GraphQLSchema) -> Iterator[str]:
    """Noun and verb (`customerCreate`), and a payload of the record, what else there is to say, and the errors."""
    for name, field in schema.mutation_type.fields.items() if schema.mutation_type else ():
        payload = get_named_type(field.type)
        place = f"Mutation.{name}"
        if not isinstance(payload, GraphQLObjectType) or not payload.name.endswith("Payload"):
            yield f"{place}: answers a ...Payload, is {field.type}"
            continue
        noun = payload.name.removesuffix("Payload")
        noun = noun[:1].lower() + noun[1:]
        if noun != name and not re.fullmatch(rf"{noun}[A-Z][a-zA-Z]*", name) and not _is_plugins(field):
            yield f"{place}: is noun and verb, {noun}... for a {payload.name}"
        if str(payload.fields["errors"].type if "errors" in payload.fields else "") != "[UserError!]!":
            yield f"{payload.name}: needs errors: [UserError!]!"
        others = {key: value for key, value in payload.fields.items() if key not in {"outcome", "errors"}}
        if "results" in others:
            yield from _batch_payload(payload)
        elif not others or any(map(_is_certain, others.values())):
            yield f"{payload.name}: has the record, nullable, beside the errors; has {', '.join(others) or 'none'}"


def _is_plugins(field: GraphQLField) -> bool:
    """What a plugin does with another's record is called after the plugin."""
    node = field.ast_node
    return node is not None and any(directive.name.value == "plugin" for directive in node.directives or ())


def _is_certain(field: GraphQLField) -> bool:
    """Whether it is never null, without being a list: that is empty then."""
    return isinstance(field.type, GraphQLNonNull) and not isinstance(field.type.of_type, GraphQLList)


def _batch_payload(payload: GraphQLObjectType) -> Iterator[str]:
    """The answer of a batch: a payload for each item."""
    item = get_named_type(payload.fields["results"].type)
    if str(payload.fields["results"].type) != f"[{item.name}!]!" or not item.name.endswith("Payload"):
        yield f"{payload.name}.results: is a list of payloads, is {payload.fields['results'].type}"


def connections(schema: GraphQLSchema) -> Iterator[str]:
    """Every list of records pages the same way, whoever adds it."""
    for owner, name, field in _fields(schema):
        kind = get_named_type(field.type)
        if isinstance(kind, GraphQLObjectType) and kind.name.endswith("Connection"):
            of_records = _node_of(schema, kind) == kind.name.removesuffix("Connection")
            takes = ("where", "orderBy", *PAGING) if of_records else PAGING
            missing = [a for a in takes if a not in field.args]
            if missing:
                yield f"{owner.name}.{name}: a connection takes {', '.join(missing)}"
    for kind in _objects(schema):
        if kind.name.endswith("Connection"):
            stem, node = kind.name.removesuffix("Connection"), _node_of(schema, kind)
            wanted = {
                "nodes": f"[{node}!]!", "edges": f"[{stem}Edge!]!", "pageInfo": "PageInfo!", "totalCount": "Int!",
            }  # fmt: skip
            for name, form in wanted.items():
                found = str(kind.fields[name].type) if name in kind.fields else "missing"
                if found != form:
                    yield f"{kind.name}.{name}: should be {form}, is {found}"


def _node_of(schema: GraphQLSchema, connection: Fielded) -> str:
    """`Deal` for DealConnection; the interface for a list of several kinds of records."""
    node = get_named_type(connection.fields["nodes"].type) if "nodes" in connection.fields else None
    return node.name if isinstance(node, GraphQLInterfaceType) else connection.name.removesuffix("Connection")


def records(schema: GraphQLSchema) -> Iterator[str]:
    """Every record has what every record has; a log has an id, and is neither changed nor deleted."""
    node = schema.type_map.get("Node")
    for kind in _objects(schema):
        if not isinstance(kind, GraphQLObjectType) or node not in kind.interfaces:
            continue
        is_log = not {"version", "updatedAt", "deletedAt", "externalRefs", "customFields"} & kind.fields.keys()
        for name, form in {"id": "ID!"}.items() if is_log else RECORD_FIELDS.items():
            found = str(kind.fields[name].type) if name in kind.fields else "missing"
            if found != form:
                yield f"{kind.name}.{name}: should be {form}, is {found}"
        for name, field in kind.fields.items():
            target = field.type.of_type if isinstance(field.type, GraphQLNonNull) else None
            if isinstance(target, GraphQLObjectType) and node in target.interfaces:
                yield f"{kind.name}.{name}: a record behind a record may be deleted or hidden, so it is nullable"


def user_errors(schema: GraphQLSchema) -> Iterator[str]:
    """An interface, so that a plugin can add its own."""
    found = schema.type_map.get("UserError")
    if schema.mutation_type and not isinstance(found, GraphQLInterfaceType):
        yield "UserError: is an interface { code message path }"
    elif isinstance(found, GraphQLInterfaceType):
        for name, form in {"code": "ErrorCode!", "message": "String!", "path": "[String!]!"}.items():
            if str(found.fields[name].type if name in found.fields else "missing") != form:
                yield f"UserError.{name}: should be {form}"
