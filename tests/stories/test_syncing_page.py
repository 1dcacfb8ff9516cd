"""docs/syncing.md is true: its query and its loop keep a copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.fixtures import Answer, TestCrm

PAGE = (Path(__file__).parents[2] / "docs" / "syncing.md").read_text()
[QUERY] = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
[LOOP] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


async def test_the_loop_keeps_a_copy(crm: TestCrm):
    async def ask(query: str, variables: Answer) -> Any:
        return (await crm.gql(query, **variables))["changes"]

    names: dict[str, Any] = {"ask": ask, "CHANGES": QUERY}
    exec(LOOP, names)
    make = 'mutation { customerCreate(input: {name: "Olympus Mining"}) { customer { id } } }'
    key = (await crm.gql(make))["customerCreate"]["customer"]["id"]
    copy: Answer = {}
    cursor = await names["sync"](copy, None)
    assert copy == {key: {"name": "Olympus Mining", "owner": None}}
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }", id=key)
    await crm.gql(make)
    cursor = await names["sync"](copy, cursor)
    assert key not in copy
    assert len(copy) == 1
    assert await names["sync"](copy, cursor) == cursor
    assert len(await names["sync"]({}, None)) > 10
