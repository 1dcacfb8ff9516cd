"""What a caller's arguments are: literals of the document or values of variables, seen alike.

A plan serves every request of its document whose variables have the same structure. So the compiler does not read
variables: it asks questions (is it null, which keys has it, how long is it, which enum value is it), and every answer
is noted. The same questions later lead another request to the plan, or to the need of a new one. A value that changes
nothing in the statement's text is never asked for: `bind` makes a Bind that reads it when the statement runs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_nullable_type,
    value_from_ast,
)

from crmcore.errors import BadInput
from crmcore.kit.sql import Bind

if TYPE_CHECKING:
    from crmcore.platform.context import Context
    from crmcore.platform.custom import Definitions

Convert = Callable[[Any], Any]
VariablePath = tuple[str | int, ...]
Trail = tuple[str, ...]


@dataclass(slots=True)
class Run:
    """One execution of a plan: what its Binds read. `memo` keeps what was worked out once (decoded cursors)."""

    context: Context
    variables: Mapping[str, Any]
    ids: Sequence[Any] = ()
    memo: dict[Hashable, Any] = field(default_factory=dict)

    def definitions(self) -> Definitions:
        """The tenant's custom fields. FieldsUnknown if the process has to read them first."""
        found = self.context.known_fields()
        if found is None:
            raise FieldsUnknown
        return found


class FieldsUnknown(Exception):
    """A plan asks for the definitions of custom fields, and this process does not know them yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Something the compiler wants to know of a run: `ask` answers with a hashable value."""

    ask: Callable[[Run], Hashable]


class Questions:
    """The questions of one compilation, asked of one run, with their answers in the order of asking."""

    def __init__(self, run: Run) -> None:
        self._run: Run | None = run
        self.log: list[tuple[Question, Hashable]] = []
        self._known: dict[Hashable, Any] = {}

    @property
    def run(self) -> Run:
        """The run that is asked."""
        assert self._run is not None, "the plan is compiled: only its own runs have values now"
        return self._run

    def close(self) -> None:
        """Forget the run: what a plan keeps of its compilation must not hold its first caller."""
        self._run = None
        self._known.clear()

    def ask(self, key: Hashable, ask: Callable[[Run], Hashable]) -> Any:
        """The run's answer; asked and noted once for each key."""
        if key not in self._known:
            answer = ask(self.run)
            self._known[key] = answer
            self.log.append((Question(ask), answer))
        return self._known[key]

    def given(self, variable: str) -> bool:
        """Whether the request gave the variable a value, or it has a default."""
        return bool(self.ask(("given", variable), lambda run: variable in run.variables))


def reader(path: VariablePath) -> Callable[[Run], Any]:
    """A function that reads the value at a path: the variable's name, then keys and places."""
    name, rest = str(path[0]), path[1:]
    if not rest:
        return lambda run: run.variables.get(name)
    if len(rest) == 1:
        key = rest[0]
        return lambda run: run.variables[name][key]

    def read(run: Run) -> Any:
        found = run.variables[name]
        for key in rest:
            found = found[key]
        return found

    return read


class Argument:
    """A value that the caller gave, at `trail` below the field: a literal (`node`) or a variable's part (`path`)."""

    __slots__ = ("node", "path", "questions", "trail", "type")

    def __init__(
        self, questions: Questions, type_: GraphQLInputType, trail: Trail, node: ValueNode | None, path: VariablePath
    ) -> None:
        self.questions = questions
        self.type: Any = get_nullable_type(type_)
        self.trail = trail
        self.node = node
        self.path = path

    @classmethod
    def of(cls, questions: Questions, type_: GraphQLInputType, trail: Trail, node: ValueNode) -> Argument | None:
        """The value of a node of the document; None for a variable without a value."""
        if isinstance(node, VariableNode):
            name = node.name.value
            return cls(questions, type_, trail, None, (name,)) if questions.given(name) else None
        return cls(questions, type_, trail, node, ())

    def fail(self, message: str, *below: str) -> BadInput:
        """The refusal that says what is wrong with this value, or with what is `below` in it."""
        path = (*self.trail, *below)
        return BadInput(f"{'.'.join(path)}: {message}", *path)

    def is_null(self) -> bool:
        """Whether it is null."""
        if self.node is not None:
            return isinstance(self.node, NullValueNode)
        read = reader(self.path)
        return bool(self.questions.ask(("null", self.path), lambda run: read(run) is None))

    def fields(self) -> dict[str, Argument]:
        """The fields given in an input object, in the order of the type's fields."""
        assert isinstance(self.type, GraphQLInputObjectType)
        types = self.type.fields
        if self.node is None:
            read = reader(self.path)
            keys = self.questions.ask(("keys", self.path), lambda run: tuple(read(run)))
            return {
                key: Argument(self.questions, types[key].type, (*self.trail, key), None, (*self.path, key))
                for key in keys
            }
        assert isinstance(self.node, ObjectValueNode)
        given = {f.name.value: f.value for f in self.node.fields or ()}
        found = {}
        for key, definition in types.items():
            if key in given:
                part = Argument.of(self.questions, definition.type, (*self.trail, key), given[key])
                if part is not None:
                    found[key] = part
        return found

    def items(self) -> list[Argument]:
        """The items of a list; a single value given for a list is a list of one."""
        assert isinstance(self.type, GraphQLList)
        inner = self.type.of_type
        if self.node is None:
            read = reader(self.path)
            count = self.questions.ask(("length", self.path), lambda run: len(read(run)))
            return [Argument(self.questions, inner, (*self.trail, str(i)), None, (*self.path, i)) for i in range(count)]
        nodes = (self.node.values or ()) if isinstance(self.node, ListValueNode) else [self.node]
        parts = (Argument.of(self.questions, inner, (*self.trail, str(i)), n) for i, n in enumerate(nodes))
        return [part for part in parts if part is not None]

    def exact(self) -> Any:
        """The value itself, which becomes part of the plan's key: only for what has few values. Enums by name."""
        if self.node is None:
            read, plain = reader(self.path), _plain(self.type)
            return self.questions.ask(("exact", self.path), lambda run: plain(read(run)))
        return _plain(self.type)(_value(self.node, self.type, self.questions.run))

    def get(self) -> Callable[[Run], Any]:
        """A function that reads the value, as the schema's scalars parsed it, from any run of the plan."""
        if self.node is None:
            return reader(self.path)
        node, type_ = self.node, self.type
        if _has_variable(node):
            return lambda run: _value(node, type_, run)
        constant = value_from_ast(node, type_)
        return lambda run: constant

    def bind(self, convert: Convert, cast: str = "") -> Bind:
        """The value as a parameter of the statement. `convert` makes the driver's value and may raise ValueError."""
        get = self.get()

        def converted(run: Run) -> Any:
            try:
                return convert(get(run))
            except ValueError as error:
                raise self.fail(str(error)) from error

        if self.node is not None and not _has_variable(self.node):
            constant = converted(self.questions.run)
            return Bind(lambda run: constant, cast)
        return Bind(converted, cast)


def arguments(questions: Questions, node: FieldNode, definitions: Mapping[str, GraphQLArgument]) -> dict[str, Argument]:
    """The arguments that a field was given, by name; null counts as given."""
    found = {}
    for given in node.arguments or ():
        name = given.name.value
        part = Argument.of(questions, definitions[name].type, (name,), given.value)
        if part is not None:
            found[name] = part
    return found


def _value(node: ValueNode, type_: Any, run: Run) -> Any:
    return value_from_ast(node, type_, cast("dict[str, Any]", run.variables))


def _plain(type_: Any) -> Callable[[Any], Any]:
    """What makes a value hashable and independent of how the schema represents enums in Python."""
    if isinstance(type_, GraphQLEnumType):
        return lambda found: None if found is None else type_.coerce_output_value(found)
    return lambda found: found.value if isinstance(found, Enum) else found


def _has_variable(node: ValueNode) -> bool:
    if isinstance(node, VariableNode):
        return True
    if isinstance(node, ListValueNode):
        return any(_has_variable(item) for item in node.values or ())
    if isinstance(node, ObjectValueNode):
        return any(_has_variable(f.value) for f in node.fields or ())
    return False
