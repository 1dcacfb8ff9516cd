"""What a selection asks for: GraphQL's field collection for one object type (aliases, fragments, merging...)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLBoolean,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    SelectionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
)

from crmcore.query.arguments import Argument, Questions, arguments

TYPENAME = "__typename"


@dataclass(frozen=True, slots=True)
class Selected:
    """A field of the answer: its response key, and the nodes that were merged into it."""

    key: str
    name: str
    nodes: Sequence[FieldNode]


class Selection:
    """Reads selections of one document. Directives with variables are questions."""

    def __init__(
        self, schema: GraphQLSchema, fragments: Mapping[str, FragmentDefinitionNode], questions: Questions
    ) -> None:
        self.schema = schema
        self.fragments = fragments
        self.questions = questions

    def of(self, nodes: Iterable[FieldNode], type_: GraphQLObjectType) -> list[Selected]:
        """The fields that are selected on `type_` below the nodes, in the order of the answer."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for node in nodes:
            if node.selection_set is not None:
                self._collect(node.selection_set, type_, found, visited)
        return [Selected(key, merged[0].name.value, merged) for key, merged in found.items()]

    def arguments(self, selected: Selected, definition: GraphQLField) -> dict[str, Argument]:
        """The arguments of a field; validation has seen to it that merged nodes have the same."""
        return arguments(self.questions, selected.nodes[0], definition.args)

    def _collect(
        self,
        selections: SelectionSetNode,
        type_: GraphQLObjectType,
        found: dict[str, list[FieldNode]],
        visited: set[str],
    ) -> None:
        for node in selections.selections:
            if node.directives and not self._included(node):
                continue
            if isinstance(node, FieldNode):
                key = node.alias.value if node.alias else node.name.value
                found.setdefault(key, []).append(node)
                continue
            if isinstance(node, FragmentSpreadNode):
                name = node.name.value
                if name in visited:
                    continue
                visited.add(name)
                fragment: Any = self.fragments[name]
            else:
                fragment = node
            condition = fragment.type_condition
            if condition is None or self._applies(condition.name.value, type_):
                self._collect(fragment.selection_set, type_, found, visited)

    def _applies(self, condition: str, type_: GraphQLObjectType) -> bool:
        if condition == type_.name:
            return True
        abstract = self.schema.get_type(condition)
        return is_abstract_type(abstract) and self.schema.is_sub_type(abstract, type_)

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            name = directive.name.value
            if name in ("skip", "include"):
                (given,) = directive.arguments or ()
                condition = Argument.of(self.questions, GraphQLBoolean, (name,), given.value)
                if condition is not None and condition.exact() is (name == "skip"):
                    return False
        return True


def object_type(schema: GraphQLSchema, name: str) -> GraphQLObjectType:
    """The schema's object type of this name."""
    found = schema.get_type(name)
    assert isinstance(found, GraphQLObjectType), name
    return found


def inner_type(field: GraphQLField) -> GraphQLObjectType:
    """The object type of a field, without list and non-null."""
    found = get_named_type(field.type)
    assert isinstance(found, GraphQLObjectType), found
    return found
