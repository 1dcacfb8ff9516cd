"""What users ask for: send a record, look now, try an item again, decide a conflict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from crmcore.errors import Invalid, NotFound, WrongState
from crmcore.plugins import Context, Create, Update, crm_of
from crmcore_erp.adapter import ErpKind
from crmcore_erp.conflicts import conflict, decided
from crmcore_erp.models import ErpDirection, ErpOutcome, ErpSyncItem, ErpSyncRun, ErpTrigger
from crmcore_erp.outbound import ask
from crmcore_erp.reading import key_of
from crmcore_erp.runs import item, pending

ID: Final = "erp"
PULL: Final = "pull"
TAKE: Final = "take"


async def send(
    ctx: Context, *, customer_id: UUID | None = None, order_id: UUID | None = None, product_id: UUID | None = None
) -> UUID:
    """Have one record sent; the item that will tell what became of it."""
    given = {ErpKind.PARTY: customer_id, ErpKind.ORDER: order_id, ErpKind.PRODUCT: product_id}
    wanted = [(kind, key) for kind, key in given.items() if key is not None]
    if len(wanted) != 1:
        raise Invalid("Give exactly one of customerId, orderId and productId.", "customerId")
    crm = crm_of(ctx, ID)
    await crm.settings()
    [(kind, key)] = wanted
    async with crm.transaction():
        [made] = await crm.write([pending(None, ErpDirection.OUT, kind, key, None)])
        await ask(crm, kind, key, made.id)
    return made.id


async def start(ctx: Context, *, from_the_beginning: bool | None = None) -> UUID:
    """Have the ERP looked at now; the run that will tell what it found."""
    crm = crm_of(ctx, ID)
    await crm.settings()
    async with crm.transaction():
        values = {"trigger": ErpTrigger.REQUEST, "started_at": crm.now()}
        [made] = await crm.write([Create(ErpSyncRun, values)])
        await crm.enqueue(PULL, {"run": str(made.id), "anew": bool(from_the_beginning)})
    return made.id


async def replay(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Have an item tried again."""
    crm = crm_of(ctx, ID)
    found = await item(crm, id)
    if found is None:
        raise NotFound("There is no such item.", "id")
    if found["outcome"] == ErpOutcome.PENDING:
        raise WrongState("The item is waiting to be tried.", current=ErpOutcome.PENDING, allowed=[])
    kind = ErpKind(found["kind"])
    async with crm.transaction():
        update = Update(ErpSyncItem, id, {"outcome": ErpOutcome.PENDING}, expected_version=expected_version)
        await crm.write([update])
        if found["direction"] == ErpDirection.OUT:
            if found["record"] is None:
                raise NotFound("The item's record is deleted.", "id")
            await ask(crm, kind, key_of(found["record"]["id"]), id)
        else:
            await crm.enqueue(TAKE, {"item": str(id), "kind": kind, "external": found["externalId"]})
    return id


async def resolve(
    ctx: Context,
    id: UUID,
    *,
    ours: Sequence[str] | None = None,
    theirs: Sequence[str] | None = None,
    expected_version: int | None = None,
) -> UUID:
    """Decide a conflict, and have the decision carried out."""
    crm = crm_of(ctx, ID)
    found = await conflict(crm, id)
    if found is None:
        raise NotFound("There is no such conflict.", "id")
    async with crm.transaction():
        await crm.write(decided(crm, found, ours or (), theirs or (), expected_version))
        if found["record"] is not None and "existence" not in (theirs or ()):
            await ask(crm, ErpKind(found["kind"]), key_of(found["record"]["id"]))
    return id
