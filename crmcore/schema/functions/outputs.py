"""The types of `@output`, and what makes their values of what a function answered."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from graphql import GraphQLNamedType

from crmcore.kit.text import camel
from crmcore.query.declare import AnyRecord, FieldSpec, FreeData, Money
from crmcore.schema.functions import forms
from crmcore.schema.functions.annotations import Hint, Names
from crmcore.schema.functions.declare import OUTPUT
from crmcore.schema.scalars import SCALARS
from crmcore.schema.shapes import Field, listed, optional, shaped


class Outputs:
    """The outputs of one schema. `owners` are the plugins that declare them."""

    def __init__(self, names: Names, owners: dict[type, str]) -> None:
        self._names = names
        self._owners = owners
        self._members: dict[type, dict[str, forms.Member]] = {}

    def knows(self, inner: Any) -> bool:
        """Whether it is the class of an output."""
        return inner in self._owners

    def make(self, cls: type) -> GraphQLNamedType:
        """The type of an output."""
        plugin, shapes = self._owners[cls], self._names.shapes
        return shapes.object(cls.__name__, cls.__dict__[OUTPUT], lambda: self._fields(cls), plugin=plugin)

    def _fields(self, cls: type) -> Iterable[Field]:
        for attribute, hint in self._names.hints(cls).items():
            spec: FieldSpec = cls.__dict__[attribute]
            where = f"{cls.__qualname__}.{attribute}"
            if self._is_record(hint.inner) and not hint.listed and not hint.nullable:
                raise TypeError(f"{where}: a record may be deleted or not visible, so annotate it `| None`.")
            if spec.batch is not None or spec.computed is not None:
                raise TypeError(f"{where}: the function answers it; declare it with field(...).")
            if hint.listed and hint.nullable:
                raise TypeError(f"{where}: a list is never null, it is empty.")
            kind = self.kind(hint, where, self._owners[cls])
            yield shaped(
                camel(attribute), optional(kind) if hint.nullable else kind, spec.description,
                plugin=self._owners[cls], deprecated=spec.deprecated,
            )  # fmt: skip

    def kind(self, hint: Hint, where: str, plugin: str) -> Any:
        """The type of an annotation of a plugin's, never null."""
        kind = self._kind(hint.inner, where, plugin)
        return listed(kind) if hint.listed else kind

    def _kind(self, inner: Any, where: str, plugin: str) -> Any:
        shapes = self._names.shapes
        record = self._names.record(inner)
        if record is not None:
            return shapes[record.name]
        if inner is AnyRecord:
            return shapes["Node"]
        if inner is Money:
            return shapes["Money"]
        if inner in self._owners:
            return shapes[inner.__name__]
        if _is_enum(inner):
            return shapes.choice(inner, plugin=plugin)
        if inner in SCALARS:
            return inner
        raise TypeError(f"{where}: {inner!r} has no form in the graph.")

    def form(self, hint: Hint, *, root: bool = False) -> forms.Form:
        """What makes values of an annotation; `root` says that they are the whole answer."""
        inner, registry = hint.inner, self._names.registry
        record = self._names.record(inner)
        if record is not None or inner is AnyRecord:
            name = record.name if record is not None else ""
            if hint.listed:
                return (forms.root_records if root and name else forms.records)(registry, name)
            return (forms.root_record if root else forms.one_record)(registry, name)
        found = self._form(inner)
        return forms.listed(found) if hint.listed else found

    def _form(self, inner: Any) -> forms.Form:
        if inner in self._owners:
            return forms.fielded(lambda: self._of(inner))
        if inner is Money:
            return forms.money
        if inner is FreeData:
            return forms.free
        return forms.choice(inner) if _is_enum(inner) else forms.plain(inner)

    def _of(self, cls: type) -> dict[str, forms.Member]:
        if cls not in self._members:
            hints = self._names.hints(cls)
            self._members[cls] = {n: forms.Member(camel(n), self.form(h), h.nullable) for n, h in hints.items()}
        return self._members[cls]

    def _is_record(self, inner: Any) -> bool:
        return inner is AnyRecord or self._names.record(inner) is not None


def _is_enum(inner: Any) -> bool:
    return isinstance(inner, type) and issubclass(inner, StrEnum)


__all__ = ["Outputs"]
