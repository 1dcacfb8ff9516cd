"""`RecordFilters`: a filter for each type of record, for what tells of records of several types at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLInputObjectType, GraphQLList, get_nullable_type

from crmcore.query import RecordType, Registry, Where
from crmcore.schema.shapes import Shapes, optional, shaped

RECORD_FILTERS: Final = "RecordFilters"


def make_record_filters(registry: Registry, shapes: Shapes) -> None:
    """The input type: `{customer: {...}, deal: {...}}`."""
    shapes.input(
        RECORD_FILTERS,
        "Conditions on records of several types, each as in the lists of that type; a type left out has none.",
        lambda: [
            shaped(
                record.root,
                optional(shapes[f"{record.name}Filter"]),
                f"Which {record.name} records; all unless given.",
                plugin=record.plugin,
            )
            for record in registry.records.values()
            if not record.is_log
        ],
    )


def filters_by_type(registry: Registry, given: Mapping[str, Any] | None) -> dict[str, Where]:
    """What a client gave as `RecordFilters`, coerced: the filters by the name of the record type. Null is no filter."""
    roots: dict[str, RecordType] = {record.root: record for record in registry.records.values()}
    return {roots[root].name: where for root, where in (given or {}).items() if where is not None}


def as_written(type_: Any, given: Any) -> Any:
    """A value of an input type as clients write it, ready for JSON: the way back from what coercing made of it."""
    kind = get_nullable_type(type_)
    if given is None:
        return None
    if isinstance(kind, GraphQLList):
        return [as_written(kind.of_type, item) for item in given]
    if isinstance(kind, GraphQLInputObjectType):
        return {name: as_written(kind.fields[name].type, value) for name, value in given.items()}
    return kind.coerce_output_value(given)
