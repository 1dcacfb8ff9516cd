"""Single mails, as other plugins and programs send them."""

from __future__ import annotations

from typing import Any

from crmcore.testing import TestCrm

SEND = """mutation($i: EmailMessageSendInput!) { emailMessageSend(input: $i) {
  emailMessage { id status reason subject address reference } errors { code message path } } }"""
STATUS = "query($id: ID!) { emailMessage(id: $id) { status reason attempts content } }"


async def test_a_mail_is_written_now_and_sent_once(crm: TestCrm, server: Any, story: Any):
    anna = await story.person("Anna", consent="", customer="Acme")
    template = await crm.create(
        "emailTemplate", name="Ask", subject="{{ contact.firstName }}, how was it?", selection="firstName",
        body='<p>{{ data.order }}</p><a href="{{ data.url }}">Answer</a> <a href="{{ unsubscribeUrl }}">No more</a>',
    )  # fmt: skip
    given = {"contactId": anna, "purpose": "SURVEY", "templateId": template, "reference": "survey-1",
             "data": {"order": "A & B", "url": "https://crm.example/s/1"}}  # fmt: skip
    dry = SEND.replace("input: $i)", "input: $i, dryRun: true)")
    assert (await crm.gql(dry, i=given))["emailMessageSend"]["errors"] == []
    assert (await crm.gql("{ emailMessages { totalCount } jobs { totalCount } }")) == {
        "emailMessages": {"totalCount": 0}, "jobs": {"totalCount": 0},
    }  # fmt: skip
    first = (await crm.gql(SEND, i=given))["emailMessageSend"]
    assert first["errors"] == []
    assert first["emailMessage"] | {"id": ""} == {
        "id": "", "status": "QUEUED", "reason": None, "subject": "Anna, how was it?", "address": "anna@example.com",
        "reference": "survey-1",
    }  # fmt: skip
    assert (await crm.gql(SEND, i=given))["emailMessageSend"]["emailMessage"]["id"] == first["emailMessage"]["id"]
    await crm.run_jobs()
    assert server.counts() == {"anna@example.com": 1}
    mail = server.mails()["anna@example.com"]
    html = mail.get_body(("html",)).get_content()
    assert "<p>A &amp; B</p>" in html
    assert 'href="https://crm.example/s/1"' in html
    assert set(story.paths(mail)) == {"unsubscribe"}
    held = (await crm.gql(STATUS, id=first["emailMessage"]["id"]))["emailMessage"]
    assert held == {"status": "SENT", "reason": None, "attempts": 1, "content": None}
    timeline = "query($id: ID!) { contact(id: $id) { timeline { nodes { ... on EmailMessage { subject } } } emailMessages { totalCount } } }"
    found = (await crm.gql(timeline, id=anna))["contact"]
    assert found == {"timeline": {"nodes": [{"subject": "Anna, how was it?"}]}, "emailMessages": {"totalCount": 1}}


async def test_who_may_be_written_to_is_asked_when_it_is_sent(crm: TestCrm, server: Any, story: Any):
    anna = await story.person("Anna", consent="")
    plain = {"contactId": anna, "subject": "Hi", "html": "<p>Hi</p>"}
    found = {}
    for purpose in ("MARKETING", "SURVEY", "TRANSACTIONAL"):
        sent = (await crm.gql(SEND, i={**plain, "purpose": purpose}))["emailMessageSend"]
        found[purpose] = sent["emailMessage"]["id"]
    ben = await story.person("Ben", consent="")
    sent = (await crm.gql(SEND, i={**plain, "contactId": ben, "purpose": "CARE"}))["emailMessageSend"]
    found["CARE"] = sent["emailMessage"]["id"]
    await crm.gql("mutation($id: ID!) { contactDelete(id: $id) { errors { message } } }", id=ben)
    await story.says(anna, "DENIED", "SURVEY")
    await crm.run_jobs()
    told = {purpose: (await crm.gql(STATUS, id=key))["emailMessage"] for purpose, key in found.items()}
    assert {purpose: (one["status"], one["reason"]) for purpose, one in told.items()} == {
        "MARKETING": ("SUPPRESSED", "NO_CONSENT"), "SURVEY": ("SUPPRESSED", "REFUSED"), "TRANSACTIONAL": ("SENT", None),
        "CARE": ("SUPPRESSED", "GONE"),
    }  # fmt: skip
    assert "list-unsubscribe" not in server.mails()["anna@example.com"]
    events = await crm.gql(
        '{ auditEntries(where: {type: {in: ["email_message.sent", "email_message.suppressed"]}}) { totalCount } }'
    )
    assert events["auditEntries"]["totalCount"] == 4


async def test_what_a_mail_server_says_later_is_asked_later(crm: TestCrm, server: Any, story: Any):
    server.refuses = {"x@example.com": ["421 4.3.2 busy", "451 4.7.1 Come again"], "y@example.com": ["554 5.7.1 Spam"]}
    keys = {}
    for name in ("x", "y"):
        given = {
            "to": f"{name}@example.com",
            "purpose": "TRANSACTIONAL",
            "subject": "Hi",
            "html": "<p>{{ data.a }}</p>",
            "data": {"a": 1},
        }
        keys[name] = (await crm.gql(SEND, i=given))["emailMessageSend"]["emailMessage"]["id"]
    for _ in range(3):
        await crm.run_jobs()
        crm.advance(minutes=5)
    told = {name: (await crm.gql(STATUS, id=key))["emailMessage"] for name, key in keys.items()}
    assert (told["x"]["status"], told["x"]["attempts"]) == ("SENT", 3)
    assert (told["y"]["status"], told["y"]["reason"]) == ("BOUNCED", "554 5.7.1 Spam")
    assert (await crm.gql("{ emailSuppressions { totalCount } }"))["emailSuppressions"]["totalCount"] == 0
    assert server.counts() == {"x@example.com": 1}


async def test_what_cannot_be_sent_is_refused(crm: TestCrm, story: Any):
    nobody = await story.person("Gus", address=None)
    plain = {"to": "a@example.com", "purpose": "TRANSACTIONAL", "subject": "Hi", "html": "<p>Hi</p>"}
    for wrong, path, code in (
        ({"to": "nowhere"}, "to", "VALIDATION"),
        ({"purpose": "MARKETING"}, "contactId", "VALIDATION"),
        ({"to": None}, "contactId", "VALIDATION"),
        ({"to": None, "contactId": nobody}, "contactId", "VALIDATION"),
        ({"contactId": "contact_00000000-0000-0000-0000-000000000001"}, "contactId", "NOT_FOUND"),
        ({"html": None}, "html", "VALIDATION"),
        ({"subject": ""}, "subject", "VALIDATION"),
        ({"html": "{{ data.x }}"}, "html", "VALIDATION"),
        ({"html": "{{ ''.__class__ }}"}, "html", "VALIDATION"),
        ({"templateId": "email_template_00000000-0000-0000-0000-000000000001", "subject": None, "html": None}, "templateId", "NOT_FOUND"),
    ):  # fmt: skip
        payload = (await crm.gql(SEND, i={**plain, **wrong}))["emailMessageSend"]
        assert payload["emailMessage"] is None
        assert [(e["code"], e["path"][-1]) for e in payload["errors"]] == [(code, path)], wrong
    assert (await crm.gql("{ emailMessages { totalCount } jobs { totalCount } }")) == {
        "emailMessages": {"totalCount": 0}, "jobs": {"totalCount": 0},
    }  # fmt: skip
    stranger = await crm.caller(tenant="stranger")
    assert (await stranger.gql("{ emailMessages { totalCount } }"))["emailMessages"]["totalCount"] == 0


async def test_it_signs_in_and_the_password_is_not_told(crm_factory: Any, server: Any):
    """A wrong password is a mail server that is not to be reached: the mail waits."""
    server.password = "open sesame"
    own = {"smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_tls": "none", "from_address": "a@acme.example",
           "smtp_user": "crm", "smtp_password": "wrong"}  # fmt: skip
    crm = await crm_factory(settings={"email": own})
    given = {"to": "x@example.com", "purpose": "TRANSACTIONAL", "subject": "Hi", "html": "Hi"}
    key = (await crm.gql(SEND, i=given))["emailMessageSend"]["emailMessage"]["id"]
    await crm.run_jobs()
    assert (await crm.gql(STATUS, id=key))["emailMessage"]["status"] == "QUEUED"
    told = await crm.gql("{ plugins { health { message } settings { values { value } } } jobs { nodes { error } } }")
    assert "wrong" not in str(told)
    change = 'mutation($v: JSON!) { pluginSettingsUpdate(plugin: "email", input: {values: $v}) { errors { message } } }'
    assert (await crm.gql(change, v={"smtp_password": server.password}))["pluginSettingsUpdate"]["errors"] == []
    crm.advance(minutes=10)
    await crm.run_jobs()
    assert (await crm.gql(STATUS, id=key))["emailMessage"]["status"] == "SENT"
    assert server.taken[0].mail_from == "a@acme.example"
