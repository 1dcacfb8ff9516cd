"""What the stories of surveys have in common: people, a survey with a question of each kind, and steps by name."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from crmcore.testing import Caller, TestCrm

QUESTIONS = [
    ("SATISFACTION", "How satisfied are you with how we solved it?", "您对我们的处理是否满意？", True),
    ("RECOMMENDATION", "How likely are you to recommend us?", "您有多大可能推荐我们？", False),
    ("REPURCHASE", "Will you buy from us again?", "您会再次购买吗？", False),
    ("EXPECTATION", "Speed of our answer", "我们的响应速度", False),
    ("CHOICE", "What matters most to you?", "您最看重什么？", False),
    ("TEXT", "What could we do better?", "我们可以如何改进？", False),
]
CHOICES = [
    {"code": "price", "titles": {"en": "The price", "zh": "价格"}},
    {"code": "quality", "titles": {"en": "Quality", "zh": "质量"}},
]
INVITE = """mutation($input: SurveysInviteInput!) {
  surveysInvite(input: $input) { surveysInvitation { id } errors { code message path } }
}"""
INVITATION = """query($id: ID!) {
  surveysInvitation(id: $id) { state skipReason skipNote channel link askedAt sentAt answeredAt expiresAt language occasion }
}"""


async def person(crm: Caller, name: str, *, language: str | None = None, **contact: Any) -> tuple[str, str]:
    """A customer with a main contact: their ids."""
    customer = await crm.create("customer", name=name, language=language)
    found = await crm.create("contact", last_name=name, **contact)
    await crm.create("contactLink", customer_id=customer, contact_id=found, is_primary=True)
    return customer, found


async def survey(crm: Caller, name: str = "Cases", **more: Any) -> str:
    """An open survey with a question of each kind."""
    questions = [
        {"position": place, "kind": kind, "titles": {"en": en, "zh": zh}, "required": required}
        | ({"choices": CHOICES} if kind == "CHOICE" else {})
        for place, (kind, en, zh, required) in enumerate(QUESTIONS)
    ]
    given = {"status": "OPEN", "titles": {"en": "Your case with us", "zh": "您的服务体验"}, "questions": questions}
    return await crm.create("surveysSurvey", name=name, **{**given, **more})


async def fields_of(crm: Caller, survey: str) -> dict[str, str]:
    """The name of each question's field in the form, by kind."""
    query = "query($id: ID!) { surveysSurvey(id: $id) { questions { nodes { id kind } } } }"
    nodes = (await crm.gql(query, id=survey))["surveysSurvey"]["questions"]["nodes"]
    return {node["kind"]: f"q{UUID(node['id'][-36:]).hex}" for node in nodes}


async def invited(crm: TestCrm, survey: str, contact: str, occasion: str = "pulse", **more: Any) -> str:
    """An invitation by hand; its id."""
    given = {"surveyId": survey, "contactId": contact, "occasion": occasion, **more}
    payload = (await crm.gql(INVITE, input=given))["surveysInvite"]
    assert payload["errors"] == [], payload["errors"]
    key: str = payload["surveysInvitation"]["id"]
    return key


async def invitation(crm: Caller, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await crm.gql(INVITATION, id=id))["surveysInvitation"]
    return found


async def linked(crm: TestCrm, survey: str, contact: str, occasion: str = "pulse") -> str:
    """An invitation whose turn it is: the path of its page."""
    key = await invited(crm, survey, contact, occasion)
    await crm.run_jobs()
    found = await invitation(crm, key)
    assert found["state"] == "READY", found
    return urlsplit(found["link"]).path


async def resolved_case(crm: Caller, customer: str, contact: str | None) -> str:
    """A case that was solved."""
    case = await crm.create("case", subject="It does not start", customer_id=customer, contact_id=contact)
    await crm.gql("mutation($id: ID!) { caseOpen(id: $id) { errors { code } } }", id=case)
    await resolve(crm, case)
    return case


async def resolve(crm: Caller, case: str) -> None:
    done = "mutation($id: ID!) { caseResolve(id: $id, input: { resolution: 'New fuse' }) { errors { message } } }"
    payload = await crm.gql(done.replace("'", '"'), id=case)
    assert payload["caseResolve"]["errors"] == []
