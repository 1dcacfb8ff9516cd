"""Endpoints as front-end developers meet them: what is refused, with which words and paths."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from crmcore.settings import Settings
from tests.webhooks.conftest import Hooks

GOOD = {"url": "https://hook.example/", "eventTypes": ["deal.*"]}
REFUSED = [
    ({"url": "http://hook.example/x y"}, ["input", "url"], "ASCII"),
    ({"url": "https://169.254.169.254/latest/meta-data"}, ["input", "url"], "not on the public internet"),
    ({"url": "http://10.0.0.1/"}, ["input", "url"], "https only"),
    ({"url": "https://[::ffff:127.0.0.1]/"}, ["input", "url"], "not on the public internet"),
    ({"url": ""}, ["input", "url"], "https://"),
    ({"url": "https://hook.example/" + "x" * 2000}, ["input", "url"], "2000"),
    ({"eventTypes": []}, ["input", "eventTypes"], "at least one"),
    ({"eventTypes": ["deal.won", "dael.won"]}, ["input", "eventTypes", "1"], "eventTypes { name }"),
    ({"eventTypes": ["webhook_delivery.created"]}, ["input", "eventTypes", "0"], "never happens"),
    ({"eventTypes": ["deal"]}, ["input", "eventTypes", "0"], "never happens"),
    ({"eventTypes": ["deal.wonn"]}, ["input", "eventTypes", "0"], "never happens"),
    ({"eventTypes": ["deal.won"] * 51}, ["input", "eventTypes"], "at most 50"),
    ({"changedFields": ["amount", "nonsense"]}, ["input", "changedFields", "1"], "no field"),
    ({"where": {"deal": {"name": None}}}, ["input", "where", "deal", "name"], "null is no filter"),
    ({"where": {"deal": {"id": {"eq": "customer_1"}}}}, ["input", "where", "deal", "id", "eq"], "is not an id"),
    ({"where": {"deal": {"custom": [{"key": "no", "text": {"eq": "x"}}]}}}, ["input", "where", "deal", "custom", "0", "key"], "no custom field"),
    ({"payload": "{ nonsense }"}, ["input", "payload"], "nonsense"),
    ({"payload": "name"}, ["input", "payload"], "selection"),
    ({"payload": "{ name } { id }"}, ["input", "payload"], "selection"),
    ({"payload": "query($x: ID!) { node(id: $x) { id } }"}, ["input", "payload"], "selection"),
    ({"payload": "mutation { dealDelete(id: \"x\") { errors { code } } }"}, ["input", "payload"], "selection"),
    ({"payload": "{ name } } } fragment X on Deal { name"}, ["input", "payload"], "selection"),
    ({"payload": "{ name }", "eventTypes": ["deal.*", "customer.*"]}, ["input", "payload"], "Node"),
    ({"payload": "{ " + "customer { deals { nodes { " * 9 + "id" + " } } }" * 9 + " }"}, ["input", "payload"], "deep"),
]  # fmt: skip


async def test_what_cannot_be_is_refused(hooks: Hooks):
    for given, path, said in REFUSED:
        [error, *_] = await hooks.refused(**{**GOOD, **given})
        assert (error["code"], error["path"]) == ("VALIDATION", path), given
        assert said in error["message"], (given, error["message"])
    assert (await hooks.crm.gql("{ webhookEndpoints { totalCount } }"))["webhookEndpoints"]["totalCount"] == 0


async def test_an_endpoint_is_changed(hooks: Hooks):
    endpoint = await hooks.endpoint("https://hook.example/", "deal.*", payload="{ name stage { name } }")
    update = """mutation($id: ID!, $input: WebhookEndpointUpdateInput!, $v: Int) {
      webhookEndpointUpdate(id: $id, input: $input, expectedVersion: $v) {
        webhookEndpoint { version url eventTypes changedFields payload where } secret errors { __typename code path } } }"""

    async def change(v: int | None = None, **given):
        return (await hooks.crm.gql(update, id=endpoint, input=given, v=v))["webhookEndpointUpdate"]

    refused = await change(eventTypes=["customer.*"])  # the payload would not fit any more
    assert refused["errors"] == [{"__typename": "ValidationError", "code": "VALIDATION", "path": ["input", "payload"]}]
    done = await change(eventTypes=["customer.*"], payload="{ name }", changedFields=["name"], where={"customer": {}})
    assert done == {
        "webhookEndpoint": {
            "version": 2, "url": "https://hook.example/", "eventTypes": ["customer.*"], "changedFields": ["name"],
            "payload": "{ name }", "where": {"customer": {}},
        },
        "secret": None,
        "errors": [],
    }  # fmt: skip
    cleared = await change(where=None, payload=None, changedFields=None)
    assert cleared["webhookEndpoint"]["where"] is None
    assert cleared["webhookEndpoint"]["payload"] is None
    assert cleared["webhookEndpoint"]["changedFields"] == []
    conflict = await change(v=1, url="https://other.example/")
    assert conflict["errors"][0]["code"] == "CONFLICT"
    gone = await hooks.act("Pause", "webhook_endpoint_00000000-0000-0000-0000-000000000000")
    assert (gone["errors"][0]["code"], gone["errors"][0]["path"]) == ("NOT_FOUND", ["id"])


async def test_other_tenants_endpoints_are_not_there(hooks: Hooks):
    endpoint = await hooks.endpoint("https://hook.example/", "deal.*")
    other = await hooks.crm.ask(
        f'mutation {{ webhookEndpointPause(id: "deal_{endpoint[-36:]}") {{ errors {{ code }} }} }}'
    )
    assert other["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_trial_makes_no_endpoint(hooks: Hooks):
    text = "mutation($input: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $input, dryRun: true) { webhookEndpoint { url } errors { code } } }"
    tried = (await hooks.crm.gql(text, input=GOOD))["webhookEndpointCreate"]
    assert tried == {"webhookEndpoint": {"url": "https://hook.example/"}, "errors": []}
    assert (await hooks.crm.gql("{ webhookEndpoints { totalCount } }"))["webhookEndpoints"]["totalCount"] == 0


def test_networks_are_checked_at_the_start():
    assert [str(network) for network in Settings(webhook_allow=["10.1.0.0/16"]).webhook_allow] == ["10.1.0.0/16"]
    with pytest.raises(ValidationError):
        Settings(webhook_allow=["10.1.0.0/99"])
