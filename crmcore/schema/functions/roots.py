"""The root fields that functions answer."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from graphql import GraphQLNamedType, GraphQLResolveInfo

from crmcore.errors import Refusal, Refusals
from crmcore.kit.text import camel, plural, snake
from crmcore.platform.calling import called
from crmcore.query import Registry
from crmcore.records import Saver
from crmcore.schema.errors import user_errors
from crmcore.schema.following import Batch
from crmcore.schema.functions import forms
from crmcore.schema.functions.annotations import Hint, Names
from crmcore.schema.functions.arguments import AddedInput, Arguments, Input, values
from crmcore.schema.functions.declare import INPUT, INPUTS, OUTPUT, ROOT, Function, Inputs, Operation, Root
from crmcore.schema.functions.outputs import Outputs
from crmcore.schema.functions.telling import tell
from crmcore.schema.resolving import Run
from crmcore.schema.roots import RootField
from crmcore.schema.shapes import Shapes, argument, listed, optional, shaped


class Part(Protocol):
    """What somebody puts into the graph."""

    @property
    def plugin(self) -> str: ...

    @property
    def functions(self) -> Sequence[type]: ...


class Functions:
    """The functions of one schema: makes their types and root fields. `records` are the declarations by name."""

    def __init__(self, registry: Registry, shapes: Shapes, records: Mapping[str, type], parts: Sequence[Part]) -> None:
        self._classes = [(cls, part.plugin) for part in parts for cls in part.functions]
        outputs, inputs = self._of(OUTPUT), self._of(INPUT)
        classes = {cls.__name__: cls for cls in (*outputs, *inputs)}
        self._names = Names(registry, shapes, {**classes, **records})
        self._outputs = Outputs(self._names, outputs)
        self.arguments = Arguments(self._names, inputs)
        for cls in inputs:
            self.arguments.make(cls)

    def make_outputs(self) -> list[GraphQLNamedType]:
        """The types of outputs, whether anything names them or not. The core's own types are made by then."""
        return [self._outputs.make(cls) for cls in self._of(OUTPUT)]

    def roots(self, operation: Operation) -> list[RootField]:
        """The root fields of a kind."""
        return [
            self._root(cls, plugin)
            for cls, plugin in self._of(ROOT).items()
            if cls.__dict__[ROOT].operation == operation
        ]

    def added(self) -> dict[str, list[AddedInput]]:
        """The fields of `@inputs` by the names of their records."""
        found: dict[str, list[AddedInput]] = {}
        for cls, plugin in self._of(INPUTS).items():
            declared: Inputs = cls.__dict__[INPUTS]
            saver = Saver(plugin, f"{declared.target} inputs", declared.save)
            record = self._names.registry.records.get(declared.target)
            if record is None or record.is_log or not {"create", "update"} & set(record.writes):
                raise TypeError(f"{cls.__qualname__}: clients neither create nor update a {declared.target}.")
            for one in self.arguments.of(cls, plugin).values():
                if one.needed:
                    raise TypeError(
                        f"{cls.__qualname__}.{one.parameter}: annotate it `| None`: others know nothing of it."
                    )
                found.setdefault(declared.target, []).append(AddedInput(one, saver))
        return found

    def _of(self, mark: str) -> dict[type, str]:
        """The classes that were declared so, each with its owner."""
        return {cls: plugin for cls, plugin in self._classes if mark in cls.__dict__}

    def _root(self, cls: type, plugin: str) -> RootField:
        declared: Root = cls.__dict__[ROOT]
        inputs = self.arguments.of(cls, plugin)
        _check_signature(cls, declared.function, inputs)
        hint = self._names.returns(cls, declared.returns)
        answer = _Answer(cls, plugin, declared, inputs, hint, self._outputs)
        return self._mutation(answer) if declared.operation == "mutation" else self._field(answer)

    def _field(self, answer: _Answer) -> RootField:
        arguments = [one.argument() for one in answer.inputs.values()]
        kind = optional(self._outputs.kind(answer.hint, answer.said, answer.plugin))
        field = shaped(answer.name, kind, answer.declared.description, arguments=arguments, plugin=answer.plugin)
        return RootField(field, answer.follow if answer.declared.operation == "subscription" else answer.read)

    def _mutation(self, answer: _Answer) -> RootField:
        shapes, name, said = self._names.shapes, answer.cls.__name__, answer.declared.description
        key, kind, hint = (
            self._key(answer.hint),
            self._outputs.kind(answer.hint, answer.said, answer.plugin),
            answer.hint,
        )
        payload = shapes.object(
            f"{name}Payload", f"What came of {answer.name}, or the errors that say why nothing was done.",
            lambda: [
                shaped(key, kind if hint.listed else optional(kind),
                       "Empty if it was refused." if hint.listed else "Null if it was refused."),
                shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
            ],
            plugin=answer.plugin,
        )  # fmt: skip
        arguments = []
        if answer.inputs:
            fields = [one.field() for one in answer.inputs.values()]
            made = shapes.input(f"{name}Input", said, lambda: fields, plugin=answer.plugin)
            needed = any(one.needed for one in answer.inputs.values())
            arguments.append(argument("input", made if needed else optional(made), "What the function needs to know."))
        field = shaped(answer.name, optional(payload), said, arguments=arguments, plugin=answer.plugin)
        return RootField(field, partial(answer.change, key))

    def _key(self, hint: Hint) -> str:
        """What the answer is called in a payload."""
        record = self._names.record(hint.inner)
        if record is not None:
            return record.root_plural if hint.listed else record.root
        name = hint.inner.__name__ if self._outputs.knows(hint.inner) else "value"
        name = name[0].lower() + name[1:]
        return plural(name) if hint.listed else name


class _Answer:
    """What answers one root field."""

    def __init__(
        self, cls: type, plugin: str, declared: Root, inputs: Mapping[str, Input], hint: Hint, outputs: Outputs
    ) -> None:
        self.cls, self.plugin, self.declared, self.inputs, self.hint = cls, plugin, declared, inputs, hint
        self.name = camel(snake(cls.__name__))
        self.said = f"{declared.operation.capitalize()}.{self.name}"
        self._form = outputs.form(hint, root=declared.operation != "mutation")
        self._paths = {one.parameter: (name,) for name, one in inputs.items()}

    def made(self, value: Any, *, nullable: bool) -> Any:
        """The value in the form of the graph."""
        return forms.made(self._form, nullable, value, forms.Making(self.plugin), (self.name,))

    async def read(self, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        run: Run = info.context
        return self.made(await self._call(run, values(self.inputs, given)), nullable=self.hint.nullable)

    async def change(self, key: str, _source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> Any:
        run: Run = info.context
        arguments = values(self.inputs, given.get("input") or {}, ("input",))
        try:
            found = await self._call(run, arguments)
        except (Refusal, Refusals) as refused:
            run.refused = True
            takes = info.parent_type.fields[info.field_name].args
            nothing: Any = [] if self.hint.listed else None
            return {key: nothing, "errors": user_errors(refused, self._paths, "", takes)}
        return {key: self.made(found, nullable=self.hint.nullable), "errors": []}

    async def follow(
        self, _source: Any, info: GraphQLResolveInfo[Any], **given: Any
    ) -> AsyncGenerator[Batch | None, None]:
        make: Callable[[Any], Any] = partial(self.made, nullable=self.hint.nullable)
        arguments = values(self.inputs, given)
        source: Any = partial(self.declared.function, **arguments)
        return tell(info.context, self.plugin, self.said, source, make)

    async def _call(self, run: Run, arguments: Mapping[str, Any]) -> Any:
        function: Any = self.declared.function
        return await called(run.ctx, self.plugin, self.said, lambda: function(run.ctx, **arguments))


def _check_signature(cls: type, function: Function, inputs: Mapping[str, Input]) -> None:
    """TypeError for a function that does not take what the class declares."""
    taken = list(inspect.signature(function).parameters.values())
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in taken):
        return
    known = {one.name: one for one in taken[1:]}
    for one in inputs.values():
        found = known.pop(one.parameter, None)
        if found is None:
            raise TypeError(f"{cls.__qualname__}: its function takes no {one.parameter}.")
        if not one.needed and found.default is inspect.Parameter.empty:
            raise TypeError(f"{cls.__qualname__}: {one.parameter} may be left out, so the function needs a default.")
    needed = [name for name, one in known.items() if one.default is inspect.Parameter.empty]
    if not taken or needed:
        said = ", ".join(needed) or "the context"
        raise TypeError(f"{cls.__qualname__}: its function takes {said}, which the class does not declare.")


__all__ = ["Functions"]
