"""Root fields that a function answers, and the types that they take and give.

    @output
    class EmailPreview:
        \"\"\"A mail as it would be sent.\"\"\"

        html: str = field("The body.")
        contact: Contact | None = field("Who would get it.")

    @query(preview, returns=EmailPreview)
    class EmailTemplatePreview:
        \"\"\"Show a template with a contact's data.\"\"\"

        template: EmailTemplate = arg("The template.")
        contact: Contact | None = arg("Whose data; an example's unless given.")

become `emailTemplatePreview(templateId: ID!, contactId: ID): EmailPreview`, answered by
`await preview(ctx, template_id=..., contact_id=...)`; what the client left out is left out. A mutation takes its
arguments in `input`, and its payload has the answer and `errors`; a subscription's function is an async generator.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from crmcore.query.declare import FieldSpec

Function = Callable[..., Awaitable[Any] | AsyncIterator[Any]]
SaveFunction = Callable[..., Awaitable[Any]]
Operation = Literal["query", "mutation", "subscription"]
_Cls = TypeVar("_Cls", bound=type)

OUTPUT: Final = "__crm_output__"
INPUT: Final = "__crm_input__"
ROOT: Final = "__crm_root__"
INPUTS: Final = "__crm_inputs__"


@dataclass(frozen=True, slots=True)
class ArgumentSpec:
    """What `arg` holds until the schema is made."""

    description: str


@dataclass(frozen=True, slots=True)
class Root:
    """What `query`, `mutation` and `subscription` hold until the schema is made."""

    operation: Operation
    function: Function
    returns: Any
    description: str


@dataclass(frozen=True, slots=True)
class Inputs:
    """What `inputs` holds until the schema is made."""

    target: str
    save: SaveFunction


def arg(description: str) -> Any:
    """An argument. Its annotation is a record (`stageId: ID!`), a plain type, Money, an enum, a class of
    `@input_object`, or a list of one of these (of records: `stage: list[Stage]` is `stageIds: [ID!]!`); `| None` makes
    it optional."""
    return ArgumentSpec(description)


def output(cls: _Cls) -> _Cls:
    """A type that is no record. Its fields hold plain types, Money, enums, other outputs, records and lists of these.

    A function answers with a mapping or any object that has them by the names in the class; for a record with its id
    (UUID), which is read for the caller: null, or left out of a list, if it is not theirs to see.
    """
    _check(cls, FieldSpec, '= field("...")')
    setattr(cls, OUTPUT, described(cls))
    return cls


def input_object(cls: _Cls) -> _Cls:
    """A group of values for an `arg`. The function gets a dict with the names in the class; what the client left out is
    left out."""
    _check(cls, ArgumentSpec, '= arg("...")')
    setattr(cls, INPUT, described(cls))
    return cls


def query(function: Function, *, returns: Any) -> Callable[[_Cls], _Cls]:
    """A root field for reading: `await function(ctx, **arguments)`.

    `returns` is an `@output` class, a record (its declaration or its name, such as "Customer"; AnyRecord for one of
    any kind, which is answered as a Ref), a plain type, an enum, Money, or a list of one of these. For records the
    function answers with their ids.
    """
    return _root("query", function, returns)


def mutation(function: Function, *, returns: Any) -> Callable[[_Cls], _Cls]:
    """A root field that changes something: `await function(ctx, **arguments)`, the arguments from `input`.

    It answers with a payload of the value (named like the record or the output, else `value`) and `errors`: refusals of
    crmcore.errors that the function raises. `dryRun`, `idempotencyKey` and `changeReason` are there as everywhere: what
    is written with `ctx` is one transaction then.
    """
    return _root("mutation", function, returns)


def subscription(function: Function, *, returns: Any) -> Callable[[_Cls], _Cls]:
    """A root field that goes on: `function(ctx, **arguments)` is an async generator, each value is told.

    It is told over a WebSocket or a stream of events, with a sign of life while there is nothing to tell. The caller's
    token is looked at again and again; the stream ends when it is good no more, and `ctx` follows what it may see.
    """
    return _root("subscription", function, returns)


def inputs(target: str, *, save: SaveFunction) -> Callable[[_Cls], _Cls]:
    """Fields on the inputs by which records named `target` are created and updated: alone, in batches, as upserts and
    as parts of others. Each is optional (`| None`).

    `await save(ctx, tx, [(draft, {"name": value}), ...])` is called when the records are written, in their transaction,
    once for all of a command that have a value: absent is absent, null is None. It answers with changes to be made with
    them (Create, Update...); what it refuses (`draft.refuse(Invalid(..., "name"))`), or raises, undoes all.
    """

    def declare(cls: _Cls) -> _Cls:
        _check(cls, ArgumentSpec, '= arg("...")')
        setattr(cls, INPUTS, Inputs(target, save))
        return cls

    return declare


def described(cls: type) -> str:
    """The docstring in one line. TypeError for none."""
    if not cls.__dict__.get("__doc__"):
        raise TypeError(f"{cls.__qualname__} needs a docstring: it is the description in the schema.")
    return " ".join(str(cls.__doc__).split())


def _root(operation: Operation, function: Function, returns: Any) -> Callable[[_Cls], _Cls]:
    def declare(cls: _Cls) -> _Cls:
        _check(cls, ArgumentSpec, '= arg("...")')
        if operation == "subscription" and not inspect.isasyncgenfunction(function):
            raise TypeError(f"{cls.__qualname__}: {function!r} must be an async generator.")
        if operation != "subscription" and inspect.isfunction(function) and not inspect.iscoroutinefunction(function):
            raise TypeError(f"{cls.__qualname__}: {function!r} must be `async def`.")
        setattr(cls, ROOT, Root(operation, function, returns, described(cls)))
        return cls

    return declare


def _check(cls: type, wanted: type, said: str) -> None:
    for name in inspect.get_annotations(cls):
        if not isinstance(cls.__dict__.get(name), wanted):
            raise TypeError(f"{cls.__qualname__}.{name} needs `{said}`.")
