"""Inviting: planned by rules and colleagues, asked when it is time, and never too often.

Whether it is a contact's turn is decided in one write with the step of their SurveysRecipient row: of two invitations
decided at the same time, one finds that row changed, looks again, and sees that the contact was just asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from crmcore.errors import Conflict, Duplicate, Invalid, NotFound, Refusals, WrongState
from crmcore.plugins import Context, Create, Crm, JobRun, Row, Update, crm_of
from crmcore.schema import action, arg
from crmcore_surveys.ids import contact_id as contact_gid
from crmcore_surveys.ids import invitation_id, key_of
from crmcore_surveys.ids import survey_id as survey_gid
from crmcore_surveys.languages import choose
from crmcore_surveys.mail import invite
from crmcore_surveys.models import SurveysInvitation, SurveysRecipient
from crmcore_surveys.reading import Invitation, interval_of, moment, read_invitation, settings_of, why_not
from crmcore_surveys.rules import SurveysChannel, SurveysInvitationState, SurveysSkip, SurveysStatus

if TYPE_CHECKING:
    from crmcore.schema import Contact, Customer
    from crmcore_surveys.graph import SurveysSurvey

TRIES: Final = 8
_RECIPIENT: Final = """query($contact: ID!) {
  surveysRecipients(where: { contactId: { eq: $contact } }, first: 1) { nodes { id version turns } }
}"""
_ASKED: Final = """query($contact: ID!, $since: DateTime!) {
  surveysInvitations(
    where: { contactId: { eq: $contact }, askedAt: { gt: $since } }
    orderBy: [{ field: ASKED_AT, direction: DESC }], first: 100
  ) { nodes { askedAt survey { id } } }
}"""
_SEND: Final = """mutation($input: EmailMessageSendInput!) {
  emailMessageSend(input: $input) { emailMessage { id status reason } errors { code message } }
}"""
_NAMED: Final = """query($survey: ID!, $contact: ID!) {
  surveysSurvey(id: $survey) { status }
  contact(id: $contact) {
    customerLinks(orderBy: [{ field: IS_PRIMARY, direction: DESC }, { field: ID }], first: 1) {
      nodes { customer { id } }
    }
  }
}"""
_OVER: Final = """query($now: DateTime!) {
  surveysInvitations(where: { state: { in: [READY, SENT] }, expiresAt: { lte: $now } }, first: 100) {
    nodes { id version }
  }
}"""


async def plan(crm: Crm, values: Mapping[str, Any], skip: SurveysSkip | None = None) -> UUID:
    """Write an invitation, which is asked at its `due_at` unless it is skipped already."""
    state = SurveysInvitationState.CREATED if skip is None else SurveysInvitationState.SUPPRESSED
    recipient = values.get("contact_id") or values["customer_id"]
    given = {**values, "recipient_key": str(recipient), "state": state, "skip_reason": skip}
    async with crm.transaction() as tx:
        [written] = await crm.write([Create(SurveysInvitation, given)], tx)
        if skip is None:
            asking = {"invitation": str(written.id)}
            await crm.enqueue("ask", asking, run_at=values["due_at"], unique_key=f"ask-{written.id}", tx=tx)
    return written.id


async def invite_contact(
    ctx: Context,
    *,
    survey_id: UUID,
    contact_id: UUID,
    occasion: str,
    customer_id: UUID | None = None,
    language: str | None = None,
    due_at: datetime | None = None,
) -> UUID:
    """Invite somebody by hand; the invitation's id."""
    crm = crm_of(ctx, "surveys")
    if not occasion.strip():
        raise Invalid("Say in a word what the occasion is: nobody is asked twice for the same.", "occasion")
    found = await crm.gql(_NAMED, survey=survey_gid(survey_id), contact=contact_gid(contact_id))
    for name, key in (("surveyId", "surveysSurvey"), ("contactId", "contact")):
        if found[key] is None:
            raise NotFound(f"{name} names nothing, or something that you may not see.", name)
    if found["surveysSurvey"]["status"] != SurveysStatus.OPEN:
        current = found["surveysSurvey"]["status"]
        raise WrongState(
            "Only an open survey asks: set its status to OPEN.", "surveyId", current=current, allowed=["OPEN"]
        )
    links = found["contact"]["customerLinks"]["nodes"]
    if customer_id is None and not links:
        raise Invalid("The contact belongs to no customer: name the customer they are asked as.", "customerId")
    return await plan(
        crm,
        {
            "survey_id": survey_id,
            "contact_id": contact_id,
            "customer_id": customer_id or key_of(links[0]["customer"]["id"]),
            "occasion": occasion.strip(),
            "language": language,
            "due_at": due_at or crm.now(),
        },
    )


@action(SurveysInvitation, invite_contact, creates=True)
class SurveysInvite:
    """Invite a contact to a survey. Whether it is their turn is decided when it is time: the invitation tells."""

    survey: SurveysSurvey = arg("What they are asked.")
    contact: Contact = arg("Who is asked.")
    occasion: str = arg("What for, in a word, such as renewal-2026: nobody is asked twice for the same.")
    customer: Customer | None = arg("The customer they are asked as; the one they are the main contact of if left out.")
    language: str | None = arg("The language they are asked in, where it is known.")
    due_at: datetime | None = arg("When they are asked; at once if left out.")


# ---------------------------------------------------------------- when it is time


async def ask(crm: Crm, run: JobRun) -> dict[str, Any]:
    """The job `ask`: give an invitation its turn or say why not, and hand it to the mail. It may run several times."""
    key = UUID(run.payload["invitation"])
    found = await take_turn(crm, key)
    if found is None:
        return {"state": None}
    if found.state is SurveysInvitationState.READY and found.channel is SurveysChannel.EMAIL:
        await _mail(crm, found)
    return {"state": str(found.state)}


async def take_turn(crm: Crm, key: UUID) -> Invitation | None:
    """Decide on an invitation that waits; what became of it. None for one that is gone."""
    settings = await settings_of(crm)
    for _ in range(TRIES):
        found = await read_invitation(crm, key, settings.company)
        if found is None or found.state is not SurveysInvitationState.CREATED:
            return found
        try:
            await crm.write(await _decided(crm, found))
        except Refusals as refused:
            if not meanwhile(refused):
                raise
    raise TimeoutError(f"Invitation {key} was changed by others {TRIES} times while it was decided on.")


def meanwhile(refused: Refusals) -> bool:
    """Whether a write was refused for nothing but what somebody else did at the same time."""
    others = [refusal for refusal in refused.refusals if not isinstance(refusal, NotFound)]
    return bool(others) and all(isinstance(refusal, Conflict | Duplicate) for refusal in others)


async def _decided(crm: Crm, found: Invitation) -> list[Create | Update]:
    """What is to be written. The recipient is read first: who asks them after that makes the write fail."""
    settings, now = await settings_of(crm), crm.now()
    recipient: Mapping[str, Any] | None = None
    asked: list[tuple[UUID, datetime]] = []
    if found.contact_id is not None:
        longest = max(settings.quarantine_days, interval_of(found, settings))
        recipient, asked = await _asked(crm, found.contact_id, now - timedelta(days=longest))
    if (reason := why_not(found, asked, now, settings)) is not None:
        values: dict[str, Any] = {"state": SurveysInvitationState.SUPPRESSED, "skip_reason": reason}
        return [Update(SurveysInvitation, found.id, values, found.version)]
    ends = [now + timedelta(days=found.answer_days), *([found.closes_at] if found.closes_at else [])]
    channel = SurveysChannel.EMAIL if crm.has("email") else SurveysChannel.LINK
    values = {"state": SurveysInvitationState.READY, "channel": channel, "asked_at": now, "expires_at": min(ends)}
    turn: Create | Update = (
        Create(SurveysRecipient, {"contact_id": found.contact_id, "turns": 1, "asked_at": now})
        if recipient is None
        else Update(
            SurveysRecipient,
            key_of(recipient["id"]),
            {"turns": recipient["turns"] + 1, "asked_at": now},
            recipient["version"],
        )
    )
    return [turn, Update(SurveysInvitation, found.id, values, found.version)]


async def _asked(
    crm: Crm, contact: UUID, since: datetime
) -> tuple[Mapping[str, Any] | None, list[tuple[UUID, datetime]]]:
    nodes = (await crm.gql(_RECIPIENT, contact=contact_gid(contact)))["surveysRecipients"]["nodes"]
    rows = await crm.gql(_ASKED, contact=contact_gid(contact), since=since.isoformat())
    asked = [
        (key_of(node["survey"]["id"]), at)
        for node in rows["surveysInvitations"]["nodes"]
        if node["survey"] is not None and (at := moment(node["askedAt"])) is not None
    ]
    return (nodes[0] if nodes else None), asked


async def _mail(crm: Crm, found: Invitation) -> None:
    """Hand it to the email plugin, which knows by the reference what it has had before."""
    assert found.contact_id is not None
    assert found.expires_at is not None
    settings = await settings_of(crm)
    language = choose(found.sheet.languages, found.language, settings.default_language)
    mail = invite(found.sheet, language, link_to(crm, found.id, language), found.expires_at)
    given = {
        "contactId": contact_gid(found.contact_id), "purpose": "SURVEY", "reference": invitation_id(found.id),
        "subject": mail.subject, "html": mail.html, "data": mail.data,
    }  # fmt: skip
    payload = (await crm.gql(_SEND, input=given))["emailMessageSend"]
    if any(error["code"] == "PLUGIN" for error in payload["errors"]):
        raise RuntimeError(f"The email plugin cannot send yet: {payload['errors'][0]['message']}")
    if payload["errors"]:
        await refuse(crm, found.id, payload["errors"][0]["message"])
    else:
        sent = {"state": SurveysInvitationState.SENT, "sent_at": crm.now()}
        await crm.write([Update(SurveysInvitation, found.id, sent)])


async def refuse(crm: Crm, key: UUID, note: str) -> None:
    """The mail did not go out: nobody was asked, and quarantine does not count it."""
    values = {
        "state": SurveysInvitationState.SUPPRESSED, "skip_reason": SurveysSkip.REFUSED, "skip_note": note[:500],
        "asked_at": None, "sent_at": None, "expires_at": None,
    }  # fmt: skip
    await crm.write([Update(SurveysInvitation, key, values)])


def link_to(crm: Crm, key: UUID, language: str | None = None) -> str:
    """The address of the page where an invitation is answered, for the invited alone."""
    token = crm.seal({"invitation": str(key)})
    return crm.url(f"answer/{token}") + (f"?lang={language}" if language else "")


async def links(rows: Sequence[Row], ctx: Context) -> list[str | None]:
    """The addresses of a page of invitations, of those that can be answered."""
    crm = crm_of(ctx, "surveys")
    states = SurveysInvitationState
    usable = {states.READY, states.SENT, states.COMPLETED}
    return [link_to(crm, row["id"]) if row["state"] in usable else None for row in rows]


async def end_expired(crm: Crm, run: JobRun) -> dict[str, Any]:
    """The job `expire`, every hour: invitations whose time to answer is over are EXPIRED."""
    ended = 0
    while True:
        found = await crm.gql(_OVER, now=crm.now().isoformat())
        nodes = found["surveysInvitations"]["nodes"]
        values = {"state": SurveysInvitationState.EXPIRED}
        for node in nodes:
            try:
                await crm.write([Update(SurveysInvitation, key_of(node["id"]), values, node["version"])])
                ended += 1
            except Refusals as refused:
                if not meanwhile(refused):
                    raise
        if len(nodes) < 100:
            return {"ended": ended}
