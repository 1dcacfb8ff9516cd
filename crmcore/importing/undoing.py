"""Undoing an import, from its events: what it made is deleted, what it changed is set back where nobody has since.

It may be broken off and begun again: what is undone already is as it was before, and counts as undone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from uuid import UUID

import orjson

from crmcore.domain.files import Export, File, Import
from crmcore.kit.ids import to_global
from crmcore.kit.sql import Sql, ident, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction, retrying
from crmcore.platform.fields import Column, Scaled, Uuid
from crmcore.platform.jobs import JobRun
from crmcore.query import ColumnField, MoneyField, OneField, Registry
from crmcore.records import Delete, Record, Refused, Update, load, write
from crmcore.records.merging import POINTER
from crmcore.records.rows import Run, among, ids_value

_PAGE: Final = 500
_uuid: Final = Uuid()


class Undo:
    """Undoes one import. `ctx` acts as whoever asked for it; `left` tells what stays as it is, and why."""

    def __init__(self, ctx: Context, own: Context, registry: Registry, key: UUID) -> None:
        self.ctx, self.own, self.registry, self.key = ctx, own, registry, key
        self.undone = 0
        self.left: list[list[str]] = []
        self._made: dict[str, set[UUID]] = defaultdict(set)

    async def run(self, run: JobRun) -> None:
        """Parts before what they are parts of, the last change first."""
        records = [m for m in self.registry.by_model if issubclass(m, Record) and m not in (File, Import, Export)]
        follows = self.ctx.graph.append_only  # what only follows from changes goes with what it belongs to
        tables = [m for m in records if m._meta.db_table not in follows]
        tables.sort(key=self.ctx.graph.rank, reverse=True)
        for model in tables:
            again = await self._delete(run, model, [page async for page in self._pages(model, "created")])
            while again and (fewer := await self._delete(run, model, [again])) != again:
                again = fewer
            for key in again:
                self._leave(model, key, again[key])
        for model in tables:
            async for page in self._pages(model, "updated"):
                await self._set_back(run, model, page)

    async def _pages(self, model: type[Record], verb: str) -> Any:
        """The import's events of this kind, the last first, some at a time: by record, the event's row."""
        table, dialect, last = model._meta.db_table, self.own.db.dialect, None
        while True:
            beyond = Sql() if last is None else Sql(" AND sequence < ", value(last, "bigint"))
            rows = await self.own.db.fetch(
                Sql(
                    "SELECT sequence, record_id, before, after FROM event WHERE tenant_id = ",
                    value(_uuid.to_driver(self.own.tenant_id, dialect), "uuid"), " AND cause = ",
                    value(_uuid.to_driver(self.key, dialect), "uuid"), " AND type = ", value(f"{table}.{verb}", "text"),
                    beyond, f" ORDER BY sequence DESC LIMIT {_PAGE}",
                )
            )  # fmt: skip
            if rows:
                yield rows
            if len(rows) < _PAGE:
                return
            last = rows[-1]["sequence"]

    async def _delete(self, run: JobRun, model: type[Record], pages: Sequence[Any]) -> dict[UUID, str]:
        """Delete these records as far as nothing needs them; the others, with the reason."""
        refused: dict[UUID, str] = {}
        for page in pages:
            ids = list(page) if isinstance(page, dict) else [UUID(str(row["record_id"])) for row in page]
            self._made[model._meta.db_table].update(ids)
            answers = await retrying(partial(self._delete_once, model, ids))
            refused |= answers
            self.undone += len(ids) - len(answers)
            await run.progress(self.undone)
        return refused

    async def _delete_once(self, model: type[Record], ids: Sequence[UUID]) -> dict[UUID, str]:
        async with self.ctx.db.transaction() as tx:
            there = await load(self.ctx, tx, model, ids)
            living = [key for key in ids if key in there]
            gone = await self._gone(tx, model, set(ids) - there.keys())
            answers = await write(self.ctx, [Delete(model, key) for key in living], tx=tx, partial=True)
        return gone | _reasons(living, answers)

    async def _gone(self, tx: Transaction, model: type[Record], ids: set[UUID]) -> dict[UUID, str]:
        """Why these records cannot be deleted, but for those that undoing this import has deleted."""
        if not ids:
            return {}
        table, dialect = model._meta.db_table, tx.dialect
        merged = "FALSE"
        if POINTER in model._meta.fields_map:
            of_it = "m.tenant_id = event.tenant_id AND m.id = event.record_id"
            merged = f"EXISTS (SELECT 1 FROM {ident(table)} m WHERE {of_it} AND m.{POINTER} IS NOT NULL)"
        tree = Sql(
            f"SELECT record_id, type, actor_id, {merged} AS merged FROM event WHERE tenant_id = ",
            value(_uuid.to_driver(self.own.tenant_id, dialect), "uuid"), " AND record_type = ", value(table, "text"),
            " AND ", among("record_id", "ids", dialect), " ORDER BY sequence",
        )  # fmt: skip
        last = {}
        for row in await tx.fetch(tree, Run(self.own, {"ids": ids_value(ids, dialect)})):
            if row["type"] in (f"{table}.deleted", f"{table}.restored", f"{table}.purged"):
                last[UUID(str(row["record_id"]))] = row
        return {key: _because(last.get(key), table) for key in ids if not self._mine(last.get(key), table)}

    def _mine(self, last: Any, table: str) -> bool:
        """Whether this import has deleted a record, which it does only when it is undone."""
        return last is not None and last["type"] == f"{table}.deleted" and str(last["actor_id"]) == str(self.key)

    async def _set_back(self, run: JobRun, model: type[Record], page: Sequence[Any]) -> None:
        made = self._made[model._meta.db_table]
        changed: dict[UUID, list[tuple[Mapping[str, Any], Mapping[str, Any]]]] = defaultdict(list)
        for row in page:
            key = UUID(str(row["record_id"]))
            if key not in made:
                changed[key].append((_told(row["before"]), _told(row["after"])))
        if changed:
            self.undone += await retrying(partial(self._set_back_once, model, changed))
            await run.progress(self.undone)

    async def _set_back_once(self, model: type[Record], changed: Mapping[UUID, Any]) -> int:
        left: list[tuple[UUID, str]] = []
        async with self.ctx.db.transaction() as tx:
            changes = [c async for c in self._changes(tx, model, changed, left)]
            answers = await write(self.ctx, changes, tx=tx, partial=True)
        keys = [change.id for change in changes if change.id is not None]
        left += _reasons(keys, answers).items()
        for key, why in left:
            self._leave(model, key, why)
        return len(changed.keys() - {key for key, _ in left})

    async def _changes(
        self, tx: Transaction, model: type[Record], changed: Mapping[UUID, Any], left: list[tuple[UUID, str]]
    ) -> Any:
        """The changes that set records back, as far as they still are what the import made of them."""
        columns = dict(self._settable(model))
        there = await load(self.ctx, tx, model, changed, "NO KEY UPDATE")
        for key, events in changed.items():
            row = there.get(key)
            if row is None:
                left.append((key, "it has been deleted since, or you may not see it"))
                continue
            values: dict[str, Any] = {}
            others: list[str] = []
            for before, after in events:
                for name in before.keys() & columns.keys():
                    column = columns[name]
                    now = None if (held := values.get(name, row[name])) is None else column.to_event(held)
                    if now == after.get(name):
                        values[name] = _value(column, before[name])
                    elif now != before[name]:
                        others.append(name)
            if others:
                left.append((key, f"changed since: {', '.join(sorted(set(others)))}"))
            if values:
                yield Update(model, key, values, moves=True)

    def _settable(self, model: type[Record]) -> Iterator[tuple[str, Column]]:
        """The columns that an import may set; the others follow from them."""
        held: Mapping[str, Any] = model._meta.fields_map
        for found in self.registry.by_model[model].fields.values():
            if isinstance(found, ColumnField | OneField) and found.writable != "never":
                yield found.column, held[found.column]
            elif isinstance(found, MoneyField) and found.writable != "never":
                yield found.column, held[found.column]
                yield found.currency_column, held[found.currency_column]

    def _leave(self, model: type[Record], key: UUID, why: str) -> None:
        self.left.append([self.registry.by_model[model].name, to_global(model._meta.db_table, key), why])


def _reasons(keys: Sequence[UUID], answers: Sequence[Any]) -> dict[UUID, str]:
    return {
        key: "; ".join(refusal.message for refusal in answer.refusals)
        for key, answer in zip(keys, answers, strict=True)
        if isinstance(answer, Refused)
    }


def _because(last: Any, table: str) -> str:
    """Why a record is not there, by the last event that took it away or brought it back."""
    if last is None or last["type"] == f"{table}.restored":
        return "you may not see it"
    if last["type"] == f"{table}.purged":
        return "it has been deleted for good since"
    return "it has been merged into another since" if last["merged"] else "it has been deleted since"


def _told(held: Any) -> Mapping[str, Any]:
    found = orjson.loads(held) if isinstance(held, str | bytes) else held
    return found or {}


def _value(column: Column, told: Any) -> Any:
    """A column's value from the form that events have."""
    if told is None or isinstance(column, Scaled):  # the write engine reads decimals as text
        return told
    return column.from_driver(told)
