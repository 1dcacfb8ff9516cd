"""What a function answered, in the form of the graph. Whatever does not fit is an error in its own place, never more.

The tree that comes out holds plain values, records as what the executor asks the engine for, and PluginFailed where
something is wrong: graphql-core makes an error of it, with its path, and null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.errors import PluginFailed
from crmcore.kit.ids import from_global
from crmcore.query import Ref, Refs, Registry
from crmcore.schema.resolving import Each, OneOf, SomeOf
from crmcore.schema.scalars import ID


class Misfit(Exception):
    """Why a value has no place where it stands."""


@dataclass(slots=True)
class Making:
    """One answer on its way. `records` are those that single fields name, by the field's place among the outputs: all
    of a field are read by one statement."""

    plugin: str
    records: dict[tuple[str, ...], Each] = field(default_factory=dict)

    def record(self, place: tuple[str, ...], table: str, key: UUID) -> OneOf:
        each = self.records.setdefault(place, Each([]))
        each.keys.append((table, key))
        return OneOf(each, len(each.keys) - 1)


Form = Callable[[Any, Making, tuple[str, ...]], Any]
"""What makes the answer's form of a value that is not None, which stands at a place. Misfit if it cannot."""


def made(form: Form, nullable: bool, value: Any, making: Making, place: tuple[str, ...]) -> Any:
    """The value's form; PluginFailed, as a value, where it does not fit."""
    try:
        if value is None and not nullable:
            raise Misfit("null, where there is always a value")
        return None if value is None else form(value, making, place)
    except Misfit as misfit:
        return PluginFailed(making.plugin, ".".join(place), f"it answered {misfit}")


def listed(form: Form) -> Form:
    """A list of what another form makes."""

    def make(value: Any, making: Making, place: tuple[str, ...]) -> Any:
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence | set | frozenset):
            raise Misfit(f"{_kind(value)}, not a list")
        return [made(form, False, item, making, place) for item in value]

    return make


@dataclass(frozen=True, slots=True)
class Member:
    """A field of an output: its name in the API, and how its value is made."""

    name: str
    form: Form
    nullable: bool


_ABSENT: Final = object()
_VALUES: Final = (str, bytes, int, float, list, tuple, set, UUID, datetime, date, Decimal)
"""What is a value by itself, though it may have an attribute called like a field."""


def fielded(members: Callable[[], Mapping[str, Member]]) -> Form:
    """An output, from a mapping or an object with its attributes."""

    def make(value: Any, making: Making, place: tuple[str, ...]) -> Any:
        found = members()
        held = {name: _attribute(value, name) for name in found}
        if isinstance(value, _VALUES) or (found and all(one is _ABSENT for one in held.values())):
            raise Misfit(f"{_kind(value)}, with nothing called {', '.join(found)}")
        return {
            one.name: made(one.form, one.nullable, _none(held[name]), making, (*place, one.name))
            for name, one in found.items()
        }

    return make


def one_record(registry: Registry, name: str = "") -> Form:
    """A record below an output: by its id, or as a Ref. Without a name, a record of any kind."""

    def make(value: Any, making: Making, place: tuple[str, ...]) -> Any:
        ref = _ref(registry, name, value)
        return making.record(place, registry.records[ref.type].table, ref.id)

    return make


def root_record(registry: Registry, name: str = "") -> Form:
    """A record that is the whole answer."""
    return lambda value, _making, _place: _ref(registry, name, value)


def root_records(registry: Registry, name: str) -> Form:
    """A list of records of one kind that is the whole answer: those that the caller sees, in the order given."""
    return lambda value, _making, _place: Refs(name, tuple(ref.id for ref in _refs(registry, name, value)))


def records(registry: Registry, name: str = "") -> Form:
    """The same below an output, or of any kinds: the lists of all outputs are read by one statement."""

    def make(value: Any, making: Making, place: tuple[str, ...]) -> Any:
        refs = _refs(registry, name, value)
        found = [making.record(place, registry.records[ref.type].table, ref.id) for ref in refs]
        return SomeOf(found[0].each, [one.number for one in found]) if found else []

    return make


def _refs(registry: Registry, name: str, value: Any) -> list[Ref]:
    if isinstance(value, Refs) and value.type in registry.records and name in ("", value.type):
        return [Ref(value.type, key) for key in value.ids]
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise Misfit(f"{_kind(value)}, not a list of ids")
    return [_ref(registry, name, one) for one in value]


def _ref(registry: Registry, name: str, value: Any) -> Ref:
    if isinstance(value, Ref):
        if value.type in registry.records and name in ("", value.type):
            return value
        raise Misfit(f"a {value.type}, not a {name or 'record'}")
    if isinstance(value, UUID) and name:
        return Ref(name, value)
    if isinstance(value, str):
        try:
            table, key = from_global(value)
        except ValueError:
            raise Misfit("a text that is no id") from None
        kind = registry.by_table.get(table)
        if kind is not None and name in ("", kind.name):
            return Ref(kind.name, key)
    raise Misfit(f"{_kind(value)}, not the id of a {name or 'record'}")


def money(value: Any, _making: Making, _place: tuple[str, ...]) -> Any:
    """An amount: a pair of a Decimal and a currency, or a mapping with `amount` and `currency_code`."""
    pair = (value.get("amount"), value.get("currency_code")) if isinstance(value, Mapping) else value
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise Misfit(f"{_kind(value)}, not an amount and its currency")
    amount, code = pair
    if not isinstance(code, str) or len(code) != 3:
        raise Misfit("an amount without the code of its currency")
    return {"amount": plain(Decimal)(amount, _making, _place), "currencyCode": code}


_TAKEN: Final[dict[Any, tuple[type, ...]]] = {
    str: (str,), int: (int,), bool: (bool,), float: (float, int), Decimal: (Decimal, int), datetime: (datetime,),
    date: (date,), ID: (str, UUID),
}  # fmt: skip


def plain(kind: Any) -> Form:
    """A value of a plain type. It is as strict as the graph's inputs are: a number is no text."""

    def make(value: Any, _making: Making, _place: tuple[str, ...]) -> Any:
        fits = isinstance(value, _TAKEN[kind])
        if not fits or (isinstance(value, bool) and kind is not bool) or (kind is date and isinstance(value, datetime)):
            raise Misfit(f"{_kind(value)}, not {_CALLED.get(kind, kind.__name__)}")
        if isinstance(value, datetime) and value.tzinfo is None:
            raise Misfit("a time without a zone")
        if isinstance(value, int) and kind is int and not -(2**31) <= value < 2**31:
            raise Misfit("a whole number that is too large")
        if isinstance(value, str):
            _json(value)
        return str(value) if kind is ID else value

    return make


_CALLED: Final = {str: "a text", ID: "an id"}


def choice(enum: type[StrEnum]) -> Form:
    """A value of an enum, or its text."""

    def make(value: Any, _making: Making, _place: tuple[str, ...]) -> Any:
        try:
            return enum(value)
        except ValueError:
            raise Misfit(f"{_kind(value)}, not a {enum.__name__}") from None

    return make


def free(value: Any, _making: Making, _place: tuple[str, ...]) -> Any:
    """Any JSON, finished here: what cannot be written must not take the rest of the answer with it."""
    return orjson.Fragment(_json(value))


def _json(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise Misfit(f"{_kind(value)} that is no JSON: {error}") from None


def _attribute(value: Any, name: str) -> Any:
    return value.get(name, _ABSENT) if isinstance(value, Mapping) else getattr(value, name, _ABSENT)


def _none(value: Any) -> Any:
    return None if value is _ABSENT else value


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
