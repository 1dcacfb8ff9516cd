"""Which values the survivor of a merge has: its own, those that were chosen, and what it lacked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from crmcore.platform.fields import ChoiceList
from crmcore.platform.record import OwnedRecord, Record
from crmcore.records.history import CUSTOM
from crmcore.records.rows import Row
from crmcore.records.shape import shape_of

POINTER: Final = "merged_into_id"
"""Leads from a merged record to its survivor."""

_BLANK: Final[tuple[Any, ...]] = (None, "", [], {})


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What became of one field in which the merged records differ. `name` is a column's, or a custom field's slot.

    `source` is the record whose value it is now, `values` what each record had that had something.
    """

    name: str
    custom: bool
    value: Any
    source: UUID
    values: tuple[tuple[UUID, Any], ...]
    before: Any

    @property
    def conflict(self) -> bool:
        """Whether a value was given up for it."""
        return any(value != self.value for _, value in self.values)


def choose(
    model: type[Record], survivor: Row, others: Sequence[Row], columns: Mapping[str, UUID], slots: Mapping[str, UUID]
) -> list[FieldOutcome]:
    """The outcome of each field in which the records differ. `columns` and `slots` say whose value is wanted."""
    rows = [survivor, *others]
    found = [outcome for group in _groups(model) for outcome in _column_outcomes(model, rows, group, columns)]
    custom = [{"id": row["id"], **(row[CUSTOM] or {})} for row in rows]
    for slot in dict.fromkeys(slot for values in custom for slot in values if slot != "id"):
        source = _source(custom, slot, slots.get(slot), custom)
        found += _outcome(custom, slot, source.get(slot), source["id"], custom=True)
    return found


def _groups(model: type[Record]) -> Iterator[tuple[str, ...]]:
    """The columns of which the survivor may have another's, those that go together as one."""
    merging = model.special.merging
    assert merging is not None, f"{model.__name__} is not merged"
    owned = (("owner_id", "team_id"),) if issubclass(model, OwnedRecord) else ()
    joined = {column: group for group in (*merging.together, *owned) for column in group}
    left_out = {POINTER, CUSTOM, *merging.derived}
    for column in shape_of(model).own:
        group = joined.get(column, (column,))
        if column not in left_out and column == group[0]:
            yield group


def mergeable(model: type[Record]) -> frozenset[str]:
    """The columns that may be chosen."""
    return frozenset(column for group in _groups(model) for column in group)


def _column_outcomes(
    model: type[Record], rows: Sequence[Row], group: Sequence[str], wanted: Mapping[str, UUID]
) -> Iterator[FieldOutcome]:
    merging, first, survivor = model.special.merging, group[0], rows[0]
    assert merging is not None
    chosen = next((wanted[column] for column in group if column in wanted), None)
    if chosen is None and isinstance(shape_of(model).columns[first], ChoiceList):
        both = list(dict.fromkeys(one for row in rows for one in row[first] or ()))
        yield from _outcome(rows, first, both, survivor["id"], custom=False)
        return
    if chosen is None and first in merging.either:
        chosen = next((row["id"] for row in rows if row[first]), None)
    fillers = [row for row in rows if all(row[c] == survivor[c] for c in merging.alike)]
    source = _source(rows, first, chosen, fillers)
    for column in group:
        yield from _outcome(rows, column, source[column], source["id"], custom=False)


def _source(rows: Sequence[Mapping[str, Any]], name: str, chosen: UUID | None, fillers: Sequence[Any]) -> Any:
    """Whose value it is to be."""
    if chosen is not None:
        return next(row for row in rows if row["id"] == chosen)
    return next((row for row in fillers if row.get(name) not in _BLANK), rows[0])


def _outcome(
    rows: Sequence[Mapping[str, Any]], name: str, value: Any, source: UUID, *, custom: bool
) -> Iterator[FieldOutcome]:
    values = tuple((row["id"], row[name]) for row in rows if row.get(name) not in _BLANK)
    if any(row.get(name) != value for row in rows):
        yield FieldOutcome(name, custom, value, source, values, rows[0].get(name))
