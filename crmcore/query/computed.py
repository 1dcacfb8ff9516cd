"""Declarations of computed fields become fields: SQL expressions, and figures over children.

Both are held against the models when the app is made. A figure's `where` needs the schema: child_figures.py checks it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from crmcore.kit.text import camel
from crmcore.platform.fields import BigInt, Choice, Day, Flag, Scaled, Text, UtcDatetime, Uuid
from crmcore.platform.fields import Column as ColumnType
from crmcore.query.declare import Condition, Expression, FieldSpec, Figure, Money
from crmcore.query.mapping import (
    ColumnField,
    ConditionField,
    ExpressionField,
    FieldMap,
    FigureField,
    ManyField,
    MoneyField,
    RecordType,
    Registry,
    Template,
    ValueField,
)

MOMENTS: Final = ("now", "today")
"""What a template may name beside the record's columns."""

GIVEN: Final = ("value", "tenant")
"""What the template of a condition may name beside those."""

_DIALECTS: Final = ("postgres", "sqlite")
_CURRENCY: Final = re.compile("[A-Z]{3}")
_TYPES: Final[dict[Any, type[ColumnType]]] = {
    str: Text, int: BigInt, bool: Flag, Decimal: Scaled, date: Day, datetime: UtcDatetime, Money: Scaled,
}  # fmt: skip


def computed(
    own: RecordType, registry: Registry, spec: FieldSpec, shared: dict[str, Any], inner: Any, nullable: bool, where: str
) -> FieldMap:
    """The field that a spec of `expression` or `figure` stands for. TypeError says what does not fit."""
    shared = {**shared, "nullable": nullable}
    type_, enum = _type(inner, where)
    if isinstance(spec.computed, Expression):
        sql = {d: _template(own, spec.computed, d, where) for d in _DIALECTS}
        value: ValueField = ExpressionField(**shared, type=type_, enum=enum, sql=sql)
        code = spec.computed.currency
    else:
        assert isinstance(spec.computed, Figure)
        value = _figure(own, registry, spec.computed, shared, type_, where)
        code = spec.computed.currency
    if inner is not Money:
        return value
    return MoneyField(**shared, amount=value, currency=_currency(own, value, code, where))


def condition(
    own: RecordType, given: Condition, shared: dict[str, Any], inner: Any, target: str, where: str
) -> ConditionField:
    """The filter that a spec of `condition` stands for; `target` is the record that the annotation names, if any."""
    type_, enum = (Uuid(), None) if target else _type(inner, where)
    if inner is Money:
        raise TypeError(f"{where}: a condition takes one value: use Decimal, and another one for the currency.")
    sql = {d: _template(own, given, d, where, (*MOMENTS, *GIVEN)) for d in _DIALECTS}
    if not all("value" in text[1::2] for text in sql.values()):
        raise TypeError(f"{where}: the condition does not ask for {{value}}.")
    return ConditionField(**shared, sql=sql, type=type_, enum=enum, target=target)


def _type(inner: Any, where: str) -> tuple[ColumnType, type[StrEnum] | None]:
    if isinstance(inner, type) and issubclass(inner, StrEnum):
        return Choice(inner), inner
    if inner not in _TYPES:
        raise TypeError(
            f"{where}: {inner!r} is no type of a computed field: use str, int, bool, Decimal, date, datetime, Money "
            "or an enum."
        )
    return _TYPES[inner](), None


def _template(
    own: RecordType, given: Expression | Condition, dialect: str, where: str, known: Sequence[str] = MOMENTS
) -> Template:
    """The expression's text, and at odd places the names that stand in braces."""
    text = given.sql if isinstance(given.sql, str) else given.sql.get(dialect)
    if not text:
        raise TypeError(f"{where}: the expression is missing for {dialect}.")
    parts = tuple(re.split(r"\{(\w+)\}", text))
    for name in parts[1::2]:
        if name not in known and not isinstance(own.model._meta.fields_map.get(name), ColumnType):
            raise TypeError(f"{where}: {own.model.__name__} has no column {name!r}.")
    return parts


def _currency(own: RecordType, amount: ValueField, code: str, where: str) -> ValueField:
    """A column of the record, or one currency for all."""
    said = f"ISO 4217 code of {amount.name}."
    held: Any = own.model._meta.fields_map.get(code)
    if isinstance(held, ColumnType) and isinstance(amount, ExpressionField):
        null = bool(getattr(held, "null", False))
        return ColumnField(
            name=camel(code), description=said, nullable=null, plugin=amount.plugin, column=code, type=held
        )
    if not _CURRENCY.fullmatch(code):
        raise TypeError(
            f"{where}: amounts in several currencies are never mixed: give currency, "
            "a code such as EUR or, for an expression, the record's column with it."
        )
    sql: dict[str, Template] = {"postgres": (f"'{code}'::text",), "sqlite": (f"'{code}'",)}
    return ExpressionField(
        name=f"{amount.name}Currency", description=said, nullable=False, plugin=amount.plugin, type=Text(3), sql=sql
    )


def _figure(
    own: RecordType, registry: Registry, given: Figure, shared: dict[str, Any], type_: ColumnType, where: str
) -> FigureField:
    many = own.fields.get(camel(given.relation))
    if not isinstance(many, ManyField):
        raise TypeError(f"{where}: {own.name} has no to-many relation {given.relation!r}.")
    of: Any = None
    if given.function == "count":
        if given.of or shared["nullable"] or type_.kind != "int":
            raise TypeError(f"{where}: a count is an `int`, of nothing else, and never null.")
    else:
        of = _measured(registry.records[many.target], given, type_, where)
        if not shared["nullable"]:
            raise TypeError(f"{where}: there may be no {given.relation}, so annotate it `| None`.")
    known = {**shared, "type": type_, "function": given.function, "many": many, "where": given.where}
    if isinstance(of, MoneyField):
        return FigureField(**known, of=of.amount, currency=of.currency, currency_code=given.currency)
    return FigureField(**known, of=of)


def _measured(target: RecordType, given: Figure, type_: ColumnType, where: str) -> ValueField | MoneyField:
    of = target.fields.get(camel(given.of))
    value = of.amount if isinstance(of, MoneyField) else of
    kinds = ("int", "decimal") if given.function in ("sum", "avg") else ("int", "decimal", "date", "datetime")
    if not isinstance(of, ValueField | MoneyField) or not isinstance(value, ValueField) or value.kind not in kinds:
        raise TypeError(f"{where}: {target.name} has nothing called {given.of!r} to take the {given.function} of.")
    wanted = "decimal" if given.function == "avg" else value.kind
    if type_.kind != wanted:
        raise TypeError(f"{where}: the {given.function} of {given.of} is a {wanted}, which the annotation is not.")
    if isinstance(of, MoneyField) and not _CURRENCY.fullmatch(given.currency):
        raise TypeError(f"{where}: amounts in several currencies are never mixed: give currency, such as EUR.")
    return of
