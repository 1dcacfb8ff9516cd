"""Who is told of which change: the caller's policy and filter, asked at the moment of delivery.

Whoever sees the record now is told what happened to it. Who does not see it any more is told that it is gone, by the
very event that took it away, and nothing else. Who never saw it hears nothing. All questions are asked for a whole
batch of events at once: their number depends on the types of records in it alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from crmcore.platform.access import WHOLE_TENANT, Access, Reach
from crmcore.platform.context import Context
from crmcore.platform.events import StoredEvent
from crmcore.platform.tables import foreign_keys
from crmcore.query import ReadEngine, RecordType, Where, matching
from crmcore.query.vocabulary import CUSTOM, columns_asked


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a subscription is about: tables and ids (None: all), and filters by the name of the record type."""

    tables: frozenset[str]
    ids: frozenset[tuple[str, UUID]] | None = None
    where: Mapping[str, Where] = field(default_factory=dict)

    def concerns(self, event: StoredEvent) -> bool:
        """Whether the event is about what is wanted, as far as it tells itself."""
        key = (event.record_type, event.record_id)
        return event.record_type in self.tables and (self.ids is None or key in self.ids)


@dataclass(frozen=True, slots=True)
class Told:
    """An event, for one caller; `gone` says that nothing of it may be told but that the record is not there."""

    event: StoredEvent
    gone: bool


async def told(engine: ReadEngine, ctx: Context, wanted: Wanted, events: Sequence[StoredEvent]) -> list[Told]:
    """What the caller may know of these events, in their order."""
    asking = _Asking(engine, ctx, wanted)
    by_type: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for event in events:
        by_type[event.record_type].append(event)
    found: list[Told] = []
    for table, some in by_type.items():
        found += await asking.of_type(engine.registry.by_table[table], some)
    return sorted(found, key=lambda one: one.event.sequence)


class _Asking:
    """The questions about one batch."""

    def __init__(self, engine: ReadEngine, ctx: Context, wanted: Wanted) -> None:
        self._engine = engine
        self._ctx = ctx
        self._wanted = wanted

    async def of_type(self, record: RecordType, events: Sequence[StoredEvent]) -> list[Told]:
        if not self._ctx.policy.may("read", record.table):
            return []
        where = self._wanted.where.get(record.name)
        seen = await self._matching(record, _ids(events), where)
        left = [event for event in events if event.record_id not in seen]
        gone = await self._gone(record, left, where)
        known = [event for event in events if event.record_id in seen or event.sequence in gone]
        return [Told(event, event.sequence in gone or event.after is None) for event in known]

    async def _gone(self, record: RecordType, events: Sequence[StoredEvent], where: Where | None) -> set[int]:
        """The events that took a record away from the caller who saw it."""
        gone: set[int] = set()
        deletions = [event for event in events if event.after is None]
        if deletions:
            gone |= await self._deleted(record, deletions, where)
        changes = [event for event in events if event.after is not None and event.before is not None]
        if changes and self._ctx.policy.reach is not Reach.TENANT:
            gone |= await self._lost(record, changes)
        if where is not None:
            asked = _changed(columns_asked(record, where))
            touching = [event for event in changes if not asked.isdisjoint(event.changed_fields)]
            still = await self._matching(record, _ids(touching), None)
            gone |= {event.sequence for event in touching if event.record_id in still}
        return gone

    async def _deleted(self, record: RecordType, events: Sequence[StoredEvent], where: Where | None) -> set[int]:
        """Custom fields cannot be asked of a deleted record: then all deletions are told that the policy allows."""
        if where is not None and CUSTOM not in columns_asked(record, where):
            matched = await self._matching(record, _ids(events), where, deleted=True)
            return {event.sequence for event in events if event.record_id in matched}
        if self._ctx.policy.reach is Reach.TENANT:
            return {event.sequence for event in events}
        reached = await self._matching(record, _ids(events), None, deleted=True)
        lost = await self._lost(record, [event for event in events if event.record_id not in reached])
        return lost | {event.sequence for event in events if event.record_id in reached}

    async def _lost(self, record: RecordType, events: Sequence[StoredEvent]) -> set[int]:
        """The events before which the caller saw the record, by its owner or by what it belonged to."""
        access: Access = getattr(record.model, "access", WHOLE_TENANT)
        if access.kind == "tenant":
            return {event.sequence for event in events}
        if access.kind == "owner":
            return {event.sequence for event in events if self._owned(event.before or {})}
        if access.kind == "parents":
            return await self._through(record, access.names, events)
        return set()

    def _owned(self, row: Mapping[str, object]) -> bool:
        actor = self._ctx.actor
        if actor.user_id is not None and row.get("owner_id") == str(actor.user_id):
            return True
        reach = self._ctx.policy.reach
        return reach is Reach.TEAM and actor.team_id is not None and row.get("team_id") == str(actor.team_id)

    async def _through(self, record: RecordType, names: Iterable[str], events: Sequence[StoredEvent]) -> set[int]:
        lost: set[int] = set()
        for name in names:
            column = f"{name}_id"
            parent = self._engine.registry.by_model.get(foreign_keys(record.model)[column])
            named = {e.sequence: UUID(str(e.before[column])) for e in events if e.before and e.before.get(column)}
            if parent is not None and named:
                seen = await self._matching(parent, named.values(), None, deleted=True)
                lost |= {sequence for sequence, key in named.items() if key in seen}
        return lost

    async def _matching(
        self, record: RecordType, ids: Iterable[UUID], where: Where | None, *, deleted: bool = False
    ) -> set[UUID]:
        return await matching(self._engine, self._ctx, record, ids, where, deleted=deleted)


def _ids(events: Iterable[StoredEvent]) -> list[UUID]:
    return [event.record_id for event in events]


def _changed(columns: frozenset[str]) -> frozenset[str]:
    """The columns under the names that events have for them."""
    return columns - {CUSTOM} | {"custom_fields"} if CUSTOM in columns else columns
