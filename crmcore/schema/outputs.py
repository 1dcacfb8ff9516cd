"""Record types, their connections, and the fields by which the graph is entered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from crmcore.query.mapping import (
    AnyField,
    AnyIdField,
    BatchField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MomentField,
    MoneyField,
    OneField,
    RecordType,
    Registry,
    StampField,
    TimelineField,
    ValueField,
)
from crmcore.schema.aggregates import aggregate_field
from crmcore.schema.interfaces import timeline_arguments
from crmcore.schema.pages import make_connection, page_arguments
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Argument, Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.values import column_type, python_type


def make_record(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>`, `<Record>Connection` and `<Record>Edge`."""
    name = record.name
    shapes.object(
        name,
        record.description,
        lambda: [_field(registry, shapes, field) for field in record.fields.values()],
        interfaces=(shapes["TimelineItem" if record.on_timelines else "Node"],),
        plugin=record.plugin,
    )
    said = f"A page of {name} records.", f"The {name} with its place in the list."
    make_connection(shapes, name, name, said, lambda: [aggregate_field(shapes, name)], plugin=record.plugin)


def list_arguments(shapes: Shapes, record: RecordType) -> list[Argument]:
    """What every list of records takes."""
    target = record.name
    found = [
        argument("where", optional(shapes[f"{target}Filter"]), "Only records for which this holds."),
        argument(
            "orderBy", optional(listed(shapes[f"{target}Order"])), "Keys of the order, the first one counts most."
        ),
        *page_arguments("where and orderBy"),
    ]
    if record.searchable:
        found.insert(1, argument("search", optional(str), _SEARCH))
    return found


_SEARCH: Final = (
    "Only records that these words find, each as the beginning of a word; the best first, unless orderBy is given. "
    "Null does not search, a text without any word finds nothing."
)


def record_roots(shapes: Shapes, record: RecordType) -> Iterable[tuple[Field, str]]:
    """The root fields of a record, each with the kind of `Root` that answers it."""
    name, kind = record.name, shapes[record.name]
    plugin = record.plugin
    one = [argument("id", ID, "The record's global id.")]
    said = f"One {name}; null if there is none with this id that you may see."
    yield shaped(record.root, optional(kind), said, arguments=one, plugin=plugin), "one"
    if not record.is_log:
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


def node_roots(shapes: Shapes) -> Iterable[tuple[Field, str]]:
    """`node` and `nodes`."""
    node = optional(shapes["Node"])
    one = [argument("id", ID, "A global id.")]
    yield (
        shaped("node", node, "The record with this id; null if there is none that you may see.", arguments=one),
        "node",
    )
    many = [argument("ids", listed(ID), "Global ids, of any kinds of records.")]
    said = "The records with these ids, in their order; null in the place of one that you may not see."
    yield shaped("nodes", optional(listed(node)), said, arguments=many), "nodes"


def shared_fields(registry: Registry, shapes: Shapes, interface: str) -> list[Field]:
    """The fields that extensions give to all of an interface."""
    return [_field(registry, shapes, field) for field in registry.shared[interface].values()]


def _field(registry: Registry, shapes: Shapes, field: FieldMap) -> Field:
    kind = _kind(shapes, field)
    arguments: Sequence[Argument] = ()
    if isinstance(field, ManyField):
        arguments = list_arguments(shapes, registry.records[field.target])
    elif isinstance(field, TimelineField):
        arguments = timeline_arguments(shapes)
    elif isinstance(field, CustomFields):
        arguments = [
            argument("keys", optional(listed(str)), "Only the fields with these keys; unknown keys are refused.")
        ]
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
    if isinstance(field, AnyIdField):
        return ID
    if isinstance(field, AnyField):
        return shapes["Node"]
    if isinstance(field, OneField):
        return shapes[field.target]
    if isinstance(field, ManyField):
        return shapes[f"{field.target}Connection"]
    if isinstance(field, TimelineField):
        return shapes["TimelineConnection"]
    if isinstance(field, MomentField):
        return datetime
    assert isinstance(field, BatchField)
    return python_type(shapes, field.annotation, field.plugin)
