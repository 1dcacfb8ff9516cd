"""Figures over a to-many relation: those that a caller asks for in an order, and the check of those that are declared.

What a figure is in SQL, `Values.figure` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast
from uuid import UUID

from graphql import GraphQLSchema, GraphQLSyntaxError, parse, validate

from crmcore.errors import CrmError
from crmcore.kit.sql import Sql
from crmcore.platform.access import Actor, ActorKind, Policy
from crmcore.platform.context import Context
from crmcore.platform.fields import BigInt, Scaled
from crmcore.query.arguments import Argument, Questions, Run
from crmcore.query.declare import Aggregate
from crmcore.query.dialects import DIALECTS, Dialect
from crmcore.query.filters import Filters
from crmcore.query.mapping import FigureField, ManyField, MoneyField, RecordType, Registry, ValueField
from crmcore.query.operands import CASTS, converter
from crmcore.query.scope import Limits, Scope, Table
from crmcore.query.selection import Selection
from crmcore.query.values import Value, Values
from crmcore.query.vocabulary import AGGREGATES, comparable, enum_name, summable

FIGURES: Final = ("count", *AGGREGATES)


def asked_figure(values: Values, table: Table, many: ManyField, given: Argument) -> Value:
    """The value that a `<Record>Figure` asks for. BadInput if it asks for none, for several, or mixes currencies."""
    parts = {name: part for name, part in given.fields().items() if not part.is_null()}
    wanted = [name for name in parts if name in AGGREGATES or (name == "count" and parts[name].exact())]
    if len(wanted) != 1:
        raise given.fail(f"give exactly one of {', '.join(FIGURES[:-1])} and {FIGURES[-1]}.")
    (function,) = wanted
    found = None if function == "count" else _measured(values, many, function, parts[function])
    money = found if isinstance(found, MoneyField) else None
    if money and "currencyCode" not in parts:
        raise given.fail("amounts of several currencies cannot be compared: give currencyCode.")
    if "currencyCode" in parts and not money:
        raise parts["currencyCode"].fail("belongs to an amount of money.")

    def conditions(target: Table) -> Iterable[Sql]:
        if "where" in parts:
            yield values.where(target, parts["where"])
        if money:
            code = parts["currencyCode"].bind(converter("text", values.scope.dialect.name), CASTS["text"])
            yield Sql(values.of(target, money.currency).sql, " = ", code)

    of = found.amount if isinstance(found, MoneyField) else found
    name = f"{many.name} {function} {of.name if of else ''}"
    type_ = BigInt() if of is None else of.type if function in ("min", "max") else Scaled()
    field = FigureField(
        name=name, description=name, nullable=of is not None, type=type_, many=many, of=of,
        function=cast("Aggregate", function),
    )  # fmt: skip
    return values.figure(table, field, conditions)


def _measured(values: Values, many: ManyField, function: str, part: Argument) -> ValueField | MoneyField:
    target = values.scope.registry.records[many.target]
    known = summable(target) if function in ("sum", "avg") else comparable(target)
    return {enum_name(name): field for name, field in known.items()}[part.exact()]


def check_figures(registry: Registry, schema: GraphQLSchema) -> None:
    """Compile every declared figure once. TypeError names the one whose `where` does not hold against the schema."""
    for record in registry.records.values():
        for field in _declared(record):
            where = f"{record.name}.{field.name}"
            if field.where:
                _check_where(registry.records[field.many.target], field, schema, where)
            for dialect in DIALECTS.values():
                scope = _scope(registry, schema, dialect())
                try:
                    Filters(scope).values.of(scope.record_table(record), field)
                except (CrmError, TypeError) as error:
                    raise TypeError(f"{where}: {error}") from error


def _declared(record: RecordType) -> Iterator[FigureField]:
    for field in record.fields.values():
        value = field.amount if isinstance(field, MoneyField) else field
        if isinstance(value, FigureField):
            yield value


def _check_where(target: RecordType, field: FigureField, schema: GraphQLSchema, where: str) -> None:
    try:
        document = parse(f"{{ {target.root_plural}(where: {field.where}) {{ totalCount }} }}")
    except GraphQLSyntaxError as error:
        raise TypeError(f"{where}: where is no filter: {error.message}") from error
    if problems := validate(schema, document):
        raise TypeError(f"{where}: where is no filter of {target.name}: {problems[0].message}")


def _scope(registry: Registry, schema: GraphQLSchema, dialect: Dialect) -> Scope:
    """A compilation of nobody's."""
    policy = Policy(UUID(int=0), Actor(ActorKind.SYSTEM))
    nowhere: Any = None  # a compilation asks no database
    questions = Questions(Run(Context(nowhere, policy), {}))
    selection = Selection(schema, {}, questions)
    return Scope(registry, schema, dialect, questions, selection, Limits(), policy)
