"""What hangs on what: records that a caller sees through others, and so may gain or lose without an event of theirs.

It is read off `access`. A part that is seen `through` its parents hangs on each of them, a record that is seen
`through_children` on each child: when the owner of a customer changes, so does who sees its addresses, its contacts
(by their links) and the contacts' phone numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tortoise.models import Model

from crmcore.platform.access import WHOLE_TENANT, Access
from crmcore.platform.tables import foreign_keys
from crmcore.query.mapping import RecordType


@dataclass(frozen=True, slots=True)
class Tie:
    """Records of `table` hang on records of `on`: by `column`, which is of `on` if that is the `child`, else theirs."""

    table: str
    on: str
    column: str
    child: bool


class Dependence:
    """The ties between these record types, and what follows from them."""

    def __init__(self, types: Iterable[RecordType]) -> None:
        self.access = {record.table: _access(record.model) for record in types}
        known = {record.table: record.model for record in types}
        self.ties = tuple(tie for table, model in known.items() for tie in _ties(table, model) if tie.on in known)

    @cached_property
    def order(self) -> list[str]:
        """The types, each behind those that it hangs on."""
        found: list[str] = []
        left = sorted(self.access)
        while left:
            free = [t for t in left if all(tie.on in found for tie in self.ties if tie.table == t)]
            if not free:
                raise TypeError(f"Access goes in a ring through {', '.join(left)}.")
            found += free
            left = [t for t in left if t not in free]
        return found

    def above(self, tables: Iterable[str]) -> set[str]:
        """These types, and all that they hang on."""
        found = set(tables)
        for table in reversed(self.order):
            if table in found:
                found |= {tie.on for tie in self.ties if tie.table == table}
        return found

    def below(self, tables: Iterable[str]) -> set[str]:
        """The types that hang on one of these."""
        found: set[str] = set()
        top = set(tables)
        for table in self.order:
            if any(tie.table == table and tie.on in top | found for tie in self.ties):
                found.add(table)
        return found

    def holds(self, table: str) -> bool:
        """Whether anything hangs on records of this type."""
        return any(tie.on == table for tie in self.ties)

    def shows(self, table: str) -> Sequence[Tie]:
        """The ties by which a record of this type makes another one visible that may have been there before it."""
        return [tie for tie in self.ties if tie.on == table and tie.child]

    def decides(self, table: str) -> frozenset[str]:
        """The columns of a type that say who sees its records and what hangs on them."""
        access = self.access[table]
        own = {"owner_id", "team_id"} if access.kind == "owner" else set[str]()
        if access.kind == "parents":
            own = {f"{name}_id" for name in access.names}
        return frozenset(own | {tie.column for tie in self.shows(table)})


def _access(model: type[Model]) -> Access:
    found: Access = getattr(model, "access", WHOLE_TENANT)
    return found


def _ties(table: str, model: type[Model]) -> Iterable[Tie]:
    access = _access(model)
    if access.kind == "parents":
        keys: dict[str, Any] = foreign_keys(model)
        for name in access.names:
            yield Tie(table, keys[f"{name}_id"]._meta.db_table, f"{name}_id", child=False)
    elif access.kind == "children":
        for link in access.names:
            on, _, name = link.partition(".")
            yield Tie(table, on, f"{name}_id", child=True)
