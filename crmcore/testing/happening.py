"""Events that a test makes up: what plugins are told of them is what they are told of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from crmcore.app import Crm
from crmcore.kit.ids import from_global, new_id
from crmcore.platform.access import ActorKind
from crmcore.platform.events import Fact, record_events
from crmcore.records.shape import shape_of


async def happen(
    core: Crm,
    tenant: UUID,
    type: str,
    *,
    id: str | UUID | None,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any] | None,
) -> None:
    """Write an event into the log, as if the record had changed. ValueError for what is no type of an event."""
    table, dot, _ = type.partition(".")
    if not dot or table not in core.graph.tables:
        raise ValueError(f"{type!r} is no type of an event: it begins with a table, like case.resolved.")
    columns = shape_of(core.graph.tables[table]).columns

    def told(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if values is None:
            return None
        return {c: columns[c].to_event(v) if c in columns and v is not None else v for c, v in values.items()}

    key = from_global(id)[1] if isinstance(id, str) else id or new_id()
    fact = Fact(
        tenant_id=tenant,
        type=type,
        record_type=table,
        record_id=key,
        before=told(before),
        after=told(after),
        changed_fields=sorted({*(before or {}), *(after or {})}),
        actor_kind=ActorKind.SYSTEM,
        actor_id=None,
        cause=new_id(),
        at=core.clock(),
        operation="a test",
    )
    async with core.db.transaction() as tx:
        await record_events(tx, [fact])
