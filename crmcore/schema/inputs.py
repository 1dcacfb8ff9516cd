"""The inputs of create and update, and of the parts that are written with a record."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any, Final

from crmcore.kit.text import article
from crmcore.query.mapping import ColumnField, CustomFields, ExternalRefsField, FieldMap, MoneyField, OneField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, listed, optional, shaped
from crmcore.schema.values import column_type
from crmcore.schema.writable import Writable

RECORD_VERSION: Final = "RecordVersionInput"


def make_inputs(writable: Writable, shapes: Shapes) -> None:
    """`<Record>CreateInput` and `<Record>UpdateInput`; for a part of another record `<Record>ChangesInput`, and
    `<Record>PartInput` where its own create names that record."""
    record = writable.record
    made: list[tuple[str, str, Any]] = []
    if "create" in record.writes:
        made.append(("Create", f"A new {record.name}.", partial(_create_fields, writable, shapes)))
        if _names_its_whole(writable):
            said = f"A new {record.name} that is given with the record it is a part of."
            made.append(("Part", said, partial(_create_fields, writable, shapes, part=True)))
    if "update" in record.writes:
        said = f"Changes of {article(record.name)}: a field left out stays as it is, null clears it."
        made.append(("Update", said, partial(_update_fields, writable, shapes)))
    if writable.whole_keys and record.writes:
        said = f"What is to be done with the {record.name} records that are parts of another."
        made.append(("Changes", said, partial(_changes, writable, shapes)))
    for kind, said, fields in made:
        shapes.input(f"{record.name}{kind}Input", said, fields, plugin=record.plugin)


def _names_its_whole(writable: Writable) -> bool:
    """Whether a create must name a record that this one is a part of."""
    return any(isinstance(f, OneField) and f.required and f.column in writable.whole_keys for f in writable.all())


def new_part(writable: Writable) -> str:
    """The input of a new part that is given with its whole."""
    return f"{writable.record.name}{'Part' if _names_its_whole(writable) else 'Create'}Input"


def _create_fields(writable: Writable, shapes: Shapes, *, part: bool = False) -> Iterable[Field]:
    said = "An id of your own choice, for creating offline or trying again: a UUID, bare or as a global id."
    yield shaped("id", optional(ID), said)
    for name, mapped in writable.fields("create").items():
        given = part and isinstance(mapped, OneField) and mapped.column in writable.whole_keys
        yield _field(shapes, name, mapped, needed=mapped.required and not given)
    for name, many in writable.parts.items():
        other = writable.of_part(many)
        if "create" in other.record.writes:
            said = f"Created with it. {many.description}"
            yield shaped(name, optional(listed(shapes[new_part(other)])), said, plugin=many.plugin)
    yield from (one.input.field() for one in writable.added.values())


def _update_fields(writable: Writable, shapes: Shapes) -> Iterable[Field]:
    for name, mapped in writable.fields("update").items():
        yield _field(shapes, name, mapped, needed=False)
    for name, many in writable.parts.items():
        kind = shapes[f"{many.target}ChangesInput"]
        said = f"Created, changed and deleted with it. {many.description}"
        yield shaped(name, optional(kind), said, plugin=many.plugin)
    yield from (one.input.field() for one in writable.added.values())


def _changes(writable: Writable, shapes: Shapes) -> Iterable[Field]:
    record = writable.record
    kinds = {
        "create": (new_part(writable), "New ones."),
        "update": (f"{record.name}UpdateItem", "Those that change."),
        "delete": (RECORD_VERSION, "Those that go, with everything that is part of them."),
    }
    for verb, (kind, said) in kinds.items():
        if verb in record.writes:
            yield shaped(verb, optional(listed(shapes[kind])), said, plugin=record.plugin)


def _field(shapes: Shapes, name: str, mapped: FieldMap, *, needed: bool) -> Field:
    kind = _kind(shapes, mapped)
    said = f"Global id. {mapped.description}" if isinstance(mapped, OneField) else mapped.description
    if isinstance(mapped, CustomFields):
        said = "Values of the fields that you defined for this type of record; the others stay as they are."
    return shaped(name, kind if needed else optional(kind), said, plugin=mapped.plugin, deprecated=mapped.deprecated)


def _kind(shapes: Shapes, mapped: FieldMap) -> Any:
    if isinstance(mapped, ExternalRefsField):
        return listed(shapes["ExternalRefInput"])
    if isinstance(mapped, CustomFields):
        return listed(shapes["CustomFieldInput"])
    if isinstance(mapped, MoneyField):
        return shapes["MoneyInput"]
    if isinstance(mapped, OneField):
        return ID
    assert isinstance(mapped, ColumnField)
    return column_type(shapes, mapped)


__all__ = ["RECORD_VERSION", "make_inputs"]
