"""What a chunk of rows asks of the write engine: each row's records found or made, compared, and resolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crmcore.errors import WrongState
from crmcore.importing.binding import BY_ID
from crmcore.importing.finding import MANY, Finder
from crmcore.importing.parsing import LookupKey, ParsedRecord, ParsedRow, RefKey
from crmcore.kit.ids import new_id
from crmcore.platform.database import Transaction
from crmcore.records import Change, Create, Record, Update, load


@dataclass(slots=True)
class Planned:
    """One record of one row, and what is to be done; `change` is None when it stands as the row says."""

    row: ParsedRow
    record: ParsedRecord
    id: UUID
    change: Change | None


@dataclass(slots=True)
class Plan:
    """A chunk's changes and their rows; rows that must wait for a record, by what they miss; rows refused, by why."""

    rows: Sequence[ParsedRow] = ()
    planned: list[Planned] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    owners: dict[RefKey, ParsedRow] = field(default_factory=dict)


class Miss(Exception):
    """A record that a row names is not there, or not yet."""


class Refuse(Exception):
    """A row cannot be saved."""


class Planner:
    """Plans the rows of one chunk in one transaction.

    `seen` are the keys that earlier rows of the file have written, with their line and, for shared ones, what it said.
    """

    def __init__(self, finder: Finder, seen: Mapping[RefKey, tuple[int, Any]]) -> None:
        self.finder = finder
        self.seen = seen
        self.kept: dict[RefKey, tuple[int, Any]] = {}
        self.ids: dict[RefKey, UUID] = {}
        self.fresh: dict[RefKey, UUID] = {}
        self.existing: dict[type[Record], dict[UUID, Mapping[str, Any]]] = {}

    async def learn(self, tx: Transaction, rows: Sequence[ParsedRow]) -> None:
        """Read what the database knows of these rows' records."""
        records = [record for row in rows for record in row.records]
        await self.finder.refs(tx, (pair for r in records for pair in r.named()))
        await self.finder.lookups(tx, (key for r in records for key in r.lookups.values()))
        wanted: dict[type[Record], set[UUID]] = {}
        for r in records:
            if r.key in self.finder.ids:
                wanted.setdefault(r.bound.type.written, set()).add(self.finder.ids[r.key])
        for model, ids in wanted.items():
            self.existing[model] = dict(await load(self.finder.ctx, tx, model, ids))

    def keep(self, planned: Iterable[Planned]) -> None:
        """Remember what was written in this transaction."""
        for one in planned:
            self.ids[one.record.key] = one.id
            said = one.record.said if one.record.bound.mapping.shared else None
            self.kept[one.record.key] = (one.row.line.number, said)

    def plan(self, rows: Iterable[ParsedRow]) -> Plan:
        """The changes of those rows that can be saved now."""
        active, plan = list(rows), Plan()
        while True:
            plan.planned, plan.owners = [], {}
            said: dict[RefKey, tuple[int, Any]] = {}
            for row in active:
                reason = self._claim(row, said, plan.owners)
                if reason:
                    plan.refused[row.line.number] = reason
            for row in active:
                if row.line.number not in plan.refused:
                    self._row(row, plan)
            stays = [r for r in active if r.line.number not in plan.refused and r.line.number not in plan.waiting]
            if len(stays) == len(active):
                plan.rows = active
                return plan
            active = stays

    def _claim(self, row: ParsedRow, said: dict[RefKey, tuple[int, Any]], owners: dict[RefKey, ParsedRow]) -> str:
        """Note which row writes which record; why this row may not, if a row before it did."""
        for record in row.records:
            line, before = self._before(record.key) or said.get(record.key) or (0, None)
            if not line:
                continue
            what = f"{record.bound.type.name} {record.key[2]!r}"
            if not record.bound.mapping.shared:
                return f"the {what} is in the file twice: line {line} has it already"
            if before != record.said:
                return f"the {what} is said to be otherwise than in line {line}"
        for record in row.records:
            if not self._before(record.key) and record.key not in said:
                said[record.key] = (row.line.number, record.said)
                owners[record.key] = row
        return ""

    def _before(self, key: RefKey) -> tuple[int, Any] | None:
        return self.seen.get(key) or self.kept.get(key)

    def _row(self, row: ParsedRow, plan: Plan) -> None:
        own = [record for record in row.records if plan.owners.get(record.key) is row]
        try:
            made = [self._record(row, record, plan.owners) for record in own]
        except Miss as miss:
            plan.waiting[row.line.number] = str(miss)
        except (WrongState, Refuse) as refusal:
            plan.refused[row.line.number] = str(refusal)
        else:
            plan.planned += made

    def _record(self, row: ParsedRow, record: ParsedRecord, owners: Mapping[RefKey, ParsedRow]) -> Planned:
        values = dict(record.values)
        for column, key in record.refs.items():
            values[column] = self._id(key, owners, record)
        for column, lookup in record.lookups.items():
            values[column] = self._looked(lookup, record)
        model = record.bound.type.written
        known = self.finder.ids.get(record.key)
        columns: Mapping[str, Any] = model._meta.fields_map
        settled = {c: v for c, v in values.items() if v is not None or columns[c].null}
        mode = record.bound.mapping.mode
        if record.key in self.finder.many:
            raise Refuse(f"there is {MANY} {_said(record)}")
        if known is None:
            if mode == "UPDATE":
                raise Refuse(f"there is no {_said(record)}")
            fresh = self._fresh(record.key)
            refs = () if record.external is None else (record.external,)
            return Planned(row, record, fresh, Create(model, settled, id=fresh, external_refs=refs))
        if mode == "CREATE":
            raise Refuse(f"the {_said(record)} is there already")
        return Planned(row, record, known, self._update(record, known, settled))

    def _update(self, record: ParsedRecord, known: UUID, values: Mapping[str, Any]) -> Update | None:
        model = record.bound.type.written
        found = self.existing.get(model, {}).get(known)
        if found is None:
            raise Refuse(f"the {record.bound.type.name} {record.key[2]!r} is there, but you may not see it")
        different = {c: v for c, v in values.items() if found[c] != v}
        if not different:
            return None
        machine = model.special.machine
        if machine is not None and machine.column in different:
            machine.check(found[machine.column], different[machine.column], record.bound.type.root)
        once = {bound.column for bound in record.bound.fields if bound.once}
        return Update(model, known, different, moves=bool(once & different.keys()))

    def _id(self, key: RefKey, owners: Mapping[RefKey, ParsedRow], record: ParsedRecord) -> UUID:
        known = self.finder.ids.get(key) or self.ids.get(key)
        if known is not None:
            return known
        if key in owners:
            return self._fresh(key)
        whose = "" if key[1] == BY_ID else f"{key[1]} "
        raise Miss(f"{record.bound.name}: there is no {key[0]} with the {whose}id {key[2]!r}")

    def _fresh(self, key: RefKey) -> UUID:
        """The id of a new record: the one that its key is, or one of its own."""
        return self.fresh.setdefault(key, UUID(key[2]) if key[1] == BY_ID else new_id())

    def _looked(self, key: LookupKey, record: ParsedRecord) -> UUID:
        found = self.finder.looked.get(key)
        if found is None:
            raise Miss(f"{record.bound.name}: there is no {key.lookup.kind} {key.text!r}")
        if not isinstance(found, UUID):
            raise Refuse(f"{record.bound.name}: there is {MANY} {key.lookup.kind} {key.text!r}")
        return found


def _said(record: ParsedRecord) -> str:
    """A record by its key, for people."""
    match = record.bound.mapping.match or f"{record.key[1]} id"
    return f"{record.bound.type.name} with the {match} {record.key[2]!r}"
