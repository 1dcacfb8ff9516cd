"""Filters and orders by custom fields: they look at the rows of the table of values, which indexes serve.

A record without a value has no row there. The field's key is a value of the request: what a plan knows of it is the
type that the caller names, which a question compares with the tenant's definition in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from crmcore.kit.sql import Bind, Sql, all_of
from crmcore.platform.custom import BY_MEMBER, NORMAL, SELECTS, CustomFieldType, CustomValue, Definition
from crmcore.query.arguments import Argument, Run
from crmcore.query.operators import Operator, kind_of, operators_of
from crmcore.query.scope import Scope, Table, uuid_bind
from crmcore.query.values import Value

Operate = Callable[[Value, Operator, Argument], Sql]
"""What makes the condition of an operator on a value."""

STORED: Final[Mapping[CustomFieldType, tuple[str, str]]] = {
    CustomFieldType.NUMBER: ("number", "int"),
    CustomFieldType.BOOLEAN: ("number", "int"),
    CustomFieldType.DECIMAL: ("number", "decimal"),
    CustomFieldType.DATE: ("day", "date"),
    CustomFieldType.DATE_TIME: ("moment", "datetime"),
    CustomFieldType.REFERENCE: ("target_id", "uuid"),
}
"""The column of the table of values that holds a type, and its kind; the others are text."""

_UNORDERED: Final = (CustomFieldType.MULTI_SELECT, CustomFieldType.REFERENCE)


@dataclass(frozen=True, slots=True)
class Held:
    """A use of the table of values: of one field, for the rows of `record`. `reference` is the type that it names."""

    record: Table
    table: Table
    of_field: Sql
    type: CustomFieldType
    reference: str

    @property
    def value(self) -> Value:
        """The field's value."""
        column, kind = STORED.get(self.type, ("text", "text"))
        name, ref = f"custom.{column}", self.table.ref
        folded = None
        if kind == "text":
            folded = Value(self.table, ref("folded"), "folded", False, "custom.folded", "folded")
        return Value(self.table, ref(column), kind, False, name, column, self.reference, folded, NORMAL.get(self.type))

    @property
    def operators(self) -> Mapping[str, Operator]:
        """The operators on the field, by name."""
        return operators_of("options" if self.type is CustomFieldType.MULTI_SELECT else kind_of(self.value.kind))

    @property
    def tie(self) -> Sql:
        """The rows of the record."""
        return Sql(self.of_field, f" AND {self.table.ref('record_id')} = {self.record.ref('id')}")

    def listed(self, condition: Sql) -> Sql:
        """As `where`, read from the values: SQLite takes a range for too many rows to begin with it."""
        key, values = self.record.ref("id"), self.table
        rows = Sql(f"SELECT {values.ref('record_id')} FROM {values.source} WHERE ", self.of_field, " AND ", condition)
        return Sql(f"{key} IN (", rows, ")")

    def where(self, condition: Sql) -> Sql:
        """The record has a value for which the condition holds."""
        return Sql(f"EXISTS (SELECT 1 FROM {self.table.source} WHERE ", self.tie, " AND ", condition, ")")

    def missing(self, *, wanted: bool) -> Sql:
        """The record has no value, or one."""
        return Sql("NOT " if wanted else "", self.where(Sql("1 = 1")))


class CustomRows:
    """Compiles conditions and sort keys on custom fields within one compilation."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def condition(self, table: Table, given: Argument, operate: Operate) -> Sql:
        """All the conditions of an item of `custom: [{key, text: {...}}]` hold."""
        _of_living(table, given)
        parts = given.fields()
        members = [name for name in parts if name in BY_MEMBER and not parts[name].is_null()]
        if len(members) != 1:
            raise given.fail(f"give exactly one condition beside the key: {', '.join(BY_MEMBER)}.")
        wanted = parts[members[0]]
        type_ = BY_MEMBER[members[0]]
        reference = self._asked(table, parts["key"], lambda found, _: _fits(found, type_, wanted))
        conditions: list[Sql | str] = []
        held: list[Sql | str] = []
        one, ranged = self._rows(table, parts["key"], type_, reference), False
        for name, operand in wanted.fields().items():
            operator = one.operators[name]
            given_value = not operand.is_null()
            if type_ in SELECTS and operator.whole and given_value:
                self._asked(table, parts["key"], partial(_offers, operand, operand.get()))
            if type_ is not CustomFieldType.MULTI_SELECT and operator.needs_value and given_value:
                ranged = ranged or operator.ranged
                held.append(operate(one.value, operator, operand))
                continue
            for part in operand.items() if operator.each and given_value else [operand]:
                rows = self._rows(table, parts["key"], type_, reference)
                conditions.append(_apart(rows, operator, part, operate))
        if held:
            in_list = ranged and self.scope.dialect.name == "sqlite"
            conditions.append(one.listed(all_of(held)) if in_list else one.where(all_of(held)))
        return all_of(conditions)

    def ordered(self, table: Table, given: Argument) -> Held:
        """The rows by which `orderBy: [{custom: {key}}]` sorts; BadInput for what has no order."""
        _of_living(table, given)
        key = given.fields()["key"]

        def fits(found: Definition) -> str:
            if found.type in _UNORDERED:
                raise given.fail(f"{found.key} is a {found.type} field, which has no order.")
            return str(found.type)

        return self._rows(table, key, CustomFieldType(self._asked(table, key, lambda found, _: fits(found))), "")

    def _rows(self, table: Table, key: Argument, type_: CustomFieldType, reference: str) -> Held:
        values = Table(self.scope.alias("v"), CustomValue)
        get, own = key.get(), table.model._meta.db_table

        def field(run: Run) -> Any:
            found = run.definitions().find(own, get(run))
            return found.id if found else None

        tenant = uuid_bind(lambda run: run.context.policy.tenant_id, self.scope.dialect, "tenant")
        which: Bind = uuid_bind(field, self.scope.dialect)
        of_field = Sql(f"{values.ref('tenant_id')} = ", tenant, f" AND {values.ref('field_id')} = ", which)
        return Held(table, values, of_field, type_, reference)

    def _asked(self, table: Table, key: Argument, fits: Callable[[Definition, Run], str]) -> str:
        """What `fits` says of the tenant's definition: part of the plan's key. BadInput if there is no such field."""
        get, own = key.get(), table.model._meta.db_table

        def ask(run: Run) -> str:
            found = run.definitions().find(own, get(run))
            if found is None:
                raise key.fail(f"there is no custom field {get(run)!r} of type {own}.")
            return fits(found, run)

        return str(self.scope.questions.ask(("custom", object()), ask))


def _apart(rows: Held, operator: Operator, operand: Argument, operate: Operate) -> Sql:
    """A condition that has a row to itself, or is about there being none."""
    if operand.is_null() and operator.null is not None:
        return rows.missing(wanted=operator.null)
    if operator.presence and not operand.is_null():
        return rows.missing(wanted=bool(operand.exact()))
    holds = operate(rows.value, operator, operand)
    if operator.complement:
        return Sql("NOT ", rows.where(Sql("(", holds, ") IS NOT TRUE")))
    return rows.where(holds)


def _offers(operand: Argument, get: Callable[[Run], Any], found: Definition, run: Run) -> str:
    """BadInput for what is no option of the field."""
    given = get(run)
    for option in given if isinstance(given, list) else [given]:
        if option not in found.options:
            raise operand.fail(f"{found.key} has no option {option!r}, but {', '.join(found.options)}.")
    return ""


def _of_living(table: Table, given: Argument) -> None:
    """BadInput for deleted records, which have no rows in the table of values."""
    if table.deleted:
        raise given.fail("deleted records can be neither filtered nor ordered by custom fields. Leave this out.")


def _fits(found: Definition, type_: CustomFieldType, given: Argument) -> str:
    """The type of record that the field names, if it is of this type at all."""
    if found.type is not type_:
        raise given.fail(f"{found.key} is a {found.type} field: give {found.type.member} instead.")
    return found.reference_type or ""
