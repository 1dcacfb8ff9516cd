"""Queries of one root field that the read engine answers whole: nothing of them is left for graphql-core to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import (
    ExecutionResult,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    is_non_null_type,
    located_error,
)

from crmcore.query import Reading, Root
from crmcore.schema.resolving import EngineRoot, Run


@dataclass(frozen=True, slots=True)
class Alone:
    """The one root field of a query that the engine answers: nothing of the query is left for graphql-core to do."""

    key: str
    node: FieldNode
    field: GraphQLField
    root: Root
    said: str

    @classmethod
    def of(cls, schema: GraphQLSchema, operation: OperationDefinitionNode) -> Alone | None:
        """The field, if the operation is such a query."""
        selections = operation.selection_set.selections
        query = schema.query_type
        if operation.operation is not OperationType.QUERY or operation.directives or len(selections) != 1 or not query:
            return None
        [node] = selections
        if not isinstance(node, FieldNode) or node.directives:
            return None
        field = query.fields.get(node.name.value)
        if field is None or not isinstance(field.resolve, EngineRoot):
            return None
        return cls((node.alias or node.name).value, node, field, field.resolve.root, f"{query}.{node.name.value}")

    async def read(
        self, run: Run, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]
    ) -> ExecutionResult:
        """What the executor would answer. Every variable must have a value, as in `CrmExecutor.execute_field`."""
        needed = is_non_null_type(self.field.type)
        reading = Reading(
            document=run.document,
            nodes=[self.node],
            fragments=fragments,
            variables=variables,
            path=(self.key,),
            return_type=self.field.type,
        )
        try:
            done = await run.engine.read(run.ctx, self.root, reading)
            if done.json is None and needed:
                raise TypeError(f"Cannot return null for non-nullable field {self.said}.")
        except Exception as error:  # noqa: BLE001  whatever it is becomes the field's error, as graphql-core does it
            return ExecutionResult(
                None if needed else {self.key: None}, [located_error(error, [self.node], [self.key])]
            )
        found = None if done.json is None else orjson.Fragment(done.json)
        return ExecutionResult({self.key: found}, done.errors or None)


def all_given(variables: Mapping[str, Any], operation: OperationDefinitionNode) -> bool:
    """Whether every variable of the operation has a value."""
    return len(variables) == len(operation.variable_definitions or ()) and None not in variables.values()
