"""Cases and pipelines over HTTP: what their own rules refuse, as a front-end meets it."""

from __future__ import annotations

from typing import Any

from crmcore.domain.deals.rules import ASKED_FOR
from tests.fixtures import TestCrm

ERRORS = "errors { code path message ... on StateError { current allowed } }"


async def made(crm: TestCrm, root: str, given: dict[str, Any]) -> str:
    name = root[0].upper() + root[1:]
    asked = f"mutation($i: {name}CreateInput!) {{ p: {root}Create(input: $i) {{ {root} {{ id }} {ERRORS} }} }}"
    payload = (await crm.gql(asked, i=given))["p"]
    assert payload["errors"] == []
    id_: str = payload[root]["id"]
    return id_


async def test_a_case_is_merged_into_another(crm: TestCrm):
    customer = await made(crm, "customer", {"name": "Acme"})
    one, two = [await made(crm, "case", {"customerId": customer, "subject": f"{i}"}) for i in range(2)]
    merge = f"""mutation($id: ID!, $into: ID!) {{ caseMerge(id: $id, input: {{intoId: $into}}) {{
        case {{ status mergedInto {{ id }} }} {ERRORS} }} }}"""
    assert (await crm.gql(merge, id=one, into=two))["caseMerge"] == {
        "case": {"status": "MERGED", "mergedInto": {"id": two}},
        "errors": [],
    }
    [error] = (await crm.gql(merge, id=two, into=one))["caseMerge"]["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", "intoId"])


async def pipeline(crm: TestCrm) -> dict[str, str]:
    """A default pipeline; the ids of its stages by name, and its own."""
    way = await made(crm, "pipeline", {"name": "Sales", "isDefault": True})
    kinds = {"new": "OPEN", "offer": "OPEN", "won": "WON", "lost": "LOST"}
    stages = {
        name: await made(crm, "stage", {"pipelineId": way, "name": name, "position": place, "type": kind})
        for place, (name, kind) in enumerate(kinds.items(), 1)
    }
    return {"pipeline": way, **stages}


STAGE = f"""mutation($id: ID!, $i: StageUpdateInput!) {{
  stageUpdate(id: $id, input: $i) {{ stage {{ allowedNext }} {ERRORS} }} }}"""
MOVE = f"""mutation($id: ID!, $i: DealMoveInput!) {{
  dealMove(id: $id, input: $i) {{ deal {{ stage {{ id }} }} {ERRORS} }} }}"""


async def test_a_stage_says_which_may_follow(crm: TestCrm):
    ids = await pipeline(crm)

    async def follow(listed: list[str]) -> Any:
        return (await crm.gql(STAGE, id=ids["new"], i={"allowedNext": listed}))["stageUpdate"]

    for listed in ([], [ids["offer"], ids["lost"]]):
        assert await follow(listed) == {"stage": {"allowedNext": listed}, "errors": []}
    [error] = (await follow([ids["pipeline"]]))["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", "allowedNext"])
    asked = "query($id: ID!) { pipeline(id: $id) { stages(orderBy: [{field: POSITION}]) { nodes { allowedNext } } } }"
    nodes = (await crm.gql(asked, id=ids["pipeline"]))["pipeline"]["stages"]["nodes"]
    assert [n["allowedNext"] for n in nodes] == [[ids["offer"], ids["lost"]], [], [], []]
    deal = await made(crm, "deal", {"name": "d"})
    [error] = (await crm.gql(MOVE, id=deal, i={"stageId": ids["won"]}))["dealMove"]["errors"]
    assert (error["code"], error["current"], error["allowed"]) == ("STATE", ids["new"], [ids["offer"], ids["lost"]])
    assert (await crm.gql(MOVE, id=deal, i={"stageId": ids["offer"]}))["dealMove"]["errors"] == []


async def test_what_deals_need_of_their_pipeline_stays(crm: TestCrm):
    ids = await pipeline(crm)
    await made(crm, "deal", {"name": "d"})
    for stage, kind in (("new", "ON_HOLD"), ("won", "LOST")):
        [error] = (await crm.gql(STAGE, id=ids[stage], i={"type": kind}))["stageUpdate"]["errors"]
        assert (error["code"], error["path"]) == ("POLICY", ["input", "type"])
    assert (await crm.gql(STAGE, id=ids["offer"], i={"type": "ON_HOLD"}))["stageUpdate"]["errors"] == []


async def test_a_stage_says_what_a_deal_must_have(crm: TestCrm):
    ids = await pipeline(crm)
    asked = STAGE.replace("allowedNext", "requiredFields")
    [error] = (await crm.gql(asked, id=ids["offer"], i={"requiredFields": ["colour"]}))["stageUpdate"]["errors"]
    assert (error["code"], error["path"]) == ("VALIDATION", ["input", "requiredFields"])
    for listed in (["amount", "source"], []):
        answer = (await crm.gql(asked, id=ids["new"], i={"requiredFields": listed}))["stageUpdate"]
        assert answer == {"stage": {"requiredFields": listed}, "errors": []}
    await crm.gql(asked, id=ids["offer"], i={"requiredFields": ["amount", "source"]})
    deal = await made(crm, "deal", {"name": "d"})
    errors = (await crm.gql(MOVE, id=deal, i={"stageId": ids["offer"]}))["dealMove"]["errors"]
    assert [(e["code"], e["path"]) for e in errors] == [("VALIDATION", ["input", "amount"]), ("VALIDATION", ["id"])]
    new = "mutation($i: DealCreateInput!) { dealCreate(input: $i) { errors { path } } }"
    errors = (await crm.gql(new, i={"name": "e", "stageId": ids["offer"]}))["dealCreate"]["errors"]
    assert [e["path"] for e in errors] == [["input", "amount"], ["input", "source"]]
    fields = '{ __type(name: "DealUpdateInput") { inputFields { name } } }'
    assert set(ASKED_FOR) <= {f["name"] for f in (await crm.gql(fields))["__type"]["inputFields"]}
