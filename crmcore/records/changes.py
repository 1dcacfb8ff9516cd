"""What a command asks of the write engine: a list of changes, made together or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from crmcore.records.model import Event, Record

ExternalRef = tuple[str, str]
"""System and id there: `("northwind", "ALFKI")`."""


@dataclass(frozen=True, slots=True)
class Create:
    """A new record. `values` by column name; columns left out take their default."""

    model: type[Record]
    values: Mapping[str, Any]
    id: UUID | None = None
    external_refs: Sequence[ExternalRef] = ()


@dataclass(frozen=True, slots=True)
class Update:
    """Set the columns in `values`; the others stay. `external_refs` None leaves them, a list replaces them.

    `moves` says that a command has checked the state machine, so its column may be among the values. `events` are
    named facts recorded beside `updated`.
    """

    model: type[Record]
    id: UUID
    values: Mapping[str, Any]
    expected_version: int | None = None
    external_refs: Sequence[ExternalRef] | None = None
    moves: bool = False
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Soft deletion, with every part of the record; all of it shares a deletion id."""

    model: type[Record]
    id: UUID
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring back a deleted record and exactly what was deleted with it."""

    model: type[Record]
    id: UUID
    expected_version: int | None = None


Change = Create | Update | Delete | Restore


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one change."""

    id: UUID
    version: int
    changed: frozenset[str] = field(default=frozenset())
