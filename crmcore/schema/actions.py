"""Mutations beside the generated ones: a class says the input, a command does the work.

    @action(models.Deal, deals.move_deal)
    class DealMove:
        \"\"\"Move a deal to another stage of its pipeline.\"\"\"

        stage: Stage = arg("The stage to move to.")
        reason: str | None = arg("Why.")

becomes `dealMove(id: ID!, input: DealMoveInput!, expectedVersion: Int): DealPayload`, and the command is called as
`move_deal(ctx, id, stage_id=..., reason=..., expected_version=...)`; what the client left out is left out. It answers
with the id of the record. With `creates=True` there is no record yet: no `id` and no `expectedVersion`.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.kit.text import camel, snake
from crmcore.platform.context import Context
from crmcore.query import RecordType, Registry
from crmcore.query.mapping import ModelClass
from crmcore.schema.mutations import answer, identity_arguments
from crmcore.schema.payloads import make_payload
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Field, Shapes, argument, optional, shaped
from crmcore.schema.values import python_type
from crmcore.schema.writing import Payload

ActionCommand = Callable[..., Awaitable[UUID]]
_Cls = TypeVar("_Cls", bound=type)


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """What `arg` holds until the schema is made."""

    description: str


@dataclass(frozen=True, slots=True)
class Action:
    """What `action` holds until the schema is made."""

    model: ModelClass
    command: ActionCommand
    description: str
    creates: bool


@dataclass(frozen=True, slots=True)
class _Input:
    """One field of an action's input: the command's name for it, and how its value gets there."""

    parameter: str
    kind: Any
    description: str
    needed: bool
    target: RecordType | None = None


def arg(description: str) -> Any:
    """An input of an action. Its annotation is a record (`stageId: ID!`), a plain type, an enum or a list; `| None`
    makes it optional."""
    return ArgumentSpec(description)


def action(model: ModelClass, command: ActionCommand, *, creates: bool = False) -> Callable[[_Cls], _Cls]:
    """Make a mutation of a command. The class's name is the mutation's, its docstring the description."""

    def declare(cls: _Cls) -> _Cls:
        if not cls.__doc__:
            raise TypeError(f"{cls.__qualname__} needs a docstring: it is the mutation's description in the schema.")
        for name in inspect.get_annotations(cls):
            if not isinstance(cls.__dict__.get(name), ArgumentSpec):
                raise TypeError(f'{cls.__qualname__}.{name} needs `= arg("...")`.')
        said = " ".join(cls.__doc__.split())
        cls.__crm_action__ = Action(model, command, said, creates)  # type: ignore[attr-defined]
        return cls

    return declare


def action_mutation(registry: Registry, shapes: Shapes, cls: type, plugin: str, names: Mapping[str, type]) -> RootField:
    """The mutation of an action's class. `names` are the declared records, for its annotations."""
    declared: Action = cls.__dict__["__crm_action__"]
    record = registry.by_model.get(declared.model)
    if record is None:
        raise TypeError(f"{cls.__qualname__}: {declared.model.__name__} is not a record of the graph.")
    inputs = {_name(one): one for one in _inputs(registry, shapes, cls, names)}
    arguments = [] if declared.creates else identity_arguments(record)
    if inputs:
        fields = [_field(name, one, plugin) for name, one in inputs.items()]
        made = shapes.input(f"{cls.__name__}Input", declared.description, lambda: fields, plugin=plugin)
        needed = any(one.needed for one in inputs.values())
        arguments.insert(1, argument("input", made if needed else optional(made), "What the command needs to know."))
    if f"{record.name}Payload" not in shapes:
        make_payload(shapes, record)
    field = shaped(
        camel(snake(cls.__name__)),
        optional(shapes[f"{record.name}Payload"]),
        declared.description,
        arguments=arguments,
        plugin=plugin,
    )
    return RootField(field, _resolver(declared, record, inputs))


def _resolver(declared: Action, record: RecordType, inputs: Mapping[str, _Input]) -> Callable[..., Awaitable[Payload]]:
    paths = {one.parameter: (name,) for name, one in inputs.items()}

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        sent = given.get("input") or {}
        values = {inputs[name].parameter: _value(name, inputs[name], value) for name, value in sent.items()}
        keys: Sequence[UUID] = ()
        if not declared.creates:
            keys = (record_key(given["id"], record.table, "id"),)
            if not record.is_log:
                values["expected_version"] = given.get("expectedVersion")

        async def command(ctx: Context) -> UUID:
            return await declared.command(ctx, *keys, **values)

        return await answer(record, info, command, paths)

    return resolve


def _inputs(registry: Registry, shapes: Shapes, cls: type, names: Mapping[str, type]) -> Iterable[_Input]:
    by_class = {declared: name for name, declared in names.items()}
    hints = get_type_hints(cls, localns=dict(names))
    for attribute in inspect.get_annotations(cls):
        spec: ArgumentSpec = cls.__dict__[attribute]
        hint, needed = _without_none(hints[attribute])
        if hint in by_class:
            target = registry.records[by_class[hint]]
            yield _Input(f"{attribute}_id", ID, f"Global id. {spec.description}", needed, target)
        else:
            yield _Input(attribute, python_type(shapes, hint), spec.description, needed)


def _without_none(hint: Any) -> tuple[Any, bool]:
    """The annotation without None, and whether a value is needed."""
    if get_origin(hint) in (Union, types.UnionType):
        rest = [a for a in get_args(hint) if a is not type(None)]
        if len(rest) == 1:
            return rest[0], False
    return hint, True


def _name(one: _Input) -> str:
    return camel(one.parameter)


def _field(name: str, one: _Input, plugin: str) -> Field:
    return shaped(name, one.kind if one.needed else optional(one.kind), one.description, plugin=plugin)


def _value(name: str, one: _Input, value: Any) -> Any:
    if one.target is None or value is None:
        return value
    return record_key(value, one.target.table, "input", name)
