"""Rules: who is asked because something happened. On both databases, through the graph."""

from __future__ import annotations

from crmcore.testing import TestCrm

from .stories import INVITE, invitation, invited, person, resolve, resolved_case, survey

ABOUT = """query($occasion: String!) {
  surveysInvitations(where: { occasion: { eq: $occasion } }, orderBy: [{ field: ID }]) {
    nodes { state skipReason channel askedAt dueAt case { number } order { number } contact { name } survey { name } }
  }
}"""


async def about(crm: TestCrm, occasion: str) -> list[dict]:
    return (await crm.gql(ABOUT, occasion=occasion))["surveysInvitations"]["nodes"]


async def skipped(crm: TestCrm, occasion: str) -> list[str]:
    return [node["skipReason"] for node in await about(crm, occasion)]


async def test_rules_ask_those_whose_case_was_resolved_or_whose_order_came(crm: TestCrm):
    """After the delay, once for each case, with a link where there is no email plugin; who is not asked is told why."""
    cases = await survey(crm, "Cases", rules=[{"event": "CASE_RESOLVED", "delayHours": 2}])
    orders = await survey(
        crm, "Orders", rules=[{"event": "ORDER_DELIVERED"}, {"event": "CASE_RESOLVED", "isActive": False}]
    )
    await survey(crm, "Draft", status="DRAFT", rules=[{"event": "CASE_RESOLVED"}])
    customer, contact = await person(crm, "Alfki")
    first = await resolved_case(crm, customer, contact)
    await crm.run_events()
    await crm.run_jobs()
    [found] = await about(crm, first)
    assert (found["state"], found["survey"]["name"], found["case"]["number"]) == ("CREATED", "Cases", "C-000001")

    crm.advance(hours=2, minutes=1)
    await crm.run_jobs()
    [found] = await about(crm, first)
    assert (found["state"], found["channel"], found["contact"]["name"]) == ("READY", "LINK", "Alfki")
    again = 'mutation($id: ID!) { caseReopen(id: $id, input: { reason: "No" }) { errors { code } } }'
    await crm.gql(again, id=first)
    await resolve(crm, first)
    await crm.run_events()
    assert len(await about(crm, first)) == 1

    order = await crm.create(
        "order", customer_id=customer, currency="EUR", status="DELIVERED", placed_at="2026-01-02T03:04:05Z"
    )
    await crm.run_events()
    await crm.run_jobs()
    [found] = await about(crm, order)
    assert (found["survey"]["name"], found["skipReason"], found["askedAt"]) == ("Orders", "QUARANTINE", None)
    crm.advance(days=31)
    second = await resolved_case(crm, customer, contact)
    lonely = await crm.create("customer", name="Nobody there")
    third = await resolved_case(crm, lonely, None)
    _, silent = await person(crm, "Silent", do_not_contact=True)
    fourth = await resolved_case(crm, lonely, silent)
    await crm.run_events()
    assert (await skipped(crm, third), (await about(crm, second))[0]["state"]) == (["NO_CONTACT"], "CREATED")
    crm.advance(hours=3)
    await crm.run_jobs()
    assert (await skipped(crm, second), await skipped(crm, fourth)) == (["SURVEY_INTERVAL"], ["DO_NOT_CONTACT"])

    crm.advance(days=60)
    fifth = await resolved_case(crm, customer, None)
    sixth = await resolved_case(crm, lonely, contact)
    await crm.run_events()
    crm.advance(hours=3)
    await crm.run_jobs()
    states = [(await about(crm, case))[0] for case in (fifth, sixth)]
    assert sorted((each["state"], each["skipReason"]) for each in states) == [
        ("READY", None),
        ("SUPPRESSED", "QUARANTINE"),
    ]
    shut = "mutation($id: ID!) { surveysSurveyUpdate(id: $id, input: { status: CLOSED }) { errors { code } } }"
    waiting = await invited(crm, orders, silent, dueAt="2099-01-01T00:00:00Z")
    assert (await invitation(crm, waiting))["state"] == "CREATED"
    late = await invited(crm, cases, silent, "late")
    await crm.gql(shut, id=cases)
    await crm.run_jobs()
    assert (await invitation(crm, late))["skipReason"] == "CLOSED"

    refused = []
    for given in (
        {"surveyId": cases, "contactId": contact, "occasion": "x"},
        {"surveyId": orders, "contactId": contact, "occasion": " "},
        {"surveyId": orders, "contactId": silent, "occasion": "pulse"},
        {"surveyId": orders, "contactId": await crm.create("contact", last_name="Free"), "occasion": "x"},
    ):
        payload = (await crm.gql(INVITE, input=given))["surveysInvite"]
        refused += [(error["code"], error["path"]) for error in payload["errors"]]
    assert refused == [
        ("STATE", ["input", "surveyId"]),
        ("VALIDATION", ["input", "occasion"]),
        ("DUPLICATE", ["input", "occasion"]),
        ("VALIDATION", ["input", "customerId"]),
    ]
