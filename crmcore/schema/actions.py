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
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.kit.text import camel, snake
from crmcore.platform.calling import called
from crmcore.platform.context import Context
from crmcore.query import RecordType, Registry
from crmcore.query.mapping import ModelClass
from crmcore.schema.functions.arguments import Arguments, Input, values
from crmcore.schema.functions.declare import ArgumentSpec, arg
from crmcore.schema.mutations import answer, identity_arguments
from crmcore.schema.payloads import make_payload
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import record_key
from crmcore.schema.shapes import Shapes, argument, optional, shaped
from crmcore.schema.writing import Payload

ActionCommand = Callable[..., Awaitable[UUID]]
_Cls = TypeVar("_Cls", bound=type)


@dataclass(frozen=True, slots=True)
class Action:
    """What `action` holds until the schema is made."""

    model: ModelClass
    command: ActionCommand
    description: str
    creates: bool


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


def action_mutation(registry: Registry, shapes: Shapes, cls: type, plugin: str, known: Arguments) -> RootField:
    """The mutation of an action's class."""
    declared: Action = cls.__dict__["__crm_action__"]
    record = registry.by_model.get(declared.model)
    if record is None:
        raise TypeError(f"{cls.__qualname__}: {declared.model.__name__} is not a record of the graph.")
    inputs = known.of(cls, plugin)
    arguments = [] if declared.creates else identity_arguments(record)
    if inputs:
        fields = [one.field() for one in inputs.values()]
        made = shapes.input(f"{cls.__name__}Input", declared.description, lambda: fields, plugin=plugin)
        needed = any(one.needed for one in inputs.values())
        arguments.insert(1, argument("input", made if needed else optional(made), "What the command needs to know."))
    if f"{record.name}Payload" not in shapes:
        make_payload(shapes, record)
    name = camel(snake(cls.__name__))
    field = shaped(
        name,
        optional(shapes[f"{record.name}Payload"]),
        declared.description,
        arguments=arguments,
        plugin=plugin,
    )
    return RootField(field, _resolver(declared, record, inputs, plugin, f"Mutation.{name}"))


def _resolver(
    declared: Action, record: RecordType, inputs: Mapping[str, Input], plugin: str, said: str
) -> Callable[..., Awaitable[Payload]]:
    paths = {one.parameter: (name,) for name, one in inputs.items()}

    async def resolve(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Payload:
        arguments = values(inputs, given.get("input") or {}, ("input",))
        keys: Sequence[UUID] = ()
        if not declared.creates:
            keys = (record_key(given["id"], record.table, "id"),)
            if not record.is_log:
                arguments["expected_version"] = given.get("expectedVersion")

        async def command(ctx: Context) -> UUID:
            return await called(ctx, plugin, said, lambda: declared.command(ctx, *keys, **arguments))

        return await answer(record, info, command, paths)

    return resolve


__all__ = ["action", "action_mutation", "arg"]
