"""What a page of the feed tells: first a snapshot of everything that the caller sees, then what happened since.

Only keys are chosen here; the engine reads each record as it is when the page is made, and one that the caller does not
see then is told as deleted. Why a client ends with what its user sees:

* The log is read no further than it is `settled`, and records after that: whatever happened later than a page shows
  has an event that a later page comes to.
* The snapshot goes through all records in the order of their keys. The log is told from where it stood at its
  beginning, so it brings what a page of the snapshot could not know yet.
* Who sees a record changes by an event of its own, or by one of a record that it hangs on (`Dependence`). Such an event
  makes the feed go through everything that hangs on it, by the foreign keys as they are now, also of deleted records. A
  record that hung there and does not now has moved since, by an event that is still to come.

Of a page's events those of one record are one entry. An event of a record that the caller does not see now is told if
they may have seen the record before: an update that moved it out of their reach says so itself, by the owner it had. If
somebody else's event was the cause, that one tells it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from crmcore.errors import Forbidden
from crmcore.platform.access import Policy, Reach
from crmcore.platform.context import Context
from crmcore.platform.events import bounds
from crmcore.query.arguments import Argument, Run
from crmcore.query.changes.dependence import Dependence
from crmcore.query.changes.position import BEGIN, Place, Position, Seal, digest
from crmcore.query.changes.reading import Asked, Happening, Key, Reading
from crmcore.query.dialects import Dialect
from crmcore.query.mapping import RecordType, Registry
from crmcore.query.scope import Limits
from crmcore.query.vocabulary import enum_name

_EVENTS: Final = 4
"""Events that are looked at for each record that a page may have: some records have several, some are out of reach."""

_NO_LIMIT: Final = 2**31


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of the feed: the records to tell, and where the client stands behind them."""

    records: Sequence[Key]
    cursor: str
    has_more: bool
    resync: bool = False


_LOST: Final = ChangePage([], "", has_more=True, resync=True)
"""For a copy that cannot be brought up to date. Its cursor begins again."""


class ChangeFeed:
    """The feed of one schema on one kind of database."""

    def __init__(self, registry: Registry, dialect: Dialect, secret: bytes) -> None:
        self.types = {record.table: record for record in registry.records.values() if not record.is_log}
        self.dependence = Dependence(self.types.values())
        self.reading = Reading({table: r.model for table, r in self.types.items()}, self.dependence, dialect)
        self.seal = Seal(secret)

    def asked(self, policy: Policy, given: Mapping[str, Argument]) -> list[RecordType]:
        """The kinds of records of a feed, in the order of their tables. Forbidden if the caller may read none,
        BadInput if none is named."""
        found = [self.types[table] for table in sorted(self.types) if policy.may("read", table)]
        if "types" in given and not given["types"].is_null():
            wanted = {item.exact() for item in given["types"].items()}
            if not wanted:
                raise given["types"].fail("name at least one, or leave it out for all.")
            found = [record for record in found if enum_name(record.name) in wanted]
        if not found:
            raise Forbidden("You may not read these records.")
        return found

    async def page(self, run: Run, given: Mapping[str, Argument], limits: Limits) -> ChangePage:
        """The page that these arguments ask for. BadInput for a cursor that is none, and for a wrong size."""
        given = {name: part for name, part in given.items() if not part.is_null()}
        ctx = run.context
        tables = [record.table for record in self.asked(ctx.policy, given)]
        limit = given["first"].exact() if "first" in given else limits.page_default
        if not 1 <= limit <= limits.page_max:
            raise given["first"].fail(f"must be from 1 to {limits.page_max}.")
        after = given["after"].get()(run) if "after" in given else ""
        bound = digest(ctx.policy, tables)
        try:
            known, position = self.seal.open(after) if after else (bound, None)
        except ValueError as error:
            raise given["after"].fail(str(error)) from error
        oldest, settled = await bounds(ctx.db)
        if position is None:
            position = Position(settled, BEGIN)
        if known != bound or position.after + 1 < oldest <= settled:
            return _LOST
        upto = max(settled, position.after)
        making = _Page(ctx, self, tables, limit)
        if position.snapshot is not None:
            found: Position | None = await making.of_snapshot(position, position.snapshot)
        else:
            found = await making.of_log(position, upto)
        if found is None:
            return _LOST
        return ChangePage(making.records, self.seal.cursor(bound, found), has_more=found != Position(upto))


class _Page:
    """One page in the making. Its methods choose `records` and answer with the position behind them."""

    def __init__(self, ctx: Context, feed: ChangeFeed, tables: Sequence[str], limit: int) -> None:
        self.ctx = ctx
        self.dependence = feed.dependence
        self.reading = feed.reading
        self.tables = tables
        self.limit = limit
        self.records: list[Key] = []

    async def of_snapshot(self, position: Position, place: Place) -> Position:
        """The next records of the snapshot."""
        rows = await self.reading.snapshot(Asked(self.ctx, self.limit, place), self.tables)
        self._tell(rows)
        return replace(position, snapshot=Place(*rows[-1])) if len(rows) == self.limit else Position(position.after)

    async def of_log(self, position: Position, settled: int) -> Position | None:
        """The next window of events, and what hangs on them: all of that, before another window begins. None if what
        hung on one of them is not known any more."""
        happenings = await self._happenings(position, settled)
        if any(map(self._forgotten, happenings)):
            return None
        if position.window is None:
            window = self._tell_window(happenings, settled)
        else:
            window = position.window
        seeds = self._seeds(h for h in happenings if h.sequence <= window)
        if not seeds:
            return Position(window)
        room = self.limit - len(self.records)
        asked = Asked(self.ctx, room, position.place, seeds=seeds)
        rows = (await self.reading.hanging(asked, self.tables))[:room] if room else []
        self._tell(rows)
        if len(rows) < room:
            return Position(window)
        return Position(position.after, window=window, place=Place(*rows[-1]) if rows else position.place)

    async def _happenings(self, position: Position, settled: int) -> list[Happening]:
        """The events that are looked at for this page."""
        tables = self.tables if self._sees_all else sorted(self.dependence.above(self.tables))
        limit, upto = self.limit * _EVENTS, settled
        if position.window is not None:
            limit, upto = _NO_LIMIT, position.window
        return await self.reading.happenings(Asked(self.ctx, limit, after=position.after, upto=upto), tables)

    @property
    def _sees_all(self) -> bool:
        return self.ctx.policy.reach is Reach.TENANT

    def _tell(self, rows: Iterable[tuple[int, UUID]]) -> None:
        known = set(self.records)
        self.records += [key for number, id_ in rows if (key := (self.tables[number], id_)) not in known]

    def _tell_window(self, happenings: Sequence[Happening], settled: int) -> int:
        """Tell the records of as many events as the page has room for; the sequence of the last one."""
        told: dict[Key, None] = {}
        done = None
        for happening in happenings:
            if happening.record[0] in self.tables and self._matters(happening):
                if len(told) == self.limit and happening.record not in told:
                    break
                told[happening.record] = None
            done = happening.sequence
        else:
            if len(happenings) < self.limit * _EVENTS:
                done = settled
        self.records = list(told)
        assert done is not None
        return done

    def _matters(self, happening: Happening) -> bool:
        """Whether the caller sees the record, or may have seen it until this event."""
        return happening.near or (self._moved(happening) and self._was_seen(happening))

    def _seeds(self, happenings: Iterable[Happening]) -> list[Key]:
        """The records on which others hang, that the caller may see since these events, or may not see any more."""
        found: dict[Key, None] = {}
        for happening in () if self._sees_all else happenings:
            table, _ = happening.record
            if self.dependence.holds(table) and self._turned(happening):
                found[happening.record] = None
                for tie in self.dependence.shows(table):
                    if tie.column in happening.changed and (before := happening.before.get(tie.column)):
                        found[tie.table, UUID(before)] = None
        return list(found)

    def _turned(self, happening: Happening) -> bool:
        """Whether who sees what hangs on the record may have changed with this event, for this caller."""
        if happening.created:  # what is below a new record is new as well, but for what it shows
            return happening.near and bool(self.dependence.shows(happening.record[0]))
        if happening.near and (happening.made or happening.ended or happening.erased):
            return True
        return self._moved(happening) and (happening.near or self._was_seen(happening))

    def _forgotten(self, happening: Happening) -> bool:
        """Whether the event was erased, and with it which other record was seen through its record."""
        lost = happening.erased and not happening.purged and not self._sees_all
        return lost and bool(self.dependence.shows(happening.record[0]))

    def _moved(self, happening: Happening) -> bool:
        """Whether an update changed who sees the record, or what hangs on it."""
        if happening.made or happening.ended:
            return False
        return bool(self.dependence.decides(happening.record[0]) & happening.changed)

    def _was_seen(self, happening: Happening) -> bool:
        """Whether the caller may have seen the record before this update; where owners decide, whether they did."""
        if happening.erased or self.dependence.access[happening.record[0]].kind != "owner":
            return True
        actor, before = self.ctx.actor, happening.before
        owned = actor.user_id is not None and before.get("owner_id") == str(actor.user_id)
        of_team = actor.team_id is not None and before.get("team_id") == str(actor.team_id)
        return owned or (of_team and self.ctx.policy.reach is Reach.TEAM)
