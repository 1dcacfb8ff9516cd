"""What a plugin adds to the graph, read from the printed schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import parse

_ROOTS = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True, slots=True)
class Contributed:
    """The names of its own types, of its root fields (`customerCreate`) and of its fields on others' types
    (`Customer.surveysScore`)."""

    types: frozenset[str]
    roots: frozenset[str]
    fields: frozenset[str]


def contributed_by(plugin: str, sdl: str) -> Contributed:
    """What is marked `@plugin(name:)` with this name."""
    types, roots, fields = set(), set(), set()
    for definition in parse(sdl, no_location=True).definitions:
        name: Any = getattr(definition, "name", None)
        if definition.kind == "directive_definition" or name is None:
            continue
        if _marked(definition, plugin):
            types.add(name.value)
            continue
        for part in getattr(definition, "fields", None) or getattr(definition, "values", None) or ():
            if _marked(part, plugin):
                own = part.name.value
                if name.value in _ROOTS:
                    roots.add(own)
                else:
                    fields.add(f"{name.value}.{own}")
    return Contributed(frozenset(types), frozenset(roots), frozenset(fields))


def _marked(node: Any, plugin: str) -> bool:
    return any(
        directive.name.value == "plugin" and directive.arguments[0].value.value == plugin
        for directive in node.directives or ()
    )
