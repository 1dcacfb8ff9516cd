"""Counts, sums and the like over a list of records, as a whole or by group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, Final

from crmcore.query import vocabulary as words
from crmcore.query.mapping import FieldMap, MoneyField, RecordType, Registry, ValueField
from crmcore.schema.filters import direction_fields
from crmcore.schema.owners import names_of_fields, owner_of
from crmcore.schema.shapes import Argument, Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.values import column_type

_SAID: Final = {
    "sum": ("Sum", "Sums of {}.", "Sum of: {}"),
    "avg": ("Avg", "Averages of {}, rounded half-even to four places.", "Average of: {}"),
    "min": ("Min", "The least values of {}.", "Least of: {}"),
    "max": ("Max", "The greatest values of {}.", "Greatest of: {}"),
}
_OF_ONE_CURRENCY: Final = "Amounts can be compared where a group has one currency: add it to groupBy."
Numbers = Mapping[str, ValueField | MoneyField]


def make_key(shapes: Shapes) -> None:
    """`AggregateKey` and `DateGrain`, the same for all records."""
    shapes.names("DateGrain", "A period of the calendar by which dates are grouped.", words.GRAINS)
    value = (
        "Its value as the API writes it, a global id for a record, the first day of a period such as 2026-11-01; "
        "null for none."
    )
    shapes.object(
        "AggregateKey",
        "What the records of a group have in common, one for each entry of groupBy.",
        lambda: [
            shaped("field", str, "The field, with the relations that lead to it, such as stage or team.parent."),
            shaped("value", optional(str), value),
            shaped(
                "record", optional(shapes["Node"]), "The record, where the group is one; null if you may not see it."
            ),
        ],
    )


def make_aggregates(registry: Registry, shapes: Shapes, record: RecordType) -> None:
    """`<Record>Aggregate` with its sums, and the inputs that group, choose and order."""
    _make_outputs(shapes, record)
    _make_group_by(shapes, record)
    _make_having(shapes, record)
    for suffix, known in (
        ("SumField", words.summable(record)),
        ("MinMaxField", words.comparable(record)),
        ("CountDistinctField", words.distinguishable(record)),
    ):
        if known:
            fields = {words.enum_name(key): field for key, field in known.items()}
            said = "Figures by which groups can be ordered."
            names_of_fields(shapes, record, f"{record.name}{suffix}", said, fields)
    shapes.input(
        f"{record.name}Figure",
        f"A figure of the {record.name} records that belong to a record: exactly one of count, sum, avg, min and max.",
        lambda: _figure_fields(shapes, record),
        plugin=record.plugin,
    )
    shapes.input(
        f"{record.name}AggregateOrder",
        "One key of an order of groups. Give exactly one of key, count, countDistinct, sum, avg, min and max; what "
        f"groupBy makes groups by is always the last key. {_OF_ONE_CURRENCY}",
        lambda: _order_fields(shapes, record),
        plugin=record.plugin,
    )


def aggregate_arguments(shapes: Shapes, record: str) -> list[Argument]:
    """What every aggregate takes."""
    return [
        argument("groupBy", optional(listed(shapes[f"{record}GroupBy"])), "One group for each combination of these."),
        argument("having", optional(shapes[f"{record}Having"]), "Only groups for which this holds."),
        argument("orderBy", optional(listed(shapes[f"{record}AggregateOrder"])), "Which groups come first."),
        argument("first", optional(int), "How many groups, at most 1000. 50 unless given."),
        argument("after", optional(str), "The cursor of a group: begin behind it."),
    ]


def aggregate_field(shapes: Shapes, record: str) -> Field:
    """`aggregate` of a connection."""
    said = "Figures of the whole list, not only of this page: one group of all, or those that groupBy makes."
    return shaped(
        "aggregate", listed(shapes[f"{record}Aggregate"]), said, arguments=aggregate_arguments(shapes, record)
    )


def aggregate_root(shapes: Shapes, record: RecordType) -> Field:
    """`customerAggregate`."""
    name = record.name
    where = argument("where", optional(shapes[f"{name}Filter"]), "Only records for which this holds.")
    said = f"Figures of the {name} records that you may see: one group of all of them, or those that groupBy makes."
    kind = optional(listed(shapes[f"{name}Aggregate"]))
    arguments = [where, *aggregate_arguments(shapes, name)]
    return shaped(f"{record.root}Aggregate", kind, said, arguments=arguments, plugin=record.plugin)


# ------------------------------------------------------------ what is answered


def _make_outputs(shapes: Shapes, record: RecordType) -> None:
    name, plugin = record.name, record.plugin
    for function in words.AGGREGATES:
        suffix, said, one = _SAID[function]
        if fields := words.numbers(record, function):
            said = said.format(f"{name} records")
            made = partial(_figures, shapes, function, fields, one)
            shapes.object(f"{name}{suffix}", said, made, plugin=owner_of(record, fields))
    if words.distinguishable(record):
        said = f"How many different values {name} records have."
        counts = partial(_distinct, record, int)
        owner = owner_of(record, words.distinguishable(record))
        shapes.object(f"{name}CountDistinct", said, counts, plugin=owner)
    shapes.object(f"{name}Aggregate", f"Figures of {name} records.", lambda: _aggregate(shapes, record), plugin=plugin)


def _figures(shapes: Shapes, function: str, fields: Numbers, said: str) -> Iterable[Field]:
    for name, field in fields.items():
        kind: Any
        if isinstance(field, MoneyField):
            kind, text = listed(shapes["Money"]), f"{said.format(field.description)} One amount for each currency."
        else:
            kind = optional(Decimal if function in ("sum", "avg") else column_type(shapes, field))
            text = f"{said.format(field.description)} Null where no record has a value."
        yield shaped(name, kind, text, plugin=field.plugin)


def _distinct(record: RecordType, kind: Any) -> Iterable[Field]:
    for name, field in words.distinguishable(record).items():
        yield shaped(name, kind, f"How many different values: {field.description}", plugin=field.plugin)


def _aggregate(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    yield shaped("keys", listed(shapes["AggregateKey"]), "What the records of this group have in common.")
    yield shaped("cursor", str, "The group's place among the groups: hand it to after.")
    yield shaped("count", int, "How many records there are.")
    said = "How many different values the records of this group have; records without a value do not count."
    if words.distinguishable(record):
        owner = _lent(record, words.distinguishable(record))
        yield shaped("countDistinct", shapes[f"{record.name}CountDistinct"], said, plugin=owner)
    for function in words.AGGREGATES:
        suffix, said, _ = _SAID[function]
        if words.numbers(record, function):
            owner = _lent(record, words.numbers(record, function))
            kind = shapes[f"{record.name}{suffix}"]
            yield shaped(function, kind, said.format("the records of this group"), plugin=owner)


# ------------------------------------------------------------ what is asked


def _make_group_by(shapes: Shapes, record: RecordType) -> None:
    name, plugin = record.name, record.plugin
    said = f"What {name} records can be grouped by."
    names_of_fields(shapes, record, f"{name}GroupField", said, words.groupable(record))
    shapes.input(
        f"{name}GroupBy",
        "What groups are made by. Give exactly one of field and the relations.",
        lambda: _group_fields(shapes, record),
        plugin=plugin,
    )


def _group_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    yield shaped("field", optional(shapes[f"{record.name}GroupField"]), f"A field of the {record.name}, or a record.")
    grain = "For a Date or DateTime field: the period that makes a group; without it each different value is one."
    yield shaped("dateGrain", optional(shapes["DateGrain"]), grain)
    zone = "With the dateGrain of a DateTime field: whose calendar counts, like Europe/Berlin. UTC unless given."
    yield shaped("timeZone", optional(str), zone)
    for name, hop in words.hops(record).items():
        said = f"A field of another record: {hop.description}"
        yield shaped(name, optional(shapes[f"{hop.target}GroupBy"]), said, plugin=hop.plugin)


def _make_having(shapes: Shapes, record: RecordType) -> None:
    name, plugin = record.name, record.plugin
    all_given = "All that are given must hold."
    for suffix, known, decimal in (
        ("SumHaving", words.summable(record), True),
        ("MinMaxHaving", words.comparable(record), False),
    ):
        if known:
            said = f"Conditions on figures of a group of {name} records. {all_given} {_OF_ONE_CURRENCY}"
            made = partial(_conditions, shapes, known, decimal)
            shapes.input(f"{name}{suffix}", said, made, plugin=owner_of(record, known))
    if words.distinguishable(record):
        said = f"Conditions on how many different values a group of {name} records has. {all_given}"
        counts = partial(_distinct, record, optional(shapes["IntFilter"]))
        owner = owner_of(record, words.distinguishable(record))
        shapes.input(f"{name}CountDistinctHaving", said, counts, plugin=owner)
    shapes.input(
        f"{name}Having",
        f"Conditions on a group of {name} records. {all_given}",
        lambda: _having_fields(shapes, record),
        plugin=plugin,
    )


def _conditions(shapes: Shapes, known: Numbers, decimal: bool) -> Iterable[Field]:
    for name, field in known.items():
        of_decimals = decimal or isinstance(field, MoneyField)
        wanted = "DecimalFilter" if of_decimals else words.filter_type(field)
        assert wanted is not None, "whatever is added up or compared can be filtered"
        yield shaped(name, optional(shapes[wanted]), field.description, plugin=field.plugin)


def _having_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    own = shapes[f"{record.name}Having"]
    for key, said in words.LOGIC.items():
        yield shaped(key, optional(own if key == "not" else listed(own)), said)
    yield shaped("count", optional(shapes["IntFilter"]), "The number of records.")
    if words.distinguishable(record):
        distinct = optional(shapes[f"{record.name}CountDistinctHaving"])
        owner = _lent(record, words.distinguishable(record))
        yield shaped("countDistinct", distinct, "The number of different values.", plugin=owner)
    for function in words.AGGREGATES:
        if words.numbers(record, function):
            suffix = "SumHaving" if function in ("sum", "avg") else "MinMaxHaving"
            _, said, _ = _SAID[function]
            kind = optional(shapes[f"{record.name}{suffix}"])
            owner = _lent(record, words.numbers(record, function))
            yield shaped(function, kind, said.format("the records of the group"), plugin=owner)


def _order_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    by_key = "By this entry of groupBy, which is named by its field and, where it is there twice, its dateGrain."
    yield shaped("key", optional(shapes[f"{record.name}GroupBy"]), by_key)
    if words.distinguishable(record):
        distinct = optional(shapes[f"{record.name}CountDistinctField"])
        owner = _lent(record, words.distinguishable(record))
        yield shaped("countDistinct", distinct, "By the number of different values of this.", plugin=owner)
    yield from _functions(shapes, record)
    yield from direction_fields(shapes)


def _figure_fields(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    yield from _functions(shapes, record)
    filter_ = optional(shapes[f"{record.name}Filter"])
    yield shaped("where", filter_, "Only records for which this holds.")
    if any(isinstance(field, MoneyField) for field in words.comparable(record).values()):
        said = "Which amounts count, by the ISO 4217 code of their currency; an amount of money needs it."
        yield shaped("currencyCode", optional(str), said)


def _functions(shapes: Shapes, record: RecordType) -> Iterable[Field]:
    yield shaped("count", optional(bool), "True: by the number of records.")
    for function in words.AGGREGATES:
        if words.numbers(record, function):
            suffix = "SumField" if function in ("sum", "avg") else "MinMaxField"
            kind = optional(shapes[f"{record.name}{suffix}"])
            owner = _lent(record, words.numbers(record, function))
            yield shaped(function, kind, f"By the {function} of this.", plugin=owner)


# ------------------------------------------------------------ whose it is


def _lent(record: RecordType, fields: Mapping[str, FieldMap]) -> str:
    """The plugin that brings a figure to another's record: nothing has it but for that plugin's fields."""
    owner = owner_of(record, fields)
    return owner if owner != record.plugin else ""
