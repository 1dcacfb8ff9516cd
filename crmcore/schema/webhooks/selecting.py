"""An endpoint's payload: a selection of the graph, and the query that reads it for many records at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse, print_ast

from crmcore.query import RecordType, Registry

MOST_TOKENS: Final = 1000
"""Tokens of a payload."""


def selected_type(registry: Registry, event_types: Iterable[str]) -> str:
    """The type that an endpoint's payload selects from: that of its records if they are of one, else `Node`."""
    areas = {pattern.partition(".")[0] for pattern in event_types}
    record: RecordType | None = registry.by_table.get(areas.pop()) if len(areas) == 1 else None
    return record.name if record else "Node"


def document(registry: Registry, event_types: Iterable[str], payload: str) -> str:
    """The query that reads an endpoint's payload. ValueError if that is no selection and nothing else."""
    said = 'write a selection, like "{ id name }".'
    try:
        definitions = parse(payload, no_location=True, max_tokens=MOST_TOKENS).definitions
    except GraphQLError as error:
        raise ValueError(f"{said} {error.message}") from error
    [found, *others] = definitions
    if others or not isinstance(found, OperationDefinitionNode) or found.operation is not OperationType.QUERY:
        raise ValueError(said)
    if found.name or found.variable_definitions or found.directives:
        raise ValueError(said)
    type_ = selected_type(registry, event_types)
    return f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {type_} {print_ast(found.selection_set)} }} }}"
