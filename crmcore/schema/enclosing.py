"""Mutations that are only tried, and mutations that are done once however often they are sent.

Either way the whole field, its command and the reading of its payload, is one transaction: a trial is rolled back when
the payload is read; an idempotency key and the answer given under it are saved with the effect.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from graphql import FieldNode, FragmentDefinitionNode, GraphQLError, OperationDefinitionNode, VariableNode, print_ast

from crmcore.errors import BadInput
from crmcore.kit.ids import plain_key
from crmcore.platform.context import Context
from crmcore.platform.database import retrying
from crmcore.platform.idempotency import LONGEST, Claim, Keys, answered, claim, keep
from crmcore.schema.errors import formatted
from crmcore.schema.shapes import Argument, argument, optional

_DRY_RUN: Final = "dryRun"
_KEY: Final = "idempotencyKey"
_REASON: Final = "changeReason"
_LONGEST_REASON: Final = 5000


def controls() -> list[Argument]:
    """The arguments that every mutation has."""
    return [
        argument(_DRY_RUN, optional(bool), "Only try it: the answer is what it would be, and nothing is saved."),
        argument(
            _KEY, optional(str),
            "A key of your own for this one mutation, at most 255 characters. Sent again within 24 hours, by the same "
            "caller and with the same values, the mutation is not done again: you get the answer of the first time. A "
            "mutation that was refused may be mended and sent again with its key. The header Idempotency-Key does the "
            "same for all mutations of a request.",
        ),
        argument(_REASON, optional(str), "Why it is done, for the history: at most 5000 characters."),
    ]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Controls:
    """How a mutation is to be run. `shared` says that the key is the request's, for all its mutations."""

    dry_run: bool
    key: str
    shared: bool


def controls_of(node: FieldNode, variables: Mapping[str, Any], header: str) -> Controls | None:
    """What the mutation asks for, or None if it is an ordinary one. `header` is the key of the request."""
    given: dict[str, Any] = {}
    for one in node.arguments or ():
        if one.name.value in {_DRY_RUN, _KEY}:
            given[one.name.value] = _said(one.value, variables)
    dry_run = bool(given.get(_DRY_RUN))
    shared = given.get(_KEY) is None
    key = header if shared else given[_KEY]
    return Controls(dry_run, key, shared) if dry_run or key or not shared else None


def tell(ctx: Context, node: FieldNode, variables: Mapping[str, Any]) -> None:
    """Let the context know what is done and why: the facts that follow say so. BadInput for a reason that is none."""
    given = [_said(one.value, variables) for one in node.arguments or () if one.name.value == _REASON]
    reason = given[0] or "" if given else ""
    if len(reason) > _LONGEST_REASON or "\0" in reason:
        raise BadInput(f"A reason has at most {_LONGEST_REASON} characters, and no NUL among them.", _REASON)
    ctx.operation, ctx.reason = node.name.value, reason


def _said(said: Any, variables: Mapping[str, Any]) -> Any:
    """The value of an argument that is a scalar; a null node has none."""
    return variables.get(said.name.value) if isinstance(said, VariableNode) else getattr(said, "value", None)


def check_key(key: str) -> None:
    """BadInput for a key that cannot be one."""
    if not 1 <= len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise BadInput(f"An idempotency key has 1 to {LONGEST} printable ASCII characters.", _KEY)


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mutation that is run under controls. `work` answers the completed value of the field, None if that failed;
    `refused` tells afterwards whether it answers with refusals. `errors` takes the errors in the value. `number` is its
    place among the mutations of the operation."""

    ctx: Context
    keys: Keys
    number: int
    operation: OperationDefinitionNode
    nodes: Sequence[FieldNode]
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    work: Callable[[], Any]
    refused: Callable[[], bool]
    errors: list[GraphQLError]

    async def run(self, controls: Controls) -> Any:
        """The field's completed value. KeyReused and KeyInUse say why the key stands against it."""
        if controls.dry_run:
            return await retrying(self._try)
        check_key(controls.key)
        place = str(self.number) if controls.shared and self.number else ""
        claimed = claim(self.ctx.policy, controls.key, place, self._asked(controls.shared))
        with self.keys.held(claimed):
            return await retrying(lambda: self._once(claimed))

    async def _try(self) -> Any:
        try:
            async with self.ctx.enclosed():
                raise _Undo(await self._work())
        except _Undo as undo:
            return undo.value

    async def _once(self, claimed: Claim) -> Any:
        """Done and kept, or nothing: what failed or was refused may be asked again under its key."""
        try:
            async with self.ctx.enclosed() as tx:
                known = await answered(tx, claimed, self.ctx.clock())
                if known is not None:
                    return self._replayed(known)
                before = len(self.errors)
                value = await self._work()
                if value is None or self.refused():
                    raise _Undo(value)
                await keep(tx, claimed, self._told(value, self.errors[before:]), self.ctx.clock())
                return value
        except _Undo as undo:
            return undo.value

    def _asked(self, shared: bool) -> bytes:
        """All that the answer depends on, the same whenever the mutation is sent again, under whatever alias; for a key
        of the request that is the whole operation."""
        texts = [print_ast(node) for node in ([self.operation] if shared else self.nodes)]
        if not shared:
            texts = [text.removeprefix(f"{node.alias.value}: ") if node.alias else text
                     for text, node in zip(texts, self.nodes, strict=True)]  # fmt: skip
        texts += [print_ast(fragment) for fragment in self.fragments.values()]
        return orjson.dumps([texts, self.variables], default=_plain, option=orjson.OPT_SORT_KEYS)

    async def _work(self) -> Any:
        done = self.work()
        return await done if inspect.isawaitable(done) else done

    def _told(self, value: Any, errors: list[GraphQLError]) -> dict[str, Any]:
        """The answer as it is kept: its data as text, because jsonb would put the members in another order."""
        said = [formatted(error, str(self.ctx.cause)) for error in errors]
        return {"data": orjson.dumps(value, default=str).decode(), "errors": said}

    def _replayed(self, known: Mapping[str, Any]) -> orjson.Fragment:
        for said in known["errors"]:
            extensions = {name: what for name, what in said["extensions"].items() if name != "requestId"}
            self.errors.append(GraphQLError(said["message"], path=said.get("path"), extensions=extensions))
        return orjson.Fragment(known["data"])


class _Undo(Exception):
    """Rolls the transaction back; `value` is answered all the same."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def _plain(value: Any) -> Any:
    try:
        return plain_key(value)
    except TypeError:
        return str(value)


__all__ = ["Controls", "Mutation", "check_key", "controls", "controls_of", "tell"]
