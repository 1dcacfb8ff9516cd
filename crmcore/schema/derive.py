"""The schema of one app, made from the records, extensions and actions that the core and the plugins declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import GraphQLNamedType, GraphQLSchema, specified_directives, validate_schema

from crmcore.query import Registry, build, check_figures
from crmcore.query.declare import Declaration, Extension
from crmcore.schema.actions import action_mutation
from crmcore.schema.aggregates import make_aggregates, make_key
from crmcore.schema.apps import app_mutations, make_app_types
from crmcore.schema.batches import make_batches
from crmcore.schema.changes import make_changes
from crmcore.schema.custom import make_custom
from crmcore.schema.duplicates import duplicate_roots, make_duplicates
from crmcore.schema.enclosing import controls
from crmcore.schema.filters import make_filters, make_value_filters
from crmcore.schema.functions.roots import Functions
from crmcore.schema.interfaces import make_node, make_timelines
from crmcore.schema.jobs import jobs_retry
from crmcore.schema.lifecycle import lifecycle_roots
from crmcore.schema.listing import plugin_mutations, plugin_roots
from crmcore.schema.merging import make_merging, merge_mutations
from crmcore.schema.mutations import record_mutations
from crmcore.schema.outputs import make_record, shared_fields
from crmcore.schema.payloads import make_errors
from crmcore.schema.persons import person_mutations, person_queries
from crmcore.schema.plugin_events import plugin_events_replay
from crmcore.schema.record_changed import record_changed
from crmcore.schema.record_filters import RECORD_FILTERS, make_record_filters
from crmcore.schema.record_types import make_record_types
from crmcore.schema.roots import RootField, query_roots
from crmcore.schema.search import make_search
from crmcore.schema.shapes import PROVENANCE, Shapes
from crmcore.schema.transfers import transfer_mutations
from crmcore.schema.values import make_values
from crmcore.schema.webhooks.mutations import make_webhook_types, webhook_mutations
from crmcore.schema.writing import Writing


@dataclass(frozen=True, slots=True)
class Share:
    """What somebody puts into the graph: the core (`plugin` empty) or a plugin."""

    plugin: str = ""
    records: Sequence[Declaration] = ()
    extensions: Sequence[Extension] = ()
    actions: Sequence[type] = ()
    functions: Sequence[type] = ()
    """The classes of @output, @input_object, @query, @mutation, @subscription and @inputs."""


@dataclass(frozen=True, slots=True)
class CrmSchema:
    """graphql-core's schema, which is what runs, and what its records are in the database."""

    core: GraphQLSchema
    registry: Registry


def derive(shares: Sequence[Share]) -> CrmSchema:
    """The schema of these shares. TypeError or ValueError says what does not fit. The models must be linked up."""
    declarations = [d for share in shares for d in share.records]
    extensions = [e for share in shares for e in share.extensions]
    registry = build(declarations, extensions)
    shapes = Shapes([share.plugin for share in shares if share.plugin])
    more = partial(shared_fields, registry, shapes)
    make_node(shapes, more)
    make_values(shapes)
    make_value_filters(shapes)
    make_key(shapes)
    make_timelines(registry, shapes, more)
    make_search(registry, shapes)
    make_merging(shapes)
    make_duplicates(shapes)
    make_record_types(registry, shapes)
    make_changes(shapes)
    make_record_filters(registry, shapes)
    unnamed = [*make_errors(shapes), *make_custom(shapes), shapes[RECORD_FILTERS]]
    for record in registry.records.values():
        make_record(registry, shapes, record)
        make_filters(registry, shapes, record)
        make_aggregates(registry, shapes, record)
    queries = [
        *query_roots(registry, shapes),
        *duplicate_roots(registry, shapes),
        *person_queries(registry),
        *lifecycle_roots(registry, shapes),
        *plugin_roots(shapes),
    ]
    functions = Functions(registry, shapes, {d.name: d.cls for d in declarations}, shares)
    writing = Writing(registry, functions.added())
    make_batches(shapes)
    make_webhook_types(registry, shapes)
    make_app_types(registry, shapes)
    mutations = [root for record in registry.records.values() for root in record_mutations(shapes, writing, record)]
    mutations += [root for record in registry.records.values() for root in merge_mutations(registry, shapes, record)]
    mutations += person_mutations(registry, shapes)
    mutations += webhook_mutations(registry, shapes)
    mutations += app_mutations(registry, shapes)
    subscriptions = [record_changed(registry, shapes)]
    for share in shares:
        mutations += [
            action_mutation(registry, shapes, cls, share.plugin, functions.arguments) for cls in share.actions
        ]
    mutations += transfer_mutations(registry, shapes)
    unnamed += functions.make_outputs()
    queries += functions.roots("query")
    mutations += functions.roots("mutation")
    subscriptions += functions.roots("subscription")
    mutations += [jobs_retry(shapes), plugin_events_replay(shapes)]
    mutations += plugin_mutations(shapes)
    _refuse_doubles(queries)
    _refuse_doubles(mutations)
    _refuse_doubles(subscriptions)
    core = _schema(shapes, queries, mutations, subscriptions, unnamed, extended=any(share.plugin for share in shares))
    check_figures(registry, core)
    return CrmSchema(core, registry)


def _schema(
    shapes: Shapes,
    queries: Sequence[RootField],
    mutations: Sequence[RootField],
    subscriptions: Sequence[RootField],
    types: Sequence[GraphQLNamedType],
    *,
    extended: bool,
) -> GraphQLSchema:
    """The schema with these root fields, and `types` that no field names."""
    query = shapes.object("Query", "Every way to read.", lambda: [root.field for root in queries])
    mutation = shapes.object(
        "Mutation", "Every way to change something.", lambda: [root.field.taking(controls()) for root in mutations]
    )
    said = "Every way to be told of changes, over a WebSocket or as a stream of events."
    subscription = shapes.object("Subscription", said, lambda: [root.field for root in subscriptions])
    made = GraphQLSchema(
        query,
        mutation if mutations else None,
        subscription,
        types=types,
        directives=[*specified_directives, PROVENANCE] if extended else specified_directives,
    )
    for kind, roots in ((query, queries), (mutation, mutations)):
        for root in roots:
            kind.fields[root.field.name].resolve = root.resolve
    for root in subscriptions:
        field = subscription.fields[root.field.name]
        field.subscribe, field.resolve = root.resolve, _told
    if problems := validate_schema(made):
        raise TypeError(" ".join(problem.message for problem in problems))
    return made


def _told(value: Any, _info: Any, **_arguments: Any) -> Any:
    """What a subscription's source has told is the value of its field."""
    return value


def _refuse_doubles(roots: Sequence[RootField]) -> None:
    seen: dict[str, str] = {}
    for root in roots:
        name, owner = root.field.name, root.field.plugin or "core"
        if name in seen:
            raise TypeError(f"The root field {name} is made twice, by {seen[name]} and {owner}. Rename one.")
        seen[name] = owner
