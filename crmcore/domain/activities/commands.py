"""What follows from exchanges and tasks: when a customer was last in touch, and when a task was done."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.domain.activities.models import Direction, Interaction, Task, TaskStatus
from crmcore.domain.customers import Customer
from crmcore.platform.context import Context
from crmcore.platform.database import Transaction
from crmcore.records import Change, Draft, Update, check, effect, summary


@check(Task)
async def stamp_done(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> None:
    """A task that is done was done now, unless it is said when."""
    for draft in drafts:
        if draft.after["status"] == TaskStatus.DONE and draft.after["done_at"] is None:
            draft.after["done_at"] = ctx.clock()


@effect(Interaction)
async def keep_last_interaction(ctx: Context, tx: Transaction, drafts: Sequence[Draft]) -> Sequence[Change]:
    """A customer's last exchange is the latest with them; what we say among ourselves does not count."""
    touched = [d for d in drafts if d.operation != "update" or d.changed("customer_id", "at", "direction")]
    customers = {row["customer_id"] for d in touched for row in (d.before, d.after) if row}
    last = await summary(
        ctx, tx, Interaction, by="customer_id", ids=customers, take={"at": ("max", "at")},
        only=("direction", (Direction.IN, Direction.OUT)),
    )  # fmt: skip
    return [Update(Customer, key, {"last_interaction_at": found["at"]}) for key, found in last.items()]
