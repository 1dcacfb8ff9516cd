"""What the loyalty plugin puts into the graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from crmcore.errors import Invalid
from crmcore.plugins import Context, Create, Delete, Draft, Row, Update, latest
from crmcore.schema import Many, Moment, arg, batch, condition, expression, extend, field, figure, inputs, record

from . import models

if TYPE_CHECKING:
    from crmcore.schema import Customer


async def praises(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """What we say to a visit: the louder, the more it is worth."""
    return ["Thanks" + "!" * row["points"] for row in rows]


@record(models.LoyaltyVisit, moment=Moment("created_at", of=("customer",)))
class LoyaltyVisit:
    """A visit of a customer to our shop."""

    customer: Customer | None = field("Who came.")
    visited_on: date = field("The day.")
    points: int = field("What the visit is worth.")
    praise: str | None = batch(praises, "What we say to it.", needs=("points",))
    is_recent: bool = expression(
        {"postgres": "{visited_on} > {today} - 30", "sqlite": "{visited_on} > date({today}, '-30 days')"},
        "Whether it was in the last thirty days.",
    )


async def letters(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """A greeting each; nobody called Nobody gets one, to see what a failure does."""
    if any(row["name"] == "Nobody" for row in rows):
        raise RuntimeError("Nobody cannot be greeted")
    return [f"Dear {row['name']}" for row in rows]


@extend("Customer")
class CustomerLoyalty:
    """What a customer shows of it."""

    loyalty_visits: Many[LoyaltyVisit] = field("The customer's visits.")
    loyalty_points: int | None = figure(
        "sum", "loyalty_visits", "What the recent visits are worth.", of="points", where="{isRecent: {eq: true}}"
    )
    loyalty_came_for: int = condition(
        "EXISTS (SELECT 1 FROM loyalty_visit v WHERE v.tenant_id = {tenant} AND v.customer_id = {id}"
        " AND v.deleted_at IS NULL AND v.points >= {value})",
        "Customers with a visit that was worth at least this.",
    )
    loyalty_came_with: Customer = condition(
        "EXISTS (SELECT 1 FROM loyalty_visit v JOIN loyalty_visit w ON w.tenant_id = v.tenant_id"
        " AND w.visited_on = v.visited_on AND w.customer_id <> v.customer_id"
        " WHERE v.tenant_id = {tenant} AND v.customer_id = {id} AND w.customer_id = {value})",
        "Customers who came on the same day as this one.",
    )
    loyalty_letter: str | None = batch(letters, "How a letter to the customer begins.", needs=("name",))


async def welcome(
    ctx: Context, tx: object, given: Sequence[tuple[Draft, Mapping[str, Any]]]
) -> list[Create | Update | Delete]:
    """Today's visit of each customer: made, changed or taken back. Thirteen breaks, to see what that does."""
    today = ctx.clock().date()
    held = await latest(
        ctx,
        models.LoyaltyVisit,
        ["id", "visited_on"],
        by="customer_id",
        ids=[d.id for d, _ in given],
        order="visited_on",
    )
    changes: list[Create | Update | Delete] = []
    for draft, values in given:
        points = values.get("loyalty_welcome")
        visit = held.get(draft.id)
        there = visit["id"] if visit and visit["visited_on"] == today else None
        if points is not None and points < 0:
            draft.refuse(Invalid("A visit is worth something: give points from 0.", "loyalty_welcome"))
        elif points == 13:
            raise RuntimeError("Thirteen brings bad luck")
        elif points is None:
            changes += [Delete(models.LoyaltyVisit, there)] if there else []
        elif there:
            changes.append(Update(models.LoyaltyVisit, there, {"points": points}))
        else:
            row = {"customer_id": draft.id, "visited_on": today, "points": points}
            changes.append(Create(models.LoyaltyVisit, row))
    return changes


@inputs("Customer", save=welcome)
class CustomerLoyaltyInputs:
    """What may be said of it when a customer is written."""

    loyalty_welcome: int | None = arg("What today's visit is worth; null takes it back.")


notes: list[Mapping[str, Any]] = []


async def note(ctx: Context, tx: object, given: Sequence[tuple[Draft, Mapping[str, Any]]]) -> None:
    """Keep what comes, to be looked at."""
    notes.extend({"city": draft.after["city"], **values} for draft, values in given)


@inputs("Address", save=note)
class AddressLoyaltyInputs:
    """What may be said of it when an address is written."""

    loyalty_note: str | None = arg("A note.")
    loyalty_friend: Customer | None = arg("Who told us.")


async def stamps(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """Of which kind each is."""
    return [f"a {row['record_type']}" for row in rows]


@extend("TimelineItem")
class TimelineItemLoyalty:
    """What everything on a timeline shows of it."""

    loyalty_stamp: str | None = batch(stamps, "A stamp with the kind of thing.")
    loyalty_early: bool = expression("{created_at} < {now}", "Whether it was there before now.")


async def lengths(rows: Sequence[Row], ctx: Context) -> list[int | None]:
    """How long each subject is; silence fails, to see whose fields that takes with it."""
    if any(row["subject"] == "Silence" for row in rows):
        raise RuntimeError("Silence has no length")
    return [len(row["subject"]) for row in rows]


@extend("Interaction")
class InteractionLoyalty:
    """What an exchange shows of it."""

    loyalty_length: int | None = batch(lengths, "How long its subject is.", needs=("subject",))
