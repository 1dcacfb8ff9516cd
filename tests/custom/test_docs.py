"""docs/custom-fields.md is true: its examples run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.fixtures import TestCrm

PAGE = (Path(__file__).parents[2] / "docs" / "custom-fields.md").read_text()


async def test_the_examples_run(crm: TestCrm):
    answers = [await crm.gql(text) for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)]
    assert all(payload["errors"] == [] for answer in answers[:2] for payload in answer.values())
    assert answers[2]["customers"]["nodes"] == [
        {"name": "Acme", "customFields": [{"key": "tier", "label": "Tier", "select": "Gold"}]}
    ]
