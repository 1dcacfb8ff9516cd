"""What a document may ask for at most, checked on its tree before validation, which would be the expensive part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    StringValueNode,
)

TOO_LARGE: Final = "OPERATION_TOO_LARGE"


@dataclass(frozen=True, slots=True)
class Limits:
    """Characters and tokens are counted for the whole document, the rest too; depth and root fields per operation."""

    characters: int = 100_000
    tokens: int = 4000
    depth: int = 15
    aliases: int = 30
    root_fields: int = 20
    directives: int = 50
    definitions: int = 60
    repeats: int = 200
    """How many fields one selection may hold with the same name: merging them costs their square."""


def refuse_large(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """The first limit that the document exceeds."""
    counted = _Count(document)
    sizes = (
        ("definitions", len(document.definitions), limits.definitions),
        ("aliases", counted.aliases, limits.aliases),
        ("directives", counted.directives, limits.directives),
        ("repeats of one field", counted.repeats, limits.repeats),
    )
    for what, found, allowed in sizes:
        if found > allowed:
            return too_large(f"The document has {found} {what}, at most {allowed} are allowed.")
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    for operation in document.definitions:
        if isinstance(operation, OperationDefinitionNode):
            depth, roots = _Shape(fragments).measure(operation.selection_set)
            if depth > limits.depth:
                return too_large(f"The selection is {depth} levels deep, at most {limits.depth} are allowed.")
            if roots > limits.root_fields:
                return too_large(f"The operation has {roots} root fields, at most {limits.root_fields} are allowed.")
    return None


def too_large(message: str) -> GraphQLError:
    """The error for a document beyond a limit."""
    return GraphQLError(message, extensions={"code": TOO_LARGE})


def unstorable_text(document: DocumentNode) -> GraphQLError | None:
    """An error for a literal with a NUL character: no database can hold it."""
    for node in _walk(document):
        if isinstance(node, StringValueNode) and "\0" in node.value:
            return GraphQLError("Text may not hold NUL characters.", node, extensions={"code": "BAD_USER_INPUT"})
    return None


class _Count:
    """Aliases, directives, and the most repeated field of the document."""

    def __init__(self, document: DocumentNode) -> None:
        self.aliases = self.directives = self.repeats = 0
        names: dict[str, int] = {}
        for node in _walk(document):
            if isinstance(node, FieldNode):
                self.aliases += node.alias is not None
                name = (node.alias or node.name).value
                names[name] = names.get(name, 0) + 1
            self.directives += len(getattr(node, "directives", None) or ())
        self.repeats = max(names.values(), default=0)


class _Shape:
    """Depth and root fields of an operation, fragments followed, each fragment measured once."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.fragments = fragments
        self.known: dict[str, tuple[int, int]] = {}

    def measure(self, selection: SelectionSetNode | None) -> tuple[int, int]:
        """The depth below, and the number of fields on this level."""
        depth = fields = 0
        for node in selection.selections if selection else ():
            if isinstance(node, FieldNode):
                below, _ = self.measure(node.selection_set)
                found = (below + 1, 1)
            elif isinstance(node, InlineFragmentNode):
                found = self.measure(node.selection_set)
            else:
                assert isinstance(node, FragmentSpreadNode)
                found = self._fragment(node.name.value)
            depth, fields = max(depth, found[0]), fields + found[1]
        return depth, fields

    def _fragment(self, name: str) -> tuple[int, int]:
        if name not in self.known:
            self.known[name] = (0, 0)  # a ring ends here; validation refuses it
            fragment = self.fragments.get(name)
            self.known[name] = self.measure(fragment.selection_set) if fragment else (0, 0)
        return self.known[name]


def _walk(document: DocumentNode) -> Iterator[Node]:
    """Every node below the document, without recursion."""
    stack: list[Node] = [document]
    while stack:
        node = stack.pop()
        yield node
        for key in node.keys:
            inner = getattr(node, key, None)
            if isinstance(inner, Node) and key != "loc":
                stack.append(inner)
            elif isinstance(inner, list | tuple):
                stack.extend(item for item in inner if isinstance(item, Node))
