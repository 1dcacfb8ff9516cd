"""One operation from text to answer: find, coerce, execute, and say what went wrong."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from graphql import ExecutionResult, GraphQLError
from graphql.execution import default_field_resolver, default_type_resolver
from graphql.execution.execute import execute_subscription
from graphql.execution.values import VariableValues

from crmcore.errors import BadInput, PluginFailed, Unauthenticated
from crmcore.kit.ids import new_id
from crmcore.platform.context import Context
from crmcore.platform.database import StatementTimeout, Unavailable
from crmcore.platform.events import EventTail
from crmcore.platform.idempotency import Keys
from crmcore.platform.spending import spending
from crmcore.platform.webhooks import Guard
from crmcore.query import ReadEngine
from crmcore.schema.alone import all_given
from crmcore.schema.derive import CrmSchema
from crmcore.schema.documents import Documents, Operation, Refused
from crmcore.schema.errors import BAD_USER_INPUT, DEADLINE, formatted
from crmcore.schema.executor import CrmExecutor
from crmcore.schema.following import Live, Session
from crmcore.schema.resolving import Run
from crmcore.schema.scalars import refuse_unstorable
from crmcore.schema.webhooks.fitting import Fitting

log = logging.getLogger("crmcore.schema")

QUERY_ONLY: Final = "QUERY_ONLY"
STREAM_ONLY: Final = "SUBSCRIPTION_NEEDS_STREAM"
NOT_PERSISTED: Final = "PERSISTED_DOCUMENT_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks: a document or the id of a persisted one, its variables, and which of its operations.

    `idempotency_key` is for each mutation that names none of its own. With `plugin_times` the answer tells what time
    plugins took.
    """

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None
    document_id: str = ""
    idempotency_key: str = ""
    plugin_times: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """A response's members. `executed` is false when the operation never began: there is no `data` then."""

    executed: bool
    data: Mapping[str, Any] | None
    errors: list[dict[str, Any]]
    extensions: Mapping[str, Any] | None = None

    @property
    def body(self) -> dict[str, Any]:
        out: dict[str, Any] = {"errors": self.errors} if self.errors else {}
        if self.executed:
            out["data"] = self.data
        if self.extensions is not None:
            out["extensions"] = self.extensions
        return out


@dataclass(frozen=True, slots=True)
class Stream:
    """An operation's answers: one, or those of a subscription, which is `endless`; None now and then while there is
    nothing to tell. The session's Unauthenticated ends it."""

    endless: bool
    answers: AsyncGenerator[Answer | None, None]


class Runner:
    """Runs the operations of one app."""

    def __init__(
        self,
        schema: CrmSchema,
        engine: ReadEngine,
        documents: Documents,
        deadline: float,
        plugins: Any = None,
        *,
        tail: EventTail,
        check_seconds: float,
        guard: Guard | None = None,
    ) -> None:
        self.schema = schema
        self.engine = engine
        self.documents = documents
        self.deadline = deadline
        self.plugins = plugins
        self.tail = tail
        self.check_seconds = check_seconds
        self.keys = Keys()
        self.webhooks = Fitting(engine, documents, guard or Guard())

    async def run(self, ctx: Context, request: Request, *, reading_only: bool = False) -> Answer:
        """The answer to a query or mutation. Never raises but when it is cancelled: a bug becomes a masked error."""
        found = self._find(request, reading_only)
        if not request.plugin_times:
            return await self._answer(ctx, request, found)
        with spending() as spent:
            answer = await self._answer(ctx, request, found)
        return replace(answer, extensions={"plugins": spent.said()})

    async def ask(self, ctx: Context, document: str, variables: Mapping[str, Any]) -> Answer:
        """The answer to a query of our own."""
        return await self.run(ctx, Request(document, variables), reading_only=True)

    def open(self, session: Session, request: Request, *, reading_only: bool = False) -> Stream:
        """The answers to an operation of any kind, for a connection that can carry several."""
        found = self._find(request, reading_only)
        if isinstance(found, Operation) and found.is_subscription:
            return Stream(True, self._follow(session, request, found))
        return Stream(False, self._once(session, request, found))

    async def _once(
        self, session: Session, request: Request, found: Operation | Refused
    ) -> AsyncGenerator[Answer | None, None]:
        try:
            ctx = await session.context()
        except (StatementTimeout, Unavailable) as trouble:
            yield _failed(trouble)
        else:
            yield await self._answer(ctx, request, found)

    async def _follow(
        self, session: Session, request: Request, operation: Operation
    ) -> AsyncGenerator[Answer | None, None]:
        """The answers of a subscription. Only its beginning has a deadline; the database's own holds for the rest."""
        try:
            ctx = await session.context()
            values = self._values(request, operation)
            if isinstance(values, Refused):
                yield _refused(values, str(ctx.cause))
                return
            live = Live(session, self.tail, self.check_seconds)
            run = Run(ctx, self.engine, self.schema.registry, operation.key, self.plugins, live=live)
            async with asyncio.timeout(self.deadline):
                begun: Any = execute_subscription(self._executor(run, operation, values))
                source = await begun if inspect.isawaitable(begun) else begun
        except (GraphQLError, TimeoutError, StatementTimeout, Unavailable) as error:
            yield _failed(StatementTimeout() if isinstance(error, TimeoutError) else error)
            return
        try:
            async with aclosing(source) as batches:
                async for batch in batches:
                    if batch is None:
                        yield None
                        continue
                    telling = replace(run, ctx=batch.ctx)
                    for value in batch.values:
                        done = await self._executed(telling, operation, values, value)
                        yield _told(done, batch.ctx)
        except Unauthenticated:
            raise
        except Exception as bug:  # noqa: BLE001  it ends this subscription alone, masked and logged like any other
            yield _failed(bug)

    async def _answer(self, ctx: Context, request: Request, found: Operation | Refused) -> Answer:
        request_id = str(ctx.cause)
        if isinstance(found, Operation) and found.is_subscription:
            found = _refusal(
                STREAM_ONLY, "Subscriptions need a WebSocket or a stream of events: docs/subscriptions.md."
            )
        if isinstance(found, Refused):
            return _refused(found, request_id)
        values = self._values(request, found)
        if isinstance(values, Refused):
            return _refused(values, request_id)
        try:
            async with asyncio.timeout(self.deadline):
                result = await self._execute(ctx, found, values, request.idempotency_key)
        except TimeoutError:
            said = f"The request took longer than {self.deadline:g} s and was cancelled. Ask for less at once."
            error = GraphQLError(said, extensions={"code": DEADLINE})
            return Answer(executed=True, data=None, errors=[formatted(error, request_id)])
        return _told(result, ctx)

    def _values(self, request: Request, operation: Operation) -> VariableValues | Refused:
        try:
            refuse_unstorable(request.variables)
        except BadInput as bad:
            return Refused(BAD_USER_INPUT, [GraphQLError(bad.message, original_error=bad)])
        values = operation.variables.coerce(request.variables)
        return Refused(BAD_USER_INPUT, values) if isinstance(values, list) else values

    def _find(self, request: Request, reading_only: bool) -> Operation | Refused:
        found = self._found(request)
        if reading_only and isinstance(found, Operation) and not (found.is_query or found.is_subscription):
            return _refusal(QUERY_ONLY, "Only queries may be sent by GET; send this by POST.")
        return found

    def _found(self, request: Request) -> Operation | Refused:
        text = request.query
        if request.document_id:
            persisted = self.documents.persisted(request.document_id)
            if persisted is None:
                said = f"No document {request.document_id[:100]!r} is persisted here. Send its text as query."
                return _refusal(NOT_PERSISTED, said)
            text = persisted
        return self.documents.find(text, request.operation_name)

    async def _execute(self, ctx: Context, operation: Operation, values: Any, key: str) -> ExecutionResult:
        run = Run(
            ctx, self.engine, self.schema.registry, operation.key, self.plugins, self.keys, key,
            webhooks=self.webhooks, runner=self,
        )  # fmt: skip
        if operation.alone is not None and all_given(values.coerced, operation.node):
            return await operation.alone.read(run, operation.fragment_nodes, values.coerced)
        return await self._executed(run, operation, values)

    async def _executed(
        self, run: Run, operation: Operation, values: VariableValues, root: Any = None
    ) -> ExecutionResult:
        result: Any = self._executor(run, operation, values, root).execute_operation()
        done: ExecutionResult = await result if inspect.isawaitable(result) else result
        return done

    def _executor(self, run: Run, operation: Operation, values: VariableValues, root: Any = None) -> CrmExecutor:
        return CrmExecutor(
            self.schema.core,
            operation.fragment_nodes,
            operation.fragments,
            root,
            run,
            operation.node,
            values,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
        )


def _refusal(code: str, said: str) -> Refused:
    return Refused(code, [GraphQLError(said)])


def _refused(why: Refused, request_id: str) -> Answer:
    errors = [formatted(error, request_id, code=why.code) for error in why.errors]
    return Answer(executed=False, data=None, errors=errors)


def _told(done: ExecutionResult, ctx: Context) -> Answer:
    _blame(done, ctx)
    return Answer(True, done.data, [formatted(error, str(ctx.cause)) for error in done.errors or ()])


def _blame(done: ExecutionResult, ctx: Context) -> None:
    """Count what showed after a plugin's call was over, such as an answer of the wrong shape; once for each field."""
    if done.errors is None or ctx.plugins is None:
        return
    causes = [error.original_error for error in done.errors]
    found = {(one.plugin, one.place): one for one in causes if type(one) is PluginFailed}
    for (plugin, place), error in found.items():
        ctx.plugins.fault(plugin, place, error.__cause__ or error)


def _failed(why: Exception) -> Answer:
    """What became of an operation that could not begin, or not go on."""
    error = why if isinstance(why, GraphQLError) else GraphQLError("", original_error=why)
    return Answer(False, None, [formatted(error, str(new_id()))])
