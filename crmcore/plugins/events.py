"""What plugins are told after it happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from crmcore.kit.ids import to_global
from crmcore.platform.access import ActorKind


@dataclass(frozen=True, slots=True)
class PluginEvent:
    """Something that happened to a record.

    id              of the event: the same however often it is told, so that repeats can be dropped by it
    sequence        orders all events of an installation
    type            `deal.won`
    record_type     the table of the record: `deal`
    record_id       its key
    before, after   its columns by name, as Python values: of a new and of a deleted record all, of a change those that
                    changed; None before a create and after a deletion, and where they were erased
    changed_fields  the columns that differ
    actor_kind, actor_id   who did it
    cause           the same for all events of one request
    at              when
    """

    id: UUID
    sequence: int
    type: str
    record_type: str
    record_id: UUID
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed_fields: Sequence[str]
    actor_kind: ActorKind
    actor_id: UUID | None
    cause: UUID
    at: datetime

    @property
    def node_id(self) -> str:
        """The global id of the record, as the graph has it: `deal_0198f3a2-...`."""
        return to_global(self.record_type, self.record_id)
