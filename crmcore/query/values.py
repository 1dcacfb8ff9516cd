"""Values: whatever of a row can be compared, sorted, grouped, added up and shown.

A field that is one value of a row becomes a `Value` here. Filters, orders, groups and selections work with its SQL and
its kind, and do not ask where it comes from: a new kind of value needs no change there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from graphql import parse_value

from crmcore.kit.sql import Bind, Dialect, Sql, all_of, join
from crmcore.query.arguments import Argument, Run
from crmcore.query.computed import MOMENTS
from crmcore.query.declare import Aggregate
from crmcore.query.dialects import Expression
from crmcore.query.mapping import ColumnField, ExpressionField, FigureField, OneField, StampField, ValueField
from crmcore.query.operands import converter
from crmcore.query.scope import Scope, Table

Where = Callable[[Table, Argument | None], Sql]


@dataclass(frozen=True, slots=True)
class Value:
    """A value of every row of `table`.

    sql       the expression: plain text where it is a column
    kind      what it is, as platform/fields.py names it
    nullable  whether a row may have none
    name      what the signature of an order calls it
    column    the column of `table` that it is, which an index may serve; empty where it is computed
    record    whose ids these are (the table's name), for kind "uuid"
    folded    the same without case and accents, where there is such a thing: names are sorted by it
    normal    what puts a text into the form in which these are kept, if not every text is; ValueError for what is none
    """

    table: Table
    sql: Expression
    kind: str
    nullable: bool
    name: str
    column: str = ""
    record: str = ""
    folded: Value | None = None
    normal: Callable[[str], str] | None = None


class Values:
    """Makes the values of fields within one compilation. `where` compiles a filter on a table."""

    def __init__(self, scope: Scope, where: Where) -> None:
        self.scope = scope
        self.where = where
        self._open: list[FigureField] = []

    def of(self, table: Table, field: ValueField | OneField) -> Value:
        """The field's value, where the table itself is in sight (WHERE, ORDER BY)."""
        return self._of(table, field, table.ref)

    def selected(self, table: Table, field: ValueField) -> Value:
        """The field's value in what is selected, where a page hands out the columns that are wanted."""
        return self._of(table, field, table.col)

    def shown(self, table: Table, field: ValueField) -> Expression:
        """The selected value in the API's form."""
        value = self.selected(table, field)
        if value.record:
            return self.scope.dialect.global_id(value.record, value.sql)
        return self.scope.dialect.show(value.kind, value.sql)

    def stamp(self, table: Table, field: StampField) -> dict[str, Value]:
        """Who did it, by the names of `ActorStamp`."""
        kind, key = table.ref(field.kind_column), table.ref(field.id_column)
        return {
            "kind": Value(table, kind, "choice", False, field.kind_column),
            "id": Value(table, f"lower({kind}) || '_' || {key}", "actor", True, field.id_column),
        }

    def id(self, table: Table) -> Value:
        """The key of the table's rows, which no two share."""
        return Value(table, table.ref("id"), "uuid", False, "id", "id", table.model._meta.db_table)

    def figure(self, table: Table, field: FigureField, conditions: Callable[[Table], Iterable[Sql]]) -> Value:
        """A figure over the records of a to-many relation that the caller may see and for which the conditions hold.

        Sums and averages of decimals are of kind "total": exact, of any size.
        """
        target, tie = self.scope.related(table, field.many)
        found = Sql(f" FROM {target.source} WHERE ", all_of([tie, *conditions(target)]))
        kind, function = field.kind, field.function
        if field.of is None:
            sql = Sql("(SELECT count(*)", found, ")")
        elif function in ("sum", "avg") and kind == "decimal":
            kind = "total"
            sql = self._total(function, self.of(target, field.of), found)
        else:
            sql = Sql(f"(SELECT {function}(", self.of(target, field.of).sql, ")", found, ")")
        return Value(table, sql, kind, field.nullable, field.name)

    def _total(self, function: Aggregate, value: Value, found: Sql) -> Sql:
        dialect, factor = self.scope.dialect, 10000 if value.kind == "int" else 1
        addends = dialect.addends(value.sql)
        sums = [f'sum("~v{i}")' for i in range(len(addends))]
        if function == "sum":
            made = dialect.total(sums, factor)
        else:
            made = dialect.average(sums, 'count("~v0")', factor)
        columns = join(", ", (Sql(addend, f' AS "~v{i}"') for i, addend in enumerate(addends)))
        return Sql("(SELECT ", made, " FROM (SELECT ", columns, found, ') "~v")')

    def _of(self, table: Table, field: ValueField | OneField, column: Callable[[str], str]) -> Value:
        if isinstance(field, OneField):
            record = self.scope.registry.records[field.target].table
            return Value(table, column(field.column), "uuid", True, field.column, field.column, record)
        if isinstance(field, ColumnField):
            return self._column(table, field, column)
        if isinstance(field, ExpressionField):
            return Value(table, self._expression(field, column), field.kind, field.nullable, field.name)
        assert isinstance(field, FigureField)
        return self._declared(table, field)

    def _column(self, table: Table, field: ColumnField, column: Callable[[str], str]) -> Value:
        name, folded = field.column, None
        record = table.model._meta.db_table if name == "id" else ""
        if field.folded:
            folded = Value(table, table.ref(field.folded), "folded", field.nullable, field.folded, field.folded)
        return Value(table, column(name), field.kind, field.nullable, name, name, record, folded)

    def _expression(self, field: ExpressionField, column: Callable[[str], str]) -> Sql:
        dialect = self.scope.dialect.name
        self.scope.plugins.add(field.plugin)
        parts: list[Bind | str] = []
        for place, part in enumerate(field.sql[dialect]):
            if place % 2 == 0:
                parts.append(part)
            else:
                parts.append(moment(part, dialect) if part in MOMENTS else column(part))
        return Sql("(", *parts, ")")

    def _declared(self, table: Table, field: FigureField) -> Value:
        if field in self._open:
            raise TypeError(f"{field.name} is computed from itself.")
        self._open.append(field)
        counted = self.scope.conditions

        def conditions(target: Table) -> Iterable[Sql]:
            if field.where:
                filter_: Any = self.scope.schema.type_map[f"{field.many.target}Filter"]
                given = Argument.of(self.scope.questions, filter_, (field.name, "where"), parse_value(field.where))
                yield self.where(target, given)
            if field.currency is not None:
                yield Sql(self.of(target, field.currency).sql, f" = '{field.currency_code}'")

        value = self.figure(table, field, conditions)
        self.scope.conditions = counted  # what a field is made of is no condition of the caller's
        self._open.pop()
        return value


def moment(name: str, dialect: Dialect) -> Bind:
    """`now` or `today`, by the context's clock, in UTC."""
    convert = converter("datetime" if name == "now" else "date", dialect)

    def get(run: Run) -> Any:
        found = run.context.clock().astimezone(UTC)
        return convert(found if name == "now" else found.date())

    return Bind(get, "timestamptz" if name == "now" else "date", name)
