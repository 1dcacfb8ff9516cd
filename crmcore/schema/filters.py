"""The inputs by which lists are filtered and ordered. Which operators and fields there are, the compiler says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import strawberry
from strawberry.types.field import StrawberryField

from crmcore.kit.text import article
from crmcore.query import vocabulary as words
from crmcore.query.mapping import FieldMap, ManyField, OneField, RecordType, Registry, ValueField
from crmcore.schema.shapes import Shapes, listed, optional, shaped
from crmcore.schema.values import column_type

_OPERANDS: Final[dict[str, str]] = {
    "id": "global id", "text": "text", "name": "name", "int": "whole number", "bool": "yes or no",
    "decimal": "decimal number", "datetime": "instant", "date": "day",
}  # fmt: skip


def make_value_filters(shapes: Shapes) -> None:
    """`StringFilter`, `IdFilter` and the like, once for all records."""
    operands: dict[words.FilterKind, Any] = {
        "id": strawberry.ID, "text": str, "name": str, "int": int, "bool": bool, "decimal": Decimal,
        "datetime": datetime, "date": date,
    }  # fmt: skip
    for kind, operand in operands.items():
        said = f"Conditions on {article(_OPERANDS[kind])}; all that are given must hold."
        shapes.input(words.TYPE_NAMES[kind], said, partial(_operators, kind, operand))
    shapes.input(
        words.TYPE_NAMES["money"],
        "Conditions on an amount and its currency; all that are given must hold. Amounts are compared as they are, "
        "without conversion, so name the currency too.",
        lambda: [
            shaped(name, optional(shapes[words.TYPE_NAMES[kind]]), f"Conditions on the {name}.")
            for name, kind in words.MONEY_FILTER.items()
        ],
    )


def make_filters(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>Filter`, `<Record>ManyFilter` and `<Record>Order`."""
    name = record.name
    shapes.input(
        f"{name}Filter",
        f"Conditions on {article(name)}; all that are given must hold.",
        lambda: _filter_fields(shapes, record),
        plugin=record.plugin,
    )
    shapes.input(
        f"{name}ManyFilter",
        f"Conditions on all {name} records that belong to one record; all that are given must hold.",
        lambda: [
            shaped(key, optional(shapes["IntFilter" if key == "count" else f"{name}Filter"]), said)
            for key, said in words.MANY_FILTER.items()
        ],
        plugin=record.plugin,
    )
    orders = words.orderable(record)
    shapes.names(
        f"{name}OrderField",
        f"What {name} records can be ordered by.",
        {key: field.description for key, field in orders.items()},
        plugin=record.plugin,
    )
    shapes.input(
        f"{name}Order",
        "One key of an order. Give exactly one of field and the relations; the record's id is always the last key.",
        lambda: _order_fields(shapes, record),
        plugin=record.plugin,
    )


def _operators(kind: words.FilterKind, operand: Any) -> Iterable[StrawberryField]:
    for operator in words.OPERATORS[kind]:
        given = bool if operator in words.BOOLEAN_OPERATORS else operand
        if operator in words.LIST_OPERATORS:
            given = listed(operand)
        yield shaped(operator, optional(given), words.OPERATOR_DESCRIPTIONS[operator])


def _filter_fields(shapes: Shapes, record: RecordType) -> Iterable[StrawberryField]:
    own = shapes[f"{record.name}Filter"]
    for key, said in words.LOGIC.items():
        yield shaped(key, optional(own if key == "not" else listed(own)), said)
    said = "Conditions on the fields that you defined for this type; all must hold."
    yield shaped(words.CUSTOM, optional(listed(shapes["CustomFilter"])), said)
    for name, field in words.filterable(record).items():
        yield shaped(name, optional(_filter_type(shapes, name, field)), _said(name, field), plugin=field.plugin)


def _filter_type(shapes: Shapes, name: str, field: FieldMap) -> Any:
    if isinstance(field, ManyField):
        return shapes[f"{field.target}ManyFilter"]
    if isinstance(field, OneField):
        return shapes["IdFilter"] if name != field.name else shapes[f"{field.target}Filter"]
    wanted = words.filter_type(field)
    if wanted not in shapes:
        assert isinstance(field, ValueField)
        assert field.enum is not None
        kind = words.filter_kind(field)
        assert kind is not None
        column_type(shapes, field)
        choice = shapes[field.enum.__name__]
        what = f"list of {field.enum.__name__}" if kind == "choices" else field.enum.__name__
        said = f"Conditions on {article(what)}; all that are given must hold."
        shapes.input(wanted, said, partial(_operators, kind, choice))
    return shapes[wanted]


def _said(name: str, field: FieldMap) -> str:
    if isinstance(field, OneField) and name != field.name:
        return f"By the id of: {field.description}"
    return field.description


def _order_fields(shapes: Shapes, record: RecordType) -> Iterable[StrawberryField]:
    yield shaped("field", optional(shapes[f"{record.name}OrderField"]), f"A field of the {record.name}.")
    for name, hop in words.hops(record).items():
        said = f"A field of another record: {hop.description}"
        yield shaped(name, optional(shapes[f"{hop.target}Order"]), said, plugin=hop.plugin)
    yield from direction_fields(shapes)


def direction_fields(shapes: Shapes) -> Iterable[StrawberryField]:
    """`direction` and `nulls`."""
    yield shaped("direction", optional(shapes["OrderDirection"]), "Which end comes first; ASC unless given.")
    yield shaped("nulls", optional(shapes["NullsOrder"]), "Where records without a value stand; LAST unless given.")
