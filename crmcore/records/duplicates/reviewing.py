"""What people say to a pair: they are not the same, or they become one."""

from __future__ import annotations

from uuid import UUID

from crmcore.errors import NotFound, WrongState
from crmcore.kit.choices import Choices
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records.changes import Update
from crmcore.records.duplicates.models import DuplicatePair, PairStatus
from crmcore.records.merging import merge
from crmcore.records.moving import find
from crmcore.records.rows import Row
from crmcore.records.write import in_its_own, write


class PairSide(Choices):
    """One of the two records of a pair."""

    FIRST = "FIRST", "The first of the two."
    SECOND = "SECOND", "The second of the two."


async def dismiss_pair(ctx: Context, id: UUID, *, note: str | None = None, expected_version: int | None = None) -> UUID:
    """They are not the same: the pair is not proposed again."""

    async def run(tx: Transaction) -> UUID:
        await _open_pair(ctx, tx, id)
        values = {"status": PairStatus.DISMISSED, "note": note}
        await write(ctx, [Update(DuplicatePair, id, values, expected_version=expected_version)], tx=tx)
        return id

    return await in_its_own(ctx, lambda tx, _wary: run(tx))


async def merge_pair(
    ctx: Context, id: UUID, *, keep: PairSide, note: str | None = None, expected_version: int | None = None
) -> UUID:
    """They are the same: the other of the two is merged into the one to keep."""

    async def run(tx: Transaction) -> UUID:
        pair = await _open_pair(ctx, tx, id)
        both = [pair["first_id"], pair["second_id"]]
        survivor, other = both if keep is PairSide.FIRST else reversed(both)
        if note is not None or expected_version is not None:
            await write(ctx, [Update(DuplicatePair, id, {"note": note}, expected_version=expected_version)], tx=tx)
        try:
            await merge(ctx, ctx.graph.tables[pair["record_type"]], survivor, [other], reason=note, tx=tx)
        except NotFound:
            raise NotFound("One of the two is gone, or you may not see it: read the pairs again.", "id") from None
        return id

    return await in_its_own(ctx, lambda tx, _wary: run(tx))


async def _open_pair(ctx: Context, tx: Transaction, id: UUID) -> Row:
    pair = await find(ctx, tx, DuplicatePair, id)
    if pair["status"] is PairStatus.MERGED:
        raise WrongState("The two are one already.", "status", current=str(pair["status"]), allowed=[])
    return pair
