"""What must not be there twice: rows that a merge would bring to a survivor who has the same already."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from crmcore.platform.record import Draft, Record, Unique
from crmcore.records.rows import Row
from crmcore.records.uniques import key_in

Home = Hashable
"""Whose rows they are: the survivor's or one of the others'."""


def groups_touched(model: type[Record], columns: Sequence[str]) -> list[Unique]:
    """The groups of the record that one of these columns is in: those without a mark first."""
    found = [u for u in (*model.special.unique, *model.special.once) if not set(u.columns).isdisjoint(columns)]
    return sorted(found, key=lambda unique: bool(unique.where))


def collisions(
    model: type[Record],
    columns: Sequence[str],
    there: Sequence[Row],
    moving: Sequence[Draft],
    home: Mapping[UUID, Home],
) -> Iterator[tuple[Draft, str]]:
    """The drafts that cannot move as they are, in their order: each with the mark that it loses, or with "" if all of
    it is there already. `there` are the survivor's own rows; `home` says by id from whom the moving ones come.

    Rows that come from the same record are not held against each other: they were together before.
    """
    gone: set[UUID] = set()
    for unique in groups_touched(model, columns):
        taken: dict[Any, Home] = {key: None for row in there if (key := key_in(unique, row)) is not None}
        for draft in moving:
            key = key_in(unique, draft.after)
            if draft.id in gone or key is None or taken.setdefault(key, home[draft.id]) == home[draft.id]:
                continue
            if unique.where:
                draft.after[unique.where] = False
            else:
                gone.add(draft.id)
            yield draft, unique.where
