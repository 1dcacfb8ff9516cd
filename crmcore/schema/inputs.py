"""The inputs of create and update, and how what a client sent becomes a change of a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

from crmcore.errors import Invalid
from crmcore.kit.text import article
from crmcore.query import RecordType, Registry
from crmcore.query.mapping import ColumnField, CustomFields, ExternalRefsField, FieldMap, MoneyField, OneField
from crmcore.records import FieldValue
from crmcore.schema.custom import field_values
from crmcore.schema.scalars import ID, client_key, record_key
from crmcore.schema.shapes import Field, Shapes, listed, optional, shaped
from crmcore.schema.values import column_type

PREFIX = ("input",)


@dataclass(slots=True)
class Given:
    """What an input holds, in the write engine's words. `external_refs` is None where it says nothing of them."""

    values: dict[str, Any] = field(default_factory=dict)
    external_refs: list[tuple[str, str]] | None = None
    custom_fields: list[FieldValue] = field(default_factory=list)
    id: UUID | None = None


class Writable:
    """The fields of one record that clients may write, by the names they have in inputs."""

    def __init__(self, registry: Registry, record: RecordType) -> None:
        self.record = record
        self._registry = registry
        self._fields = {_input_name(f): f for f in record.fields.values() if f.writable != "never"}
        self.paths = _paths(self._fields)

    def fields(self, operation: str) -> dict[str, FieldMap]:
        """Those that a create or an update has."""
        return {n: f for n, f in self._fields.items() if operation == "create" or f.writable == "always"}

    def read(self, sent: Mapping[str, Any]) -> Given:
        """The input as values of columns. BadInput for a malformed id, Invalid for amounts in different currencies."""
        given = Given()
        for name, value in sent.items():
            if name == "id":
                given.id = client_key(value, self.record.table, *PREFIX, "id") if value is not None else None
            else:
                self._take(given, name, self._fields[name], value)
        return given

    def _take(self, given: Given, name: str, mapped: FieldMap, value: Any) -> None:
        if isinstance(mapped, ExternalRefsField):
            given.external_refs = [(ref["system"], ref["externalId"]) for ref in value or ()]
        elif isinstance(mapped, CustomFields):
            given.custom_fields = field_values(value)
        elif isinstance(mapped, OneField):
            table = self._registry.records[mapped.target].table
            given.values[mapped.column] = None if value is None else record_key(value, table, *PREFIX, name)
        elif isinstance(mapped, MoneyField):
            given.values[mapped.column] = None if value is None else value["amount"]
            self._currency(given, mapped, None if value is None else value["currencyCode"])
        else:
            assert isinstance(mapped, ColumnField)
            given.values[mapped.column] = value

    def _currency(self, given: Given, money: MoneyField, code: str | None) -> None:
        """Amounts of one record that share a currency must agree on it; one without an amount has no say."""
        column = money.currency_column
        held = given.values.get(column)
        if code is not None and held is not None and held != code:
            raise Invalid(f"All amounts of this record are in one currency, not {held} and {code}.", column)
        if held is None and not (code is None and self._shared(money)):
            given.values[column] = code

    def _shared(self, money: MoneyField) -> bool:
        """Whether something else needs the currency when this amount is cleared."""
        found = (f for f in self.record.fields.values() if isinstance(f, MoneyField) and f is not money)
        others = (f for f in found if isinstance(f.amount, ColumnField))
        column = money.currency_column
        return any(other.currency_column == column for other in others) or column in _columns(self.record)


def make_inputs(writable: Writable, shapes: Shapes) -> None:
    """`<Record>CreateInput` and `<Record>UpdateInput`."""
    record = writable.record
    for operation, said in (
        ("create", f"A new {record.name}."),
        ("update", f"Changes of {article(record.name)}: a field left out stays as it is, null clears it."),
    ):
        if operation in record.writes:
            name = f"{record.name}{operation.capitalize()}Input"
            shapes.input(name, said, partial(_fields, writable, shapes, operation), plugin=record.plugin)


def _fields(writable: Writable, shapes: Shapes, operation: str) -> Iterable[Field]:
    if operation == "create":
        said = "An id of your own choice, for creating offline or trying again: a UUID, bare or as a global id."
        yield shaped("id", optional(ID), said)
    for name, mapped in writable.fields(operation).items():
        kind = _kind(shapes, mapped)
        needed = operation == "create" and mapped.required
        said = f"Global id. {mapped.description}" if isinstance(mapped, OneField) else mapped.description
        if isinstance(mapped, CustomFields):
            said = "Values of the fields that you defined for this type of record; the others stay as they are."
        yield shaped(name, kind if needed else optional(kind), said, plugin=mapped.plugin, deprecated=mapped.deprecated)


def _kind(shapes: Shapes, mapped: FieldMap) -> Any:
    if isinstance(mapped, ExternalRefsField):
        return listed(shapes["ExternalRefInput"])
    if isinstance(mapped, CustomFields):
        return listed(shapes["CustomFieldInput"])
    if isinstance(mapped, MoneyField):
        return shapes["MoneyInput"]
    if isinstance(mapped, OneField):
        return ID
    assert isinstance(mapped, ColumnField)
    return column_type(shapes, mapped)


def _input_name(mapped: FieldMap) -> str:
    return f"{mapped.name}Id" if isinstance(mapped, OneField) else mapped.name


def _paths(fields: Mapping[str, FieldMap]) -> dict[str, tuple[str, ...]]:
    """Where in the input a column of the write engine's refusals stands."""
    found: dict[str, tuple[str, ...]] = {"external_refs": ("externalRefs",), "custom_fields": ("customFields",)}
    for name, mapped in fields.items():
        if isinstance(mapped, MoneyField):
            found[mapped.column] = (name,)
            found.setdefault(mapped.currency_column, (name, "currencyCode"))
        elif isinstance(mapped, ColumnField):
            found[mapped.column] = (name,)
        elif isinstance(mapped, OneField):
            found[mapped.column] = found[mapped.column.removesuffix("_id")] = (name,)
    return found


def _columns(record: RecordType) -> set[str]:
    return {f.column for f in record.fields.values() if isinstance(f, ColumnField)}


__all__ = ["PREFIX", "Given", "Writable", "make_inputs"]
