"""What has happened, for auditors: every fact that the write engine has recorded."""

from __future__ import annotations

from datetime import datetime

from crmcore.platform import events
from crmcore.query import Actor, FreeData, field, log
from crmcore.schema.scalars import ID


@log(events.Event)
class AuditEntry:
    """A fact: what happened to a record, who did it and when. Facts are never changed. The latest come first with
    orderBy: {field: ID, direction: DESC}."""

    sequence: int = field("The place among all facts: a later one has a higher number; there may be gaps.")
    type: str = field("What happened, such as customer.updated or deal.won.")
    record_type: str = field("The kind of record that it happened to, as the prefix of its global id.")
    actor: Actor = field("Who did it.")
    at: datetime = field("When it happened.")
    cause: ID = field("The same for everything that one request, job or import did.")
    changed_fields: list[str] = field("The columns that are different now.")
    before: FreeData | None = field("What changed, as it was; the whole record of one that was deleted.")
    after: FreeData | None = field("What changed, as it is now; the whole record of one that is new.")
