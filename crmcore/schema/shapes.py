"""The types of one schema by name: empty Strawberry classes, whose fields are handed over when they are asked for.

A field refers to other types by calling for them, at a time when all are known: so records may refer to each other in
any order, and two schemas of one process share nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.schema_directive import Location
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.base import StrawberryList, StrawberryObjectDefinition, StrawberryOptional
from strawberry.types.enum import EnumValue, StrawberryEnumDefinition
from strawberry.types.field import StrawberryField
from strawberry.types.unset import UNSET

from crmcore.kit.choices import described

Fields = Callable[[], Iterable[StrawberryField]]


@strawberry.schema_directive(
    name="plugin",
    locations=[
        Location.OBJECT, Location.FIELD_DEFINITION, Location.ENUM, Location.INPUT_OBJECT,
        Location.INPUT_FIELD_DEFINITION,
    ],
    description="Says which plugin brings this; it is absent where the plugin is not installed.",
)  # fmt: skip
class Provenance:
    """`@plugin(name:)`."""

    name: str


class Shapes:
    """Makes types, each once, and answers for their fields."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}
        self._fields: dict[type, Fields] = {}

    def __getitem__(self, name: str) -> Any:
        """A type that was made."""
        return self._made[name]

    def __contains__(self, name: str) -> bool:
        return name in self._made

    def object(
        self, name: str, description: str, fields: Fields, *, interfaces: Sequence[type] = (), plugin: str = ""
    ) -> type:
        """An object type. Its values are never looked at to tell their type: the engine or a payload knows it."""
        made = self._class(name, description, fields, interfaces, plugin, kind=strawberry.type)
        if interfaces:
            definition: StrawberryObjectDefinition = made.__strawberry_definition__  # type: ignore[attr-defined]
            definition.is_type_of = lambda _value, _info: True
        return made

    def interface(
        self,
        name: str,
        description: str,
        fields: Fields,
        resolve_type: Callable[[Any], str],
        *,
        interfaces: Sequence[type] = (),
    ) -> type:
        """An interface type; `resolve_type` names the object type of a value that a resolver returned. What implements
        it implements its `interfaces` too."""
        made = self._class(name, description, fields, interfaces, "", kind=strawberry.interface)
        definition: StrawberryObjectDefinition = made.__strawberry_definition__  # type: ignore[attr-defined]
        definition.resolve_type = lambda value, _info, _type: resolve_type(value)
        return made

    def input(self, name: str, description: str, fields: Fields, *, plugin: str = "") -> type:
        """An input type. Resolvers of ours get it as a dict in which absent and null differ."""
        return self._class(name, description, fields, (), plugin, kind=strawberry.input)

    def choice(self, enum: type[StrEnum], *, plugin: str = "") -> Any:
        """The enum type of a Python enum; its docstring and `described` values are the texts."""
        if enum.__name__ not in self._made:
            if not enum.__doc__:
                raise TypeError(f"{enum.__qualname__} needs a docstring: it is the enum's description in the schema.")
            values = [EnumValue(member.value, member.value, description=described(member)) for member in enum]
            self._enum(enum, " ".join(enum.__doc__.split()), values, plugin)
        return self._of_class(enum)

    def names(self, name: str, description: str, values: Mapping[str, str], *, plugin: str = "") -> Any:
        """An enum type of names, with what each means."""
        enum = StrEnum(name, {value: value for value in values})  # type: ignore[misc]
        listed = [EnumValue(value, value, description=said) for value, said in values.items()]
        return self._enum(enum, description, listed, plugin)

    def fields_of(self, definition: StrawberryObjectDefinition) -> list[StrawberryField] | None:
        """The fields of a type made here; None for somebody else's."""
        found = self._fields.get(definition.origin)
        return list(found()) if found else None

    def _class(
        self,
        name: str,
        description: str,
        fields: Fields,
        bases: Sequence[type],
        plugin: str,
        *,
        kind: Callable[..., Any],
    ) -> type:
        if name in self._made:
            raise TypeError(f"Two types are called {name}: rename one of what they are made of.")
        cls = type(name, tuple(bases) or (object,), {"__module__": __name__})
        made: type = kind(cls, name=name, description=description, directives=_provenance(plugin))
        self._made[name] = made
        self._fields[made] = fields
        return made

    def _enum(self, enum: type[Enum], description: str, values: list[EnumValue], plugin: str) -> Any:
        definition = StrawberryEnumDefinition(enum, enum.__name__, values, description, _provenance(plugin))
        self._made[enum.__name__] = definition
        return definition

    def _of_class(self, enum: type[StrEnum]) -> Any:
        made = self._made[enum.__name__]
        if made.wrapped_cls is not enum:
            raise TypeError(f"Two enums are called {enum.__name__}: rename one.")
        return made


def optional(kind: Any) -> Any:
    """A nullable type."""
    return StrawberryOptional(kind)


def listed(kind: Any) -> Any:
    """A list without nulls."""
    return StrawberryList(kind)


def shaped(
    name: str,
    kind: Any,
    description: str,
    *,
    arguments: Sequence[StrawberryArgument] = (),
    plugin: str = "",
    deprecated: str | None = None,
) -> StrawberryField:
    """A field of an object or of an input."""
    made = StrawberryField(
        python_name=name,
        graphql_name=name,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
        deprecation_reason=deprecated,
        directives=_provenance(plugin),
    )
    made.arguments = list(arguments)
    return made


def argument(name: str, kind: Any, description: str) -> StrawberryArgument:
    """An argument without a default."""
    return StrawberryArgument(name, name, StrawberryAnnotation(kind), description=description, default=UNSET)


def _provenance(plugin: str) -> list[Any]:
    return [Provenance(name=plugin)] if plugin else []
