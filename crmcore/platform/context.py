"""The context of one request or command: who, for which tenant, on which database, at what time, why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from crmcore.kit import times
from crmcore.kit.ids import new_id
from crmcore.platform.access import Actor, Policy
from crmcore.platform.database import Database


@dataclass(slots=True)
class Context:
    """Handed to every command and every read. `cause` groups the events of one request.

    `graph` is the app's `records.RecordGraph`, which every write needs (this room cannot name its type).
    """

    db: Database
    policy: Policy
    graph: Any = None
    clock: Callable[[], datetime] = times.now
    cause: UUID = field(default_factory=new_id)

    @property
    def tenant_id(self) -> UUID:
        return self.policy.tenant_id

    @property
    def actor(self) -> Actor:
        return self.policy.actor
