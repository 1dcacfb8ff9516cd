"""The delta feed: a client that applies it ends with what its user sees, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass

import pytest

from crmcore.kit.ids import from_global
from crmcore.platform.access import Reach
from tests.fixtures import TestCrm
from tests.http.copying import Copy, Crowd

STEPS = int(os.environ.get("CRMCORE_FEED_STEPS", "12"))
"""What each of eight writers does."""

SEEDS = int(os.environ.get("CRMCORE_FEED_SEEDS", "1"))


@dataclass
class People:
    """Two teams and their people; the tokens are the first one's."""

    teams: list[str]
    users: list[str]
    tokens: dict[Reach, str]


@pytest.fixture
async def people(crm: TestCrm) -> People:
    crowd = Crowd(crm, [], [])
    teams = [await crowd.act("team", "Create", {"name": name}) for name in ("North", "South")]
    users = [
        await crowd.act("user", "Create", {"name": name, "email": f"{name}@crm.test", "teamId": team})
        for name, team in zip(("ada", "bob", "eve"), (teams[0], teams[0], teams[1]), strict=True)
    ]
    assert None not in (*teams, *users)
    me = from_global(str(users[0]))[1]
    tokens = {reach: await crm.token_for(user_id=me, reach=reach) for reach in Reach}
    return People([str(t) for t in teams], [str(u) for u in users], tokens)


def copies(crm: TestCrm, people: People, first: int = 5) -> list[Copy]:
    return [Copy(crm, token, first) for token in people.tokens.values()]


async def assert_equal(copy: Copy) -> None:
    await copy.follow()
    assert copy.records == await copy.lists()


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_eight_writers_and_three_copies(seed: int, crm: TestCrm, people: People):
    """In small pages, from empty, while all is going on: each ends equal to what its user sees."""
    crowd = Crowd(crm, [*people.users, None], [*people.teams, None])
    await crowd.write(seed, 20)
    found = copies(crm, people)
    writing = True

    async def follow(copy: Copy) -> None:
        while writing:
            await copy.page()

    async def write() -> None:
        nonlocal writing
        async with asyncio.TaskGroup() as crowds:
            for number in range(8):
                crowds.create_task(crowd.write(seed * 1000 + number + 1, STEPS))
        writing = False

    async with asyncio.TaskGroup() as group:
        for work in (write(), *(follow(copy) for copy in found)):
            group.create_task(work)
    assert crowd.done > STEPS * 2
    late = copies(crm, people, 7)
    for copy in [*found, *late]:
        await assert_equal(copy)
    sizes = [len(copy.records) for copy in late]
    assert sizes[0] > sizes[1] >= sizes[2] > 0
