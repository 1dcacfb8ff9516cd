"""The schema as text: the same declarations always give the same file."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import graphql
from graphql import (
    ConstArgumentNode,
    ConstDirectiveNode,
    DefinitionNode,
    DocumentNode,
    GraphQLSchema,
    NameNode,
    StringValueNode,
    parse,
    print_ast,
)

from crmcore.migrations import CORE
from crmcore.platform.metadata import load_models
from crmcore.schema.core import core_actions, core_records
from crmcore.schema.derive import CrmSchema, Share, derive
from crmcore.schema.shapes import PROVENANCE


def print_schema(schema: CrmSchema) -> str:
    """The schema in GraphQL's own language, types by name, fields as they are declared."""
    document = parse(graphql.print_schema(schema.core))
    marked = (_marked(definition, schema.core) for definition in document.definitions)
    return print_ast(DocumentNode(definitions=tuple(sorted(marked, key=_place)))) + "\n"


def core_share() -> Share:
    """What the core itself puts into the graph."""
    return Share(records=core_records(), actions=core_actions())


def print_core_schema() -> str:
    """The schema of the core without any plugin: what `schema.graphql` holds. Not to be called in an event loop."""
    asyncio.run(load_models([CORE]))
    return print_schema(derive([core_share()]))


def _place(definition: DefinitionNode) -> tuple[bool, str]:
    """Directives first, types by name: all that belongs to a record stands together."""
    name = getattr(definition, "name", None)
    return definition.kind != "directive_definition", name.value if name is not None else ""


def _marked(definition: Any, schema: GraphQLSchema) -> Any:
    """The definition of a type, with `@plugin` where it and its fields are a plugin's."""
    kind: Any = schema.type_map.get(definition.name.value)
    if kind is None or definition.kind == "directive_definition":
        return definition
    changed = _brought(definition, kind)
    if definition.kind == "enum_type_definition":
        values = tuple(_brought(value, kind.values[value.name.value]) for value in definition.values)
        return replace(changed, values=values)
    held = getattr(kind, "fields", None)
    if held is None:
        return changed
    return replace(changed, fields=tuple(_field(field, held[field.name.value]) for field in definition.fields))


def _field(node: Any, described: Any) -> Any:
    """A field, with its mark and those of its arguments."""
    if not getattr(node, "arguments", None):
        return _brought(node, described)
    arguments = tuple(_brought(one, described.args[one.name.value]) for one in node.arguments)
    return _brought(replace(node, arguments=arguments), described)


def _brought(node: Any, described: Any) -> Any:
    plugin = described.extensions.get(PROVENANCE.name)
    if plugin is None:
        return node
    name = ConstArgumentNode(name=NameNode(value="name"), value=StringValueNode(value=plugin))
    directive = ConstDirectiveNode(name=NameNode(value=PROVENANCE.name), arguments=(name,))
    return replace(node, directives=(*(node.directives or ()), directive))
