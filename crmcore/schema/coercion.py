"""Values of variables, coerced by functions that are made once for each type of input.

What they accept and answer is what graphql-core's `coerce_input_value` does, which asks the type anew for each value.
What they do not accept is left to graphql-core, which knows how to say why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Undefined,
    VariableDefinitionNode,
    get_named_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import (
    VariableValues,
    VariableValueSource,
    get_variable_values,
    input_is_nested_too_deeply,
)
from graphql.utilities.coerce_input_value import coerce_default_value

Coerce = Callable[[Any], Any]
"""The coerced value, or Undefined for one that the type does not take."""

SHOWN_ERRORS: Final = 5


class Coercion:
    """The functions of one schema."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self._made: dict[Any, Coerce] = {}

    def of(self, type_: Any) -> Coerce:
        """The function for a type of input."""
        made = self._made.get(type_)
        if made is None:
            made = self._made[type_] = self._make(type_)
        return made

    def _make(self, type_: Any) -> Coerce:
        if isinstance(type_, GraphQLNonNull):
            inner = self.of(type_.of_type)
            return lambda value: Undefined if value is None else inner(value)
        if isinstance(type_, GraphQLList):
            return _list(self.of(type_.of_type))
        if isinstance(type_, GraphQLInputObjectType):
            return self._object(type_)
        return _leaf(type_.coerce_input_value)

    def _object(self, type_: GraphQLInputObjectType) -> Coerce:
        fields: list[tuple[str, str, Coerce, GraphQLInputField, bool]] = []

        def known() -> None:  # on first use: an input may hold itself
            for name, field in type_.fields.items():
                optional = not is_required_input_field(field) and coerce_default_value(field) is Undefined
                fields.append((name, field.out_name or name, self.of(field.type), field, optional))

        def coerce(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, dict):
                return Undefined
            if not fields:
                known()
            found: dict[str, Any] = {}
            left = len(value)
            for name, out_name, inner, field, optional in fields:
                if name in value:
                    left -= 1
                    made = inner(value[name])
                elif optional:
                    continue
                else:
                    made = Undefined if is_required_input_field(field) else coerce_default_value(field)
                if made is Undefined:
                    return Undefined
                found[out_name] = made
            if left or (type_.is_one_of and (len(value) != 1 or None in found.values())):
                return Undefined
            return type_.out_type(found)

        return coerce


def _list(inner: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        items = [inner(item) for item in value] if isinstance(value, list | tuple) else [inner(value)]
        return Undefined if any(item is Undefined for item in items) else items

    return coerce


def _leaf(parse: Coerce) -> Coerce:
    def coerce(value: Any) -> Any:
        if value is None:
            return None
        try:
            return parse(value)
        except Exception:  # noqa: BLE001  whatever a scalar says is said again by graphql-core
            return Undefined

    return coerce


def _holds_itself(type_: Any) -> bool:
    """Whether values of the type may be nested without end."""
    done: set[Any] = set()

    def found(named: Any, above: tuple[Any, ...]) -> bool:
        if not isinstance(named, GraphQLInputObjectType) or named in done:
            return False
        if named in above or any(found(get_named_type(f.type), (*above, named)) for f in named.fields.values()):
            return True
        done.add(named)
        return False

    return found(get_named_type(type_), ())


class Variables:
    """The variables of one operation."""

    def __init__(self, coercion: Coercion, nodes: Collection[VariableDefinitionNode]) -> None:
        self._schema = coercion.schema
        self._nodes = nodes
        self._known: list[tuple[GraphQLVariableSignature, Coerce, bool]] = []
        for node in nodes:
            signature = get_variable_signature(coercion.schema, node)
            assert not isinstance(signature, GraphQLError), "the document is valid"
            self._known.append((signature, coercion.of(signature.type), _holds_itself(signature.type)))

    def coerce(self, given: Mapping[str, Any]) -> VariableValues | list[GraphQLError]:
        """Their values, or why they cannot have those that were given."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        for signature, coerce, deep in self._known:
            value = given.get(signature.name, Undefined)
            if value is Undefined or (deep and input_is_nested_too_deeply(value, signature.type)):
                made = Undefined
            else:
                made = coerce(value)
            if made is Undefined:
                found = get_variable_values(self._schema, self._nodes, dict(given), max_errors=SHOWN_ERRORS)
                return found[:SHOWN_ERRORS] if isinstance(found, list) else found
            sources[signature.name] = VariableValueSource(signature, value)
            coerced[signature.name] = made
        return VariableValues(sources, coerced)


__all__ = ["SHOWN_ERRORS", "Coercion", "Variables"]
