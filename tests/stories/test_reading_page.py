"""docs/reading.md is true: every example runs, on both databases, and each root field is one statement."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fixtures import TestCrm

PAGE = (Path(__file__).parents[2] / "docs" / "reading.md").read_text()
EXAMPLES = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_runs(crm: TestCrm, number: int):
    created = await crm.gql('mutation { customerCreate(input: {name: "Olympus Mining"}) { customer { id } } }')
    variables = {"id": created["customerCreate"]["customer"]["id"]} if "$id" in EXAMPLES[number] else {}
    with crm.crm.db.counting() as seen:
        data = await crm.gql(EXAMPLES[number], **variables)
    assert all(found is not None for found in data.values())
    assert len(seen) == 1 + len(data), seen  # the token, and the root fields
