"""docs/webhooks.md is true: its endpoint can be made, a receiver verifies as it says, and what it asks is answered."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from crmcore.settings import Settings
from tests.webhooks.conftest import Hooks

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
MAKE = """mutation { pipelineCreate(input: {name: "Sales", isDefault: true}) { pipeline { id } errors { message } }
  customerCreate(input: {name: "Acme"}) { customer { id } errors { message } } }"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


async def test_the_examples_run(hooks: Hooks):
    receiver = await hooks.receiver()
    create, query = blocks("graphql")
    made = (await hooks.crm.gql(create.replace("https://hook.example/crm", receiver.url)))["webhookEndpointCreate"]
    assert made["errors"] == []
    told = await deal_won(hooks)
    await hooks.deliver()
    [message] = [m for m in receiver.messages if m.told["type"] == "deal.won"]
    space: dict[str, object] = {"SECRET": made["secret"]}
    exec(blocks("python")[0], space)
    assert space["receive"](message.headers, message.body.decode()) == message.told  # type: ignore[operator]
    with pytest.raises(Exception, match="signature"):
        space["receive"](message.headers, message.body.decode() + " ")  # type: ignore[operator]
    shown = orjson.loads(blocks("json")[0])
    assert shown.keys() == message.told.keys()
    assert message.told["id"] == told
    assert message.told["data"] == shown["data"]
    assert (await hooks.crm.gql(query))["webhookDeliveries"]["nodes"] == []


async def deal_won(hooks: Hooks) -> str:
    """The id of a deal that was made and won."""
    made = await hooks.crm.gql(MAKE)
    pipeline, customer = made["pipelineCreate"]["pipeline"]["id"], made["customerCreate"]["customer"]["id"]
    stages = {}
    for position, kind in enumerate(("OPEN", "WON"), 1):
        text = "mutation($input: StageCreateInput!) { stageCreate(input: $input) { stage { id } errors { message } } }"
        given = {
            "pipelineId": pipeline,
            "name": kind,
            "type": kind,
            "probability": 100 if kind == "WON" else 10,
            "position": position,
        }
        stages[kind] = (await hooks.crm.gql(text, input=given))["stageCreate"]["stage"]["id"]
    text = "mutation($input: DealCreateInput!) { dealCreate(input: $input) { deal { id } errors { message path } } }"
    given = {
        "name": "Acme 2027", "customerId": customer, "pipelineId": pipeline, "stageId": stages["OPEN"],
        "amount": {"amount": "12000", "currencyCode": "EUR"},
    }  # fmt: skip
    payload = (await hooks.crm.gql(text, input=given))["dealCreate"]
    assert payload["errors"] == []
    deal: str = payload["deal"]["id"]
    text = "mutation($id: ID!, $stage: ID!) { dealMove(id: $id, input: {stageId: $stage}) { errors { message } } }"
    assert (await hooks.crm.gql(text, id=deal, stage=stages["WON"]))["dealMove"]["errors"] == []
    return deal


def test_the_settings_are_named_as_they_are():
    named = re.findall(r"CRMCORE_([A-Z_]+)", PAGE)
    assert named
    assert all(name.lower() in Settings.model_fields for name in named)
