"""Root fields as resolvers of graphql-core: arguments arrive as plain dicts, in which absent and null differ."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from crmcore.query import RecordType, Registry, Root
from crmcore.schema.aggregates import aggregate_root
from crmcore.schema.changes import changes_root
from crmcore.schema.outputs import node_roots, record_roots
from crmcore.schema.resolving import EngineRoot
from crmcore.schema.search import search_root
from crmcore.schema.shapes import Field, Shapes

Resolver = Callable[..., Any | Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class RootField:
    """A field of Query or Mutation, and what answers it."""

    field: Field
    resolve: Resolver


def query_roots(registry: Registry, shapes: Shapes) -> list[RootField]:
    """Every way into the records; the read engine answers them all."""
    found = [RootField(field, _engine(kind, None)) for field, kind in node_roots(shapes)]
    found += [RootField(field, _engine("search", None)) for field in search_root(shapes)]
    found.append(RootField(changes_root(shapes), _engine("changes", None)))
    for record in registry.records.values():
        found += [RootField(field, _engine(kind, record)) for field, kind in record_roots(shapes, record)]
        found.append(RootField(aggregate_root(shapes, record), _engine("aggregate", record)))
    return found


def _engine(kind: Any, record: RecordType | None) -> Resolver:
    return EngineRoot(Root(kind, record))
