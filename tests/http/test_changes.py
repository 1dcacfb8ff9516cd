"""The delta feed: a client that applies it ends with what its user sees, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

import pytest

from crmcore.domain.customers import Customer
from crmcore.kit import times
from crmcore.kit.ids import from_global
from crmcore.kit.sql import Sql
from crmcore.platform.access import Reach
from crmcore.platform.events import erase_events
from crmcore.platform.identity import create_tenant, create_token
from crmcore.records import Create, write
from tests.fixtures import TestCrm
from tests.http.copying import CHANGES, Copy, Crowd

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
    pipeline = await crowd.act("pipeline", "Create", {"name": "Sales", "isDefault": True})
    await crowd.act("stage", "Create", {"pipelineId": pipeline, "name": "Open", "position": 1, "type": "OPEN"})
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


@pytest.fixture
def crowd(crm: TestCrm) -> Crowd:
    return Crowd(crm, [], [])


async def customer(crowd: Crowd, owner: str, name: str = "Somebody") -> str:
    made = await crowd.act("customer", "Create", {"name": name, "ownerId": owner})
    assert made is not None
    return made


async def addresses(crm: TestCrm, customer: str, count: int) -> None:
    items = [{"customerId": customer, "city": f"Town {n}"} for n in range(count)]
    query = "mutation($items: [AddressCreateInput!]!) { addressesCreate(items: $items) { errors { message } } }"
    assert not (await crm.gql(query, items=items))["addressesCreate"]["errors"]


async def test_a_customer_comes_with_all_that_hangs_on_it_and_leaves_with_it(
    crm: TestCrm, people: People, crowd: Crowd
):
    """Without an event of theirs; page by page, each at the same cost."""
    hers = await customer(crowd, people.users[2])
    await addresses(crm, hers, 330)
    contact = await crowd.act("contact", "Create", {"lastName": "Lovelace"})
    await crowd.act("contactLink", "Create", {"customerId": hers, "contactId": contact})
    await crowd.act("address", "Create", {"contactId": contact, "city": "London"})
    copy = Copy(crm, people.tokens[Reach.OWN], 100)
    await copy.follow()
    before = dict(copy.records)
    assert hers not in before
    for owner, size in ((people.users[0], 334), (people.users[1], 0), (people.users[0], 334), (people.users[2], 0)):
        await crowd.act("customer", "Update", {"ownerId": owner}, hers)
        await crowd.act("customer", "Update", {"name": f"of {owner}"}, hers)
        pages, more = 0, True
        while more:
            with crm.crm.db.counting() as seen:
                more = (await copy.page())["hasMore"]
            pages += 1
            assert len(seen) <= 5, "token, bounds, events, what hangs on them, records"
        assert pages <= 5
        assert len(copy.records) == len(before) + size
        assert copy.records == await copy.lists()


async def test_a_window_goes_on_in_pages_of_another_size(crm: TestCrm, people: People, crowd: Crowd):
    mine = [await customer(crowd, people.users[2], f"C{n}") for n in range(6)]
    for each in mine:
        await addresses(crm, each, 3)
    copy = Copy(crm, people.tokens[Reach.OWN], 20)
    await copy.follow()
    for each in mine:
        await crowd.act("customer", "Update", {"ownerId": people.users[0]}, each)
    await copy.page()
    for copy.first in (1, 2, 7):
        await copy.page()
    await assert_equal(copy)
    assert len([key for key in copy.records if key.startswith("address_")]) == 18


async def test_what_was_never_in_view_is_not_mentioned(crm: TestCrm, people: People, crowd: Crowd):
    copy = Copy(crm, people.tokens[Reach.OWN], 50)
    await copy.follow()
    hers = await customer(crowd, people.users[2])
    await addresses(crm, hers, 3)
    deal = await crowd.act("deal", "Create", {"name": "Hers", "customerId": hers, "ownerId": people.users[2]})
    await crowd.act("customer", "Update", {"name": "Still hers"}, hers)
    await crowd.act("customer", "Update", {"ownerId": people.users[1]}, hers)
    assert deal
    await crowd.act("deal", "Delete", None, deal)
    await crowd.act("customer", "Delete", None, hers)
    await crowd.act("customer", "Restore", None, hers)
    known = set(copy.records)
    await copy.follow()
    assert copy.deleted == []
    assert set(copy.records) == known


async def test_only_the_types_that_are_asked_for(crm: TestCrm, people: People, crowd: Crowd):
    """They follow what they hang on, though that is not asked for."""
    hers = await customer(crowd, people.users[2])
    await addresses(crm, hers, 3)
    copy = Copy(crm, people.tokens[Reach.OWN], 2, types=["ADDRESS", "DEAL"])
    await copy.follow()
    assert copy.records == {}
    await crowd.act("customer", "Update", {"ownerId": people.users[0]}, hers)
    await copy.follow()
    assert len(copy.records) == 3
    await crowd.act("customer", "Update", {"ownerId": None}, hers)
    await copy.follow()
    assert copy.records == {}
    assert len(copy.deleted) == 3


async def test_a_deleted_part_that_a_merge_moves_away_is_told(crm: TestCrm, people: People, crowd: Crowd):
    mine, hers = await customer(crowd, people.users[0]), await customer(crowd, people.users[2])
    address = await crowd.act("address", "Create", {"customerId": mine, "city": "Turin"})
    copy = Copy(crm, people.tokens[Reach.OWN], 2)
    await copy.follow()
    assert address in copy.records
    await crowd.act("address", "Delete", None, address)
    merge = (
        "mutation($s: ID!, $o: ID!) { customerMerge(input: {survivorId: $s, otherIds: [$o]}) { errors { message } } }"
    )
    assert not (await crm.gql(merge, s=hers, o=mine))["customerMerge"]["errors"]
    await assert_equal(copy)
    assert address not in copy.records


async def test_a_page_costs_the_same_however_much_there_is(crm: TestCrm, people: People, crowd: Crowd):
    for count in (1, 40):
        for number in range(count):
            await customer(crowd, people.users[0], f"C{number}")
        copy = Copy(crm, people.tokens[Reach.TEAM], 200)
        await copy.follow()
        for number in range(count):
            await customer(crowd, people.users[0], f"D{number}")
        with crm.crm.db.counting() as seen:
            page = await copy.page()
        assert len(page["nodes"]) == count
        assert len(seen) == 4, "token, bounds, events, records"


async def test_a_copy_that_cannot_be_brought_up_to_date(crm: TestCrm, people: People, crowd: Crowd):
    await customer(crowd, people.users[0])
    copy = Copy(crm, people.tokens[Reach.TEAM], 100)
    await copy.follow()
    known, cursor = dict(copy.records), copy.cursor

    async def refused(token: str, types: list[str] | None = None) -> None:
        other = Copy(crm, token, 100, types, cursor)
        page = await other.page()
        assert (page["resyncRequired"], page["hasMore"], page["nodes"], page["cursor"]) == (True, True, [], "")
        await assert_equal(other) if types is None else await other.follow()
        assert other.records

    await refused(people.tokens[Reach.OWN])
    await refused(people.tokens[Reach.TENANT])
    await refused(people.tokens[Reach.TEAM], ["CUSTOMER", "USER"])
    await crowd.act("user", "Update", {"teamId": people.teams[1]}, people.users[0])
    await refused(people.tokens[Reach.TEAM])
    await crowd.act("user", "Update", {"teamId": people.teams[0]}, people.users[0])
    await copy.follow()
    assert copy.records.keys() == known.keys()


async def test_another_tenant_s_cursor_shows_nothing(crm: TestCrm, crowd: Crowd):
    await customer(crowd, str(await crowd.act("user", "Create", {"name": "A", "email": "a@crm.test"})))
    copy = Copy(crm, crm.token, 100)
    await copy.follow()
    async with crm.crm.db.transaction() as tx:
        token = (await create_token(tx, await create_tenant(tx, "other", "Other"), "test")).text
    other = Copy(crm, token, 100, cursor=copy.cursor)
    assert (await other.page())["resyncRequired"]
    await assert_equal(other)
    assert not other.records.keys() & copy.records.keys()


async def test_a_cursor_that_is_too_old(crm: TestCrm, people: People, crowd: Crowd):
    copy = Copy(crm, crm.token, 100)
    await copy.follow()
    last = await customer(crowd, people.users[0])
    async with crm.crm.db.transaction() as tx:  # as an operator may do who needs the room
        if tx.dialect == "sqlite":
            await tx.execute(Sql("DROP TRIGGER event_delete_refused"))
        else:
            await tx.execute(Sql("DROP TRIGGER event_change_refused ON event"))
        await tx.execute(Sql("DELETE FROM event"))
    await customer(crowd, people.users[0])
    assert (await copy.page())["resyncRequired"]
    await assert_equal(copy)
    assert last in copy.records


@pytest.mark.parametrize(
    "arguments",
    [{"after": "nonsense"}, {"after": "ä"}, {"first": 0}, {"first": -1}, {"first": 201}, {"types": []}],
    ids=str,
)
async def test_what_is_refused(crm: TestCrm, arguments: dict[str, Any]):
    answer = await crm.ask(CHANGES, **arguments)
    [error] = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["path"] == ["changes"]


async def test_a_cursor_that_was_changed_on_the_way(crm: TestCrm):
    copy = Copy(crm, crm.token)
    await copy.follow()
    assert copy.cursor
    for place in range(0, len(copy.cursor), 5):
        other = "A" if copy.cursor[place] != "A" else "B"
        forged = copy.cursor[:place] + other + copy.cursor[place + 1 :]
        answer = await crm.ask(CHANGES, after=forged)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_no_page_passes_a_transaction_that_is_still_open(crm: TestCrm, dialect: str):
    if dialect == "sqlite":
        pytest.skip("SQLite has one writer: its transactions cannot interleave")
    copy = Copy(crm, crm.token)
    await copy.follow()
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with crm.crm.db.transaction() as tx:
            await write(crm.context, [Create(Customer, {"name": "Slow"})], tx=tx)
            begun.set()
            await go.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(slow())
        await begun.wait()
        fast = await write(crm.context, [Create(Customer, {"name": "Fast"})])
        assert not (await copy.page())["hasMore"]
        assert copy.records.keys() == {key for key in copy.records if not key.endswith(str(fast[0].id))}
        go.set()
    await assert_equal(copy)
    assert {node["name"] for _, node in copy.records.values() if "name" in node} == {"Slow", "Fast"}


async def test_an_erased_link_leaves_unknown_whom_it_showed(crm: TestCrm, people: People, crowd: Crowd):
    """Who sees all is told as ever; who saw a contact through the link must begin again."""
    mine = await customer(crowd, people.users[0])
    contact = await crowd.act("contact", "Create", {"lastName": "Lovelace"})
    link = await crowd.act("contactLink", "Create", {"customerId": mine, "contactId": contact})
    found = copies(crm, people, 50)
    for copy in found:
        await copy.follow()
        assert contact in copy.records
    await crowd.act("contactLink", "Delete", None, link)
    async with crm.crm.db.transaction() as tx:
        await erase_events(tx, crm.tenant, "contact_link", [from_global(str(link))[1]], times.now())
        await tx.execute(Sql("DELETE FROM contact_link"))
    for copy, again in zip(found, (False, True, True), strict=True):
        assert (await copy.page())["resyncRequired"] == again
        await assert_equal(copy)
