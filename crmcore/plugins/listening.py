"""Plugins that listen to events: from the log's form to that of `crm_on_event`, and from its end to what follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from crmcore.platform.events import StoredEvent
from crmcore.platform.fields import Column
from crmcore.platform.jobs import GiveUp, RunLater
from crmcore.platform.listening import Listener, Resting, Unheard
from crmcore.plugins.backing import Backing, service_account
from crmcore.plugins.calling import Rests, Stopped, called_through
from crmcore.plugins.crm import crm_in
from crmcore.plugins.events import PluginEvent
from crmcore.plugins.manager import Plugins
from crmcore.plugins.manifest import Manifest
from crmcore.records.graph import RecordGraph
from crmcore.records.shape import shape_of

SECONDS: Final = 30.0
"""What `crm_on_event` may take."""

_HOOK: Final = "crm_on_event"
Function = Callable[..., Awaitable[None]]


def listeners(plugins: Plugins, backing: Backing, graph: RecordGraph) -> Iterator[Listener]:
    """The plugins that are told of events, as the log's reader sees them."""
    for meta, function in plugins.implementations(_HOOK):
        if meta.subscribes:
            tell = partial(_tell, backing, graph, meta, function)
            ready = partial(backing.ready, meta.id)
            yield Listener(meta.id, meta.subscribes, service_account(meta.id).id, tell, ready)


async def _tell(backing: Backing, graph: RecordGraph, meta: Manifest, function: Function, stored: StoredEvent) -> None:
    crm = crm_in(backing, meta.id, stored.tenant_id, stored.cause)
    crm.ctx.operation = f"plugin {meta.id} on {stored.type}"
    event = told(graph, stored)
    try:
        await called_through(backing, meta.id, _HOOK, SECONDS, lambda: function(event=event, crm=crm), GiveUp, RunLater)
    except Rests as rests:
        raise Resting(str(rests)) from rests
    except Stopped as stopped:
        raise Unheard(str(stopped)) from stopped
    except GiveUp as reason:
        raise Unheard(str(reason), final=True) from reason
    except RunLater as wish:
        raise Unheard(str(wish), at=wish.at) from wish


def told(graph: RecordGraph, stored: StoredEvent) -> PluginEvent:
    """An event as plugins see it. What is told of a whole record has all its columns, those without a value too."""
    model = graph.tables.get(stored.record_type)
    shape = None if model is None else shape_of(model)
    columns: Mapping[str, Column] = {} if shape is None else shape.columns
    whole = {} if shape is None or (stored.before and stored.after) else dict.fromkeys(shape.own)

    def read(held: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if held is None:
            return None
        return whole | {c: columns[c].from_event(value) if c in columns else value for c, value in held.items()}

    return PluginEvent(
        id=stored.id,
        sequence=stored.sequence,
        type=stored.type,
        record_type=stored.record_type,
        record_id=stored.record_id,
        before=read(stored.before),
        after=read(stored.after),
        changed_fields=stored.changed_fields,
        actor_kind=stored.actor_kind,
        actor_id=stored.actor_id,
        cause=stored.cause,
        at=stored.at,
    )
