"""Merging over HTTP: tried, done, looked at and undone."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.kit.ids import from_global
from crmcore.platform.access import Reach
from tests.fixtures import TestCrm

CREATE = """mutation($input: CustomerCreateInput!) {
  customerCreate(input: $input) { customer { id } errors { code message path } } }"""
POINT = """mutation($input: ContactPointCreateInput!) {
  contactPointCreate(input: $input) { contactPoint { id } errors { code } } }"""
MERGE = """mutation($input: CustomerMergeInput!, $dry: Boolean, $version: Int) {
  customerMerge(input: $input, dryRun: $dry, expectedVersion: $version) {
    customer { id name taxId version annualRevenue { amount currencyCode } contactPoints { nodes { value } }
               externalRefs { externalId } }
    outcome {
      mergeRecord { id recordType survivor merged reason rowsMoved rowsSetAside undoneAt changed
                    rows(orderBy: [{field: ID}]) { nodes { recordType record fate fieldName merge { id } } } }
      fields { field isCustom value fromId isConflict values { id value } }
      relations { recordType field moved setAside stayed } }
    errors { code message path } } }"""
UNMERGE = """mutation($id: ID!) { customerUnmerge(id: $id) {
    customer { id name taxId contactPoints { nodes { value } } }
    outcome { mergeRecord { undoneAt } restoredIds keptFields relations { recordType field moved stayed } }
    errors { code message path } } }"""


async def _customer(crm: TestCrm, **values: Any) -> str:
    made = (await crm.gql(CREATE, input=values))["customerCreate"]
    assert made["errors"] == []
    return made["customer"]["id"]


@pytest.fixture
async def pair(crm: TestCrm) -> tuple[str, str]:
    ours = await _customer(crm, name="Acme", annualRevenue={"amount": "5", "currencyCode": "EUR"})
    theirs = await _customer(
        crm,
        name="ACME Inc",
        taxId="DE1",
        annualRevenue={"amount": "7", "currencyCode": "USD"},
        externalRefs=[{"system": "erp", "externalId": "7"}],
    )
    for owner in (ours, theirs):
        await crm.gql(POINT, input={"customerId": owner, "type": "EMAIL", "value": "info@acme.com"})
    await crm.gql(POINT, input={"customerId": theirs, "type": "PHONE", "value": "+49 30 123456"})
    return ours, theirs


async def test_a_merge_is_tried_done_and_undone(crm: TestCrm, pair: tuple[str, str]):
    ours, theirs = pair
    choose = [{"field": "ANNUAL_REVENUE", "fromId": theirs}]
    given = {"survivorId": ours, "otherIds": [theirs], "choose": choose, "reason": "The same company"}
    tried = (await crm.gql(MERGE, input=given, dry=True))["customerMerge"]
    assert tried["errors"] == []
    assert (await crm.gql("{ customers { totalCount } mergeRecords { totalCount } }")) == {
        "customers": {"totalCount": 2},
        "mergeRecords": {"totalCount": 0},
    }

    done = (await crm.gql(MERGE, input=given))["customerMerge"]
    merge = done["outcome"].pop("mergeRecord")
    assert done["customer"] == {
        "id": ours,
        "name": "Acme",
        "taxId": "DE1",
        "version": 2,
        "annualRevenue": {"amount": "7.0000", "currencyCode": "USD"},
        "contactPoints": {"nodes": [{"value": "info@acme.com"}, {"value": "+49 30 123456"}]},
        "externalRefs": [{"externalId": "7"}],
    }
    assert done["outcome"]["fields"] == [
            {
                "field": "name", "isCustom": False, "value": "Acme", "fromId": ours, "isConflict": True,
                "values": [{"id": ours, "value": "Acme"}, {"id": theirs, "value": "ACME Inc"}],
            },
            {
                "field": "taxId", "isCustom": False, "value": "DE1", "fromId": theirs, "isConflict": False,
                "values": [{"id": theirs, "value": "DE1"}],
            },
            {
                "field": "annualRevenue", "isCustom": False, "value": "7.0000", "fromId": theirs, "isConflict": True,
                "values": [{"id": ours, "value": "5.0000"}, {"id": theirs, "value": "7.0000"}],
            },
            {
                "field": "annualRevenueCurrency", "isCustom": False, "value": "USD", "fromId": theirs, "isConflict": True,
                "values": [{"id": ours, "value": "EUR"}, {"id": theirs, "value": "USD"}],
            },
        ]  # fmt: skip
    assert done["outcome"]["relations"] == [
        {"recordType": "contact_point", "field": "customer", "moved": 1, "setAside": 1, "stayed": 0},
        {"recordType": "external_ref", "field": "record_id", "moved": 1, "setAside": 0, "stayed": 0},
    ]
    del tried["outcome"]["mergeRecord"]
    assert tried == done
    key = merge.pop("id")
    assert {row["merge"]["id"] for row in merge["rows"]["nodes"]} == {key}
    assert sorted(row["fate"] for row in merge.pop("rows")["nodes"]) == ["MOVED", "MOVED", "SET_ASIDE"]
    assert merge["changed"]["tax_id"] == [None, "DE1"]
    assert (merge["survivor"], merge["merged"], merge["rowsMoved"], merge["rowsSetAside"], merge["undoneAt"]) == (
        ours, [theirs.removeprefix("customer_")], 2, 1, None,
    )  # fmt: skip
    gone = await crm.gql("{ customers(deleted: true) { nodes { id mergedInto { id name } } } }")
    assert gone["customers"]["nodes"] == [{"id": theirs, "mergedInto": {"id": ours, "name": "Acme"}}]

    back = (await crm.gql(UNMERGE, id=key))["customerUnmerge"]
    assert back["errors"] == []
    outcome = back["outcome"]
    assert outcome["mergeRecord"]["undoneAt"]
    assert (outcome["restoredIds"], outcome["keptFields"]) == ([theirs], [])
    assert back["customer"] == {
        "id": ours, "name": "Acme", "taxId": None, "contactPoints": {"nodes": [{"value": "info@acme.com"}]},
    }  # fmt: skip
    data = await crm.gql(
        "query($id: ID!) { customer(id: $id) { taxId mergedInto { id } contactPoints { nodes { value } } } }", id=theirs
    )
    points = {"nodes": [{"value": "info@acme.com"}, {"value": "+49 30 123456"}]}
    assert data["customer"] == {"taxId": "DE1", "mergedInto": None, "contactPoints": points}
    again = (await crm.gql(UNMERGE, id=key))["customerUnmerge"]
    assert [(error["code"], error["path"]) for error in again["errors"]] == [("STATE", ["id"])]
    assert again["customer"] is None
    assert again["outcome"] is None


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (lambda a, b: {"otherIds": []}, "VALIDATION", ["input", "otherIds"]),
        (lambda a, b: {"otherIds": [a]}, "VALIDATION", ["input", "otherIds"]),
        (lambda a, b: {"otherIds": [b, b]}, "VALIDATION", ["input", "otherIds"]),
        (lambda a, b: {"otherIds": [b[:-3] + "fff"]}, "NOT_FOUND", ["input", "otherIds", "0"]),
        (lambda a, b: {"survivorId": b[:-3] + "fff"}, "NOT_FOUND", ["input", "survivorId"]),
        (lambda a, b: {"choose": [{"fromId": a}]}, "VALIDATION", ["input", "choose", "0"]),
        (lambda a, b: {"choose": [{"customField": "no", "fromId": a}]}, "VALIDATION",
         ["input", "choose", "0", "customField"]),
        (lambda a, b: {"choose": [{"field": "NAME", "fromId": b[:-3] + "fff"}]}, "VALIDATION", ["input", "choose"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_is_refused(crm: TestCrm, pair: tuple[str, str], change: Any, code: str, path: Any):
    ours, theirs = pair
    given = {"survivorId": ours, "otherIds": [theirs], **change(ours, theirs)}
    answer = (await crm.gql(MERGE, input=given))["customerMerge"]
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [(code, path)]
    assert answer["customer"] is None
    assert (await crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == 2


async def test_a_stale_version_and_a_restore_are_refused(crm: TestCrm, pair: tuple[str, str]):
    ours, theirs = pair
    given = {"survivorId": ours, "otherIds": [theirs]}
    stale = (await crm.gql(MERGE, input=given, version=7))["customerMerge"]
    assert [(error["code"], error["path"]) for error in stale["errors"]] == [("CONFLICT", ["expectedVersion"])]
    assert (await crm.gql(MERGE, input=given, version=1))["customerMerge"]["errors"] == []
    data = await crm.gql("mutation($id: ID!) { customerRestore(id: $id) { errors { code message } } }", id=theirs)
    [error] = data["customerRestore"]["errors"]
    assert error == {
        "code": "POLICY", "message": "This customer was merged into another: undo the merge to bring it back.",
    }  # fmt: skip


async def test_what_a_merge_tells_is_for_who_merged(crm: TestCrm, pair: tuple[str, str]):
    """A colleague who sees only what is theirs learns nothing of it, and cannot undo it."""
    ours, theirs = pair
    done = (await crm.gql(MERGE, input={"survivorId": ours, "otherIds": [theirs]}))["customerMerge"]
    user = await crm.gql('mutation { userCreate(input: {name: "Eve", email: "eve@acme.com"}) { user { id } } }')
    token = await crm.token_for(user_id=from_global(user["userCreate"]["user"]["id"])[1], reach=Reach.OWN)
    headers = {"authorization": f"Bearer {token}"}
    seen = (await crm.post("{ mergeRecords { totalCount } }", headers=headers)).json()
    assert seen["data"] == {"mergeRecords": {"totalCount": 0}}
    tried = (await crm.post(UNMERGE, {"id": done["outcome"]["mergeRecord"]["id"]}, headers=headers)).json()
    assert [error["code"] for error in tried["data"]["customerUnmerge"]["errors"]] == ["NOT_FOUND"]


async def test_a_reason_that_is_too_long_is_refused(crm: TestCrm, pair: tuple[str, str]):
    ours, theirs = pair
    done = (await crm.gql(MERGE, input={"survivorId": ours, "otherIds": [theirs], "reason": "y" * 1001}))[
        "customerMerge"
    ]
    assert [(error["code"], error["path"]) for error in done["errors"]] == [("VALIDATION", ["input", "reason"])]
