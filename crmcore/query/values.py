"""Values: whatever of a row can be compared, sorted, grouped, added up and shown.

A field that is one value of a row becomes a `Value` here. Filters, orders, groups and selections work with its SQL and
its kind, and do not ask where it comes from: a new kind of value needs no change there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from crmcore.query.dialects import Expression
from crmcore.query.mapping import ColumnField, OneField, StampField, ValueField
from crmcore.query.scope import Scope, Table


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
    """

    table: Table
    sql: Expression
    kind: str
    nullable: bool
    name: str
    column: str = ""
    record: str = ""
    folded: Value | None = None


class Values:
    """Makes the values of fields within one compilation."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

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

    def _of(self, table: Table, field: ValueField | OneField, column: Callable[[str], str]) -> Value:
        if isinstance(field, OneField):
            record = self.scope.registry.records[field.target].table
            return Value(table, column(field.column), "uuid", True, field.column, field.column, record)
        assert isinstance(field, ColumnField)
        name, folded = field.column, None
        record = table.model._meta.db_table if name == "id" else ""
        if field.folded:
            folded = Value(table, table.ref(field.folded), "folded", field.nullable, field.folded, field.folded)
        return Value(table, column(name), field.kind, field.nullable, name, name, record, folded)
