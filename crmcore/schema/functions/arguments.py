"""The arguments of commands and functions: what their annotations are in the graph, and what the function gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from crmcore.kit.text import camel
from crmcore.query.declare import Money
from crmcore.records import Saver
from crmcore.schema.functions.annotations import Hint, Names
from crmcore.schema.functions.declare import INPUT, ArgumentSpec
from crmcore.schema.scalars import ID, SCALARS, record_key
from crmcore.schema.shapes import Argument, Field, argument, listed, optional, shaped

Read = Callable[[Any, tuple[str, ...]], Any]
"""What makes the function's value of what a client sent, never null, at a path of the document."""


@dataclass(frozen=True, slots=True)
class Input:
    """One of them: `parameter` is the function's name for it, `name` the API's."""

    parameter: str
    name: str
    kind: Any
    description: str
    needed: bool
    read: Read
    plugin: str

    def field(self) -> Field:
        """As a field of an input object."""
        return shaped(self.name, self._said_kind(), self.description, plugin=self.plugin)

    def argument(self) -> Argument:
        """As an argument of a field."""
        return argument(self.name, self._said_kind(), self.description)

    def _said_kind(self) -> Any:
        return self.kind if self.needed else optional(self.kind)


@dataclass(frozen=True, slots=True)
class AddedInput:
    """A field that a plugin adds to the inputs of a record, and what saves its value."""

    input: Input
    saver: Saver


class Arguments:
    """The arguments of one schema. `owners` are the plugins that declare its `@input_object` classes."""

    def __init__(self, names: Names, owners: dict[type, str]) -> None:
        self._names = names
        self._owners = owners
        self._members: dict[type, dict[str, Input]] = {}

    def make(self, cls: type) -> None:
        """The type of an `@input_object`."""
        plugin = self._owners[cls]
        fields: Callable[[], Iterable[Field]] = lambda: [one.field() for one in self._of(cls).values()]
        self._names.shapes.input(cls.__name__, cls.__dict__[INPUT], fields, plugin=plugin)

    def of(self, cls: type, plugin: str) -> dict[str, Input]:
        """The arguments that a class declares, by their API names."""
        hints = self._names.hints(cls)
        found = (self._input(cls, name, hints[name], plugin) for name in inspect.get_annotations(cls))
        return {one.name: one for one in found}

    def _of(self, cls: type) -> dict[str, Input]:
        if cls not in self._members:
            self._members[cls] = self.of(cls, self._owners[cls])
        return self._members[cls]

    def _input(self, cls: type, attribute: str, hint: Hint, plugin: str) -> Input:
        spec: ArgumentSpec = cls.__dict__[attribute]
        record = self._names.record(hint.inner)
        said, parameter = spec.description, attribute
        if record is not None:
            parameter = f"{attribute}_ids" if hint.listed else f"{attribute}_id"
            said = f"Global {'ids' if hint.listed else 'id'}. {said}"
        kind, read = self._kind(hint.inner, f"{cls.__qualname__}.{attribute}", plugin)
        if hint.listed:
            kind, read = listed(kind), _each(read)
        return Input(parameter, camel(parameter), kind, said, not hint.nullable, read, plugin)

    def _kind(self, inner: Any, where: str, plugin: str) -> tuple[Any, Read]:
        shapes = self._names.shapes
        record = self._names.record(inner)
        if record is not None:
            table = record.table
            return ID, lambda sent, path: record_key(sent, table, *path)
        if inner in self._owners:
            return shapes[inner.__name__], lambda sent, path: values(self._of(inner), sent, path)
        if inner is Money:
            return shapes["MoneyInput"], _money
        if isinstance(inner, type) and issubclass(inner, StrEnum):
            return shapes.choice(inner, plugin=plugin), _as_it_is
        if inner in SCALARS:
            return inner, _as_it_is
        raise TypeError(f"{where}: {inner!r} has no form in the graph.")


def values(inputs: Mapping[str, Input], sent: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a function gets of what a client sent. BadInput, with its path, for a malformed id."""
    return {
        inputs[name].parameter: None if value is None else inputs[name].read(value, (*path, name))
        for name, value in sent.items()
        if name in inputs
    }


def _each(read: Read) -> Read:
    return lambda sent, path: [read(item, (*path, str(number))) for number, item in enumerate(sent)]


def _money(sent: Any, _path: tuple[str, ...]) -> Any:
    return {"amount": sent["amount"], "currency_code": sent["currencyCode"]}


def _as_it_is(sent: Any, _path: tuple[str, ...]) -> Any:
    return sent


__all__ = ["Arguments", "Input", "values"]
