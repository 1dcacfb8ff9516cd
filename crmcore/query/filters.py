"""`where`: a filter becomes a condition on one table's alias. What the operators are, operators.py says.

A missing value: `ne` and `notIn` find it (as people expect of "not X"), `not` is a true complement, every other
operator leaves it out. `eq: null` is "has no value". Null in the place of a whole filter is refused, because it would
silently find everything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crmcore.kit.ids import from_global
from crmcore.kit.sql import EMPTY, Bind, Dialect, Sql, all_of, any_of
from crmcore.query.arguments import Argument
from crmcore.query.computed import MOMENTS
from crmcore.query.custom import CustomRows
from crmcore.query.mapping import (
    AnyIdField,
    ConditionField,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MoneyField,
    OneField,
    StampField,
    ValueField,
)
from crmcore.query.operands import CASTS, converter, list_converter
from crmcore.query.operators import Comparison, Operator, kind_of, missing, operators_of, unlike
from crmcore.query.scope import Scope, Table, uuid_bind
from crmcore.query.values import Value, Values, moment
from crmcore.query.vocabulary import CUSTOM, LOGIC, filterable

Related = tuple[Sql, Callable[[Argument], Sql]]
"""Related rows: FROM ... WHERE with what ties them to the record, and what makes a condition on them of a filter."""


class Filters:
    """Compiles filters within one compilation."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.values = Values(scope, self.where)
        self.custom = CustomRows(scope)
        self._certain = True  # whether the condition at hand holds for every row that is found

    def where(self, table: Table, given: Argument | None) -> Sql:
        """The condition of a `where` argument; EMPTY when there is none."""
        if given is None or given.is_null():
            return EMPTY
        return self._all(table, given, 0)

    def _all(self, table: Table, given: Argument, depth: int) -> Sql:
        fields = filterable(self.scope.registry.by_model[table.model])
        conditions: list[Sql | str] = []
        for name, part in self._parts(given).items():
            if name == CUSTOM:
                conditions.append(all_of([self._custom(table, item) for item in part.items()]))
            elif name in LOGIC:
                conditions.append(self._logic(table, name, part, depth))
            else:
                conditions.append(self._field(table, name, fields[name], part, depth))
        return all_of(conditions)

    def _parts(self, given: Argument) -> dict[str, Argument]:
        """The conditions that an input holds. BadInput for null, and for too many in one request."""
        parts = given.fields()
        for part in parts.values():
            self.count(part)
            if part.is_null():
                raise part.fail("null is no filter. Leave it out, or use isNull.")
        return parts

    def count(self, part: Argument) -> None:
        """Note a condition. BadInput when there are too many."""
        self.scope.conditions += 1
        if self.scope.conditions > self.scope.limits.filter_conditions:
            raise part.fail(f"more than {self.scope.limits.filter_conditions} conditions in one request.")

    def _logic(self, table: Table, name: str, part: Argument, depth: int) -> Sql:
        certain, self._certain = self._certain, self._certain and name == "and"
        try:
            if name == "not":
                return unlike(self._all(table, part, depth))
            items = part.items()
            for item in items:
                self.count(item)
            return (all_of if name == "and" else any_of)([self._all(table, item, depth) for item in items])
        finally:
            self._certain = certain

    def _field(self, table: Table, name: str, field: FieldMap, part: Argument, depth: int) -> Sql:
        if isinstance(field, OneField) and name == field.name:
            return self._one(table, field, part, self._deeper(part, depth))
        if isinstance(field, ManyField):
            deeper = self._deeper(part, depth)
            return self._many(table, part, lambda: self._related(table, field, deeper))
        if isinstance(field, ExternalRefsField):
            return self._many(table, part, lambda: self._external_refs(table))
        if isinstance(field, MoneyField):
            amount, currency = self.values.of(table, field.amount), self.values.of(table, field.currency)
            return self._composed({"amount": amount, "currencyCode": currency}, part)
        if isinstance(field, StampField):
            return self._composed(self.values.stamp(table, field), part)
        if isinstance(field, ConditionField):
            return self._condition(table, field, part)
        if isinstance(field, AnyIdField):
            return self._named(table, field, part)
        assert isinstance(field, ValueField | OneField)
        return self.operators(self.values.of(table, field), part)

    def _condition(self, table: Table, field: ConditionField, part: Argument) -> Sql:
        """A condition of its own: its text, with what stands in braces put in."""
        dialect = self.scope.dialect
        self.scope.plugins.add(field.plugin)
        owner = self.scope.registry.records[field.target].table if field.target else ""
        value = part.bind(converter(field.kind, dialect.name, owner), CASTS[field.kind])
        tenant = uuid_bind(lambda run: run.context.policy.tenant_id, dialect, "tenant")
        known: dict[str, Bind | str] = {"value": value, "tenant": tenant}
        known |= {name: moment(name, dialect.name) for name in MOMENTS}
        parts = (
            text if place % 2 == 0 else known.get(text) or table.ref(text)
            for place, text in enumerate(field.sql[dialect.name])
        )
        return Sql("(", *parts, ")")

    def _custom(self, table: Table, item: Argument) -> Sql:
        self.count(item)
        return self.custom.condition(table, item, self._operate)

    def _deeper(self, part: Argument, depth: int) -> int:
        if depth >= self.scope.limits.filter_depth:
            raise part.fail(f"filters may go through {self.scope.limits.filter_depth} relations, not more.")
        return depth + 1

    # ------------------------------------------------------------ one value

    def operators(self, value: Value, given: Argument) -> Sql:
        """The operators of one filter, on one value: all that are given hold."""
        return all_of(self._operator(value, name, operand) for name, operand in given.fields().items())

    def _operator(self, value: Value, name: str, operand: Argument) -> Sql:
        return self._operate(value, operators_of(kind_of(value.kind))[name], operand)

    def _operate(self, value: Value, operator: Operator, operand: Argument) -> Sql:
        self.count(operand)
        comparison = Comparison(value, operand, self.scope.dialect, whole=operator.whole)
        if not operand.is_null():
            if self._certain and operator.needs_value and isinstance(value.sql, str):
                self.scope.filled.add(value.sql)
            return operator.sql(comparison)
        if operator.null is None:
            raise operand.fail("null is no value here. Leave it out, or use isNull.")
        return missing(comparison, wanted=operator.null)

    def _composed(self, values: Mapping[str, Value], given: Argument) -> Sql:
        """A field of several values, each with conditions of its own."""
        return all_of(self.operators(values[name], part) for name, part in self._parts(given).items())

    def _named(self, table: Table, field: AnyIdField, given: Argument) -> Sql:
        """A record of any kind, by its global id. What `eq` and `in` name is asked for column by column too, because an
        index finds it so."""
        dialect = self.scope.dialect
        kind, key = table.ref(field.kind_column), table.ref(field.id_column)
        conditions = [self.operators(Value(table, f"{kind} || '_' || {key}", "actor", False, field.id_column), given)]
        for name, operand in given.fields().items():
            if name in ("eq", "in") and not operand.is_null():
                for ref, place, cast in ((kind, 0, "text"), (key, 1, "uuid")):
                    part = _part(place, dialect.name)
                    if name == "eq":
                        conditions.append(Sql(ref, " = ", operand.bind(part, cast)))
                    else:
                        many = list_converter(part, dialect.name)
                        conditions.append(dialect.one_of(ref, operand.bind(_listed(many), f"{cast}[]")))
        return all_of(conditions)

    # ------------------------------------------------------------ relations

    def _one(self, table: Table, field: OneField, part: Argument, depth: int) -> Sql:
        target = self.scope.record_table(self.scope.registry.records[field.target])
        return Sql(
            f"EXISTS (SELECT 1 FROM {target.source} WHERE {target.ref('id')} = {table.ref(field.column)} AND ",
            self.scope.guard(target),
            " AND ",
            self._all(target, part, depth),
            ")",
        )

    def _many(self, table: Table, given: Argument, relate: Callable[[], Related]) -> Sql:
        """`some`, `none`, `every` and `count` of related rows; each is a use of their table of its own."""
        conditions: list[Sql | str] = []
        for name, part in self._parts(given).items():
            rows, filtered = relate()
            if name == "count":
                conditions.append(self._number(table, part, rows, filtered))
                continue
            inner = unlike(filtered(part)) if name == "every" else filtered(part)
            found = Sql("EXISTS (SELECT 1", rows, " AND ", inner, ")")
            conditions.append(found if name == "some" else Sql("NOT ", found))
        return all_of(conditions)

    def _number(self, table: Table, given: Argument, rows: Sql, filtered: Callable[[Argument], Sql]) -> Sql:
        """How many related rows there are, or of them that fulfil `where`."""
        operands = given.fields()
        where = operands.pop("where", None)
        if where is not None:
            self.count(where)
            if where.is_null():
                raise where.fail("null is no filter. Leave it out.")
            rows = Sql(rows, " AND ", filtered(where))
        value = Value(table, Sql("(SELECT count(*)", rows, ")"), "int", False, "count")
        return all_of([self._operator(value, name, operand) for name, operand in operands.items()])

    def _related(self, table: Table, field: ManyField, depth: int) -> Related:
        target, tied = self.scope.related(table, field)
        return Sql(f" FROM {target.source} WHERE ", tied), lambda part: self._all(target, part, depth)

    def _external_refs(self, table: Table) -> Related:
        ref, rows = self.scope.external_refs(self.scope.registry.by_model[table.model])
        values = {
            "system": Value(table, f'{ref}."system"', "text", False, "system"),
            "externalId": Value(table, f'{ref}."external_id"', "text", False, "externalId"),
        }
        tied = f'{ref}."record_id" = {table.ref("id")}'
        return Sql(rows, tied), lambda part: self._composed(values, part)


def _part(place: int, dialect: Dialect) -> Callable[[Any], Any]:
    """What takes one part of a global id: the table's name or the key."""

    def part(given: Any) -> Any:
        found = from_global(str(given))[place]
        return str(found) if dialect == "sqlite" else found

    return part


def _listed(many: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda given: many(given if isinstance(given, list) else [given])
