"""Partners' programs: installed by a manifest, they have rights of their own and hear what happens."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.kit.sql import Sql
from tests.fixtures import TestCrm

INSTALL = """mutation($input: AppInstallInput!) { appInstall(input: $input) {
  app { id key scopes release } token secret errors { code path message } } }"""
UPDATE = """mutation($id: ID!, $input: AppInstallInput!) { appUpdate(id: $id, input: $input) {
  app { scopes release } token secret errors { code path } } }"""
MANIFEST = {
    "key": "com.example.stock",
    "name": "Stock",
    "release": "1.0",
    "homepage": "https://example.com/stock",
    "scopes": ["customer:read", "task:write"],
    "webhooks": [
        {"url": "https://example.com/hook", "eventTypes": ["deal.won"], "payload": "{ name }"},
        {"url": "https://example.com/other", "eventTypes": ["customer.*"]},
    ],
}
ENDPOINTS = "{ webhookEndpoints(orderBy: {field: URL}) { nodes { url payload actor { kind } } } }"


async def by(crm: TestCrm, token: str, query: str):
    return (await crm.post(query, headers={"authorization": f"Bearer {token}"})).json()


async def test_an_app_from_its_installation_to_its_end(crm: TestCrm):
    done = (await crm.gql(INSTALL, input=MANIFEST))["appInstall"]
    assert done["errors"] == []
    assert done["app"]["scopes"] == ["customer:read", "task:write"]
    assert done["secret"].startswith("whsec_")
    now = (await crm.gql(ENDPOINTS))["webhookEndpoints"]["nodes"]
    assert [(one["url"], one["actor"]["kind"]) for one in now] == [(w["url"], "API_KEY") for w in MANIFEST["webhooks"]]
    token, key = done["token"], done["app"]["id"]
    assert "errors" not in await by(crm, token, "{ customers { nodes { name } } }")
    assert "errors" not in await by(crm, token, "{ tasks { nodes { id } } }")
    for query in (
        "{ deals { nodes { name } } }",
        "{ apps { nodes { name } } }",
        "{ webhookEndpoints { nodes { url } } }",
    ):
        refused = await by(crm, token, query)
        assert [e["extensions"]["code"] for e in refused["errors"]] == ["FORBIDDEN"], query

    newer = {**MANIFEST, "release": "2.0", "scopes": ["customer:read", "deal:read"]}
    newer["webhooks"] = [{**MANIFEST["webhooks"][0], "payload": "{ id }"}]
    newer["webhooks"].append({"url": "https://example.com/third", "eventTypes": ["*"]})
    changed = (await crm.gql(UPDATE, id=key, input=newer))["appUpdate"]
    assert changed["errors"] == []
    assert (changed["app"]["release"], changed["token"], changed["secret"]) == ("2.0", None, None)
    async with crm.crm.db.transaction() as tx:
        signing = await tx.fetch(Sql("SELECT DISTINCT secret FROM webhook_secret"))
    assert [row["secret"] for row in signing] == [done["secret"]], "all its webhooks sign with one key"
    now = (await crm.gql(ENDPOINTS))["webhookEndpoints"]["nodes"]
    assert [(one["url"][20:], one["payload"]) for one in now] == [("hook", "{ id }"), ("third", None)]
    assert "errors" not in await by(crm, token, "{ deals { nodes { name } } }")
    assert "errors" in await by(crm, token, "{ tasks { nodes { id } } }")

    rotate = f'mutation {{ appRotateToken(id: "{key}") {{ token errors {{ code }} }} }}'
    fresh = (await crm.gql(rotate))["appRotateToken"]["token"]
    assert (await by(crm, token, "{ customers { totalCount } }"))["errors"][0]["extensions"][
        "code"
    ] == "UNAUTHENTICATED"
    assert (await by(crm, fresh, "{ customers { totalCount } }"))["data"] == {"customers": {"totalCount": 0}}

    ended = f'mutation {{ appDelete(id: "{key}") {{ errors {{ code }} }} }}'
    assert (await crm.gql(ended))["appDelete"]["errors"] == []
    assert (await by(crm, fresh, "{ customers { totalCount } }"))["errors"][0]["extensions"][
        "code"
    ] == "UNAUTHENTICATED"
    assert (await crm.gql(ENDPOINTS))["webhookEndpoints"]["nodes"] == []
    again = (await crm.gql(INSTALL, input=MANIFEST))["appInstall"]
    assert again["errors"] == []


async def test_a_manifest_that_asks_for_what_is_not_there_changes_nothing(crm: TestCrm):
    async def refusals(**changes):
        done = (await crm.gql(INSTALL, input={**MANIFEST, **changes}))["appInstall"]
        assert (done["app"], done["token"], done["secret"]) == (None, None, None)
        return [(e["code"], e["path"]) for e in done["errors"]]

    hook = MANIFEST["webhooks"][0]
    assert await refusals(scopes=["customer:read", "custommer:read", "customer:eat", "email.send"]) == [
        ("VALIDATION", ["input", "scopes", place]) for place in "123"
    ]
    assert await refusals(key="No Key") == [("VALIDATION", ["input", "key"])]
    assert await refusals(homepage="javascript:alert(1)") == [("VALIDATION", ["input", "homepage"])]
    assert await refusals(webhooks=[hook, {**hook, "eventTypes": ["deal.sung"]}]) == [
        ("VALIDATION", ["input", "webhooks", "1", "eventTypes", "0"])
    ]
    assert await refusals(webhooks=[{**hook, "url": "ftp://example.com"}]) == [
        ("VALIDATION", ["input", "webhooks", "0", "url"])
    ]
    assert await refusals(webhooks=[{**hook, "payload": "{ nothing }"}]) == [
        ("VALIDATION", ["input", "webhooks", "0", "payload"])
    ]
    assert await refusals(webhooks=[hook] * 51) == [("LIMIT", ["input", "webhooks"])]
    assert (await crm.gql("{ apps { totalCount } webhookEndpoints { totalCount } }")) == {
        "apps": {"totalCount": 0}, "webhookEndpoints": {"totalCount": 0},
    }  # fmt: skip
    limited = {**MANIFEST, "scopes": ["app:write", "webhookEndpoint:write", "customer:read"]}
    token = (await crm.gql(INSTALL, input=limited))["appInstall"]["token"]
    greedy = {**MANIFEST, "key": "other", "scopes": ["customer:read", "customer:write", "*:read"]}
    response = await crm.post(INSTALL, {"input": greedy}, headers={"authorization": f"Bearer {token}"})
    told = response.json()["data"]["appInstall"]["errors"]
    assert [(e["code"], e["path"]) for e in told] == [("FORBIDDEN", ["input", "scopes", place]) for place in "12"]
    tried = await crm.gql(
        INSTALL.replace("input: $input", "input: $input, dryRun: true"), input={**MANIFEST, "key": "x"}
    )
    assert tried["appInstall"]["errors"] == []
    assert (await crm.gql("{ apps { totalCount } }"))["apps"]["totalCount"] == 1


async def test_the_page_says_how(crm: TestCrm):
    page = (Path(__file__).parents[2] / "docs" / "apps.md").read_text()
    [install] = re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    done = (await crm.gql(install))["appInstall"]
    assert (done["errors"], bool(done["token"]), bool(done["secret"])) == ([], True, True)
