"""What the annotations of outputs and arguments mean: names of records and classes, lists and `| None` taken apart."""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from crmcore.query import RecordType, Registry
from crmcore.schema.shapes import Shapes


@dataclass(frozen=True, slots=True)
class Hint:
    """An annotation: `inner` is what is left without list and None."""

    inner: Any
    nullable: bool
    listed: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What annotations may name in one schema: its records and the classes of `@output` and `@input_object`."""

    registry: Registry
    shapes: Shapes
    classes: Mapping[str, type]

    def hints(self, cls: type) -> dict[str, Hint]:
        """The annotations of a class, by attribute."""
        return {name: _taken_apart(hint) for name, hint in get_type_hints(cls, localns=dict(self.classes)).items()}

    def returns(self, cls: type, returns: Any) -> Hint:
        """What the function of a root field answers; a text is a name, or an expression of names."""
        asked = types.SimpleNamespace(__annotations__={"returns": returns})
        known = vars(sys.modules[cls.__module__])
        return _taken_apart(get_type_hints(asked, known, dict(self.classes))["returns"])

    def record(self, inner: Any) -> RecordType | None:
        """The record that an annotation names, if it does."""
        name = getattr(inner, "__name__", "")
        return self.registry.records.get(name) if self.classes.get(name) is inner else None


def _taken_apart(hint: Any) -> Hint:
    inner, nullable = _without_none(hint)
    if get_origin(inner) is not list:
        return Hint(inner, nullable, False)
    item, holes = _without_none(get_args(inner)[0])
    if holes or get_origin(item) is list:
        raise TypeError(f"{hint!r}: a list holds neither nulls nor lists.")
    return Hint(item, nullable, True)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], True
    return hint, False
