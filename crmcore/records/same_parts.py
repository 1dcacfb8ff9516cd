"""The parts of an upsert whose record is there already: which of them are there too, and which are new.

A part is there if one of the record's parts has its id, one of its external ids, or the values that identify such a
part within its record; a part without any of these is there if one has all the values that it is given. What is there
and not named stays. So an upsert that is sent again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.record import Change, Record
from crmcore.records.changes import Create, Part, Update
from crmcore.records.external import ExternalKey, holders
from crmcore.records.matches import as_made
from crmcore.records.rows import Row, select
from crmcore.records.shape import shape_of

Whole = tuple[UUID, Create]
"""The id of a record that is there, and the new one that was asked for instead."""


def update_of(key: UUID, new: Create) -> Update:
    """The change of the record that is there, when a new one was asked for. Its parts are not looked at."""
    return Update(
        new.model, key, new.values, external_refs=new.external_refs or None, custom_fields=new.custom_fields,
        faults=new.faults, path=new.path, instead_of=new, added=new.added,
    )  # fmt: skip


async def settle_updates(ctx: Context, tx: Transaction, changes: Mapping[int, Change]) -> dict[int, Change]:
    """The changes, with the parts of those that stand for a new record."""
    there = {place: (change.id, change.instead_of) for place, change in changes.items() if isinstance(change, Update)}
    wholes = {place: (key, new) for place, (key, new) in there.items() if new is not None}
    parts = dict(zip(wholes, await settle_parts(ctx, tx, list(wholes.values()))))
    updates = {place: replace(cast("Update", changes[place]), parts=parts[place]) for place in wholes}
    return {**changes, **updates}


async def settle_parts(ctx: Context, tx: Transaction, wholes: Sequence[Whole]) -> list[list[Part]]:
    """For each whole what is to be done with its parts. Two statements for each kind of parts, however many."""
    kinds: defaultdict[tuple[type[Record], str], list[tuple[int, Create]]] = defaultdict(list)
    for place, (_, new) in enumerate(wholes):
        for part in new.parts:
            if isinstance(part.change, Create):
                kinds[part.change.model, part.column].append((place, part.change))
    settled: list[list[Part]] = [[] for _ in wholes]
    for (model, column), asked in kinds.items():
        there = await _There.of(ctx, tx, model, column, [(wholes[place][0], new) for place, new in asked])
        changes = [there.change(wholes[place][0], new) for place, new in asked]
        below = [(change.id, new) for change, (_, new) in zip(changes, asked) if isinstance(change, Update)]
        deeper = iter(await settle_parts(ctx, tx, below) if below else ())
        for change, (place, _) in zip(changes, asked):
            done = replace(change, parts=next(deeper)) if isinstance(change, Update) else change
            settled[place].append(Part(column, done))
    return settled


class _There:
    """The living parts of one kind that some records have. Each is taken for one new part at most."""

    def __init__(self, column: str, rows: Iterable[Row], known: Mapping[ExternalKey, UUID]) -> None:
        self._column, self._known = column, known
        self._left: defaultdict[UUID, dict[UUID, Row]] = defaultdict(dict)
        for row in rows:
            self._left[row[column]][row["id"]] = row

    @classmethod
    async def of(
        cls, ctx: Context, tx: Transaction, model: type[Record], column: str, wholes: Sequence[Whole]
    ) -> _There:
        """What is there of the kind that is asked for."""
        table = shape_of(model).table
        refs = [(system, table, external) for _, new in wholes for system, external in new.external_refs]
        known = await holders(ctx, tx, refs) if refs else {}
        return cls(column, await select(ctx, tx, model, (column,), [key for key, _ in wholes], seen=False), known)

    def change(self, whole: UUID, new: Create) -> Create | Update:
        """The change of the part that is there, or the new part."""
        left = self._left[whole]
        key = next((key for key in self._same(new, whole, left) if key in left), None)
        if key is None:
            return new
        del left[key]
        return update_of(key, new)

    def _same(self, new: Create, whole: UUID, left: Mapping[UUID, Row]) -> Iterator[UUID]:
        if new.id is not None:
            yield new.id
        table = shape_of(new.model).table
        for system, external in new.external_refs:
            if (system, table, external) in self._known:
                yield self._known[system, table, external]
        try:
            made = as_made(new, {self._column: whole})
        except ValueError:
            return  # it will be refused
        names = next((names for names in _identities(new.model) if _filled(made, names)), tuple(new.values))
        yield from (key for key, row in left.items() if all(row[name] == made[name] for name in names))


def _identities(model: type[Record]) -> Iterator[tuple[str, ...]]:
    """Groups of columns, each of which tells the parts of one record apart."""
    return (group.columns for group in (*model.special.unique, *model.special.once) if not group.where)


def _filled(row: Mapping[str, Any], names: Iterable[str]) -> bool:
    return all(row[name] is not None for name in names)


__all__ = ["settle_updates", "update_of"]
