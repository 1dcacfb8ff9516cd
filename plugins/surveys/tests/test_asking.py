"""Who is asked, and who is left in peace: samples and quarantine, on both databases."""

from __future__ import annotations

import asyncio
import itertools
import random
from datetime import datetime, timedelta
from uuid import UUID

from crmcore.testing import TestCrm, key_of
from crmcore_surveys.following import in_share
from crmcore_surveys.invitations import take_turn

from .stories import invitation, invited, linked, person, survey

ASKED = """{ surveysInvitations(where: { askedAt: { ne: null } }, first: 200) {
  nodes { askedAt state contact { id } survey { id } }
} }"""


def test_a_share_is_always_the_same_contacts():
    """About that many of a hundred, and a larger share holds a smaller one."""
    contacts = [UUID(int=number) for number in range(2000)]
    third = {contact for contact in contacts if in_share("rule", contact, 30)}
    assert 520 < len(third) < 680
    assert third <= {contact for contact in contacts if in_share("rule", contact, 60)}
    assert all(in_share("rule", contact, 100) for contact in contacts)
    assert third != {contact for contact in contacts if in_share("other", contact, 30)}


async def test_nobody_is_asked_twice_within_the_quarantine_however_many_ask_at_once(crm: TestCrm):
    """Surveys, contacts and moments by chance, decided side by side: the gaps hold, and each of the others has its
    reason. Every contact is asked."""
    chance = random.Random(20261123)
    surveys = [await survey(crm, f"Survey {n}", intervalDays=days) for n, days in enumerate((0, 45, 90))]
    people = [(await person(crm, f"Person {n}"))[1] for n in range(3)]
    plugin = crm.plugin("surveys")
    for turn in range(6):
        waiting = [
            await invited(crm, chosen, contact, f"turn {turn}.{copy}", dueAt="2099-01-01T00:00:00Z")
            for contact in people
            for copy, chosen in enumerate(chance.choices(surveys, k=3))
        ]
        chance.shuffle(waiting)
        await asyncio.gather(*(take_turn(plugin, key_of(key)) for key in waiting))
        crm.advance(days=chance.choice((3, 13, 29.9)))
    nodes = (await crm.gql(ASKED))["surveysInvitations"]["nodes"]
    by_contact: dict[str, list[tuple[datetime, str]]] = {contact: [] for contact in people}
    for node in nodes:
        assert node["state"] == "READY"
        by_contact[node["contact"]["id"]].append((datetime.fromisoformat(node["askedAt"]), node["survey"]["id"]))
    for asked in by_contact.values():
        asked.sort()
        assert len(asked) > 1
        assert all(late[0] - soon[0] >= timedelta(days=30) for soon, late in itertools.pairwise(asked))
        for chosen, days in zip(surveys, (0, 45, 90), strict=True):
            own = [at for at, of in asked if of == chosen]
            assert all(late - soon >= timedelta(days=days) for soon, late in itertools.pairwise(own))
    recipients = await crm.gql("{ surveysRecipients { nodes { turns contact { id } } } }")
    turns = {node["contact"]["id"]: node["turns"] for node in recipients["surveysRecipients"]["nodes"]}
    assert turns == {contact: len(asked) for contact, asked in by_contact.items()}
    why = await crm.gql("{ surveysInvitationAggregate(groupBy: [{ field: SKIP_REASON }]) { count keys { value } } }")
    counts = {group["keys"][0]["value"]: group["count"] for group in why["surveysInvitationAggregate"]}
    assert sum(counts.values()) == 6 * 9
    assert set(counts) <= {None, "QUARANTINE", "SURVEY_INTERVAL"}


async def test_two_contacts_who_turn_out_to_be_one_were_asked_as_one(crm: TestCrm):
    """A merge brings their invitations together; whoever was asked as either is left in peace."""
    first, second = await survey(crm, "First"), await survey(crm, "Second", intervalDays=0)
    (_, one), (_, other) = await person(crm, "Ann Li"), await person(crm, "Anne Li")
    await linked(crm, first, one)
    crm.advance(days=20)
    await linked(crm, second, other)
    crm.advance(days=20)
    merge = """mutation($one: ID!, $other: ID!) {
      contactMerge(input: { survivorId: $one, otherIds: [$other] }) { errors { code message } } }"""
    assert (await crm.gql(merge, one=one, other=other))["contactMerge"]["errors"] == []
    again = await invited(crm, second, one, "again")
    await crm.run_jobs()
    assert (await invitation(crm, again))["skipReason"] == "QUARANTINE"
    crm.advance(days=11)
    later = await invited(crm, second, one, "later")
    await crm.run_jobs()
    assert (await invitation(crm, later))["state"] == "READY"
    recipients = await crm.gql("{ surveysRecipients { nodes { contact { id } } } }")
    assert recipients["surveysRecipients"]["nodes"] == [{"contact": {"id": one}}]
