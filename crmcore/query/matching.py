"""Which of these records a caller sees, and match a filter: what webhooks and subscriptions ask of their events.

One statement, whatever the number of records. Its plan is cached like that of any other read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from crmcore.errors import BadInput, Forbidden
from crmcore.kit.sql import EMPTY, Bind, Sql, join, render
from crmcore.platform.context import Context
from crmcore.platform.fields import Uuid
from crmcore.query.arguments import Argument, FieldsUnknown, Questions, Run
from crmcore.query.execute import ReadEngine
from crmcore.query.filters import Filters
from crmcore.query.mapping import RecordType
from crmcore.query.operands import list_converter
from crmcore.query.plan import Plan
from crmcore.query.scope import Scope
from crmcore.query.selection import Selection

Where = Mapping[str, Any]
"""A filter as the schema has coerced it, such as `{"name": {"startsWith": "A"}}` for a `CustomerFilter`."""

_KEY: Final = Uuid()


async def matching(
    engine: ReadEngine,
    ctx: Context,
    record: RecordType,
    ids: Iterable[UUID],
    where: Where | None = None,
    *,
    deleted: bool = False,
) -> set[UUID]:
    """Those of the records that the caller sees and that match; all that are seen if `where` is None.

    With `deleted`, deleted records too; no deleted record matches a condition on custom fields. A caller who may not
    read these records at all sees none. BadInput as of a list with this filter; its path begins as in `RecordFilters`.
    """
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return set()
    try:
        plan, run = await _prepare(engine, ctx, record, where, wanted, deleted)
    except Forbidden:
        return set()
    rows = await ctx.db.fetch(plan.statement, run)
    return {_KEY.from_driver(row["id"]) for row in rows}


async def check_filter(engine: ReadEngine, ctx: Context, record: RecordType, where: Where) -> None:
    """BadInput for a filter that a list would refuse, in the words of the list. Forbidden if no list could be read."""
    plan, run = await _prepare(engine, ctx, record, where, [], deleted=False)
    plan.statement.values(run)


async def _prepare(
    engine: ReadEngine, ctx: Context, record: RecordType, where: Where | None, ids: list[UUID], deleted: bool
) -> tuple[Plan, Run]:
    run = Run(ctx, {} if where is None else {"where": where}, ids)
    place = (record.name, deleted, ctx.policy.shape)

    def find() -> Plan:
        return engine.plans.get(
            ("matching", record.name), place, run, lambda asked: _compile(engine, ctx, record, asked, deleted)
        )

    try:
        return find(), run
    except FieldsUnknown:
        await ctx.custom_fields()
        return find(), run


def _compile(engine: ReadEngine, ctx: Context, record: RecordType, questions: Questions, deleted: bool) -> Plan:
    selection = Selection(engine.schema, {}, questions)
    scope = Scope(engine.registry, engine.schema, engine.dialect, questions, selection, engine.limits, ctx.policy)
    found = [_rows(scope, record, deleted=False)]
    if deleted:
        scope.conditions = 0
        with suppress(BadInput):  # the filter is good, but asks what no deleted record answers
            found.append(_rows(scope, record, deleted=True))
    return Plan(render(join(" UNION ALL ", found), engine.dialect.name))


def _rows(scope: Scope, record: RecordType, *, deleted: bool) -> Sql:
    table = scope.record_table(record)
    table.deleted = deleted
    given, condition = _filter(scope, record), EMPTY
    if given is not None:
        condition = Sql(" AND ", Filters(scope).where(table, given))
    key = table.ref("id")
    return Sql(
        f"SELECT {key} AS id FROM {table.source} WHERE {key} ", _among(scope), " AND ", scope.guard(table), condition
    )


def _filter(scope: Scope, record: RecordType) -> Argument | None:
    if not scope.questions.given("where"):
        return None
    type_: Any = scope.schema.type_map[f"{record.name}Filter"]
    return Argument(scope.questions, type_, ("where", record.root), None, ("where",))


def _among(scope: Scope) -> Sql:
    if scope.dialect.name == "postgres":
        return Sql("= ANY(", Bind(lambda run: list(run.ids), "uuid[]", "ids"), ")")
    as_json = list_converter(str, "sqlite")
    return Sql("IN (SELECT value FROM json_each(", Bind(lambda run: as_json(run.ids), "", "ids"), "))")


__all__ = ["Where", "check_filter", "matching"]
