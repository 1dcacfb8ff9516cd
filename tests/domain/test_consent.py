"""What contacts say about being reached, and whether they may be."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from crmcore.domain.contacts import Consent, Contact, Reachable, reachable, record_consent
from crmcore.domain.customers import Channel
from crmcore.kit.ids import new_id
from crmcore.records import Update, merge, select, unmerge, write
from tests.domain.conftest import NOW, made, refusal


@pytest.fixture
async def contact(ctx):
    return await made(ctx, Contact, last_name="Li")


async def said(ctx, contact, state, purpose="MARKETING", **more):
    return await record_consent(
        ctx, contact_id=contact, channel=Channel.EMAIL, purpose=purpose, state=state, method="form", **more
    )


async def may(ctx, contact, purpose="MARKETING", channel=Channel.EMAIL):
    return (await reachable(ctx, [contact], channel, purpose))[contact]


async def words(ctx, contact):
    """Its states in the order of their times, each with whether it is current."""
    async with ctx.db.transaction() as tx:
        rows = await select(ctx, tx, Consent, ("contact_id",), [contact])
    return [(row["state"], row["is_current"]) for row in sorted(rows, key=lambda row: (row["at"], row["id"]))]


async def test_the_last_word_counts(ctx, contact, facts):
    assert await may(ctx, contact) == Reachable.NO_CONSENT
    await said(ctx, contact, "GRANTED", at=NOW - timedelta(days=2))
    assert await may(ctx, contact) == Reachable.YES
    await said(ctx, contact, "WITHDRAWN", at=NOW - timedelta(days=1))
    assert await may(ctx, contact) == Reachable.REFUSED
    before = len(await facts())
    await said(ctx, contact, "GRANTED", at=NOW - timedelta(hours=36), evidence="found on paper")
    assert await may(ctx, contact) == Reachable.REFUSED, "said earlier, recorded later"
    assert [fact[0] for fact in (await facts())[before:]] == ["consent.created"]
    assert await words(ctx, contact) == [("GRANTED", False), ("GRANTED", False), ("WITHDRAWN", True)]
    await said(ctx, contact, "GRANTED")
    assert await may(ctx, contact) == Reachable.YES
    assert [fact[0] for fact in await facts()].count("consent.changed") == 3


async def test_each_channel_and_purpose_has_its_own(ctx, contact):
    await said(ctx, contact, "GRANTED")
    await said(ctx, contact, "DENIED", "SURVEY")
    found = {purpose: await may(ctx, contact, purpose) for purpose in ("MARKETING", "CARE", "SURVEY", "TRANSACTIONAL")}
    assert found == {"MARKETING": "YES", "CARE": "YES", "SURVEY": "REFUSED", "TRANSACTIONAL": "YES"}
    assert await may(ctx, contact, channel=Channel.PHONE) == Reachable.NO_CONSENT
    assert await may(ctx, contact, "SURVEY", Channel.PHONE) == Reachable.YES


async def test_a_consent_ends_and_a_person_may_want_nothing(ctx, contact):
    await said(ctx, contact, "GRANTED", at=NOW - timedelta(days=2), expires_at=NOW)
    assert await may(ctx, contact) == Reachable.NO_CONSENT
    await said(ctx, contact, "GRANTED", expires_at=NOW + timedelta(seconds=1))
    assert await may(ctx, contact) == Reachable.YES
    await write(ctx, [Update(Contact, contact, {"do_not_contact": True})])
    assert await may(ctx, contact, "TRANSACTIONAL") == Reachable.DO_NOT_CONTACT
    stranger = new_id()
    assert await reachable(ctx, [contact, stranger], Channel.EMAIL, "CARE") == {
        contact: Reachable.DO_NOT_CONTACT,
        stranger: Reachable.GONE,
    }


async def test_what_cannot_be_is_refused(ctx, contact):
    assert (await refusal(said(ctx, contact, "GRANTED", at=NOW + timedelta(days=1)))).path == ("at",)
    found = await refusal(said(ctx, contact, "GRANTED", at=NOW, expires_at=NOW))
    assert (found.path, found.code) == (("expiresAt",), "VALIDATION")
    found = await refusal(said(ctx, new_id(), "GRANTED"))
    assert (found.path, found.code) == (("contactId",), "NOT_FOUND")
    assert await words(ctx, contact) == []


async def test_two_contacts_who_become_one_have_said_the_last_word_of_both(ctx, contact):
    other = await made(ctx, Contact, last_name="Lee")
    await said(ctx, contact, "GRANTED", at=NOW - timedelta(days=2))
    await said(ctx, other, "WITHDRAWN", at=NOW - timedelta(days=1))
    await said(ctx, other, "GRANTED", "CARE")
    done = await merge(ctx, Contact, contact, [other])
    assert await may(ctx, contact) == Reachable.REFUSED
    assert await words(ctx, contact) == [("GRANTED", False), ("WITHDRAWN", True), ("GRANTED", True)]
    await unmerge(ctx, done.merge_id, model=Contact)
    assert (await words(ctx, contact), await may(ctx, contact)) == ([("GRANTED", True)], Reachable.YES)
    assert await words(ctx, other) == [("WITHDRAWN", True), ("GRANTED", True)]


RECORD = """mutation($input: ConsentRecordInput!) { consentRecord(input: $input) {
  consent { id state isCurrent inForce contact { consents(where: {isCurrent: {eq: true}}) { nodes { state } } } }
  errors { code path } } }"""


async def test_in_the_graph(crm):
    """Recorded, listed at the contact, and found by: who may have our news."""
    made = await crm.gql('mutation { contactCreate(input: {lastName: "Li"}) { contact { id } } }')
    key = made["contactCreate"]["contact"]["id"]
    given = {"contactId": key, "channel": "EMAIL", "purpose": "MARKETING", "state": "DENIED", "method": "call"}
    for state, in_force in (("DENIED", False), ("GRANTED", True)):
        payload = (await crm.gql(RECORD, input={**given, "state": state}))["consentRecord"]
        assert payload["errors"] == []
        assert payload["consent"]["isCurrent"]
        assert payload["consent"]["inForce"] is in_force
        assert payload["consent"]["contact"]["consents"]["nodes"] == [{"state": state}]
    found = await crm.gql("""{ contacts(where: {consents: {some: {inForce: {eq: true}, channel: {eq: EMAIL}}}}) {
        nodes { consents(orderBy: [{field: AT}]) { nodes { state inForce } } } } }""")
    assert found["contacts"]["nodes"] == [
        {"consents": {"nodes": [{"state": "DENIED", "inForce": False}, {"state": "GRANTED", "inForce": True}]}}
    ]
    refused = (await crm.gql(RECORD, input={**given, "contactId": f"contact_{new_id()}"}))["consentRecord"]
    assert refused == {"consent": None, "errors": [{"code": "NOT_FOUND", "path": ["input", "contactId"]}]}


PAGE = (Path(__file__).parents[2] / "docs" / "consents.md").read_text()


async def test_the_page_is_true(crm):
    made, found = [await crm.gql(text) for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)]
    assert all(payload["errors"] == [] for payload in made.values())
    [anna] = found["contacts"]["nodes"]
    assert [(one["channel"], one["state"]) for one in anna["consents"]["nodes"]] == [("EMAIL", "GRANTED")]
