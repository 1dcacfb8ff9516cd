"""What a command's records are found by: an entry for each record whose searched columns, or whose parts', changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from crmcore.platform.record import Draft, Record
from crmcore.platform.search import Entry
from crmcore.records.shape import shape_of

Entries = dict[tuple[type[Record], UUID], Entry]


def entries_of(drafts: Iterable[tuple[Draft, Sequence[str]]]) -> list[Entry]:
    """What is to be said of the records that these drafts find, each with its changed columns; usually little or
    nothing. A deleted record keeps its entry: it is not found because it is deleted."""
    found: Entries = {}
    for draft, changed in drafts:
        special = draft.model.special
        if not special.search:
            continue
        if special.finds:
            if draft.operation != "update" or not {*special.search, *special.finds}.isdisjoint(changed):
                _say_part(found, draft)
        elif draft.operation in ("create", "update") and not set(special.search).isdisjoint(changed):
            _entry(found, draft, draft.model, draft.id).own = _texts(draft, draft.after)
    return list(found.values())


def _say_part(found: Entries, draft: Draft) -> None:
    """A part is taken from whom it was a part of, and given to whom it is now."""
    keys = shape_of(draft.model).keys
    for column in draft.model.special.finds:
        before = (draft.before or {}).get(column) if draft.operation == "update" else None
        after = draft.after[column]
        if before is not None and before != after:
            _entry(found, draft, keys[column].target, before).parts[draft.id] = None
        if after is not None:
            texts = None if draft.operation == "delete" else _texts(draft, draft.after)
            _entry(found, draft, keys[column].target, after).parts[draft.id] = texts


def _entry(found: Entries, draft: Draft, model: type[Record], key: UUID) -> Entry:
    if (model, key) not in found:
        found[model, key] = Entry(draft.after["tenant_id"], shape_of(model).table, key)
    return found[model, key]


def _texts(draft: Draft, row: Any) -> list[str]:
    return [row[column] for column in draft.model.special.search if row[column] is not None]
