"""Duplicates over HTTP, pairs that a job proposes, and what people say to them."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.domain.customers import Customer
from crmcore.kit.ids import from_global
from crmcore.kit.sql import Sql
from crmcore.platform.access import Reach
from crmcore.platform.jobs import enqueue
from crmcore.records import Create, write
from tests.fixtures import TestCrm

CREATE = "mutation($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id } errors { code } } }"
UPDATE = """mutation($id: ID!, $input: CustomerUpdateInput!) {
  customerUpdate(id: $id, input: $input) { errors { code } } }"""
FIND = """query($id: ID, $data: CustomerDuplicatesInput, $least: Decimal, $first: Int) {
  customerDuplicates(id: $id, data: $data, minScore: $least, first: $first) {
    customer { id name } score reasons { kind value weight } } }"""
PAIRS = """{ duplicatePairs(orderBy: [{field: SCORE, direction: DESC}]) {
  nodes { id recordType first second score status reasons note } } }"""
DISMISS = """mutation($id: ID!) { duplicatePairDismiss(id: $id, input: {note: "Two shops"}) {
  duplicatePair { status note } errors { code } } }"""
MERGE = """mutation($id: ID!, $keep: PairSide!) { duplicatePairMerge(id: $id, input: {keep: $keep}) {
  duplicatePair { status } errors { code message } } }"""


async def made(crm: TestCrm, name: str, *points: tuple[str, str], **values: Any) -> str:
    given = [{"type": kind, "value": value} for kind, value in points]
    data = await crm.gql(CREATE, input={"name": name, "contactPoints": given, **values})
    assert data["customerCreate"]["errors"] == []
    return str(data["customerCreate"]["customer"]["id"])


async def found(crm: TestCrm, **given: Any) -> list[tuple[str, float]]:
    answer = (await crm.gql(FIND, **given))["customerDuplicates"]
    return [(one["customer"]["name"], float(one["score"])) for one in answer]


@pytest.fixture
async def company(crm: TestCrm) -> dict[str, str]:
    return {
        "acme": await made(crm, "Acme GmbH", ("EMAIL", "info@acme.com"), ("PHONE", "+49 30 1234567"), taxId="DE 1"),
        "twin": await made(crm, "ACME", ("PHONE", "030 1234567")),
        "mail": await made(crm, "Zenith", ("EMAIL", "Info@Acme.com")),
        "typo": await made(crm, "Acmee Gmbh"),
        "huawei": await made(crm, "华为技术有限公司"),
        "other": await made(crm, "Northwind Traders"),
    }


async def test_who_may_be_the_same_and_why(crm: TestCrm, company: dict[str, str]):
    answer = (await crm.gql(FIND, id=company["acme"], least="0.4"))["customerDuplicates"]
    assert [one["customer"]["name"] for one in answer] == ["ACME", "Acmee Gmbh", "Zenith"]
    assert answer[0]["reasons"] == [
        {"kind": "PHONE", "value": "0301234567", "weight": "0.7500"}, {"kind": "NAME", "value": "ACME", "weight": "0.8000"},
    ]  # fmt: skip
    assert answer[0]["score"] == "0.9500"
    assert await found(crm, id=company["acme"], first=1) == [("ACME", 0.95)]
    assert await found(crm, id=company["other"]) == []
    assert await found(crm, data={"name": "华为技术 (深圳) 有限公司"}, least="0.1") == [("华为技术有限公司", 0.4)]
    assert await found(crm, data={"name": "华为技术"}) == [("华为技术有限公司", 0.8)]
    assert await found(crm, data={"taxId": "DE 1"}) == [("Acme GmbH", 0.97)]
    assert await found(crm, data={"phones": ["0049 30 1234567"]}) == [("Acme GmbH", 0.75), ("ACME", 0.75)]
    assert await found(crm, data={"name": "Traders Northwind Inc."}) == [("Northwind Traders", 0.8)]


@pytest.mark.parametrize(
    "given",
    [{}, {"id": "customer_x"}, {"data": {"emails": ["x"]}}, {"data": {}, "first": 0}, {"data": {}, "first": 51}],
)
async def test_bad_questions_are_refused(crm: TestCrm, given: Any):
    answer = await crm.ask(FIND, **given)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_USER_INPUT"]


async def test_nothing_is_like_nothing(crm: TestCrm, company: dict[str, str]):
    assert await found(crm, data={}) == []
    assert await found(crm, data={"name": "!!! '; DROP TABLE \" * |&"}) == []
    assert await found(crm, data={"name": "GmbH"}) == []


async def test_nobody_is_told_of_what_they_may_not_see(crm: TestCrm, company: dict[str, str]):
    data = await crm.gql('mutation { userCreate(input: {name: "U", email: "u@acme.com"}) { user { id } } }')
    user = from_global(data["userCreate"]["user"]["id"])[1]
    token = await crm.token_for(user_id=user, reach=Reach.OWN)
    headers = {"authorization": f"Bearer {token}"}
    answer = (await crm.post(FIND, {"data": {"name": "Acme"}}, headers=headers)).json()
    assert answer["data"]["customerDuplicates"] == []
    answer = (await crm.post(PAIRS, headers=headers)).json()
    assert answer["data"]["duplicatePairs"]["nodes"] == []


async def pairs(crm: TestCrm) -> list[Any]:
    """Run the job as if the clock had asked for it; the pairs then."""
    await propose(crm)
    return list((await crm.gql(PAIRS))["duplicatePairs"]["nodes"])


async def propose(crm: TestCrm) -> None:
    async with crm.crm.db.transaction() as tx:
        await enqueue(crm.context, tx, crm.crm.jobs["duplicates.propose"], {})
    await crm.crm.run_jobs()
    [state] = await crm.crm.db.fetch(Sql("SELECT DISTINCT state FROM job WHERE kind = 'duplicates.propose'"))
    assert state["state"] == "DONE"


async def test_pairs_are_proposed_reviewed_and_kept_up_to_date(crm: TestCrm, company: dict[str, str]):
    first = await pairs(crm)
    assert [{p["first"], p["second"]} for p in first] == [{company["acme"], company["twin"]}]
    assert (first[0]["score"], first[0]["status"], first[0]["recordType"]) == ("0.9500", "OPEN", "customer")
    assert [reason["kind"] for reason in first[0]["reasons"]] == ["PHONE", "NAME"]
    assert await pairs(crm) == first, "nothing changed"

    dismissed = (await crm.gql(DISMISS, id=first[0]["id"]))["duplicatePairDismiss"]
    assert dismissed == {"duplicatePair": {"status": "DISMISSED", "note": "Two shops"}, "errors": []}
    await crm.gql(UPDATE, id=company["acme"], input={"industry": "Steel"})
    assert [p["status"] for p in await pairs(crm)] == ["DISMISSED"], "it does not come back"

    await crm.gql(UPDATE, id=company["typo"], input={"name": "Northwind Trader"})
    new = [p for p in await pairs(crm) if p["status"] == "OPEN"]
    assert [{p["first"], p["second"]} for p in new] == [{company["typo"], company["other"]}]
    await crm.gql(UPDATE, id=company["typo"], input={"name": "Something else"})
    assert [p["status"] for p in await pairs(crm)] == ["DISMISSED"], "it is no longer likely"


async def test_a_pair_is_merged_and_opened_again(crm: TestCrm, company: dict[str, str]):
    [pair] = await pairs(crm)
    merged = (await crm.gql(MERGE, id=pair["id"], keep="FIRST"))["duplicatePairMerge"]
    assert merged == {"duplicatePair": {"status": "MERGED"}, "errors": []}
    again = (await crm.gql(MERGE, id=pair["id"], keep="SECOND"))["duplicatePairMerge"]
    assert [error["code"] for error in again["errors"]] == ["STATE"]
    [record] = (await crm.gql("{ mergeRecords { nodes { id survivor } } }"))["mergeRecords"]["nodes"]
    assert record["survivor"] == pair["first"]
    assert [p["status"] for p in await pairs(crm)] == ["MERGED"]
    await crm.gql("mutation($id: ID!) { customerUnmerge(id: $id) { errors { code } } }", id=record["id"])
    assert [p["status"] for p in await pairs(crm)] == ["OPEN"]


async def test_it_takes_the_same_few_statements_however_many_there_are(crm: TestCrm):
    ctx = crm.context
    counted = []
    for number in (1, 300):
        await write(ctx, [Create(Customer, {"name": f"Acme {number} {i}"}) for i in range(number)])
        with crm.crm.db.counting() as said:
            await crm.gql(FIND, data={"name": "Acme 1 0"}, first=1)
        counted.append(len(said))
    assert counted[0] == counted[1]
