"""A person may ask for everything that is kept of them, and for its end."""

from __future__ import annotations

from tests.records.test_purging import MARK, create, delete, make, told

DATA = "query($id: ID!) { contactPersonalData(id: $id) }"
ERASE = "mutation($id: ID!) { contactErase(id: $id) { contact { id } errors { code path } } }"


async def test_all_that_is_kept_of_a_person_is_told_and_erased(crm):
    customer = await create(crm, "Firm")
    await make(crm, "customField", recordType="contact", key="nick", label="Nick", type="TEXT")
    person = await make(crm, "contact", lastName=MARK, firstName="A", customFields=[{"key": "nick", "text": MARK}])
    await make(crm, "contactLink", customerId=customer, contactId=person)
    point = await make(crm, "contactPoint", contactId=person, type="EMAIL", value=f"{MARK}@example.org")
    gone = await make(crm, "contactPoint", contactId=person, type="PHONE", value="+49 30 123456")
    await delete(crm, "contactPoint", gone)
    at = "2026-11-01T00:00:00Z"
    talks = [
        await make(crm, "interaction", customerId=customer, contactId=person, kind="CALL", direction="IN", at=at,
                   subject=f"{MARK} calls", body=f"{MARK} is ill")
        for _ in range(2)
    ]  # fmt: skip
    other = await make(crm, "interaction", customerId=customer, kind="NOTE", direction="IN", at=at, subject="Firm")
    await delete(crm, "interaction", talks[1])

    data = (await crm.gql(DATA, id=person))["contactPersonalData"]
    assert {kind: len(rows) for kind, rows in data.items()} == {
        "contact": 1, "contact_link": 1, "contact_point": 2, "interaction": 2,
    }  # fmt: skip
    assert (data["contact"][0]["lastName"], data["contact"][0]["customFields"]) == (MARK, {"nick": MARK})
    assert {row["subject"] for row in data["interaction"]} == {f"{MARK} calls"}
    assert {row["id"] for row in data["contact_point"]} == {
        key.partition("_")[2].split("_")[-1] for key in (point, gone)
    }

    done = (await crm.gql(ERASE, id=person))["contactErase"]
    assert done == {"contact": None, "errors": []}
    assert await told(crm, MARK) == set()
    assert (await crm.gql(DATA, id=person))["contactPersonalData"] is None
    kept = await crm.gql("{ interactions { nodes { id subject body contact { id } } } }")
    assert {one["id"]: (one["subject"], one["contact"]) for one in kept["interactions"]["nodes"]} == {
        talks[0]: (None, None), other: ("Firm", None),
    }  # fmt: skip
    assert (await crm.gql(ERASE, id=person))["contactErase"]["errors"] == [{"code": "NOT_FOUND", "path": ["id"]}]
