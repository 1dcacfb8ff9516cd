"""Erasure: the one thing that may happen to a fact after it was recorded.

A fact about a record whose data must go (a person asked for it, a record was purged) loses what it says of the data and
why, and is stamped with the time. That it happened, when and by whom stays. The triggers of the migration `audit` let
nothing else through: they compare every other column, and ask that the erased ones are null.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import orjson

from crmcore.kit.sql import Sql, value
from crmcore.platform.database import Transaction
from crmcore.platform.fields import UtcDatetime, Uuid

_uuid, _instant = Uuid(), UtcDatetime()


async def erase_events(tx: Transaction, tenant_id: UUID, record_type: str, ids: Collection[UUID], at: datetime) -> int:
    """Erase what the facts about these records say of them; how many facts there were."""
    listed = orjson.dumps([str(id_) for id_ in ids]).decode()
    among = (
        Sql("(SELECT value FROM json_each(", value(listed), "))")
        if tx.dialect == "sqlite"
        else Sql("(SELECT e::uuid FROM json_array_elements_text(", value(listed, "json"), ") AS e)")
    )
    return await tx.execute(
        Sql(
            "UPDATE event SET before = NULL, after = NULL, reason = NULL, erased_at = ",
            value(_instant.to_driver(at, tx.dialect), "timestamptz"),
            " WHERE tenant_id = ", value(_uuid.to_driver(tenant_id, tx.dialect), "uuid"),
            " AND record_type = ", value(record_type), " AND record_id IN ", among, " AND erased_at IS NULL",
        )
    )  # fmt: skip
