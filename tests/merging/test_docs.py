"""docs/merging.md is true: its examples run, one after the other."""

from __future__ import annotations

import re
from pathlib import Path

from tests.fixtures import TestCrm

PAGE = (Path(__file__).parents[2] / "docs" / "merging.md").read_text()


async def test_the_examples_run(crm: TestCrm):
    made, found, merged, unique = [await crm.gql(text) for text in re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)]
    assert all(payload["errors"] == [] for payload in made.values())
    assert [(one["customer"]["name"], one["score"]) for one in found["customerDuplicates"]] == [
        ("Acme GmbH", "0.9500"),
        ("ACME", "0.8000"),
    ]
    assert merged["customerMerge"]["customer"] == {"name": "ACME", "taxId": "DE123"}
    assert merged["customerMerge"]["outcome"]["relations"] == [
        {"recordType": "contact_point", "field": "customer", "moved": 0, "setAside": 1}
    ]
    assert unique["uniquenessUpdate"]["uniqueness"] == {"emails": False, "phones": True}
