"""A campaign from draft to results, through HTTP and a real mail server, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crmcore.plugins import Update
from crmcore.testing import TestCrm, key_of
from crmcore_email.models import EmailMessage

BODY = """<html><body><p>Dear {{ contact.firstName }}{% for c in contact.customers.nodes %} of {{ c.name }}{% endfor %}</p>
<a href="https://shop.example/?a=1&amp;b=2">Shop</a> <a href="{{ unsubscribeUrl }}">Leave</a></body></html>"""
READER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"}


async def template(crm: TestCrm, **more: Any) -> str:
    given = {"name": "News", "subject": "News for {{ contact.firstName }}", "body": BODY,
             "selection": "firstName customers(first: 1) { nodes { name } }", **more}  # fmt: skip
    return await crm.create("emailTemplate", **given)


async def campaign(crm: TestCrm, **more: Any) -> str:
    given = {
        "name": "Spring",
        "template_id": more.pop("template_id", None) or await template(crm),
        "segment": {},
        **more,
    }
    return await crm.create("emailCampaign", **given)


async def test_a_campaign_goes_to_those_who_may_get_it(crm: TestCrm, server: Any, story: Any):
    main = await template(crm)
    await template(
        crm,
        name="新闻",
        language="zh-CN",
        translation_of_id=main,
        subject="{{ contact.firstName }}，您好",
        body="<p>您好</p>",
    )
    await story.person("Anna", customer="Acme & Co")
    await story.person("Bob", consent="")
    await story.person("Cyr")
    await story.person("Dan", customer="Dan's")
    await story.person("Eve")
    fay = await story.person("Fay")
    await story.person("Gus", address=None)
    await story.person("Hal", address="ANNA@example.com")
    await story.person("Lin", customer="林", language="zh-CN")
    await story.person("Out", address="out@elsewhere.example")
    add = 'mutation { emailSuppressionAdd(input: {address: "Cyr@Example.com"}) { errors { message } } }'
    assert (await crm.gql(add))["emailSuppressionAdd"]["errors"] == []
    server.refuses = {"dan@example.com": ["550 5.1.1 No such user"], "eve@example.com": ["451 4.7.1 Come again"]}

    key = await campaign(crm, template_id=main, segment={"firstName": {"ne": "Out"}})
    await story.begun(key)
    await story.says(fay, "WITHDRAWN")
    await crm.run_jobs()
    assert await story.counts(key) == {
        "status": "SENDING", "recipients": 9, "queuedCount": 1, "sentCount": 2, "bouncedCount": 1, "suppressedCount": 5,
    }  # fmt: skip
    crm.advance(minutes=3)
    await crm.run_jobs()
    assert await story.counts(key) == {
        "status": "SENT", "recipients": 9, "sentCount": 3, "bouncedCount": 1, "suppressedCount": 5,
    }  # fmt: skip
    assert server.counts() == {"anna@example.com": 1, "lin@example.com": 1, "eve@example.com": 1}
    found = {
        name: (one["status"], (one["reason"] or "").partition(":")[0])
        for name, one in (await story.messages(key)).items()
    }
    assert found == {
        "Anna": ("SENT", ""), "Bob": ("SUPPRESSED", "NO_CONSENT"), "Cyr": ("SUPPRESSED", "SUPPRESSED"),
        "Dan": ("BOUNCED", "550 5.1.1 No such user"), "Eve": ("SENT", ""), "Fay": ("SUPPRESSED", "REFUSED"),
        "Gus": ("SUPPRESSED", "NO_ADDRESS"), "Hal": ("SUPPRESSED", "SAME_ADDRESS"), "Lin": ("SENT", ""),
    }  # fmt: skip
    mails = server.mails()
    assert mails["lin@example.com"]["subject"] == "Lin，您好"
    anna = mails["anna@example.com"]
    assert (anna["subject"], anna["from"]) == ("News for Anna", "Acme <news@acme.example>")
    assert "Dear Anna of Acme &amp; Co" in anna.get_body(("html",)).get_content()
    assert "Dear Anna of Acme & Co" in anna.get_body(("plain",)).get_content()
    assert {kind: len(found) for kind, found in story.paths(anna).items()} == {"open": 1, "click": 1, "unsubscribe": 2}
    assert anna["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    sent = (await story.messages(key))["Anna"]["id"][-36:].replace("-", "")
    assert anna["message-id"] == f"<{sent}@acme.example>"
    assert [one.mail_from for one in server.taken if one.rcpt_tos == ["anna@example.com"]] == [
        f"bounce+{sent}@acme.example"
    ]
    points = await crm.gql("{ contactPoints(where: {status: {eq: BOUNCED}}) { nodes { value } } }")
    assert points["contactPoints"]["nodes"] == [{"value": "dan@example.com"}]


async def test_its_pace_its_rest_and_what_changes_meanwhile(crm: TestCrm, server: Any, story: Any):
    """Two a minute; while it rests nothing goes out, and who is not to get it any more does not get it."""
    for name in ("Ann", "Ben", "Cid", "Dot", "Eli", "Flo"):
        await story.person(name)
    key = await campaign(crm, per_minute=2)
    await story.begun(key, at=(crm.plugin("email").now() + timedelta(hours=1)).isoformat())
    await crm.run_jobs()
    assert (await story.counts(key))["status"] == "SCHEDULED"
    crm.advance(hours=1, seconds=1)
    await crm.run_jobs()
    assert set(server.counts()) == {"ann@example.com", "ben@example.com"}
    assert (await story.step("Pause", key))["emailCampaign"] == {"status": "PAUSED"}
    crm.advance(minutes=1)
    await crm.run_jobs()
    assert len(server.taken) == 2
    add = 'mutation { emailSuppressionAdd(input: {address: "dot@example.com"}) { errors { message } } }'
    await crm.gql(add)
    assert [e["code"] for e in (await story.step("Send", key))["errors"]] == ["STATE"]
    assert (await story.step("Resume", key))["errors"] == []
    for _ in range(3):
        await crm.run_jobs()
        crm.advance(minutes=1)
    await crm.run_jobs()
    assert await story.counts(key) == {"status": "SENT", "recipients": 6, "sentCount": 5, "suppressedCount": 1}
    assert set(server.counts().values()) == {1}
    assert [e["code"] for e in (await story.step("Pause", key))["errors"]] == ["STATE"]


async def test_no_mail_goes_out_twice(crm: TestCrm, server: Any, story: Any):
    """A connection that breaks in the middle, a worker that ended in the middle, and a server that is not there."""
    await server.stop()
    for name in ("Ann", "Ben", "Cid"):
        await story.person(name)
    key = await campaign(crm)
    await story.begun(key)
    await crm.run_jobs()
    found = await story.counts(key)
    assert (found["queuedCount"], found["problem"].partition(":")[0]) == (3, "The mail server is not to be reached")
    health = "{ plugins { id health { key severity message } } }"
    [own] = [one for one in (await crm.gql(health))["plugins"] if one["id"] == "email"]
    assert [(one["key"], one["severity"]) for one in own["health"]] == [("smtp", "ERROR")]
    ben = (await story.messages(key))["Ben"]["id"]
    await crm.plugin("email").write([Update(EmailMessage, key_of(ben), {"status": "SENDING"})])
    server.at_data = {"ann@example.com": ["hang up"]}
    await server.start()
    crm.advance(minutes=3)
    await crm.run_jobs()
    assert await story.counts(key) == {"status": "SENT", "recipients": 3, "sentCount": 1, "failedCount": 2}
    assert server.counts() == {"cid@example.com": 1}
    reasons = {name: one["reason"] for name, one in (await story.messages(key)).items()}
    assert reasons["Ann"].startswith("INTERRUPTED: The connection broke while the mail was under way")
    assert reasons["Ben"].startswith("INTERRUPTED: the worker ended")
    crm.advance(days=1)
    await crm.run_jobs()
    assert server.counts() == {"cid@example.com": 1}


async def test_what_cannot_be_sent_is_refused_when_it_is_saved(crm: TestCrm, story: Any):
    given = {"name": "T", "subject": "Hi", "body": "<p>Hi</p>", "selection": "firstName"}
    create = (
        "mutation($i: EmailTemplateCreateInput!) { emailTemplateCreate(input: $i) { errors { code message path } } }"
    )
    for wrong, path, said in (
        ({"body": "{{ contact.lastName }}"}, "body", "Line 1 of the body: there is no contact.lastName"),
        ({"subject": "{% if %}"}, "subject", "Line 1 of the subject"),
        ({"selection": "firstNam"}, "selection", "Cannot query field 'firstNam' on type 'Contact'"),
        ({"selection": "firstName } x: contacts { nodes { id }"}, "selection", "The selection ends with '}'"),
        ({"format": "MJML", "body": "<mjml><x/></mjml>"}, "body", "The body is no MJML"),
    ):
        [found] = (await crm.gql(create, i={**given, **wrong}))["emailTemplateCreate"]["errors"]
        assert (found["code"], found["path"][-1]) == ("VALIDATION", path)
        assert said in found["message"]
    key = await crm.create("emailTemplate", **given)
    create = (
        "mutation($i: EmailCampaignCreateInput!) { emailCampaignCreate(input: $i) { errors { code message path } } }"
    )
    for wrong, path, said in (
        ({"segment": {"firstNam": {"eq": "x"}}}, "segment", "firstNam"),
        ({"segment": "everybody"}, "segment", "segment is an object"),
        ({"segment": {}, "perMinute": 0}, "perMinute", "perMinute is a number"),
    ):
        [found] = (await crm.gql(create, i={"name": "C", "templateId": key, **wrong}))["emailCampaignCreate"]["errors"]
        assert (found["code"], found["path"][-1]) == ("VALIDATION", path)
        assert said in found["message"]
    await crm.create("contact", first_name="Anna <3")
    preview = "query($t: ID!) { emailTemplatePreview(templateId: $t) { subject html text } }"
    found = (await crm.gql(preview, t=key))["emailTemplatePreview"]
    assert found == {"subject": "Hi", "html": "<p>Hi</p>", "text": "Hi\n"}
    limited = await crm.caller(user=await crm.create("user", name="Ann", email="ann@acme.example"), sees="OWN")
    made = await crm.create("emailCampaign", name="C", template_id=key, segment={})
    text = "mutation($id: ID!) { emailCampaignSend(id: $id) { errors { code } } }"
    assert (await limited.gql(text, id=made))["emailCampaignSend"]["errors"] == [{"code": "FORBIDDEN"}]
