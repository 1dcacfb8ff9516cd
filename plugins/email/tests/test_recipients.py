"""What recipients, their mail programs and mail servers do with a mail, through the routes that the plugin answers."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from crmcore.testing import TestCrm, key_of
from crmcore_email.links import endpoints

READER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"}
SHOP = "https://shop.example/?a=1&b=%C3%BC"
BODY = """<p>{{ contact.firstName }} <a href="https://shop.example/?a=1&amp;b=ü">Shop</a> <a href="{{ unsubscribeUrl }}">Leave</a></p>"""


@pytest.fixture
async def sent(crm: TestCrm, server: Any, story: Any) -> str:
    """A campaign that three people got."""
    for name in ("Anna", "Ben", "Cid"):
        await story.person(name, customer=f"{name}'s")
    template = await crm.create("emailTemplate", name="T", subject="News", body=BODY, selection="firstName")
    key: str = await crm.create("emailCampaign", name="Spring", template_id=template, segment={})
    await story.begun(key)
    await crm.run_jobs()
    assert (await story.counts(key))["sentCount"] == 3
    crm.advance(minutes=1)
    return key


async def test_opens_clicks_and_farewells(crm: TestCrm, server: Any, story: Any, sent: str):
    """Programs look, a reader opens, clicks and leaves; each counts once, and a GET never unsubscribes."""
    with crm.sql_budget(2):  # the token, and all campaigns with their figures and mails
        await crm.gql("{ emailCampaigns { nodes { sentCount openedCount messages { nodes { contact { name } } } } } }")
    links = story.paths(server.mails()["anna@example.com"])
    [pixel], [click], [leave, same] = links["open"], links["click"], links["unsubscribe"]
    assert leave == same
    for agent in ("Mozilla/5.0", "Barracuda Link Scanner", ""):
        assert (await crm.http.get(pixel, headers={"user-agent": agent})).status_code == 200
        assert (await crm.http.get(click, headers={"user-agent": agent})).headers["location"] == SHOP
    assert (await crm.http.head(click, headers=READER)).status_code == 302
    assert (await crm.http.head(pixel, headers=READER)).status_code == 200
    asked = await crm.http.get(leave, headers=READER)
    assert (asked.status_code, "a…@example.com" in asked.text) == (200, True)
    assert (await crm.http.head(leave)).status_code == 200
    assert (await crm.http.post(leave, data={"other": "x"})).status_code == 400
    assert not {"openedCount", "clickedCount", "unsubscribedCount"} & set(await story.counts(sent))
    for _ in range(2):
        assert (await crm.http.get(pixel, headers=READER)).headers["content-type"] == "image/gif"
        assert (await crm.http.get(click, headers=READER)).headers["location"] == SHOP
    for form in ({"data": {"List-Unsubscribe": "One-Click"}}, {"files": {"List-Unsubscribe": (None, "One-Click")}}):
        assert (await crm.http.post(leave, **form)).status_code == 200
    got = await story.counts(sent)
    assert (got["openedCount"], got["clickedCount"], got["unsubscribedCount"]) == (1, 1, 1)
    for wrong in (click[:-2], leave.replace("/unsubscribe/", "/click/"), click.replace("/click/", "/unsubscribe/")):
        assert (await crm.http.get(wrong, headers=READER)).status_code == 404
    assert (await crm.http.get(pixel[:-2], headers=READER)).status_code == 200
    timeline = await crm.gql("""{ contacts(where: {firstName: {eq: "Anna"}}) { nodes {
      consents(where: {isCurrent: {eq: true}}) { nodes { state method } }
      timeline { nodes { ... on Interaction { subject direction } } } } } }""")
    [anna] = timeline["contacts"]["nodes"]
    assert anna["consents"]["nodes"] == [{"state": "WITHDRAWN", "method": "unsubscribe link"}]
    assert [tuple(node.values()) for node in anna["timeline"]["nodes"]] == [
        ("Unsubscribed: News", "IN"), ("Clicked: News", "IN"), ("Opened: News", "IN"),
        ("Opened by a program: News", "INTERNAL"), (),
    ]  # fmt: skip


async def test_who_left_gets_no_more_until_they_consent_anew(crm: TestCrm, server: Any, story: Any, sent: str):
    [leave, _] = story.paths(server.mails()["ben@example.com"])["unsubscribe"]
    assert (await crm.http.post(leave, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    ben = (await story.messages(sent))["Ben"]
    listed = "{ emailSuppressions { nodes { reason purpose } } }"
    left = [{"reason": "UNSUBSCRIBE", "purpose": "MARKETING"}]
    assert (await crm.gql(listed))["emailSuppressions"]["nodes"] == left
    assert ben["status"] == "SENT"
    found = await crm.gql('{ contacts(where: {firstName: {eq: "Ben"}}) { nodes { id } } }')
    [contact] = found["contacts"]["nodes"]
    await story.says(contact["id"], "GRANTED", "SURVEY")
    await crm.run_events()
    assert (await crm.gql(listed))["emailSuppressions"]["nodes"] == left
    await story.says(contact["id"], "GRANTED")
    await crm.run_events()
    assert (await crm.gql(listed))["emailSuppressions"]["nodes"] == []


DSN = """To: bounce+{message}@acme.example
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; anna@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} No such user

--b--
"""


async def test_what_mail_servers_report(crm: TestCrm, server: Any, story: Any, sent: str):
    """A delay, a bounce and a complaint: by mail and by Mailgun, once each, signed, and not for whoever asks."""
    ways = await endpoints(crm.plugin("email"))
    dsn, mailgun = (way.partition("/plugins/")[2] for way in (ways["dsn"], ways["mailgun"]))
    keys = {name: key_of(one["id"]).hex for name, one in (await story.messages(sent)).items()}

    async def report(action: str, status: str) -> Any:
        body = DSN.format(message=keys["Anna"], action=action, status=status)
        return (await crm.http.post(f"/plugins/{dsn}", content=body.encode())).json()

    assert await report("delayed", "4.4.1") == {"reports": 1, "known": 1}
    assert (await story.messages(sent))["Anna"]["status"] == "SENT"
    for _ in range(2):
        assert await report("failed", "5.1.1") == {"reports": 1, "known": 1}
    assert (await crm.http.post(f"/plugins/{dsn}", content=b"I am on holiday")).json() == {"reports": 0, "known": 0}
    assert (await crm.http.post(f"/plugins/{dsn[:-1]}", content=b"")).status_code == 404

    now = int(crm.plugin("email").now().timestamp())

    def event(name: str, who: str, *, token: str, key: str = "mg-key", at: int = now) -> dict[str, Any]:
        signature = hmac.new(key.encode(), f"{at}{token}".encode(), hashlib.sha256).hexdigest()
        return {
            "signature": {"timestamp": str(at), "token": token, "signature": signature},
            "event-data": {
                "event": name, "severity": "permanent", "recipient": f"{who.lower()}@example.com", "id": "e1",
                "message": {"headers": {"message-id": f"{keys[who]}@acme.example"}},
                "delivery-status": {"code": 550, "message": "5.1.1 Nobody"},
            },
        }  # fmt: skip

    async def post(body: Any) -> Any:
        return await crm.http.post(f"/plugins/{mailgun}", json=body)

    assert (await post(event("failed", "Ben", token="t0", key="other"))).status_code == 401
    assert (await post(event("failed", "Ben", token="t0", at=now - 3600))).status_code == 401
    assert (await post({"event-data": {}})).status_code == 401
    assert (await post([])).status_code == 401
    assert (await story.messages(sent))["Ben"]["status"] == "SENT"
    first = event("failed", "Ben", token="t1")
    assert (await post(first)).json() == {"known": 1}
    assert (await post(first)).json() == {"known": 0, "repeated": True}
    assert (await post(event("complained", "Cid", token="t2"))).json() == {"known": 1}
    assert (await post(event("opened", "Cid", token="t3"))).json() == {"known": 0}
    assert await story.counts(sent) == {"status": "SENT", "recipients": 3, "bouncedCount": 2, "complainedCount": 1}
    found = await crm.gql("""{ emailSuppressions(orderBy: [{field: AT}]) { nodes { reason purpose } }
      contactPoints(where: {status: {eq: BOUNCED}}) { nodes { value } }
      consents(where: {state: {eq: WITHDRAWN}}) { nodes { method } } }""")
    assert found == {
        "emailSuppressions": {"nodes": [{"reason": reason, "purpose": None} for reason in ("BOUNCE", "BOUNCE", "COMPLAINT")]},
        "contactPoints": {"nodes": [{"value": "anna@example.com"}, {"value": "ben@example.com"}]},
        "consents": {"nodes": [{"method": "complaint"}]},
    }  # fmt: skip
    crm.advance(hours=2)
    await crm.run_jobs()
    assert await crm.plugin("email").store.items("mailgun/") == {}
