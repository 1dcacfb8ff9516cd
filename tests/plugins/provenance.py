"""Whether everything that plugins add to a printed schema says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import parse

from crmcore.schema.contributed import contributed


def added(without: str, with_them: str) -> Iterator[tuple[str, str]]:
    """Every type, field, argument and enum value that the second schema has and the first has not, with the plugin that
    it says it is of; what stands in a marked one is marked with it."""
    for node in parse(contributed(without, with_them), no_location=True).definitions:
        if node.kind == "directive_definition":
            continue
        name = node.name.value  # type: ignore[attr-defined]
        owner = _owner(node, "")
        if not node.kind.endswith("_extension"):
            yield name, owner
        for part in (*(getattr(node, "fields", None) or ()), *(getattr(node, "values", None) or ())):
            yield f"{name}.{part.name.value}", _owner(part, owner)


def _owner(node: Any, inherited: str) -> str:
    for directive in node.directives or ():
        if directive.name.value == "plugin":
            return str(directive.arguments[0].value.value)
    return inherited
