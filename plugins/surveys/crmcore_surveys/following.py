"""What surveys does by itself: rules invite when something happened, low scores open cases."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

from crmcore.domain.cases import Case, CasePriority, CaseType
from crmcore.domain.customers import Channel
from crmcore.errors import Duplicate, Refusals
from crmcore.plugins import Create, Crm, JobRun, PluginEvent, Update
from crmcore_surveys.ids import key_of, record_id, response_id
from crmcore_surveys.invitations import TRIES, meanwhile, plan, refuse
from crmcore_surveys.models import SurveysResponse
from crmcore_surveys.reading import settings_of
from crmcore_surveys.rules import SurveysEvent, SurveysSkip
from crmcore_surveys.settings import SurveysSettings

_EVENTS: Final = {"case.resolved": SurveysEvent.CASE_RESOLVED, "order.delivered": SurveysEvent.ORDER_DELIVERED}
_UNSENT: Final = frozenset({"SUPPRESSED", "FAILED", "BOUNCED"})
_RULES: Final = """query($event: SurveysEvent!, $id: ID!) {
  surveysRules(where: { event: { eq: $event }, isActive: { eq: true }, survey: { status: { eq: OPEN } } }, first: 100) {
    nodes { id delayHours sharePercent survey { id } }
  }
  about: %s(id: $id) {
    %s
    customer {
      id language contactLinks(where: { isPrimary: { eq: true } }, first: 1) { nodes { contact { id } } }
    }
  }
}"""
_ABOUT: Final = {"case": _RULES % ("case", "contact { id }"), "order": _RULES % ("order", "")}
_MAIL: Final = "query($id: ID!) { emailMessage(id: $id) { reference status reason } }"
_STATE: Final = "query($id: ID!) { surveysInvitation(id: $id) { state } }"
_RESPONSE: Final = """query($id: ID!) {
  surveysResponse(id: $id) {
    version score satisfaction comment caseOpenedAt
    customer { id name owner { id } } contact { id } survey { name } invitation { case { number } order { number } }
  }
}"""


async def hear(crm: Crm, event: PluginEvent) -> None:
    """The hook `crm_on_event`."""
    if event.record_type in _ABOUT:
        await _follow_rules(crm, event)
    elif event.record_type == "email_message":
        await _hear_mail(crm, event.record_id)


async def _follow_rules(crm: Crm, event: PluginEvent) -> None:
    """Plan an invitation for each rule. Told again it plans nothing: there is one for each occasion."""
    occasion = record_id(event.record_type, event.record_id)
    found = await crm.gql(_ABOUT[event.record_type], event=_EVENTS[event.type], id=occasion)
    about = found["about"]
    if about is None or about["customer"] is None:
        return
    customer = about["customer"]
    links = [link["contact"] for link in customer["contactLinks"]["nodes"]]
    person = about.get("contact") or (links[0] if links else None)
    contact = None if person is None else key_of(person["id"])
    for rule in found["surveysRules"]["nodes"]:
        values = {
            "survey_id": key_of(rule["survey"]["id"]),
            "customer_id": key_of(customer["id"]),
            "contact_id": contact,
            f"{event.record_type}_id": event.record_id,
            "occasion": occasion,
            "language": customer["language"],
            "due_at": event.at + timedelta(hours=rule["delayHours"]),
        }
        skip = None
        if contact is None:
            skip = SurveysSkip.NO_CONTACT
        elif not in_share(rule["id"], contact, rule["sharePercent"]):
            skip = SurveysSkip.SAMPLE
        try:
            await plan(crm, values, skip)
        except Refusals as refused:
            if not all(isinstance(refusal, Duplicate) for refusal in refused.refusals):
                raise


def in_share(rule: str, contact: UUID, percent: int) -> bool:
    """Whether a contact is among the share that a rule asks: always the same ones, others for each rule. Pure."""
    digest = hashlib.sha256(f"{rule} {contact}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % 100 < percent


async def _hear_mail(crm: Crm, message: UUID) -> None:
    """What the email plugin tells later of a mail of ours that did not reach anybody."""
    mail = (await crm.gql(_MAIL, id=record_id("email_message", message)))["emailMessage"]
    if mail is None or mail["status"] not in _UNSENT or not (mail["reference"] or "").startswith("surveys_invitation_"):
        return
    node = (await crm.gql(_STATE, id=mail["reference"]))["surveysInvitation"]
    if node is not None and node["state"] in {"READY", "SENT"}:
        await refuse(crm, key_of(mail["reference"]), mail["reason"] or mail["status"])


# ---------------------------------------------------------------- closing the loop


async def follow_up(crm: Crm, run: JobRun) -> dict[str, Any]:
    """The job `follow_up`: a response with a low score opens a case, once."""
    key = UUID(run.payload["response"])
    settings = await settings_of(crm)
    for _ in range(TRIES):
        row = (await crm.gql(_RESPONSE, id=response_id(key)))["surveysResponse"]
        if row is None or row["customer"] is None or row["caseOpenedAt"] is not None or not is_low(row, settings):
            return {"case": None}
        case = uuid4()
        linked = {"case_id": case, "case_opened_at": crm.now()}
        try:
            await crm.write([Create(Case, _case(row), case), Update(SurveysResponse, key, linked, row["version"])])
        except Refusals as refused:
            if not meanwhile(refused):
                raise
        else:
            return {"case": record_id("case", case)}
    raise TimeoutError(f"Response {key} was changed by others {TRIES} times while a case was opened for it.")


def is_low(row: Mapping[str, Any], settings: SurveysSettings) -> bool:
    """Whether somebody has to look after who answered so. Pure."""
    bounds = (("score", settings.low_score), ("satisfaction", settings.low_satisfaction))
    return any(row[name] is not None and most is not None and row[name] <= most for name, most in bounds)


def _case(row: Mapping[str, Any]) -> dict[str, Any]:
    given = [("recommends us", row["score"], 10), ("is satisfied", row["satisfaction"], 5)]
    said = " and ".join(f"{what} with {value} of {most}" for what, value, most in given if value is not None)
    invitation = row["invitation"] or {}
    about = next((invitation[name]["number"] for name in ("case", "order") if invitation.get(name)), None)
    name = row["survey"]["name"] if row["survey"] else "a question"
    lines = [f"{row['customer']['name']} answered {name}{f' about {about}' if about else ''}.", row["comment"] or ""]
    owner = row["customer"]["owner"]
    return {
        "type": CaseType.COMPLAINT,
        "subject": f"Low score: {row['customer']['name'][:200]} {said}",
        "description": "\n\n".join(line for line in lines if line),
        "customer_id": key_of(row["customer"]["id"]),
        "contact_id": key_of(row["contact"]["id"]) if row["contact"] else None,
        "owner_id": key_of(owner["id"]) if owner else None,
        "priority": CasePriority.HIGH,
        "channel": Channel.WEB,
    }
