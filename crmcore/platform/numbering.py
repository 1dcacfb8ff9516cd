"""Numbers that people read: one counter per tenant and name, without doubles."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from tortoise.models import Model

from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql, value
from crmcore.platform.database import Transaction
from crmcore.platform.fields import BigInt, Text, Uuid
from crmcore.platform.tables import UniqueIndex

_uuid = Uuid()


class Counter(Model):
    id = Uuid(primary_key=True)
    tenant_id = Uuid()
    name = Text(100)
    value = BigInt()

    class Meta(Model.Meta):
        table = "counter"
        indexes: ClassVar[Any] = (UniqueIndex(fields=("tenant_id", "name"), name="uq_counter_name"),)


async def next_numbers(tx: Transaction, tenant_id: UUID, name: str, count: int = 1) -> range:
    """Take the next `count` numbers of a counter, from 1 on. Others wait until this transaction ends.

    A transaction that is rolled back gives its numbers back, so there are no gaps.
    """
    key, tenant = (value(_uuid.to_driver(u, tx.dialect)) for u in (new_id(), tenant_id))
    rows = await tx.fetch(
        Sql(
            "INSERT INTO counter (id, tenant_id, name, value) VALUES (",
            key, ", ", tenant, ", ", value(name), ", ", value(count, "bigint"),
            ") ON CONFLICT (tenant_id, name) DO UPDATE SET value = counter.value + excluded.value RETURNING value",
        )
    )  # fmt: skip
    last = int(rows[0]["value"])
    return range(last - count + 1, last + 1)
