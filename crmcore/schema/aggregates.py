"""Counts, sums and the like over a list of records, as a whole or by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from strawberry.types.field import StrawberryField

from crmcore.query import vocabulary as words
from crmcore.query.mapping import MoneyField, RecordType, Registry, ValueField
from crmcore.schema.filters import direction_fields
from crmcore.schema.shapes import Shapes, argument, listed, optional, shaped
from crmcore.schema.values import column_type

_SAID: Final = {
    "sum": ("Sum", "Sums of {}.", "Sum of: {}"),
    "avg": ("Avg", "Averages of {}, rounded half-even to four places.", "Average of: {}"),
    "min": ("Min", "The least values of {}.", "Least of: {}"),
    "max": ("Max", "The greatest values of {}.", "Greatest of: {}"),
}


def make_key(shapes: Shapes) -> None:
    """`AggregateKey`, the same for all records."""
    shapes.object(
        "AggregateKey",
        "What the records of a group have in common, one for each entry of groupBy.",
        lambda: [
            shaped("field", str, "The field, with the relations that lead to it, such as stage or team.parent."),
            shaped("value", optional(str), "Its value as the API writes it, a global id for a record; null for none."),
            shaped(
                "record", optional(shapes["Node"]), "The record, where the group is one; null if you may not see it."
            ),
        ],
    )


def make_aggregates(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>Aggregate` with its sums, and the inputs that group and order it."""
    name, plugin = record.name, record.plugin
    for function in words.AGGREGATES:
        suffix, said, one = _SAID[function]
        if fields := _numbers(record, function):
            shapes.object(
                f"{name}{suffix}",
                said.format(f"{name} records"),
                partial(_figures, shapes, function, fields, one),
                plugin=plugin,
            )
    shapes.object(f"{name}Aggregate", f"Figures of {name} records.", lambda: _aggregate(shapes, record), plugin=plugin)
    groups = {key: field.description for key, field in words.groupable(record).items()}
    shapes.names(f"{name}GroupField", f"What {name} records can be grouped by.", groups, plugin=plugin)
    shapes.input(
        f"{name}GroupBy",
        "What groups are made by. Give exactly one of field and the relations.",
        lambda: _group_fields(shapes, record),
        plugin=plugin,
    )
    for suffix, known in (("SumField", words.summable(record)), ("MinMaxField", words.comparable(record))):
        if known:
            values = {words.enum_name(key): field.description for key, field in known.items()}
            shapes.names(f"{name}{suffix}", "Figures by which groups can be ordered.", values, plugin=plugin)
    shapes.input(
        f"{name}AggregateOrder",
        "One key of an order of groups. Give exactly one of count, sum, avg, min and max. To order by an amount of "
        "money, group by its currency too.",
        lambda: _order_fields(shapes, record),
        plugin=plugin,
    )


def aggregate_root(shapes: Shapes, record: RecordType) -> StrawberryField:
    """`customerAggregate`."""
    name = record.name
    arguments = [
        argument("where", optional(shapes[f"{name}Filter"]), "Only records for which this holds."),
        argument("groupBy", optional(listed(shapes[f"{name}GroupBy"])), "One group for each combination of these."),
        argument("orderBy", optional(listed(shapes[f"{name}AggregateOrder"])), "Which groups come first."),
        argument("first", optional(int), "How many groups. 50 unless given."),
    ]
    said = f"Figures of the {name} records that you may see: one group of all of them, or those that groupBy makes."
    kind = optional(listed(shapes[f"{name}Aggregate"]))
    return shaped(f"{record.root}Aggregate", kind, said, arguments=arguments, plugin=record.plugin)


def _numbers(record: RecordType, function: str) -> dict[str, ValueField | MoneyField]:
    return words.summable(record) if function in ("sum", "avg") else words.comparable(record)


def _number(shapes: Shapes, function: str, name: str, field: ValueField | MoneyField, said: str) -> StrawberryField:
    kind: Any
    if isinstance(field, MoneyField):
        kind, text = listed(shapes["Money"]), f"{said.format(field.description)} One amount for each currency."
    else:
        kind = optional(Decimal if function in ("sum", "avg") else column_type(shapes, field))
        text = f"{said.format(field.description)} Null where no record has a value."
    return shaped(name, kind, text, plugin=field.plugin)


def _figures(
    shapes: Shapes, function: str, fields: Mapping[str, ValueField | MoneyField], said: str
) -> list[StrawberryField]:
    return [_number(shapes, function, name, field, said) for name, field in fields.items()]


def _aggregate(shapes: Shapes, record: RecordType) -> Iterable[StrawberryField]:
    yield shaped("keys", listed(shapes["AggregateKey"]), "What the records of this group have in common.")
    yield shaped("count", int, "How many records there are.")
    for function in words.AGGREGATES:
        suffix, said, _ = _SAID[function]
        if _numbers(record, function):
            yield shaped(function, shapes[f"{record.name}{suffix}"], said.format("the records of this group"))


def _group_fields(shapes: Shapes, record: RecordType) -> Iterable[StrawberryField]:
    yield shaped("field", optional(shapes[f"{record.name}GroupField"]), f"A field of the {record.name}, or a record.")
    for name, hop in words.hops(record).items():
        said = f"A field of another record: {hop.description}"
        yield shaped(name, optional(shapes[f"{hop.target}GroupBy"]), said, plugin=hop.plugin)


def _order_fields(shapes: Shapes, record: RecordType) -> Iterable[StrawberryField]:
    yield shaped("count", optional(bool), "True: by the number of records.")
    for function in words.AGGREGATES:
        if _numbers(record, function):
            suffix = "SumField" if function in ("sum", "avg") else "MinMaxField"
            kind = optional(shapes[f"{record.name}{suffix}"])
            yield shaped(function, kind, f"By the {function} of this.")
    yield from direction_fields(shapes)
