"""What holds among customers: nobody is their own ancestor."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.domain.customers.models import Customer
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Draft, check, refuse_cycles


@check(Customer)
async def no_cycle(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A customer stands below no customer that stands below it."""
    await refuse_cycles(ctx, tx, drafts, "parent_id", "A customer cannot stand below itself: choose another parent.")
