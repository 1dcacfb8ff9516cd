"""Record types, their connections, and the fields by which the graph is entered."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import strawberry
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from crmcore.query.mapping import (
    BatchField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
    ValueField,
)
from crmcore.schema.aggregates import aggregate_field
from crmcore.schema.shapes import Shapes, argument, listed, optional, shaped
from crmcore.schema.values import column_type, python_type

_ESTIMATE: Final = (
    "True may answer with an estimate, which costs little however long the list is: on PostgreSQL, above 10000, for a "
    "list at the root, from a sample of the table, mostly right within a few percent. All other answers are exact."
)


def make_node(shapes: Shapes) -> None:
    """The interface of everything that has a global id."""
    shapes.interface(
        "Node",
        "A record with a global id. Fetch one with node(id:), several with nodes(ids:).",
        lambda: [shaped("id", strawberry.ID, "Global id: the kind of record, then a UUID.")],
        _never,
    )


def _never(value: Any) -> str:
    raise TypeError(f"A {type(value).__name__} is no record: return a Ref or Refs, which the read engine completes.")


def make_record(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>`, `<Record>Connection` and `<Record>Edge`."""
    name = record.name
    shapes.object(
        name,
        record.description,
        lambda: [_field(registry, shapes, field) for field in record.fields.values()],
        interfaces=(shapes["Node"],),
        plugin=record.plugin,
    )
    shapes.object(
        f"{name}Connection",
        f"A page of {name} records.",
        lambda: _connection(shapes, name),
        plugin=record.plugin,
    )
    shapes.object(
        f"{name}Edge",
        f"The {name} with its place in the list.",
        lambda: [
            shaped("cursor", str, "The record's place: hand it to after or before."),
            shaped("node", shapes[name], "The record."),
        ],
        plugin=record.plugin,
    )


def list_arguments(shapes: Shapes, record: RecordType) -> list[StrawberryArgument]:
    """What every list of records takes."""
    target = record.name
    found = [
        argument("where", optional(shapes[f"{target}Filter"]), "Only records for which this holds."),
        argument(
            "orderBy", optional(listed(shapes[f"{target}Order"])), "Keys of the order, the first one counts most."
        ),
        argument("first", optional(int), "How many records from the start, or after the cursor. 50 unless given."),
        argument("after", optional(str), "A cursor of a page with the same where and orderBy: begin behind it."),
        argument("last", optional(int), "How many records from the end, or before the cursor."),
        argument("before", optional(str), "A cursor of a page with the same where and orderBy: end in front of it."),
    ]
    if record.searchable:
        found.insert(1, argument("search", optional(str), _SEARCH))
    return found


_SEARCH: Final = (
    "Only records that these words find, each as the beginning of a word; the best first, unless orderBy is given. "
    "Null does not search, a text without any word finds nothing."
)


def record_roots(shapes: Shapes, record: RecordType) -> Iterable[tuple[StrawberryField, str]]:
    """The root fields of a record, each with the kind of `Root` that answers it."""
    name, kind = record.name, shapes[record.name]
    plugin = record.plugin
    one = [argument("id", strawberry.ID, "The record's global id.")]
    said = f"One {name}; null if there is none with this id that you may see."
    yield shaped(record.root, optional(kind), said, arguments=one, plugin=plugin), "one"
    external = [
        argument("system", str, "The other system, such as erp."),
        argument("externalId", str, "The record's id there."),
    ]
    said = f"The {name} that has this id in another system; null if there is none that you may see."
    yield shaped(f"{record.root}ByExternalRef", optional(kind), said, arguments=external, plugin=plugin), "external"
    connection = optional(shapes[f"{name}Connection"])
    said = f"The {name} records that you may see, page by page."
    arguments = list_arguments(shapes, record)
    if "restore" in record.writes:
        said_of_deleted = f"True lists the deleted records instead; {record.root}Restore brings one back."
        arguments.append(argument("deleted", optional(bool), said_of_deleted))
    yield shaped(record.root_plural, connection, said, arguments=arguments, plugin=plugin), "list"


def node_roots(shapes: Shapes) -> Iterable[tuple[StrawberryField, str]]:
    """`node` and `nodes`."""
    node = optional(shapes["Node"])
    one = [argument("id", strawberry.ID, "A global id.")]
    yield (
        shaped("node", node, "The record with this id; null if there is none that you may see.", arguments=one),
        "node",
    )
    many = [argument("ids", listed(strawberry.ID), "Global ids, of any kinds of records.")]
    said = "The records with these ids, in their order; null in the place of one that you may not see."
    yield shaped("nodes", optional(listed(node)), said, arguments=many), "nodes"


def _connection(shapes: Shapes, name: str) -> list[StrawberryField]:
    return [
        shaped("nodes", listed(shapes[name]), "The records of this page."),
        shaped("edges", listed(shapes[f"{name}Edge"]), "The records of this page, each with its cursor."),
        shaped("pageInfo", shapes["PageInfo"], "Where this page stands in the list."),
        aggregate_field(shapes, name),
        shaped(
            "totalCount",
            int,
            "How many records the whole list has; counted only when asked for.",
            arguments=[
                argument(
                    "atMost", optional(int), "Stop counting here: this number as the answer means so many or more."
                ),
                argument("estimate", optional(bool), _ESTIMATE),
            ],
        ),
    ]


def _field(registry: Registry, shapes: Shapes, field: FieldMap) -> StrawberryField:
    kind = _kind(shapes, field)
    arguments = list_arguments(shapes, registry.records[field.target]) if isinstance(field, ManyField) else []
    if isinstance(field, CustomFields):
        arguments = [argument("keys", optional(listed(str)), "Only the fields with these keys.")]
    return shaped(
        field.name,
        optional(kind) if field.nullable else kind,
        field.description,
        arguments=arguments,
        plugin=field.plugin,
        deprecated=field.deprecated,
    )


def _kind(shapes: Shapes, field: FieldMap) -> Any:
    if isinstance(field, ValueField):
        return column_type(shapes, field)
    if isinstance(field, MoneyField):
        return shapes["Money"]
    if isinstance(field, StampField):
        return shapes["ActorStamp"]
    if isinstance(field, ExternalRefsField):
        return listed(shapes["ExternalRef"])
    if isinstance(field, CustomFields):
        return listed(shapes["CustomFieldValue"])
    if isinstance(field, OneField):
        return shapes[field.target]
    if isinstance(field, ManyField):
        return shapes[f"{field.target}Connection"]
    assert isinstance(field, BatchField)
    return python_type(shapes, field.annotation)
