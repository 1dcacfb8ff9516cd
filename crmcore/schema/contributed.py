"""What a plugin adds to the graph, as text: the difference of two printed schemas."""

from __future__ import annotations

from typing import Any, Final

from graphql import (
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    parse,
    print_ast,
)

_PARTS: Final[dict[type[Any], tuple[type[Any], str]]] = {
    ObjectTypeDefinitionNode: (ObjectTypeExtensionNode, "fields"),
    InterfaceTypeDefinitionNode: (InterfaceTypeExtensionNode, "fields"),
    InputObjectTypeDefinitionNode: (InputObjectTypeExtensionNode, "fields"),
    EnumTypeDefinitionNode: (EnumTypeExtensionNode, "values"),
}


def contributed(without: str, with_it: str) -> str:
    """What the second schema has and the first has not: whole types, and `extend` for new fields of known ones.

    ValueError if something of the first is missing in the second or is another there: then it is no contribution.
    """
    known, printed = _definitions(without), _definitions(with_it)
    if gone := sorted(known.keys() - printed.keys()):
        raise ValueError(f"Missing: {', '.join(gone)}.")
    added = [_added(known.get(name), node) for name, node in sorted(printed.items())]
    return "\n\n".join(print_ast(node) for node in added if node is not None) + "\n"


def _definitions(sdl: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for node in parse(sdl, no_location=True).definitions:
        name = getattr(node, "name", None)
        found[name.value if name else "schema"] = node
    return found


def _added(known: Any, node: Any) -> Any:
    """The node itself if nobody knows it, an extension with what is new in it, or None if nothing is."""
    if known is None:
        return node
    if type(node) not in _PARTS:
        return None
    extension, parts = _PARTS[type(node)]
    old = {part.name.value: print_ast(part) for part in getattr(known, parts) or ()}
    now = {part.name.value: part for part in getattr(node, parts) or ()}
    changed = [name for name, text in old.items() if name not in now or print_ast(now[name]) != text]
    if changed:
        raise ValueError(f"Changed or missing in {node.name.value}: {', '.join(changed)}.")
    new = tuple(part for name, part in now.items() if name not in old)
    return extension(name=node.name, directives=(), **{parts: new}) if new else None
