"""The types of one schema by name. Their fields are handed over when they are asked for.

A field refers to other types by calling for them, at a time when all are known: so records may refer to each other in
any order, and two schemas of one process share nothing.

A *kind* is what a field or an argument holds: a Python type that is a scalar, a type of `Shapes`, or what `optional`
and `listed` make of one. It is never null unless it is `optional`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar

from graphql import (
    DirectiveLocation,
    GraphQLArgument,
    GraphQLDirective,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLString,
)

from crmcore.kit.choices import described
from crmcore.kit.text import pascal
from crmcore.schema.scalars import SCALARS

PROVENANCE: Final = GraphQLDirective(
    "plugin",
    [
        DirectiveLocation.OBJECT, DirectiveLocation.FIELD_DEFINITION, DirectiveLocation.ENUM,
        DirectiveLocation.INPUT_OBJECT, DirectiveLocation.INPUT_FIELD_DEFINITION, DirectiveLocation.ENUM_VALUE,
        DirectiveLocation.ARGUMENT_DEFINITION,
    ],
    {"name": GraphQLArgument(GraphQLNonNull(GraphQLString))},
    description="Says which plugin brings this; it is absent where the plugin is not installed.",
)  # fmt: skip
"""`@plugin(name:)`. What a plugin brings has its name in the `extensions`, under the directive's name."""

Argument = tuple[str, GraphQLArgument]
_Type = TypeVar("_Type", bound=GraphQLNamedType)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object or of an input; made by `shaped`."""

    name: str
    type: Any
    description: str
    arguments: Sequence[Argument]
    plugin: str
    deprecated: str | None

    def taking(self, arguments: Sequence[Argument]) -> Field:
        """The same with more arguments."""
        return replace(self, arguments=[*self.arguments, *arguments])

    def of_object(self) -> GraphQLField:
        return GraphQLField(
            self.type,
            args=dict(self.arguments) or None,
            resolve=_member,
            description=self.description,
            deprecation_reason=self.deprecated,
            extensions=_provenance(self.plugin),
        )

    def of_input(self) -> GraphQLInputField:
        return GraphQLInputField(
            self.type,
            description=self.description,
            deprecation_reason=self.deprecated,
            extensions=_provenance(self.plugin),
        )


Fields = Callable[[], Iterable[Field]]


class Shapes:
    """Makes types, each once. `plugins` are those that have a share in them."""

    def __init__(self, plugins: Sequence[str] = ()) -> None:
        self._prefixes = {pascal(plugin): plugin for plugin in sorted(plugins, key=len)}
        self._made: dict[str, GraphQLNamedType] = {}
        self._enums: dict[str, type[StrEnum]] = {}
        self._askers: dict[str, str] = {}

    def __getitem__(self, name: str) -> Any:
        """A type that was made."""
        return self._made[name]

    def __contains__(self, name: str) -> bool:
        return name in self._made

    def object(
        self,
        name: str,
        description: str,
        fields: Fields,
        *,
        interfaces: Sequence[GraphQLInterfaceType] = (),
        plugin: str = "",
    ) -> GraphQLObjectType:
        """An object type. Its values are never looked at to tell their type: the engine or a payload knows it."""
        made = GraphQLObjectType(
            name, _of_object(fields), _with_theirs(interfaces), description=description, extensions=_provenance(plugin)
        )
        return self._keep(made)

    def interface(
        self,
        name: str,
        description: str,
        fields: Fields,
        resolve_type: Callable[[Any], str],
        *,
        interfaces: Sequence[GraphQLInterfaceType] = (),
    ) -> GraphQLInterfaceType:
        """An interface type; `resolve_type` names the object type of a value that a resolver returned. What implements
        it implements its `interfaces` too."""
        made = GraphQLInterfaceType(
            name,
            _of_object(fields),
            _with_theirs(interfaces),
            resolve_type=lambda value, _info, _type: resolve_type(value),
            description=description,
        )
        return self._keep(made)

    def input(self, name: str, description: str, fields: Fields, *, plugin: str = "") -> GraphQLInputObjectType:
        """An input type. Resolvers of ours get it as a dict in which absent and null differ."""
        made = GraphQLInputObjectType(
            name,
            lambda: {field.name: field.of_input() for field in fields()},
            description=description,
            extensions=_provenance(plugin),
        )
        return self._keep(made)

    def choice(self, enum: type[StrEnum], *, plugin: str = "") -> GraphQLEnumType:
        """The enum type of a Python enum; its docstring and `described` values are the texts."""
        name = enum.__name__
        if name in self._made:
            found = self._made[name]
            if self._enums.get(name) is not enum:
                raise TypeError(_twice(name, self._askers[name], plugin))
            assert isinstance(found, GraphQLEnumType)
            return found
        if not enum.__doc__:
            raise TypeError(f"{enum.__qualname__} needs a docstring: it is the enum's description in the schema.")
        self._enums[name], self._askers[name] = enum, plugin
        values = {str(member.value): GraphQLEnumValue(member, described(member)) for member in enum}
        return self._enum(name, " ".join(enum.__doc__.split()), values, self._owner(enum, plugin))

    def _owner(self, enum: type[StrEnum], plugin: str) -> str:
        """Whose enum it is that this plugin uses: its own, the core's, or that of a plugin on which it builds."""
        if not plugin or enum.__module__.startswith("crmcore."):
            return ""
        name, owner = enum.__name__, ""
        for prefix, other in self._prefixes.items():
            if name.startswith(prefix) and name[len(prefix) : len(prefix) + 1].isupper():
                owner = other
        if not owner:
            raise TypeError(f"{name}: the names of enums of {plugin} begin with {pascal(plugin)}.")
        return owner

    def names(
        self,
        name: str,
        description: str,
        values: Mapping[str, str],
        *,
        plugin: str = "",
        brought: Mapping[str, str] | None = None,
    ) -> GraphQLEnumType:
        """An enum type of names, with what each means; `brought` says by which plugin, where it is not the type's."""
        of = brought or {}
        made = {
            v: GraphQLEnumValue(v, said, extensions=_provenance(of[v] if of.get(v, plugin) != plugin else ""))
            for v, said in values.items()
        }
        return self._enum(name, description, made, plugin)

    def _enum(self, name: str, description: str, values: dict[str, GraphQLEnumValue], plugin: str) -> GraphQLEnumType:
        return self._keep(GraphQLEnumType(name, values, description=description, extensions=_provenance(plugin)))

    def _keep(self, made: _Type) -> _Type:
        if made.name in self._made:
            one, other = (kind.extensions.get(PROVENANCE.name, "") for kind in (self._made[made.name], made))
            raise TypeError(_twice(made.name, one, other))
        self._made[made.name] = made
        return made


@dataclass(frozen=True, slots=True)
class _Optional:
    """A kind that may be null."""

    kind: Any


def optional(kind: Any) -> Any:
    """A nullable kind."""
    return _Optional(kind)


def listed(kind: Any) -> Any:
    """A list of this kind."""
    return GraphQLList(_type(kind))


def shaped(
    name: str,
    kind: Any,
    description: str,
    *,
    arguments: Sequence[Argument] = (),
    plugin: str = "",
    deprecated: str | None = None,
) -> Field:
    """A field of an object or of an input."""
    return Field(name, _type(kind), description, arguments, plugin, deprecated)


def argument(name: str, kind: Any, description: str, *, plugin: str = "") -> Argument:
    """An argument without a default."""
    return name, GraphQLArgument(_type(kind), description=description, extensions=_provenance(plugin))


def _type(kind: Any) -> Any:
    """graphql-core's type."""
    if isinstance(kind, _Optional):
        return SCALARS.get(kind.kind, kind.kind)
    return GraphQLNonNull(SCALARS.get(kind, kind))


def _of_object(fields: Fields) -> Callable[[], dict[str, GraphQLField]]:
    return lambda: {field.name: field.of_object() for field in fields()}


def _with_theirs(interfaces: Sequence[GraphQLInterfaceType]) -> list[GraphQLInterfaceType]:
    """Interfaces, and those that they implement: GraphQL wants all named."""
    return list(dict.fromkeys(each for one in interfaces for each in (one, *one.interfaces)))


def _twice(name: str, one: str, other: str) -> str:
    """Two want one name: who they are."""
    return f"The type {name} is made twice, by {one or 'core'} and {other or 'core'}. Rename one."


def _provenance(plugin: str) -> dict[str, Any] | None:
    return {PROVENANCE.name: plugin} if plugin else None


def _member(value: Any, info: Any) -> Any:
    """What answers a field without a resolver of its own: payloads are dicts, in which null may be left out."""
    name = info.field_name
    return value.get(name) if isinstance(value, dict) else getattr(value, name)
