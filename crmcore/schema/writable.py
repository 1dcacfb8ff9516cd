"""The fields of a record that clients may write, and how what a client sent becomes a change of it, parts included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from crmcore.errors import Invalid, Refusal
from crmcore.kit.text import camel, snake
from crmcore.platform.record import Record
from crmcore.query import RecordType, Registry
from crmcore.query.mapping import (
    ColumnField,
    CustomFields,
    ExternalRefsField,
    FieldMap,
    ManyField,
    MoneyField,
    OneField,
)
from crmcore.records import Added, Create, Delete, FieldValue, Part, Path, Restore, Saver, Update, keys_of
from crmcore.schema.custom import field_values
from crmcore.schema.functions.arguments import AddedInput, Input
from crmcore.schema.scalars import client_key, record_key


@dataclass(slots=True)
class Given:
    """What an input holds, in the write engine's words. `external_refs` is None where it says nothing of them; `faults`
    are what is wrong with it, but for malformed ids."""

    values: dict[str, Any] = field(default_factory=dict)
    external_refs: list[tuple[str, str]] | None = None
    custom_fields: list[FieldValue] = field(default_factory=list)
    id: UUID | None = None
    parts: list[Part] = field(default_factory=list)
    faults: list[Refusal] = field(default_factory=list)
    added: dict[Saver, dict[str, Any]] = field(default_factory=dict)

    def to_add(self) -> tuple[Added, ...]:
        """What plugins save with it."""
        return tuple(Added(saver, values) for saver, values in self.added.items())


class Writable:
    """The fields of one record that clients may write, by the names they have in inputs.

    `parts` are its relations to records that are deleted with it: they are written with it, too. `added` are fields
    that plugins bring. `others` finds the writable of any record.
    """

    def __init__(
        self,
        registry: Registry,
        record: RecordType,
        others: Mapping[type[Record], Writable],
        added: Iterable[AddedInput] = (),
    ) -> None:
        self.record = record
        self._registry, self._others = registry, others
        self._fields = {_input_name(f): f for f in record.fields.values() if f.writable != "never"}
        self.paths = _paths(self._fields)
        self.only_new = frozenset(
            f.column
            for f in self._fields.values()
            if f.writable == "create" and isinstance(f, ColumnField | OneField | MoneyField)
        )
        self.whole_keys = frozenset(key.column for key in keys_of(record.written) if key.on_delete == "CASCADE")
        self.parts = {f.name: f for f in record.fields.values() if isinstance(f, ManyField) and self._is_part(f)}
        self.added: dict[str, AddedInput] = {}
        for one in added:
            self._add(one)

    def _add(self, one: AddedInput) -> None:
        """Take in a plugin's field. TypeError names both who want its name."""
        name = one.input.name
        known: FieldMap | Input | None = self._fields.get(name) or self.parts.get(name)
        known = self.added[name].input if name in self.added else known
        if known is not None or name == "id":
            owner = (known.plugin if known else "") or "core"
            said = f"The input {self.record.name}.{name} is declared twice, by {owner} and {one.input.plugin}."
            raise TypeError(f"{said} Rename one.")
        self.added[name] = one
        self.paths.update(dict.fromkeys((one.input.parameter, one.input.parameter.removesuffix("_id")), (name,)))

    def _is_part(self, many: ManyField) -> bool:
        """Whether the records of a relation live and die with this one, and clients may write them."""
        target = self._registry.records[many.target]
        if many.link is not None or target.is_log or not {"create", "update", "delete"} & set(target.writes):
            return False
        return any(key.column == many.column and key.on_delete == "CASCADE" for key in keys_of(target.written))

    def of_part(self, many: ManyField) -> Writable:
        """The writable of a part's record."""
        return self._others[self._registry.records[many.target].written]

    def fields(self, operation: str) -> dict[str, FieldMap]:
        """Those that a create or an update has."""
        return {n: f for n, f in self._fields.items() if operation == "create" or f.writable == "always"}

    def all(self) -> Iterable[FieldMap]:
        """All of them."""
        return self._fields.values()

    def create(self, sent: Mapping[str, Any], *path: str) -> Create:
        """The change that a `...CreateInput` asks for, which stands at `path` in the document."""
        given = self._read(sent, path)
        return Create(
            self.record.written, given.values, given.id, given.external_refs or (), given.custom_fields,
            given.parts, given.faults, path, self.only_new, given.to_add(),
        )  # fmt: skip

    def update(self, sent: Mapping[str, Any], *path: str) -> Update:
        """The change that `id`, `input` and `expectedVersion` at `path` ask for."""
        given = self._read(sent["input"], (*path, "input"))
        return Update(
            self.record.written, self._key(sent, path), given.values, sent.get("expectedVersion"), given.external_refs,
            custom_fields=given.custom_fields, parts=given.parts, faults=given.faults, path=path, added=given.to_add(),
        )  # fmt: skip

    def delete(self, sent: Mapping[str, Any], *path: str) -> Delete:
        """The change that `id` and `expectedVersion` at `path` ask for."""
        return Delete(self.record.written, self._key(sent, path), sent.get("expectedVersion"), path=path)

    def restore(self, sent: Mapping[str, Any], *path: str) -> Restore:
        """The same, for a deleted record."""
        return Restore(self.record.written, self._key(sent, path), sent.get("expectedVersion"), path=path)

    def place(self, refusal: Refusal) -> list[str]:
        """Where in the document stands what is refused of a change that this has read: [input, timeZone]."""
        change, names = refusal.change, refusal.path
        if isinstance(change, Update) and change.instead_of is not None:
            change = change.instead_of
        if not names:
            return list(change.path) if len(change.path) > 1 else []
        head, *rest = map(snake, names)
        if isinstance(change, Create):
            inside = (head,) if head == "id" else self.paths.get(head, (camel(head),))
            return [*change.path, *inside, *map(camel, rest)]
        inside = self.paths.get(head, (camel(head),))
        if isinstance(change, Update) and inside[0] in self._update_names:
            return [*change.path, "input", *inside, *map(camel, rest)]
        return [*change.path, "expectedVersion" if head == "expected_version" else "id"]

    @cached_property
    def _update_names(self) -> frozenset[str]:
        return frozenset((*self.fields("update"), *self.added))

    def _key(self, sent: Mapping[str, Any], path: Path) -> UUID:
        return record_key(sent["id"], self.record.table, *path, "id")

    def _read(self, sent: Mapping[str, Any], path: Path) -> Given:
        """The input as values of columns. BadInput for a malformed id."""
        given = Given()
        for name, value in sent.items():
            try:
                self._take(given, name, value, path)
            except Refusal as fault:
                given.faults.append(fault)
        return given

    def _take(self, given: Given, name: str, value: Any, path: Path) -> None:
        if name in self.parts:
            given.parts.extend(self._parts(self.parts[name], value, (*path, name)))
            return
        if name in self.added:
            one = self.added[name]
            read = None if value is None else one.input.read(value, (*path, name))
            given.added.setdefault(one.saver, {})[one.input.parameter] = read
            return
        if name == "id":
            given.id = None if value is None else client_key(value, self.record.table, *path, name)
            return
        mapped = self._fields[name]
        if isinstance(mapped, ColumnField):
            given.values[mapped.column] = value
        elif isinstance(mapped, OneField):
            table = self._registry.records[mapped.target].table
            given.values[mapped.column] = None if value is None else record_key(value, table, *path, name)
        elif isinstance(mapped, ExternalRefsField):
            given.external_refs = [(ref["system"], ref["externalId"]) for ref in value or ()]
        elif isinstance(mapped, CustomFields):
            given.custom_fields = field_values(value)
        else:
            assert isinstance(mapped, MoneyField)
            given.values[mapped.column] = None if value is None else value["amount"]
            self._currency(given, mapped, None if value is None else value["currencyCode"])

    def _parts(self, many: ManyField, sent: Any, path: Path) -> Iterator[Part]:
        """New parts, or `create`, `update` and `delete` of parts."""
        other = self.of_part(many)
        verbs: Mapping[str, Callable[..., Create | Update | Delete]] = {
            "create": other.create, "update": other.update, "delete": other.delete,
        }  # fmt: skip
        if isinstance(sent, list):
            for number, item in enumerate(sent):
                yield Part(many.column, other.create(item, *path, str(number)))
            return
        for verb, items in (sent or {}).items():
            for number, item in enumerate(items or ()):
                yield Part(many.column, verbs[verb](item, *path, verb, str(number)))

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


__all__ = ["Writable"]
