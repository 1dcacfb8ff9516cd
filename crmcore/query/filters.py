"""`where`: a filter becomes a condition on one table's alias.

A missing value: `ne` and `notIn` find it (as people expect of "not X"), `not` is a true complement, every other
operator leaves it out. `eq: null` is "has no value". Null in the place of a whole filter is refused, because it would
silently find everything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from graphql import GraphQLEnumType, GraphQLList, get_nullable_type

from crmcore.kit.sql import EMPTY, Sql, all_of, any_of
from crmcore.query.arguments import Argument
from crmcore.query.custom_rows import CustomRows
from crmcore.query.dialects import Expression
from crmcore.query.mapping import FieldMap, ManyField, MoneyField, OneField, ValueField
from crmcore.query.operands import CASTS, Convert, converter, list_converter
from crmcore.query.scope import Scope, Table
from crmcore.query.values import Value, Values
from crmcore.query.vocabulary import CUSTOM, LOGIC, filterable

_SIGNS: Final = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class Filters:
    """Compiles filters within one compilation."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.values = Values(scope)
        self.custom = CustomRows(scope)

    def where(self, table: Table, given: Argument | None) -> Sql:
        """The condition of a `where` argument; EMPTY when there is none."""
        if given is None or given.is_null():
            return EMPTY
        return self._all(table, given, 0)

    def _all(self, table: Table, given: Argument, depth: int) -> Sql:
        record = self.scope.registry.by_model[table.model]
        fields = filterable(record)
        conditions: list[Sql | str] = []
        for name, part in given.fields().items():
            self.count(part)
            if part.is_null():
                raise part.fail("null is no filter. Leave it out, or use isNull.")
            if name == CUSTOM:
                conditions.append(all_of([self._custom(table, item) for item in part.items()]))
            elif name in LOGIC:
                conditions.append(self._logic(table, name, part, depth))
            else:
                conditions.append(self._field(table, name, fields[name], part, depth))
        return all_of(conditions)

    def count(self, part: Argument) -> None:
        """Note a condition. BadInput when there are too many."""
        self.scope.conditions += 1
        if self.scope.conditions > self.scope.limits.filter_conditions:
            raise part.fail(f"more than {self.scope.limits.filter_conditions} conditions in one request.")

    def _logic(self, table: Table, name: str, part: Argument, depth: int) -> Sql:
        if name == "not":
            return Sql("(", self._all(table, part, depth), ") IS NOT TRUE")
        items = part.items()
        for item in items:
            self.count(item)
        return (all_of if name == "and" else any_of)([self._all(table, item, depth) for item in items])

    def _field(self, table: Table, name: str, field: FieldMap, part: Argument, depth: int) -> Sql:
        if isinstance(field, OneField) and name == field.name:
            return self._one(table, field, part, self._deeper(part, depth))
        if isinstance(field, ManyField):
            return self._many(table, field, part, self._deeper(part, depth))
        if isinstance(field, MoneyField):
            return self._money(table, field, part)
        assert isinstance(field, ValueField | OneField)
        value = self.values.of(table, field)
        return self._choices(value.sql, part) if value.kind == "choices" else self.operators(value, part)

    def _custom(self, table: Table, item: Argument) -> Sql:
        self.count(item)
        return self.custom.condition(table, item, lambda value, name, operand: self._operator(name, value, operand))

    def _deeper(self, part: Argument, depth: int) -> int:
        if depth >= self.scope.limits.filter_depth:
            raise part.fail(f"filters may go through {self.scope.limits.filter_depth} relations, not more.")
        return depth + 1

    def _one(self, table: Table, field: OneField, part: Argument, depth: int) -> Sql:
        target = self.scope.record_table(self.scope.registry.records[field.target])
        return Sql(
            f"EXISTS (SELECT 1 FROM {target.source} WHERE {target.ref('id')} = {table.ref(field.column)} AND ",
            self.scope.guard(target),
            " AND ",
            self._all(target, part, depth),
            ")",
        )

    def _many(self, table: Table, field: ManyField, part: Argument, depth: int) -> Sql:
        conditions: list[Sql | str] = []
        for name, wanted in part.fields().items():
            self.count(wanted)
            if wanted.is_null():
                raise wanted.fail("null is no filter. Leave it out.")
            target, tied = self.scope.related(table, field)
            if name == "count":
                count = Sql(f"(SELECT count(*) FROM {target.source} WHERE ", tied, ")")
                conditions.append(self.operators(Value(target, count, "int", False, name), wanted))
                continue
            inner = self._all(target, wanted, depth)
            if name == "every":
                inner = Sql("(", inner, ") IS NOT TRUE")
            found = Sql(f"EXISTS (SELECT 1 FROM {target.source} WHERE ", tied, " AND ", inner, ")")
            conditions.append(found if name == "some" else Sql("NOT ", found))
        return all_of(conditions)

    def _money(self, table: Table, field: MoneyField, part: Argument) -> Sql:
        conditions: list[Sql | str] = []
        for name, wanted in part.fields().items():
            self.count(wanted)
            if wanted.is_null():
                raise wanted.fail("null is no filter. Leave it out, or use isNull.")
            value = self.values.of(table, field.amount if name == "amount" else field.currency)
            conditions.append(self.operators(value, wanted))
        return all_of(conditions)

    def _choices(self, expression: Expression, part: Argument) -> Sql:
        conditions: list[Sql | str] = []
        for name, operand in part.fields().items():
            self.count(operand)
            if name == "isEmpty":
                empty = self.dialect.is_empty(expression)
                conditions.append(empty if self._flag(operand) else Sql("(", empty, ") IS NOT TRUE"))
                continue
            self._not_null(operand)
            one = _enum_text(operand)
            many = list_converter(one, self.dialect.name)
            bound = operand.bind(many if name == "hasAny" else lambda given: many([given]), "text[]")  # noqa: B023
            conditions.append(self.dialect.has_any(expression, bound))
        return all_of(conditions)

    def operators(self, value: Value, part: Argument) -> Sql:
        """The operators of one filter, on one value."""
        conditions: list[Sql | str] = []
        for name, operand in part.fields().items():
            self.count(operand)
            conditions.append(self._operator(name, value, operand))
        return all_of(conditions)

    def _operator(self, name: str, value: Value, operand: Argument) -> Sql:
        expression, kind = value.sql, value.kind
        if name == "isNull":
            return Sql(expression, " IS NULL" if self._flag(operand) else " IS NOT NULL")
        if name in ("eq", "ne") and operand.is_null():
            return Sql(expression, " IS NULL" if name == "eq" else " IS NOT NULL")
        self._not_null(operand)
        convert = _enum_text(operand) if kind == "choice" else converter(kind, self.dialect.name, value.record)
        cast = CASTS[kind]
        if name in ("in", "notIn"):
            among = self.dialect.one_of(
                expression, operand.bind(list_converter(convert, self.dialect.name), f"{cast}[]")
            )
            return among if name == "in" else Sql("(", among, ") IS NOT TRUE")
        if name in _SIGNS:
            return Sql(expression, f" {_SIGNS[name]} ", operand.bind(convert, cast))
        if name == "eq":
            return Sql(expression, " = ", operand.bind(convert, cast))
        if name == "ne":
            return Sql("(", expression, " = ", operand.bind(convert, cast), ") IS NOT TRUE")
        return self._text(name, value, operand)

    def _text(self, name: str, value: Value, operand: Argument) -> Sql:
        if name.startswith("i"):
            assert value.folded is not None
            folded, part = value.folded.sql, operand.bind(converter("folded", self.dialect.name), "text")
            if name == "iEq":
                return Sql(folded, " = ", part)
            return (self.dialect.contains if name == "iContains" else self.dialect.starts_with)(folded, part)
        part = operand.bind(converter("text", self.dialect.name), "text")
        tests: dict[str, Callable[..., Sql]] = {
            "contains": self.dialect.contains,
            "startsWith": self.dialect.starts_with,
            "endsWith": self.dialect.ends_with,
        }
        return tests[name](value.sql, part)

    def _flag(self, operand: Argument) -> bool:
        self._not_null(operand)
        return bool(operand.exact())

    def _not_null(self, operand: Argument) -> None:
        if operand.is_null():
            raise operand.fail("null is no value here. Leave it out, or use isNull.")


def _enum_text(operand: Argument) -> Convert:
    """A converter from the schema's representation of an enum value to the text in the column: its name."""
    type_: Any = operand.type
    if isinstance(type_, GraphQLList):
        type_ = get_nullable_type(type_.of_type)
    assert isinstance(type_, GraphQLEnumType)
    name_of = type_.coerce_output_value
    return lambda given: str(name_of(given))
