"""docs/plugins-graph.md is true: its plugin loads, and its operations answer."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.plugins import Plugins
from crmcore.plugins.discovery import in_folders
from tests.architecture.conventions import problems
from tests.plugins.served import served

PAGE = (Path(__file__).parents[2] / "docs" / "plugins-graph.md").read_text()
WRITE = """query($c: ID!) {
  cardsWrite(customerId: $c, lines: [{text: "hi", loud: true}, {text: "you"}]) { lines customer { name } }
}"""
SENT = 'mutation($c: ID!) { cardsSend(input: {customerId: $c, text: "Happy birthday"}) { errors { code } } }'
LONG = "mutation($c: ID!, $t: String!) { cardsSend(input: {customerId: $c, text: $t}) { errors { code path } } }"
MADE = 'mutation { customerCreate(input: {name: "Ada", cardsGreeting: "%s"}) { customer { id } errors { path } } }'
TASKS = "{ tasks { nodes { subject } } }"


async def test_the_page_is_true(tmp_path: Path, database_url: str):
    for name, text in re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with (tmp_path / name).open("a") as file:
            file.write(text)
    send, ask = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
    async with served(database_url, Plugins(in_folders([tmp_path]))) as client:
        assert [p.problems for p in client.crm.plugins.listing()] == [()]
        assert problems(client.crm.sdl()) == []
        assert (await client.data(MADE % ""))["customerCreate"]["errors"] == [{"path": ["input", "cardsGreeting"]}]
        key = (await client.data(MADE % "hello"))["customerCreate"]["customer"]["id"]
        assert await client.data(WRITE, c=key) == {"cardsWrite": {"lines": ["HI", "you"], "customer": {"name": "Ada"}}}
        sent = (await client.data(send, customer=key))["cardsSend"]
        assert sent == {"task": {"subject": "Send a card: Happy birthday", "customer": {"name": "Ada"}}, "errors": []}
        assert await client.data(TASKS) == {"tasks": {"nodes": [{"subject": "Greet Ada: hello"}]}}
        assert await client.data(ask) == {
            "customers": {"nodes": [], "totalCount": 0}, "customerAggregate": [{"count": 1}],
        }  # fmt: skip
        assert await client.data(SENT, c=key) == {"cardsSend": {"errors": []}}
        assert (await client.data(ask))["customers"] == {"nodes": [{"name": "Ada"}], "totalCount": 1}
        refused = await client.data(LONG, c=key, t="long " * 10)
        assert refused["cardsSend"]["errors"] == [{"code": "VALIDATION", "path": ["input", "text"]}]
