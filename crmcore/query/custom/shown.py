"""Custom fields: how the values that a tenant defined are shown.

One statement text serves all tenants: which fields there are is read from the table of definitions, in the same
statement. Values are kept in the record's JSON in the API's form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from graphql import GraphQLObjectType

from crmcore.kit.sql import Sql
from crmcore.platform.custom import CustomFieldType
from crmcore.query.arguments import Argument, Run
from crmcore.query.dialects import Expression, Pair
from crmcore.query.operands import converter, list_converter
from crmcore.query.scope import EACH, Place, Scope, Table, uuid_bind
from crmcore.query.selection import TYPENAME, Selected, object_type

VALUE: Final = "CustomFieldValue"
"""The interface of a custom field with its value."""

VALUE_TYPES: Final[Mapping[CustomFieldType, str]] = {
    kind: f"Custom{kind.member[0].upper()}{kind.member[1:]}" for kind in CustomFieldType
}
"""Its implementers: `CustomText`, `CustomDateTime`..."""

MEMBERS: Final[Mapping[CustomFieldType, str]] = {
    kind: "record" if kind is CustomFieldType.REFERENCE else kind.member for kind in CustomFieldType
}
"""The field of each that holds the value."""

COLUMN: Final = "custom_fields"


class OneRecord(Protocol):
    """What compiles the selection on one record."""

    def one(
        self, table: Table, type_: GraphQLObjectType, nodes: Sequence[Any], place: Place, condition: Sql
    ) -> Sql: ...


class CustomValues:
    """Compiles `customFields(keys:)` of records within one compilation."""

    def __init__(self, scope: Scope, records: OneRecord) -> None:
        self.scope = scope
        self.dialect = scope.dialect
        self.records = records

    def compile(self, table: Table, keys: Argument | None, selected: Selected, place: Place) -> Sql:
        """A JSON array of the type's living fields in their order, each with the record's value."""
        field = self.scope.alias("f")
        kept = self.dialect.member(table.col(COLUMN), f"{field}.id")
        cases: list[Sql | str] = ["CASE ", f'{field}."type"']
        for kind in CustomFieldType:
            pairs = self._pairs(table, field, kept, kind, selected, (*place, selected.key, EACH))
            cases += [f" WHEN '{kind}' THEN ", self.dialect.object(pairs)]
        return self.dialect.array_of(Sql(*cases, " END"), self._source(table, field, keys), field)

    def _source(self, table: Table, field: str, keys: Argument | None) -> Sql:
        tenant = uuid_bind(lambda run: run.context.policy.tenant_id, self.dialect, "tenant")
        named: Sql | str = ""
        if keys is not None and not keys.is_null():
            self._known(table, keys)
            text = list_converter(converter("text", self.dialect.name), self.dialect.name)
            named = Sql(" AND ", self.dialect.one_of(f'{field}."key"', keys.bind(text, "text[]")))
        kind = table.model._meta.db_table
        return Sql(
            f' FROM "custom_field" {field} WHERE {field}."tenant_id" = ', tenant, f' AND {field}."deleted_at" IS NULL '
            f"AND {field}.\"record_type\" = '{kind}'", named, f' ORDER BY {field}."position", {field}."key"',
        )  # fmt: skip

    def _known(self, table: Table, keys: Argument) -> None:
        """BadInput for a key that the tenant has not defined."""
        get, own = keys.get(), table.model._meta.db_table

        def ask(run: Run) -> bool:
            for place, key in enumerate(get(run)):
                if run.definitions().find(own, key) is None:
                    raise keys.fail(f"there is no custom field {key!r} of type {own}.", str(place))
            return True

        self.scope.questions.ask(("custom keys", object()), ask)

    def _pairs(
        self, table: Table, field: str, kept: str, kind: CustomFieldType, selected: Selected, place: Place
    ) -> list[Pair]:
        type_ = object_type(self.scope.schema, VALUE_TYPES[kind])
        pairs: list[Pair] = []
        for part in self.scope.selection.of(selected.nodes, type_):
            shown: Expression
            if part.name == TYPENAME:
                shown = self.dialect.text(type_.name)
            elif part.name != MEMBERS[kind]:
                shown = f'{field}."{part.name}"'
            elif kind is CustomFieldType.REFERENCE:
                shown = self._record(table, field, kept, part, (*place, part.key))
            elif kind is CustomFieldType.MULTI_SELECT:
                shown = self.dialect.or_empty(kept)
            else:
                shown = kept
            pairs.append((part.key, shown))
        return pairs

    def _record(self, table: Table, field: str, kept: str, part: Selected, place: Place) -> Sql:
        """The record that a reference names, of the types that this tenant's references may name."""
        own = table.model._meta.db_table

        def targets(run: Run) -> tuple[str, ...]:
            return tuple(sorted({d.reference_type for d in run.definitions().of(own) if d.reference_type}))

        cases: list[Sql | str] = ["CASE ", f'{field}."reference_type"']
        for name in self.scope.questions.ask(("references", own), targets):
            record = self.scope.registry.by_table.get(name)
            if record is not None:
                target = self.scope.record_table(record)
                key = self.dialect.key_in(kept, len(name) + 2)
                type_ = object_type(self.scope.schema, record.name)
                found = self.records.one(target, type_, part.nodes, place, Sql(f"{target.ref('id')} = {key}"))
                cases += [f" WHEN '{name}' THEN ", found]
        return Sql(*cases, " END") if len(cases) > 2 else Sql(self.dialect.null)
