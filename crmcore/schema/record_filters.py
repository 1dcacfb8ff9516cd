"""`RecordFilters`: a filter for each type of record, for what tells of records of several types at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
        ],
    )


def filters_by_type(registry: Registry, given: Mapping[str, Any] | None) -> dict[str, Where]:
    """What a client gave as `RecordFilters`, coerced: the filters by the name of the record type. Null is no filter."""
    roots: dict[str, RecordType] = {record.root: record for record in registry.records.values()}
    return {roots[root].name: where for root, where in (given or {}).items() if where is not None}
