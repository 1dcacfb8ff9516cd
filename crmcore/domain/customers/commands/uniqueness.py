"""Email addresses and phone numbers that are unique among the living, where a tenant asks for it.

A contact point holds its normalized value a second time in `unique_value`, on which a partial unique index stands, as
long as the tenant wants such values to be unique. Whoever writes contact points reads the tenant's wish under a lock
that lasts to the end of the command, and whoever changes the wish waits for those locks: no value slips by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from crmcore.domain.customers.models import ContactPoint, PointType, Uniqueness
from crmcore.errors import Duplicate, Forbidden, Refusals
from crmcore.kit.sql import Sql, join, value
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.platform.fields import Flag, Uuid
from crmcore.records import Change, Create, Draft, Update, check, write
from crmcore.records.rows import TENANT, Run
from crmcore.records.write import in_its_own

KINDS: Final[Mapping[str, tuple[PointType, ...]]] = {
    "emails": (PointType.EMAIL,),
    "phones": (PointType.PHONE, PointType.MOBILE),
}
"""The types of contact points that each wish is about."""

MOST_NAMED: Final = 20
"""How many values that stand in the way are named."""

_FLAG: Final = Flag()
_UUID: Final = Uuid()


@check(ContactPoint)
async def hold_unique_values(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A new or changed value holds its place where the tenant wants such values to be unique."""
    known = {kind for kinds in KINDS.values() for kind in kinds}
    changed = [d for d in drafts if d.changed("type", "normalized")]
    if not any(row["type"] in known for d in changed for row in (d.before, d.after) if row):
        return
    wanted = await _wanted(ctx, tx, "SHARE")
    held = {kind for wish, kinds in KINDS.items() if wanted[wish] for kind in kinds}
    for draft in changed:
        draft.after["unique_value"] = draft.after["normalized"] if draft.after["type"] in held else None


async def _wanted(ctx: Context, tx: Transaction, lock: str) -> dict[str, bool]:
    """What the tenant wants, until the command ends."""
    listed = ", ".join(f"unique_{wish} AS {wish}" for wish in KINDS)
    end = f" FOR {lock}" if tx.dialect == "postgres" else ""
    [row] = await tx.fetch(Sql(f"SELECT {listed} FROM tenant WHERE id = ", TENANT, end), Run(ctx))
    return {wish: bool(_FLAG.from_driver(row[wish])) for wish in KINDS}


async def update_uniqueness(ctx: Context, **wishes: bool | None) -> UUID:
    """Say what is to be unique; what is left out stays. Refusals name the values that several living records have."""
    if not ctx.policy.may("update", "uniqueness"):
        raise Forbidden("You may not change what must be unique.")

    async def run(tx: Transaction) -> UUID:
        now = await _wanted(ctx, tx, "UPDATE")
        then = {wish: now[wish] if (given := wishes.get(wish)) is None else given for wish in KINDS}
        for wish in KINDS:
            if then[wish] != now[wish]:
                await (_begin(ctx, tx, wish) if then[wish] else _end(ctx, tx, wish))
        held = await tx.fetch(Sql("SELECT id FROM uniqueness WHERE tenant_id = ", TENANT), Run(ctx))
        change: Change = Create(Uniqueness, then)
        if held:
            change = Update(Uniqueness, _UUID.from_driver(held[0]["id"]), then)
        [written] = await write(ctx, [change], tx=tx)
        return written.id

    return await in_its_own(ctx, lambda tx, _wary: run(tx))


async def _begin(ctx: Context, tx: Transaction, wish: str) -> None:
    """Let every value hold its place, those of deleted records too: they hold it again when they are restored."""
    await _refuse_doubles(ctx, tx, wish)
    await _set(ctx, tx, wish, "normalized")


async def _end(ctx: Context, tx: Transaction, wish: str) -> None:
    await _set(ctx, tx, wish, "NULL")


async def _set(ctx: Context, tx: Transaction, wish: str, to: str) -> None:
    where = Sql(" WHERE tenant_id = ", TENANT, " AND type IN (", _types(wish), ")")
    await tx.execute(Sql(f"UPDATE contact_point SET unique_value = {to}", where), Run(ctx))
    flag = value(_FLAG.to_driver(to != "NULL", tx.dialect), "boolean")
    await tx.execute(Sql(f"UPDATE tenant SET unique_{wish} = ", flag, " WHERE id = ", TENANT), Run(ctx))


def _types(wish: str) -> Sql:
    return join(", ", (value(str(kind)) for kind in KINDS[wish]))


async def _refuse_doubles(ctx: Context, tx: Transaction, wish: str) -> None:
    rows = await tx.fetch(
        Sql(
            "SELECT normalized, count(*) AS number, min(CAST(id AS text)) AS id FROM contact_point WHERE tenant_id = ",
            TENANT, " AND deleted_at IS NULL AND type IN (", _types(wish),
            f") GROUP BY normalized HAVING count(*) > 1 ORDER BY normalized LIMIT {MOST_NAMED}",
        ),
        Run(ctx),
    )  # fmt: skip
    said = [
        Duplicate(
            f"{row['normalized']} is a value of {row['number']} living contact points: change or merge those first.",
            wish, existing_id=_UUID.from_driver(row["id"]), existing_table="contact_point",
        )
        for row in rows
    ]  # fmt: skip
    if said:
        raise Refusals(said)
