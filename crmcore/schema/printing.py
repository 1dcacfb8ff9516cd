"""The schema as text: the same declarations always give the same file."""

from __future__ import annotations

import asyncio

from graphql import DefinitionNode, DocumentNode, parse, print_ast

from crmcore.migrations import CORE
from crmcore.platform.metadata import load_models
from crmcore.schema.core import core_actions, core_records
from crmcore.schema.derive import CrmSchema, Share, derive


def print_schema(schema: CrmSchema) -> str:
    """The schema in GraphQL's own language, types by name, fields as they are declared."""
    document = parse(schema.as_str())
    ordered = sorted(document.definitions, key=_place)
    return print_ast(DocumentNode(definitions=tuple(ordered))) + "\n"


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
