"""What the generated schema and the compiler must agree on: filters, and which fields can be filtered, sorted,
grouped and added up, under which names.

Enum values are the API name in UPPER_SNAKE (`lastOrderAt` is `LAST_ORDER_AT`). Type names: `CustomerFilter`,
`CustomerManyFilter`, `CustomerOrder` with `CustomerOrderField`, `CustomerGroupBy` with `CustomerGroupField`,
`CustomerAggregateOrder`; filters of values as `filter_type` says.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeGuard

from crmcore.kit.text import snake
from crmcore.query.mapping import (
    AnyIdField,
    ColumnField,
    ConditionField,
    ExpressionField,
    ExternalRefsField,
    FieldMap,
    FigureField,
    ManyField,
    MoneyField,
    OneField,
    RecordType,
    StampField,
    ValueField,
)
from crmcore.query.operators import Kind, kind_of

COMPOSED: Final[Mapping[str, Mapping[str, Kind]]] = {
    "MoneyFilter": {"amount": "decimal", "currencyCode": "text"},
    "ActorStampFilter": {"kind": "choice", "id": "id"},
    "ExternalRefFilter": {"system": "text", "externalId": "text"},
}
"""Filters of fields that are several values, each with the filter of its own kind."""

LOGIC: Final[Mapping[str, str]] = {
    "and": "All of these hold. An empty list always holds.",
    "or": "At least one of these holds. An empty list never holds.",
    "not": "This does not hold, be it that a value is missing.",
}
"""Fields of every `<Record>Filter`: `and` and `or` are `[<Record>Filter!]`, `not` is a `<Record>Filter`."""

CUSTOM: Final = "custom"
"""The field of every `<Record>Filter` and `<Record>Order` for fields that the tenant has defined."""

MANY_FILTER: Final[Mapping[str, str]] = {
    "some": "At least one related record for which this holds.",
    "none": "No related record for which this holds.",
    "every": "No related record for which this does not hold; true where there is none at all.",
    "count": "How many related records there are.",
}
"""Fields of every `<Record>ManyFilter`: a `<Record>Filter` each, and `count: <Record>CountFilter`, which has the
operators of an int and `where`."""

COUNT_WHERE: Final = "Count only related records for which this holds."

NODE_ORDER: Final = ("ASC", "DESC")
NULLS_ORDER: Final = ("FIRST", "LAST")
AGGREGATES: Final = ("sum", "avg", "min", "max")
COUNT_DISTINCT: Final = "countDistinct"

GRAINS: Final[Mapping[str, str]] = {
    "HOUR": "An hour by the clock of the zone. The value is the instant at which it begins.",
    "DAY": "A day.",
    "WEEK": "A week, which begins on Monday, as in ISO 8601.",
    "MONTH": "A month.",
    "QUARTER": "A quarter of a year.",
    "YEAR": "A year.",
}
"""The values of `DateGrain`. All but HOUR are known by their first day, a Date."""

TYPE_NAMES: Final[Mapping[Kind, str]] = {
    "id": "IdFilter", "text": "StringFilter", "texts": "StringListFilter", "int": "IntFilter", "bool": "BooleanFilter",
    "decimal": "DecimalFilter", "datetime": "DateTimeFilter", "date": "DateFilter",
}  # fmt: skip
"""The filters of values that all records share."""


def enum_name(api_name: str) -> str:
    """`lastOrderAt` as an enum value: `LAST_ORDER_AT`."""
    return snake(api_name).upper()


def filter_type(field: FieldMap) -> str | None:
    """The name of the input type that filters a field: `StringFilter`, `DealKindFilter`... None for what cannot be
    filtered. Relations are not asked here."""
    if isinstance(field, MoneyField):
        return "MoneyFilter"
    if isinstance(field, StampField):
        return "ActorStampFilter"
    if isinstance(field, ExternalRefsField):
        return "ExternalRefManyFilter"
    if isinstance(field, AnyIdField):
        return "IdFilter"
    if not isinstance(field, ValueField) or (field.kind == "json" and field.annotation != list[str]):
        return None
    if field.enum is not None:
        return choice_filter(field.enum, kind_of(field.kind))
    return TYPE_NAMES.get(kind_of(field.kind))


def choice_filter(enum: type[StrEnum], kind: Kind) -> str:
    """The name of the input type that filters an enum's values, or lists of them."""
    return f"{enum.__name__}{'List' if kind == 'choices' else ''}Filter"


def filterable(record: RecordType) -> dict[str, FieldMap]:
    """The fields of `<Record>Filter` beside LOGIC: values by `filter_type`, a to-one under its name
    (`<Target>Filter`) and under `<name>Id` (`IdFilter`, the same OneField), a to-many (`<Target>ManyFilter`),
    and conditions by their value."""
    found: dict[str, FieldMap] = {}
    for name, field in record.fields.items():
        if isinstance(field, OneField):
            found[name] = found[f"{name}Id"] = field
        elif isinstance(field, ManyField) or filter_type(field):
            found[name] = field
    return {**found, **record.conditions}


def columns_asked(record: RecordType, where: Mapping[str, Any]) -> frozenset[str]:
    """The columns of the record itself on which a `<Record>Filter` depends, and `custom` and `external_refs`: as long
    as none of them changes, no change of the record makes a difference to the filter."""
    fields = filterable(record)
    found: set[str] = set()
    for name, part in where.items():
        if part is None:
            continue
        if name in LOGIC:
            inner = [part] if isinstance(part, Mapping) else part
            found.update(column for one in inner for column in columns_asked(record, one))
        elif name == CUSTOM:
            found.add(CUSTOM)
        else:
            found.update(_columns(fields[name]))
    return frozenset(found)


def _columns(field: FieldMap) -> Iterable[str]:
    if isinstance(field, MoneyField):
        return (*_columns(field.amount), *_columns(field.currency))
    if isinstance(field, ColumnField | OneField):
        return (field.column,)
    if isinstance(field, ExpressionField | ConditionField):
        return field.sql["sqlite"][1::2]
    return ("external_refs",) if isinstance(field, ExternalRefsField) else ()


def orderable(record: RecordType) -> dict[str, ValueField]:
    """The values of `<Record>OrderField`: names sort without case and accents, money by its amount."""
    values = {name: f.amount if isinstance(f, MoneyField) else f for name, f in record.fields.items()}
    return {
        enum_name(name): value
        for name, value in values.items()
        if isinstance(value, ValueField) and value.kind not in _UNSORTED
    }


def hops(record: RecordType) -> dict[str, OneField]:
    """The to-one relations through which `<Record>Order` and `<Record>GroupBy` lead to `<Target>Order` and
    `<Target>GroupBy`, under their names."""
    return {name: field for name, field in record.fields.items() if isinstance(field, OneField)}


def measured(record: RecordType) -> dict[str, ManyField]:
    """The to-many relations in `<Record>Order`, under their names: by a `<Target>Figure` of them."""
    return {name: field for name, field in record.fields.items() if isinstance(field, ManyField)}


def one_step(names: Iterable[str]) -> str:
    """What an order or a group needs at each step of its path, as a refusal says it."""
    *others, last = ["field", *sorted(names)]
    return f"give exactly one of {', '.join(others)} and {last}." if others else f"give {last}."


def groupable(record: RecordType) -> dict[str, ValueField | OneField]:
    """The values of `<Record>GroupField`: fields with few values, to-one relations, and currencies of money."""
    found: dict[str, ValueField | OneField] = {}
    for name, field in record.fields.items():
        if isinstance(field, OneField) or _is_own(field, _GROUPED):
            found[enum_name(name)] = field
        elif isinstance(field, MoneyField) and isinstance(field.currency, ColumnField):
            found.setdefault(enum_name(field.currency.name), field.currency)
    return found


def summable(record: RecordType) -> dict[str, ValueField | MoneyField]:
    """The fields of the types of `sum` and `avg`, by API name; enum values by `enum_name`. Columns are `Decimal`,
    money is `[Money!]!`, one per currency."""
    return _own_numbers(record, _SUMMED)


def comparable(record: RecordType) -> dict[str, ValueField | MoneyField]:
    """The fields of the types of `min` and `max`, by API name: numbers, days and times in their own type, money as
    `[Money!]!`, one per currency."""
    return _own_numbers(record, _COMPARED)


def numbers(record: RecordType, function: str) -> dict[str, ValueField | MoneyField]:
    """The fields of which there is a sum, avg, min or max."""
    return summable(record) if function in ("sum", "avg") else comparable(record)


def distinguishable(record: RecordType) -> dict[str, ValueField | OneField]:
    """The fields of `<Record>CountDistinct` by API name, enum values by `enum_name`: whatever can be grouped, but
    instants, which are nearly always different."""
    found = {field.name: field for field in groupable(record).values()}
    return {name: f for name, f in found.items() if isinstance(f, OneField) or f.kind != "datetime"}


def _own_numbers(record: RecordType, kinds: Container[str]) -> dict[str, ValueField | MoneyField]:
    return {
        name: field
        for name, field in record.fields.items()
        if (isinstance(field, MoneyField) and _is_own(field.amount, kinds)) or _is_own(field, kinds)
    }


def _is_own(field: FieldMap, kinds: Container[str]) -> TypeGuard[ValueField]:
    """Whether it is a value of the row itself; figures over children are not grouped and added up again."""
    return (
        isinstance(field, ValueField)
        and not isinstance(field, FigureField)
        and field.kind in kinds
        and field.name != "version"
    )


_UNSORTED: Final = frozenset({"json", "choices"})
_GROUPED: Final = frozenset({"text", "choice", "bool", "int", "date", "datetime"})
_SUMMED: Final = frozenset({"int", "decimal"})
_COMPARED: Final = frozenset({"int", "decimal", "date", "datetime"})
