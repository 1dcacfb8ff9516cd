"""Changes with parts become a plain list: each record before its parts, each part tied to its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from uuid import UUID

from crmcore.errors import Invalid
from crmcore.kit.ids import new_id
from crmcore.kit.text import camel
from crmcore.platform.record import Change
from crmcore.records.changes import Create, Part, Update


def unfold(changes: Sequence[Change]) -> tuple[Sequence[Change], list[range]]:
    """All changes, those of parts included, and for each of the given ones the places that it and its parts have."""
    if not any(isinstance(change, Create | Update) and change.parts for change in changes):
        return changes, [range(place, place + 1) for place in range(len(changes))]
    flat: list[Change] = []
    families: list[range] = []
    for change in changes:
        begin = len(flat)
        flat.extend(_family(change))
        families.append(range(begin, len(flat)))
    return flat, families


def _family(change: Change) -> Iterator[Change]:
    if not isinstance(change, Create | Update) or not change.parts:
        yield change
        return
    whole = change.id or new_id()
    yield change if change.id else replace(change, id=whole)
    for part in change.parts:
        yield from _family(_tied(part, whole))


def _tied(part: Part, whole: UUID) -> Change:
    """The part's change, with the record that it belongs to."""
    change = part.change
    if not isinstance(change, Create):
        return replace(change, part_of=(part.column, whole))
    faults = change.faults
    if change.values.get(part.column, whole) != whole:
        name = camel(part.column)
        faults = (*faults, Invalid(f"{name} is the record that this is given with: leave it out.", name))
    return replace(change, values={**change.values, part.column: whole}, faults=faults)
