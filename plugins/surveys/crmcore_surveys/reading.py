"""Invitations as they are read to be sent or answered: by the graph, like everybody reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from crmcore.plugins import Crm
from crmcore_surveys.ids import invitation_id, key_of
from crmcore_surveys.page import Sheet
from crmcore_surveys.questions import Question, SurveysQuestionKind
from crmcore_surveys.rules import SurveysChannel, SurveysInvitationState, SurveysSkip, SurveysStatus
from crmcore_surveys.settings import SurveysSettings
from crmcore_surveys.words import WORDS

_INVITATION: Final = """query($id: ID!) {
  surveysInvitation(id: $id) {
    id version state channel language sentAt answeredAt expiresAt
    contact { id doNotContact } customer { id language }
    survey {
      id status titles intros thanks intervalDays answerDays closesAt
      questions(first: 200, orderBy: [{ field: POSITION }, { field: ID }]) {
        nodes { id version kind titles choices required }
      }
    }
  }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An invitation with its survey. `versions` are those of the questions, by their keys."""

    id: UUID
    version: int
    state: SurveysInvitationState
    channel: SurveysChannel | None
    language: str | None
    sent_at: datetime | None
    answered_at: datetime | None
    expires_at: datetime | None
    contact_id: UUID | None
    do_not_contact: bool
    customer_id: UUID
    survey_id: UUID
    status: SurveysStatus
    closes_at: datetime | None
    interval_days: int | None
    answer_days: int
    sheet: Sheet
    versions: Mapping[UUID, int]

    def closed(self, now: datetime) -> str | None:
        """Why it takes no answers now, in a word of the page; None if it does."""
        states = SurveysInvitationState
        if self.state not in {states.READY, states.SENT, states.COMPLETED, states.EXPIRED}:
            return "unknown_link"
        if self.status != SurveysStatus.OPEN or (self.closes_at is not None and self.closes_at <= now):
            return "closed"
        over = self.state == states.EXPIRED or (self.expires_at is not None and self.expires_at <= now)
        return "expired" if over else None


async def settings_of(crm: Crm) -> SurveysSettings:
    """The plugin's settings in this tenant."""
    found: SurveysSettings = await crm.settings()
    return found


async def read_invitation(crm: Crm, id: UUID, company: str = "") -> Invitation | None:
    """An invitation that lives, and whose survey and customer do."""
    node = (await crm.gql(_INVITATION, id=invitation_id(id)))["surveysInvitation"]
    if node is None or node["survey"] is None or node["customer"] is None:
        return None
    survey, contact = node["survey"], node["contact"]
    return Invitation(
        id=id,
        version=node["version"],
        state=SurveysInvitationState(node["state"]),
        channel=None if node["channel"] is None else SurveysChannel(node["channel"]),
        language=node["language"] or node["customer"]["language"],
        sent_at=moment(node["sentAt"]),
        answered_at=moment(node["answeredAt"]),
        expires_at=moment(node["expiresAt"]),
        contact_id=None if contact is None else key_of(contact["id"]),
        do_not_contact=contact is not None and contact["doNotContact"],
        customer_id=key_of(node["customer"]["id"]),
        survey_id=key_of(survey["id"]),
        status=SurveysStatus(survey["status"]),
        closes_at=moment(survey["closesAt"]),
        interval_days=survey["intervalDays"],
        answer_days=survey["answerDays"],
        sheet=_sheet(survey, company),
        versions={key_of(each["id"]): each["version"] for each in survey["questions"]["nodes"]},
    )


def moment(text: str | None) -> datetime | None:
    """A time as the graph writes it."""
    return None if text is None else datetime.fromisoformat(text)


def interval_of(found: Invitation, settings: SurveysSettings) -> int:
    """How many days lie between two invitations to this survey."""
    return settings.interval_days if found.interval_days is None else found.interval_days


def why_not(
    found: Invitation, asked: Sequence[tuple[UUID, datetime]], now: datetime, settings: SurveysSettings
) -> SurveysSkip | None:
    """Why this contact is not asked now; None if it is their turn. `asked` are the surveys that they were asked, and
    when. Pure."""
    if found.status != SurveysStatus.OPEN or (found.closes_at is not None and found.closes_at <= now):
        return SurveysSkip.CLOSED
    if found.contact_id is None:
        return SurveysSkip.NO_CONTACT
    if found.do_not_contact:
        return SurveysSkip.DO_NOT_CONTACT
    if any((now - at).total_seconds() < settings.quarantine_days * 86400 for _, at in asked):
        return SurveysSkip.QUARANTINE
    interval = interval_of(found, settings)
    own = [at for survey, at in asked if survey == found.survey_id]
    if any((now - at).total_seconds() < interval * 86400 for at in own):
        return SurveysSkip.SURVEY_INTERVAL
    return None


def _sheet(survey: Mapping[str, Any], company: str) -> Sheet:
    titles = survey["titles"]
    spoken = [code for code in titles if code.partition("-")[0] in WORDS]
    questions = [
        Question(
            key_of(node["id"]),
            SurveysQuestionKind(node["kind"]),
            node["titles"],
            node["required"],
            {choice["code"]: choice["titles"] for choice in node["choices"] or ()},
        )
        for node in survey["questions"]["nodes"]
    ]
    return Sheet(titles, questions, spoken or list(titles), survey["intros"], survey["thanks"], company)
