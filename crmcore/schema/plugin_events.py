"""Events that plugins did not take at once, in the graph: what waits, what is dead, and how it is told again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from graphql import GraphQLResolveInfo

from crmcore.errors import Forbidden, Refusal
from crmcore.platform.access import Reach
from crmcore.platform.context import Context
from crmcore.platform.listening import PluginEvent as PluginEventModel
from crmcore.platform.listening import PluginEventStatus, replay
from crmcore.query import field, log
from crmcore.schema.errors import user_errors
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID, record_key
from crmcore.schema.shapes import Shapes, argument, listed, optional, shaped

_REPLAY: Final = "Tell a plugin again of events that are DEAD."


@log(PluginEventModel)
class PluginEvent:
    """An event that a plugin did not take at once: because it failed, or because an earlier one of the same record
    waits. Those that a plugin failed at for good are those with where: {status: {eq: DEAD}}."""

    plugin: str = field("The plugin's id.")
    type: str = field("What happened, such as deal.won.")
    sequence: int = field("The place of the event in the log; audit entries have it too.")
    record_type: str = field("The kind of record that it is about, as the prefix of its global id.")
    record_id: ID = field("The key of that record, without the prefix.")
    status: PluginEventStatus = field("What became of it.")
    attempts: int = field("How often the plugin was told, since it was put aside or replayed.")
    made_at: datetime = field("When it was put aside.")
    next_at: datetime | None = field("When the plugin is told next, if nothing stands before it; null if it is not.")
    attempted_at: datetime | None = field("When the plugin was told last.")
    problem: str | None = field("Why the last attempt failed.")


def plugin_events_replay(shapes: Shapes) -> RootField:
    """`pluginEventsReplay`: many at once, so it answers with their number."""
    made = shapes.input(
        "PluginEventsReplayInput",
        "Which events.",
        lambda: [
            shaped("plugin", str, "The plugin's id."),
            shaped("ids", optional(listed(ID)), "Global ids of plugin events; without them all that are DEAD."),
            shaped("since", optional(datetime), "Only those that were put aside at this time or later."),
            shaped("until", optional(datetime), "Only those that were put aside before this time."),
        ],
    )
    payload = shapes.object(
        "PluginEventsPayload",
        "How many events are told again, or the errors that say why none is.",
        lambda: [
            shaped("count", optional(int), "How many there are."),
            shaped("errors", listed(shapes["UserError"]), "Empty if it was done."),
        ],
    )
    arguments = [argument("input", made, "Which events.")]
    return RootField(shaped("pluginEventsReplay", optional(payload), _REPLAY, arguments=arguments), _replay)


async def _replay(_source: Any, info: GraphQLResolveInfo[Any], **given: Any) -> dict[str, Any]:
    chosen, ctx = given["input"], info.context.ctx
    ids = chosen.get("ids")
    keys = None if ids is None else [record_key(id_, "plugin_event", "input", "ids") for id_ in ids]
    try:
        count = await _replayed(ctx, chosen["plugin"], keys, chosen.get("since"), chosen.get("until"))
    except Refusal as refused:
        info.context.refused = True
        arguments = info.parent_type.fields[info.field_name].args
        return {"count": None, "errors": user_errors(refused, {}, "plugin_event", arguments)}
    return {"count": count, "errors": []}


async def _replayed(
    ctx: Context, plugin: str, ids: list[UUID] | None, since: datetime | None, until: datetime | None
) -> int:
    if ctx.policy.reach is not Reach.TENANT or not ctx.policy.may("update", "plugin_event"):
        raise Forbidden("You may not have events told again.")
    async with ctx.db.transaction() as tx:
        return await replay(tx, ctx.tenant_id, plugin, ctx.clock(), ids=ids, since=since, until=until)
