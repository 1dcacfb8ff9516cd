"""What holds among teams: none is a part of itself."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.domain.people.models import Team
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Draft, check, refuse_cycles


@check(Team)
async def no_cycle(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A team stands below no team that stands below it."""
    await refuse_cycles(ctx, tx, drafts, "parent_id", "A team cannot stand below itself: choose another parent.")
