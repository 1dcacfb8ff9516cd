"""docs/subscriptions.md is true: its example tells, and its numbers are the settings'."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.settings import Settings
from tests.fixtures import TestCrm
from tests.http.changing import create
from tests.http.serving import followed, serving

PAGE = (Path(__file__).parents[2] / "docs" / "subscriptions.md").read_text()


async def test_the_example_tells(crm: TestCrm):
    [example] = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
    async with serving(crm) as server, server.talk() as talk:
        await talk.subscribe("live", example)
        await followed(crm, 1)
        await create(crm, "Small")
        await create(crm, "Large", isKeyAccount=True)
        told = (await talk.hear())["payload"]["data"]["recordChanged"]
        assert (told["op"], told["node"]) == ("CREATE", {"name": "Large"})


def test_the_numbers_are_those_of_the_settings():
    said = dict(re.findall(r"`(\w+)` \((\d+)\)", PAGE))
    assert said
    assert {name: getattr(Settings(), name) for name in said} == {name: float(number) for name, number in said.items()}
