"""Cases and pipelines over HTTP: what their own rules refuse, as a front-end meets it."""

from __future__ import annotations

from typing import Any

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
