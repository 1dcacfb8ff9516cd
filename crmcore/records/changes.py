"""What a command asks of the write engine: a list of changes, made together or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crmcore.errors import Refusal
from crmcore.platform.record import Change, Event, Record

ExternalRef = tuple[str, str]
"""System and id there: `("northwind", "ALFKI")`."""

Path = tuple[str, ...]
"""Where a caller wrote a change: `("items", "3")`. The engine hands it back with what it refuses (`Refusal.change`)."""


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A value for the custom field `key`, given as its type's `member` (`text`, `dateTime`); None clears the field.

    Options are texts, a reference is a global id; the others are what columns of the kind take.
    """

    key: str
    member: str
    value: Any


@dataclass(frozen=True, slots=True)
class Part:
    """A change of a part of the record it is given with; `column` is the part's foreign key to that record.

    A new part gets the record's id there; one that is changed or deleted must be a part of this very record.
    """

    column: str
    change: Create | Update | Delete


@dataclass(frozen=True, slots=True)
class Saver:
    """A plugin's function that saves the values of its input fields: `await function(ctx, tx, [(draft, values), ...])`
    is called in the transaction when the records are written, and answers with further changes. `place` names it."""

    plugin: str
    place: str
    function: Callable[..., Awaitable[Sequence[Change]]]


@dataclass(frozen=True, slots=True)
class Added:
    """Values for one plugin beside the record's own, by the names that its function knows them by."""

    saver: Saver
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Create(Change):
    """A new record, with its `parts`. `values` by column name; columns left out take their default.

    `faults` is what was wrong with the values before they came here: the change is refused with them, in its turn.
    `only_new` are the columns that an upsert leaves as they are in a record that is there already; `added` is what
    plugins save with it.
    """

    model: type[Record]
    values: Mapping[str, Any]
    id: UUID | None = None
    external_refs: Sequence[ExternalRef] = ()
    custom_fields: Sequence[FieldValue] = ()
    parts: Sequence[Part] = ()
    faults: Sequence[Refusal] = ()
    path: Path = ()
    only_new: Collection[str] = ()
    added: Sequence[Added] = ()


@dataclass(frozen=True, slots=True)
class Update(Change):
    """Set the columns in `values` and the custom fields given; the others stay. `external_refs` None leaves them, a
    list replaces them: all, or with `instead_of` those of the systems it names. `parts` are changed with the record.

    `moves` says that a command has checked the state machine, so its column may be among the values. `events` are
    named facts recorded beside `updated`; `notes` are for the record's own rules and effects (`Draft.notes`).
    `part_of` is a foreign key of the record and the id that must stand there; `faults` as in Create. `instead_of` is
    the new record that was asked for, where an upsert found it to be there; `added` as in Create.
    """

    model: type[Record]
    id: UUID
    values: Mapping[str, Any]
    expected_version: int | None = None
    external_refs: Sequence[ExternalRef] | None = None
    moves: bool = False
    events: Sequence[Event] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    custom_fields: Sequence[FieldValue] = ()
    parts: Sequence[Part] = ()
    part_of: tuple[str, UUID] | None = None
    faults: Sequence[Refusal] = ()
    path: Path = ()
    instead_of: Create | None = None
    added: Sequence[Added] = ()


@dataclass(frozen=True, slots=True)
class Delete(Change):
    """Soft deletion, with every part of the record; all of it shares a deletion id. `part_of` as in Update."""

    model: type[Record]
    id: UUID
    expected_version: int | None = None
    part_of: tuple[str, UUID] | None = None
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Restore(Change):
    """Bring back a deleted record and exactly what was deleted with it."""

    model: type[Record]
    id: UUID
    expected_version: int | None = None
    path: Path = ()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change: `changed` are the columns that differ now, none if there was nothing to do."""

    id: UUID
    version: int
    changed: frozenset[str] = field(default=frozenset())


@dataclass(frozen=True, slots=True)
class Refused:
    """A change that was left out of a partial command, and why."""

    refusals: tuple[Refusal, ...]
