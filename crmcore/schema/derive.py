"""The schema of one app, made from the records, extensions and actions that the core and the plugins declare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from crmcore.query import Registry, build, check_figures
from crmcore.query.declare import Declaration, Extension
from crmcore.schema.actions import action_mutation
from crmcore.schema.aggregates import make_aggregates, make_key
from crmcore.schema.custom import make_custom
from crmcore.schema.filters import make_filters, make_value_filters
from crmcore.schema.interfaces import make_node, make_timelines
from crmcore.schema.listing import plugins_root
from crmcore.schema.mutations import record_mutations
from crmcore.schema.outputs import make_record
from crmcore.schema.payloads import make_errors
from crmcore.schema.roots import RootField, query_roots
from crmcore.schema.scalars import SCALARS
from crmcore.schema.search import make_search
from crmcore.schema.shapes import Shapes
from crmcore.schema.values import make_values


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody puts into the graph: the core (`plugin` empty) or a plugin."""

    plugin: str = ""
    records: Sequence[Declaration] = ()
    extensions: Sequence[Extension] = ()
    actions: Sequence[type] = ()


class CrmSchema(strawberry.Schema):
    """Strawberry's schema, with the fields of derived types handed over by `Shapes`. Nothing is kept on a class, so
    several schemas of one process know nothing of each other."""

    def __init__(self, registry: Registry, shapes: Shapes, queries: Sequence[RootField], mutations: Sequence[RootField],
                 types: Iterable[type]) -> None:  # fmt: skip
        self.registry = registry
        self._shapes = shapes
        query = shapes.object("Query", "Every way to read.", lambda: [root.field for root in queries])
        mutation = shapes.object(
            "Mutation", "Every way to change something.", lambda: [root.field for root in mutations]
        )
        super().__init__(
            query,
            mutation=mutation if mutations else None,
            types=types,
            config=StrawberryConfig(scalar_map=SCALARS, default_resolver=_member, auto_camel_case=False),
        )
        for kind, roots in ((self.core.query_type, queries), (self.core.mutation_type, mutations)):
            for root in roots:
                assert kind is not None
                kind.fields[root.field.python_name].resolve = root.resolve

    @property
    def core(self) -> GraphQLSchema:
        """graphql-core's schema, which is what runs."""
        return self._schema

    def get_fields(self, type_definition: StrawberryObjectDefinition) -> list[StrawberryField]:
        """The fields of a type: `Shapes` knows those it made."""
        found = self._shapes.fields_of(type_definition)
        return super().get_fields(type_definition) if found is None else found

    def _extend_introspection(self) -> None:
        """Strawberry would change graphql-core's own `__Type`, for the whole process; graphql-core needs no help."""


def derive(shares: Sequence[Share]) -> CrmSchema:
    """The schema of these shares. TypeError or ValueError says what does not fit. The models must be linked up."""
    declarations = [d for share in shares for d in share.records]
    extensions = [e for share in shares for e in share.extensions]
    registry = build(declarations, extensions)
    shapes = Shapes()
    make_node(shapes)
    make_values(shapes)
    make_value_filters(shapes)
    make_key(shapes)
    make_timelines(registry, shapes)
    make_search(registry, shapes)
    errors = [*make_errors(shapes), *make_custom(shapes)]
    for record in registry.records.values():
        make_record(registry, shapes, record)
        make_filters(registry, shapes, record)
        make_aggregates(registry, shapes, record)
    queries = [*query_roots(registry, shapes), plugins_root(shapes)]
    mutations = [root for record in registry.records.values() for root in record_mutations(registry, shapes, record)]
    names: Mapping[str, type] = {d.name: d.cls for d in declarations}
    for share in shares:
        mutations += [action_mutation(registry, shapes, cls, share.plugin, names) for cls in share.actions]
    _refuse_doubles(queries)
    _refuse_doubles(mutations)
    schema = CrmSchema(registry, shapes, queries, mutations, errors)
    check_figures(registry, schema.core)
    return schema


def _refuse_doubles(roots: Sequence[RootField]) -> None:
    seen: set[str] = set()
    for root in roots:
        name = root.field.python_name
        if name in seen:
            raise TypeError(f"Two root fields are called {name}: rename one of what they are made of.")
        seen.add(name)


def _member(value: Any, name: str) -> Any:
    """The default resolver: payloads are dicts, errors are objects."""
    return value[name] if isinstance(value, dict) else getattr(value, name)
