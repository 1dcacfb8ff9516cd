"""`recordChanged`: the subscription to changes of records, as the caller may see them when they are told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any, Final

from crmcore.errors import BadInput
from crmcore.kit.ids import from_global, to_global
from crmcore.platform.access import ActorKind
from crmcore.platform.context import Context
from crmcore.platform.database import StatementTimeout, Unavailable
from crmcore.platform.events import StoredEvent
from crmcore.query import Registry, check_filter
from crmcore.query.declare import FreeData
from crmcore.query.vocabulary import enum_name
from crmcore.schema.following import Batch, Live
from crmcore.schema.record_filters import RECORD_FILTERS, filters_by_type
from crmcore.schema.record_types import RECORD_TYPE_NAME, ChangeOperation, changing, log_cursor, sequence_of
from crmcore.schema.resolving import Each, OneOf, Run
from crmcore.schema.roots import RootField
from crmcore.schema.scalars import ID
from crmcore.schema.shapes import Field, Shapes, argument, listed, optional, shaped
from crmcore.schema.telling import Told, Wanted, told

log = logging.getLogger("crmcore.schema")

_BATCH: Final = 100
_PAUSE: Final = 1.0
_IDS: Final = 200


def record_changed(registry: Registry, shapes: Shapes) -> RootField:
    """The field; its resolver says what is followed."""
    shapes.choice(ChangeOperation)
    kind = shapes.object("RecordChanged", "A change of a record.", lambda: _fields(shapes))
    arguments = [
        argument("types", optional(listed(shapes[RECORD_TYPE_NAME])), "Only records of these types; all unless given."),
        argument("ids", optional(listed(ID)), f"Only these records, at most {_IDS}."),
        argument(
            "where",
            optional(shapes[RECORD_FILTERS]),
            "Only records that match when the change is told. A change that makes one match no more is told as DELETE.",
        ),
        argument(
            "after",
            optional(str),
            "Begin after the change with this cursor; with what happens from now on unless given.",
        ),
    ]
    said = (
        "Every change of the records that you may see, in order, none left out. Keep the last cursor, and give it as "
        "`after` when you come back: you continue where you were."
    )
    field = shaped("recordChanged", kind, said, arguments=arguments)

    async def follow(_source: Any, info: Any, **given: Any) -> AsyncGenerator[Batch | None, None]:
        run: Run = info.context
        assert run.live is not None
        wanted = await _wanted(registry, run, given)
        return _Changes(run, run.live, wanted, _after(given)).batches()

    return RootField(field, follow)


def _fields(shapes: Shapes) -> list[Field]:
    return [
        shaped("cursor", str, "Where you are after this change."),
        shaped("sequence", str, "The number of the change, as text: later changes have higher numbers."),
        shaped("op", shapes["ChangeOperation"], "What became of the record."),
        shaped("type", shapes[RECORD_TYPE_NAME], "The record's type."),
        shaped("id", ID, "The record's global id."),
        shaped("event", optional(str), "What happened, such as deal.won; null if that is not yours to know."),
        shaped("changedFields", listed(str), "The columns that are different now."),
        shaped("before", optional(FreeData), "What changed, as it was; null if it was not there, and for DELETE."),
        shaped("after", optional(FreeData), "What changed, as it is now; the whole record if it is new."),
        shaped("actor", optional(shapes["ActorStamp"]), "Who did it; null if that is not yours to know."),
        shaped("at", datetime, "When it happened."),
        shaped("cause", ID, "The same for everything that one request, job or import did."),
        shaped("node", optional(shapes["Node"]), "The record as it is now; null if you do not see it any more."),
    ]  # fmt: skip


def _after(given: Mapping[str, Any]) -> int | None:
    after = given.get("after")
    return None if after is None else sequence_of(after, "after")


async def _wanted(registry: Registry, run: Run, given: Mapping[str, Any]) -> Wanted:
    known = changing(registry)
    types = given.get("types")
    records = list(known.values()) if types is None else [known[name] for name in types]
    ids = given.get("ids")
    if ids is not None and len(ids) > _IDS:
        raise BadInput(f"At most {_IDS} ids at once.", "ids")
    try:
        keys = None if ids is None else frozenset(from_global(text) for text in ids)
    except ValueError as error:
        raise BadInput(f"{error}.", "ids") from None
    where = filters_by_type(registry, given.get("where"))
    for name, one in where.items():
        await check_filter(run.engine, run.ctx, registry.records[name], one)
    return Wanted(frozenset(record.table for record in records), keys, where)


@dataclass(frozen=True, slots=True)
class _Changes:
    """The changes that one subscription is told."""

    run: Run
    live: Live
    wanted: Wanted
    after: int | None

    async def batches(self) -> AsyncGenerator[Batch | None, None]:
        """What is told, batch after batch, without an end; None now and then while there is nothing to tell."""
        tail, session, now = self.live.tail, self.live.session, asyncio.get_running_loop().time
        async with tail.followed() as begin:
            position = begin if self.after is None else self.after
            spoke = now()
            while True:
                try:
                    events, reached = await tail.read(self.run.ctx.tenant_id, position, limit=_BATCH)
                    concerned = [event for event in events if self.wanted.concerns(event)]
                    silent = now() >= spoke + self.live.check_seconds
                    ctx = await session.context() if concerned or silent else self.run.ctx
                    found = await told(self.run.engine, ctx, self.wanted, concerned)
                except (StatementTimeout, Unavailable):  # it comes back, and everything is still in the log
                    log.warning("a subscription waits for the database", exc_info=True)
                    yield None
                    await asyncio.sleep(_PAUSE)
                    continue
                if found or silent:
                    spoke = now()
                    yield self._batch(ctx, found) if found else None
                position = reached
                await tail.beyond(position, max(0, spoke + self.live.check_seconds - now()))

    def _batch(self, ctx: Context, found: Sequence[Told]) -> Batch:
        here = Each([(one.event.record_type, one.event.record_id) for one in found if not one.gone])
        numbers = count()
        nodes = [None if one.gone else OneOf(here, next(numbers)) for one in found]
        return Batch(ctx, [_payload(self.run.registry, one, node) for one, node in zip(found, nodes)])


def _payload(registry: Registry, one: Told, node: OneOf | None) -> dict[str, Any]:
    event, gone = one.event, one.gone
    ended = event.after is None
    actor = event.actor_id
    by = to_global("user", actor) if actor and event.actor_kind is ActorKind.USER else actor and str(actor)
    return {
        "cursor": log_cursor(event.sequence),
        "sequence": str(event.sequence),
        "op": ChangeOperation.DELETE if gone else _operation(event),
        "type": enum_name(registry.by_table[event.record_type].name),
        "id": to_global(event.record_type, event.record_id),
        "event": event.type if ended or not gone else None,
        "changedFields": [] if gone else event.changed_fields,
        "before": None if gone else event.before,
        "after": None if gone else event.after,
        "actor": {"kind": event.actor_kind, "id": by} if ended or not gone else None,
        "at": event.at,
        "cause": str(event.cause),
        "node": node,
    }


def _operation(event: StoredEvent) -> ChangeOperation:
    if event.before is not None:
        return ChangeOperation.UPDATE
    restored = event.type == f"{event.record_type}.restored"
    return ChangeOperation.RESTORE if restored else ChangeOperation.CREATE
