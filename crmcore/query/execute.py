"""The read engine's door: from a field of a document to the finished JSON of its value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from graphql import GraphQLError, GraphQLSchema

from crmcore.errors import PluginFailed
from crmcore.kit.sql import Dialect as DialectName
from crmcore.kit.sql import render
from crmcore.platform.calling import NOBODYS
from crmcore.platform.context import Context
from crmcore.query.arguments import FieldsUnknown, Questions, Run
from crmcore.query.changes import PAGE, ChangeFeed
from crmcore.query.cursors import Cursors
from crmcore.query.dialects import DIALECTS, Dialect
from crmcore.query.mapping import Registry
from crmcore.query.plan import Plan, PlanCache
from crmcore.query.roots import Reading, Root, Roots
from crmcore.query.scope import Limits, Scope
from crmcore.query.selection import Selection
from crmcore.query.splice import Splice


@dataclass(slots=True)
class Completed:
    """The finished JSON of a field's value, None for null, and the errors of batch fields in it."""

    json: bytes | None
    errors: list[GraphQLError] = field(default_factory=list)


class ReadEngine:
    """Reads for one schema on one kind of database. One per app; keeps plans and nothing of any caller."""

    def __init__(
        self,
        registry: Registry,
        schema: GraphQLSchema,
        dialect: DialectName,
        secret: bytes,
        *,
        limits: Limits | None = None,
        plans: PlanCache | None = None,
        batch_seconds: float = 5,
    ) -> None:
        self.registry = registry
        self.schema = schema
        self.dialect: Dialect = DIALECTS[dialect]()
        self.limits = limits or Limits()
        self.plans = plans or PlanCache()
        self.cursors = Cursors(secret)
        self.feed = ChangeFeed(registry, self.dialect, secret)
        self.batch_seconds = batch_seconds

    async def read(self, ctx: Context, root: Root, reading: Reading, ids: Sequence[Any] = ()) -> Completed:
        """The field's value. `ids` are those of a Ref or Refs, or tables and ids of mixed records. BadInput for a
        malformed argument, id or cursor."""
        run = Run(ctx, reading.variables, ids)
        if root.kind == "changes":
            run.memo[PAGE] = await self.feed.page(run, reading.given(Questions(run), self.schema), self.limits)
        try:
            plan = self.plan(run, root, reading)
        except FieldsUnknown:
            await ctx.custom_fields()
            plan = self.plan(run, root, reading)
        text = await _fetched(ctx, plan, run, reading)
        if text is None:
            return Completed(None)
        answer = text.encode() if isinstance(text, str) else text
        if plan.cursors:
            answer = self.cursors.finish(answer, run, plan.cursors)
        if not plan.batches:
            return Completed(answer)
        splice = Splice(self.schema, ctx, reading, self.batch_seconds, partial(self._refs, ctx))
        return Completed(await splice.fill(answer, plan.batches), splice.errors)

    async def _refs(
        self, ctx: Context, type_: str, ids: Sequence[UUID], reading: Reading
    ) -> tuple[list[Any], list[GraphQLError]]:
        """The records that a batch field's values name."""
        done = await self.read(ctx, Root("refs", self.registry.records[type_]), reading, ids)
        assert done.json is not None
        return orjson.loads(done.json), done.errors

    def plan(self, run: Run, root: Root, reading: Reading) -> Plan:
        """The plan for a run, from the cache or compiled."""
        record = root.record.name if root.record else ""
        kind = (root.kind, record, root.deleted, reading.place, run.context.policy.shape)
        return self.plans.get(
            reading.document, kind, run, lambda questions: self._compile(root, reading, questions, run.context)
        )

    def _compile(self, root: Root, reading: Reading, questions: Questions, ctx: Context) -> Plan:
        selection = Selection(self.schema, reading.fragments, questions)
        scope = Scope(self.registry, self.schema, self.dialect, questions, selection, self.limits, ctx.policy)
        tree = Roots(scope, self.cursors, self.feed).compile(root, reading)
        plugins = tuple(sorted(scope.plugins - {""}))
        return Plan(render(tree, self.dialect.name), tuple(scope.cursors), tuple(scope.batches), plugins)


async def _fetched(ctx: Context, plan: Plan, run: Run, reading: Reading) -> str | bytes | None:
    """What the statement answers. Where plugins put SQL of their own into it, what the database has against it is laid
    to them."""
    try:
        return await ctx.db.fetch_text(plan.statement, run)
    except NOBODYS:
        raise
    except Exception as error:
        if not plan.plugins:
            raise
        raise PluginFailed(" or ".join(plan.plugins), f"{'.'.join(reading.place)} (its SQL)") from error
