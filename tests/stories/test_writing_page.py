"""docs/writing.md is true: every example runs, on both databases, and does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fixtures import TestCrm

PAGE = (Path(__file__).parents[2] / "docs" / "writing.md").read_text()
EXAMPLES = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_runs(crm: TestCrm, number: int):
    created = await crm.gql('mutation { customerCreate(input: {name: "Olympus Mining"}) { customer { id } } }')
    variables = {"id": created["customerCreate"]["customer"]["id"]} if "$id" in EXAMPLES[number] else {}
    [done] = (await crm.gql(EXAMPLES[number], **variables)).values()
    if "PARTIAL" in EXAMPLES[number]:
        assert [result["outcome"] for result in done["results"]] == ["CREATED", "REFUSED"]
        assert [error["path"] for error in done["errors"]] == [["items", "1", "taxId"]]
    else:
        assert [result["errors"] for result in done.get("results", [done])] == [[]]
