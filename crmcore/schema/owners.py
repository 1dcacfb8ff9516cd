"""Which plugin brings what the fields of a record amount to: types and values beside the fields themselves."""

from __future__ import annotations

from collections.abc import Mapping

from crmcore.query import RecordType
from crmcore.query.mapping import FieldMap
from crmcore.schema.shapes import Shapes


def owner_of(record: RecordType, fields: Mapping[str, FieldMap]) -> str:
    """Whose a type is that exists for these fields of a record: the record's, unless another brings them all."""
    owners = {field.plugin or record.plugin for field in fields.values()}
    return owners.pop() if len(owners) == 1 else record.plugin


def names_of_fields(
    shapes: Shapes, record: RecordType, name: str, description: str, fields: Mapping[str, FieldMap]
) -> None:
    """An enum of fields of a record, each with its own description and owner."""
    said = {key: field.description for key, field in fields.items()}
    brought = {key: field.plugin or record.plugin for key, field in fields.items()}
    shapes.names(name, description, said, plugin=owner_of(record, fields), brought=brought)


__all__ = ["names_of_fields", "owner_of"]
