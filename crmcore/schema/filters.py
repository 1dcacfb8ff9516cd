"""The inputs by which lists are filtered and ordered. Which operators and fields there are, the compiler says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any, Final

from crmcore.kit.text import article
from crmcore.platform.access import ActorKind
from crmcore.query import relative
from crmcore.query import vocabulary as words
from crmcore.query.mapping import ConditionField, FieldMap, ManyField, OneField, RecordType, Registry, ValueField
from crmcore.query.operators import Kind, kind_of, operators_of
from crmcore.schema.owners import names_of_fields
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import PROVENANCE, Field, Shapes, listed, optional, shaped
from crmcore.schema.values import column_type

_VALUES: Final[dict[Kind, tuple[Any, str]]] = {
    "id": (ID, "global id"),
    "text": (str, "text"),
    "texts": (str, "list of texts"),
    "int": (int, "whole number"),
    "bool": (bool, "yes or no"),
    "decimal": (Decimal, "decimal number"),
    "datetime": (datetime, "instant"),
    "date": (date, "day"),
}
"""What the operands of a kind are in the graph, and what people call it."""

_COMPOSED: Final[dict[str, str]] = {
    "MoneyFilter": "Conditions on an amount and its currency; all that are given must hold. Amounts are compared as "
    "they are, without conversion, so name the currency too.",
    "ActorStampFilter": "Conditions on who did something to a record; all that are given must hold.",
    "ExternalRefFilter": "Conditions on the id of a record in another system; all that are given must hold.",
}


def make_value_filters(shapes: Shapes) -> None:
    """`StringFilter`, `IdFilter` and the like, once for all records."""
    shapes.input(relative.TYPE, relative.DESCRIPTION, _period)
    for kind, (operand, called) in _VALUES.items():
        said = f"Conditions on {article(called)}; all that are given must hold."
        shapes.input(words.TYPE_NAMES[kind], said, partial(operator_fields, shapes, kind, operand))
    _make_choice_filter(shapes, ActorKind, "choice")
    for name, said in _COMPOSED.items():
        shapes.input(name, said, partial(_composed, shapes, name))
    _make_many_filter(shapes, "ExternalRef", "")


def _period() -> Iterable[Field]:
    for name, (said, _) in (*relative.COUNTED.items(), *relative.NAMED.items()):
        yield shaped(name, optional(int if name in relative.COUNTED else bool), said)
    yield shaped(relative.TIME_ZONE, optional(str), relative.ZONE_DESCRIPTION)


def _composed(shapes: Shapes, name: str) -> Iterable[Field]:
    for part, kind in words.COMPOSED[name].items():
        made = "ActorKindFilter" if kind == "choice" else words.TYPE_NAMES[kind]
        yield shaped(part, optional(shapes[made]), f"Conditions on the {part}.")


def _make_choice_filter(shapes: Shapes, enum: type[StrEnum], kind: Kind) -> str:
    """The filter of an enum's values, or of lists of them. Its name."""
    name = words.choice_filter(enum, kind)
    if name not in shapes:
        what = f"list of {enum.__name__}" if kind == "choices" else enum.__name__
        said = f"Conditions on {article(what)}; all that are given must hold."
        made = shapes[enum.__name__]
        owner = made.extensions.get(PROVENANCE.name, "")
        shapes.input(name, said, partial(operator_fields, shapes, kind, made), plugin=owner)
    return name


def _make_many_filter(shapes: Shapes, name: str, plugin: str) -> None:
    """`<name>ManyFilter` and `<name>CountFilter`."""
    shapes.input(
        f"{name}ManyFilter",
        f"Conditions on all {name} records that belong to one record; all that are given must hold.",
        lambda: [
            shaped(key, optional(shapes[f"{name}CountFilter" if key == "count" else f"{name}Filter"]), said)
            for key, said in words.MANY_FILTER.items()
        ],
        plugin=plugin,
    )
    shapes.input(
        f"{name}CountFilter",
        f"Conditions on a number of {name} records; all that are given must hold.",
        lambda: [
            shaped("where", optional(shapes[f"{name}Filter"]), words.COUNT_WHERE),
            *operator_fields(shapes, "int", int),
        ],
        plugin=plugin,
    )


def make_filters(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>Filter`, `<Record>ManyFilter`, `<Record>CountFilter` and `<Record>Order`."""
    name = record.name
    shapes.input(
        f"{name}Filter",
        f"Conditions on {article(name)}; all that are given must hold.",
        lambda: _filter_fields(shapes, record),
        plugin=record.plugin,
    )
    _make_many_filter(shapes, name, record.plugin)
    said = f"What {name} records can be ordered by."
    names_of_fields(shapes, record, f"{name}OrderField", said, words.orderable(record))
    shapes.input(
        f"{name}Order",
        "One key of an order. Give exactly one of field and the relations; the record's id is always the last key.",
        lambda: _order_fields(shapes, record),
        plugin=record.plugin,
    )


def operator_fields(shapes: Shapes, kind: Kind, value: Any) -> Iterable[Field]:
    """The operators of a kind; `value` is what an operand is in the graph."""
    for operator in operators_of(kind).values():
        if operator.operand == "period":
            operand = shapes[relative.TYPE]
        elif operator.operand == "boolean":
            operand = bool
        else:
            operand = listed(value) if operator.operand == "list" else value
        yield shaped(operator.name, optional(operand), operator.description)


def _filter_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    own = shapes[f"{record.name}Filter"]
    for key, said in words.LOGIC.items():
        yield shaped(key, optional(own if key == "not" else listed(own)), said)
    if not record.is_log:
        said = "Conditions on the fields that you defined for this type; all must hold."
        yield shaped(words.CUSTOM, optional(listed(shapes["CustomFilter"])), said)
    for name, field in words.filterable(record).items():
        kind = optional(_filter_type(shapes, name, field))
        old = field.deprecated if isinstance(field, ConditionField) else None
        yield shaped(name, kind, _said(name, field), plugin=field.plugin, deprecated=old)


def _filter_type(shapes: Shapes, name: str, field: FieldMap) -> Any:
    if isinstance(field, ManyField):
        return shapes[f"{field.target}ManyFilter"]
    if isinstance(field, ConditionField):
        return ID if field.target else column_type(shapes, field)
    if isinstance(field, OneField):
        return shapes["IdFilter"] if name != field.name else shapes[f"{field.target}Filter"]
    if isinstance(field, ValueField) and field.enum is not None:
        column_type(shapes, field)
        return shapes[_make_choice_filter(shapes, field.enum, kind_of(field.kind))]
    wanted = words.filter_type(field)
    assert wanted is not None
    return shapes[wanted]


def _said(name: str, field: FieldMap) -> str:
    if isinstance(field, OneField) and name != field.name:
        return f"By the id of: {field.description}"
    return field.description


def _order_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    yield shaped("field", optional(shapes[f"{record.name}OrderField"]), f"A field of the {record.name}.")
    for name, hop in words.hops(record).items():
        said = f"A field of another record: {hop.description}"
        yield shaped(name, optional(shapes[f"{hop.target}Order"]), said, plugin=hop.plugin)
    for name, many in words.measured(record).items():
        said = f"A figure of the records here: {many.description}"
        yield shaped(name, optional(shapes[f"{many.target}Figure"]), said, plugin=many.plugin)
    if not record.is_log:
        said = "A field that you defined for this type."
        yield shaped(words.CUSTOM, optional(shapes["CustomOrder"]), said)
    yield from direction_fields(shapes)


def direction_fields(shapes: Shapes) -> Iterable[Field]:
    """`direction` and `nulls`."""
    yield shaped("direction", optional(shapes["OrderDirection"]), "Which end comes first; ASC unless given.")
    yield shaped("nulls", optional(shapes["NullsOrder"]), "Where records without a value stand; LAST unless given.")
