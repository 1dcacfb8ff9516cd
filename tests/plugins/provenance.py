"""Whether everything that plugins add to a schema says whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphql import GraphQLSchema

from crmcore.schema.shapes import PROVENANCE


def added(without: GraphQLSchema, with_them: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Every type, field, argument and enum value that the second schema has and the first has not, with the plugin that
    it says it is of; what stands in a marked one is marked with it."""
    for name, kind in with_them.type_map.items():
        known, owner = without.type_map.get(name), _owner(kind, "")
        if known is None:
            yield name, owner
        for part, described in _parts(kind).items():
            before = _parts(known).get(part)
            mine = _owner(described, owner)
            if before is None:
                yield f"{name}.{part}", mine
            for argument, taken in (getattr(described, "args", None) or {}).items():
                if before is None or argument not in before.args:
                    yield f"{name}.{part}({argument}:)", _owner(taken, mine)


def _parts(kind: Any) -> dict[str, Any]:
    return getattr(kind, "fields", None) or getattr(kind, "values", None) or {}


def _owner(described: Any, inherited: str) -> str:
    return str((described.extensions or {}).get(PROVENANCE.name, inherited))
