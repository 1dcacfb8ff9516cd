"""The plugin as a plugin: what it keeps to, and what it adds to the graph."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from crmcore.testing import TestCrm, assert_plugin_contract

CONTRIBUTION = Path(__file__).parents[1] / "contribution.graphql"


async def test_it_keeps_to_what_plugins_keep_to():
    await assert_plugin_contract("email")


async def test_what_it_adds_is_what_is_printed(crm: TestCrm, dialect: str):
    """contribution.graphql is the whole of it. To print it anew, delete it and run this twice."""
    printed = crm.sdl_diff()
    if not CONTRIBUTION.exists():
        await asyncio.to_thread(CONTRIBUTION.write_text, printed)
        pytest.fail("contribution.graphql was missing and has been printed: read it, and run again.")
    assert printed == CONTRIBUTION.read_text()


async def test_the_examples_of_the_readme_are_of_the_graph(crm: TestCrm, dialect: str):
    page = (Path(__file__).parents[1] / "README.md").read_text()
    examples = re.findall(r"```graphql\n(.*?)```", page, re.DOTALL)
    for one in re.findall(r"mutation \{.*?\n\}|mutation \{[^\n]*\}", "".join(examples), re.DOTALL):
        answer = await crm.ask(one)
        assert "errors" not in answer, answer["errors"]
    assert (await crm.gql("{ emailTemplates { totalCount } }"))["emailTemplates"]["totalCount"] == 1


async def test_without_a_mail_server_it_says_what_it_needs(crm_factory: Any):
    crm = await crm_factory(settings={"email": {"from_address": "a@b.example"}})
    given = {"to": "anna@example.com", "purpose": "TRANSACTIONAL", "subject": "Hi", "html": "Hi"}
    text = "mutation($i: EmailMessageSendInput!) { emailMessageSend(input: $i) { errors { message } } }"
    [said] = (await crm.gql(text, i=given))["emailMessageSend"]["errors"]
    assert "smtp_host" in said["message"]
