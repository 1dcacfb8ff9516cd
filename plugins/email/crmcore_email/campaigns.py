"""Campaigns begin, rest, go on and end."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crmcore.errors import Conflict, Forbidden, Invalid, NotFound, WrongState
from crmcore.plugins import Context, Crm, Update, crm_of, require
from crmcore_email.choices import EmailCampaignStatus as Status
from crmcore_email.ids import campaign_id
from crmcore_email.models import EmailCampaign

_READ: Final = "query($id: ID!) { emailCampaign(id: $id) { version status batches scheduledAt } }"


async def send(ctx: Context, id: UUID, *, at: datetime | None = None, expected_version: int | None = None) -> UUID:
    """Have a draft sent, at once or at a time. Its recipients are found when it begins."""
    crm = _crm(ctx)
    await crm.settings()  # says what is missing, rather than that it will be missing
    if at is not None and at < crm.now():
        raise Invalid("at is over: leave it out to send at once.", "at")
    begins = at or crm.now()
    row = await _row(crm, id, expected_version)
    _only(row, Status.DRAFT, "sent")
    async with crm.transaction():
        await _move(crm, id, row, Status.SCHEDULED, {"scheduled_at": begins})
        await crm.enqueue("campaign", {"campaign": str(id)}, run_at=at, unique_key=f"campaign-{id}")
    return id


async def pause(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Stop; what is under way is fifty mails at most."""
    crm = _crm(ctx)
    await _move(crm, id, await _row(crm, id, expected_version), Status.PAUSED, {})
    return id


async def resume(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """Go on where it stopped."""
    crm = _crm(ctx)
    row = await _row(crm, id, expected_version)
    _only(row, Status.PAUSED, "resumed")
    async with crm.transaction():
        if row["batches"] is None:
            await _move(crm, id, row, Status.SCHEDULED, {})
            at = datetime.fromisoformat(row["scheduledAt"])
            await crm.enqueue("campaign", {"campaign": str(id)}, run_at=max(at, crm.now()), unique_key=f"campaign-{id}")
        else:
            await _move(crm, id, row, Status.SENDING, {"problem": None})
            await crm.enqueue("resume", {"campaign": str(id)}, unique_key=f"resume-{id}")
    return id


async def cancel(ctx: Context, id: UUID, *, expected_version: int | None = None) -> UUID:
    """End it before its time."""
    crm = _crm(ctx)
    row = await _row(crm, id, expected_version)
    await _move(crm, id, row, Status.CANCELLED, {"finished_at": crm.now()})
    return id


def _crm(ctx: Context) -> Crm:
    require(ctx, "email.send")
    if ctx.policy.reach != "TENANT":
        raise Forbidden("A campaign writes to contacts of all colleagues: it takes somebody who sees the whole tenant.")
    return crm_of(ctx, "email")


async def _row(crm: Crm, id: UUID, expected_version: int | None) -> dict[str, Any]:
    row: dict[str, Any] | None = (await crm.gql(_READ, id=campaign_id(id)))["emailCampaign"]
    if row is None:
        raise NotFound("There is no such email campaign, or you may not see it.", "id")
    if expected_version not in (None, row["version"]):
        raise Conflict("The campaign has changed since you read it.", "expectedVersion", current_version=row["version"])
    return row


def _only(row: dict[str, Any], status: Status, done: str) -> None:
    if row["status"] != status:
        said = f"Only a campaign that is {status} can be {done}; this one is {row['status']}."
        raise WrongState(said, "status", current=row["status"], allowed=[])


async def _move(crm: Crm, id: UUID, row: dict[str, Any], target: Status, values: dict[str, Any]) -> None:
    machine = EmailCampaign.special.machine
    assert machine is not None
    machine.check(Status(row["status"]), target, "email campaign")
    step = Update(EmailCampaign, id, {**values, "status": target}, expected_version=row["version"], moves=True)
    await crm.write([step])
