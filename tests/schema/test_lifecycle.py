"""What can happen, as data: the catalogue of events, the state machines, and the history of every move."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crmcore.kit import times
from crmcore.kit.ids import from_global
from crmcore.migrations import CORE
from crmcore.platform.access import Reach
from crmcore.platform.migrate import migrate
from crmcore.platform.record import Event
from crmcore.records import Update, write
from crmcore.schema.lifecycle import event_types, print_events
from tests.architecture.tree import ROOT
from tests.fixtures import open_crm

NAMED = [
    "customer.created",
    "customer.updated",
    "customer.merged",
    "customer.unmerged",
    "customer.lifecycle_changed",
    "customer.importance_changed",
    "deal.stage_changed",
    "deal.won",
    "deal.lost",
    "case.created",
    "case.assigned",
    "case.responded",
    "case.resolved",
    "case.reopened",
    "order.placed",
    "order.shipped",
    "order.delivered",
    "touchpoint.due",
    "touchpoint.done",
    "touchpoint.overdue",
    "touchpoint.skipped",
    "touchpoint.blocked",
    "customer.purged",
]


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = times.now()

    def __call__(self):
        return self.at

    def on(self, **parts: int) -> None:
        self.at += timedelta(**parts)


@pytest.fixture
async def clock(crm):
    held = Clock()
    crm.crm.clock = held
    return held


async def test_every_event_type_is_listed_once(crm):
    found = (await crm.gql("{ eventTypes { name recordType description fields } }"))["eventTypes"]
    names = [event["name"] for event in found]
    assert len(set(names)) == len(names)
    assert set(NAMED) <= set(names)
    assert all(event["name"].startswith(f"{event['recordType']}.") and event["description"] for event in found)
    [won] = [event for event in found if event["name"] == "deal.won"]
    assert {"amount", "stage_id", "version"} <= set(won["fields"])


async def test_the_page_is_the_list(crm):
    page = ROOT / "docs" / "events.md"
    assert page.read_text() == print_events(crm.crm.registry), "the events changed: `make schema` prints them anew"


async def test_every_event_of_the_domain_is_in_the_list(crm):
    from importlib import import_module

    known = {event.name: event.description for event in event_types(crm.crm.registry)}
    files = [*(ROOT / "crmcore" / "domain").glob("*/events.py"), ROOT / "crmcore/platform/webhooks/events.py"]
    for file in files:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        for held in vars(import_module(module)).values():
            if isinstance(held, Event):
                assert known[held.name] == held.description


async def test_an_event_that_is_not_declared_is_not_told(crm):
    made = await crm.gql('mutation { customerCreate(input: {name: "A"}) { customer { id } } }')
    key = from_global(made["customerCreate"]["customer"]["id"])[1]
    model = crm.crm.registry.records["Customer"].written
    with pytest.raises(TypeError, match=r"Rules\.events"):
        await write(crm.context, [Update(model, key, {"name": "B"}, events=[Event("customer.secret", "?")])])


async def test_facts_that_follow_from_a_change_are_told(crm):
    made = await crm.gql('mutation { customerCreate(input: {name: "A", lifecycleStage: NEW}) { customer { id } } }')
    key = made["customerCreate"]["customer"]["id"]
    text = """mutation($id: ID!, $in: CustomerUpdateInput!) { customerUpdate(id: $id, input: $in) { errors { message } } }"""
    await crm.gql(text, id=key, **{"in": {"name": "B"}})
    await crm.gql(text, id=key, **{"in": {"lifecycleStage": "LOYAL"}})
    await crm.gql(text, id=key, **{"in": {"importance": "A"}})
    text = "query($id: ID!) { customer(id: $id) { history(orderBy: {field: ID}) { nodes { type } } } }"
    found = (await crm.gql(text, id=key))["customer"]["history"]["nodes"]
    assert [node["type"].partition(".")[2] for node in found] == [
        "created", "updated", "updated", "lifecycle_changed", "updated", "importance_changed",
    ]  # fmt: skip


async def test_the_machines_are_data(crm):
    text = "{ stateMachines { type field initial states { name description moves requires } } }"
    found = {machine["type"]: machine for machine in (await crm.gql(text))["stateMachines"]}
    assert {"case", "order", "care_plan", "touchpoint"} <= set(found)
    case = found["case"]
    assert (case["field"], case["initial"]) == ("status", "NEW")
    states = {state["name"]: state for state in case["states"]}
    assert states["RESOLVED"]["moves"] == ["OPEN", "CLOSED"]
    assert states["RESOLVED"]["requires"] == ["resolution"]
    assert states["CLOSED"]["moves"] == []
    assert {name for machine in found.values() for state in machine["states"] for name in state["moves"]} <= {
        state["name"] for machine in found.values() for state in machine["states"]
    }


async def new_case(crm):
    made = await crm.gql('mutation { customerCreate(input: {name: "A"}) { customer { id } } }')
    text = 'mutation($c: ID!) { caseCreate(input: {subject: "S", customerId: $c}) { case { id } } }'
    return (await crm.gql(text, c=made["customerCreate"]["customer"]["id"]))["caseCreate"]["case"]["id"]


async def do(crm, id, *fields):
    for field in fields:
        done = await crm.gql(f"mutation($id: ID!) {{ done: {field} {{ errors {{ message }} }} }}", id=id)
        assert done == {"done": {"errors": []}}


MOVES = """query($id: ID!) { case(id: $id) { transitions(orderBy: {field: AT}) { totalCount
  nodes { field fromState toState seconds reason actor { kind } record { id } recordId } } } }"""


async def test_every_move_tells_how_long_the_state_lasted(crm, clock):
    case = await new_case(crm)
    clock.on(hours=1)
    await do(crm, case, "caseOpen(id: $id)")
    clock.on(minutes=2, microseconds=999_999)
    await do(crm, case, 'caseHold(id: $id, input: {reason: "no parts"})')
    clock.on(days=-1)  # a clock that is set back counts nothing
    await do(crm, case, "caseOpen(id: $id)")
    found = (await crm.gql(MOVES, id=case))["case"]["transitions"]
    told = [(n["fromState"], n["toState"], n["seconds"], n["reason"]) for n in found["nodes"]]
    assert sorted(told) == [
        ("NEW", "OPEN", 3600, None), ("ON_HOLD", "OPEN", 0, None), ("OPEN", "ON_HOLD", 120, "no parts"),
    ]  # fmt: skip
    assert {(n["field"], n["recordId"], n["record"]["id"]) for n in found["nodes"]} == {("status", case, case)}


async def test_moves_are_measured_over_all_machines(crm, clock):
    for hours in (1, 3):
        case = await new_case(crm)
        clock.on(hours=hours)
        await do(crm, case, "caseOpen(id: $id)")
    text = """{ transitionAggregate(where: {recordType: {eq: "case"}}, groupBy: [{field: FROM_STATE}]) {
      count avg { seconds } keys { value } } cases(where: {transitions: {some: {seconds: {gt: 3600}}}}) { totalCount } }"""
    found = await crm.gql(text)
    assert found["transitionAggregate"] == [{"count": 2, "avg": {"seconds": "7200.0000"}, "keys": [{"value": "NEW"}]}]
    assert found["cases"] == {"totalCount": 1}


async def test_a_move_costs_no_statement_more_and_a_create_nothing(crm):
    case = await new_case(crm)
    with crm.crm.db.counting() as seen:
        await new_case(crm)
    assert not [text for text in seen if "transition" in text]
    with crm.crm.db.counting() as seen:
        await do(crm, case, "caseOpen(id: $id)")
    with_events = [text for text in seen if "INSERT INTO event" in text]
    assert [text for text in seen if "INSERT INTO transition" in text] == with_events
    assert len(with_events) == 1


async def test_who_sees_the_record_sees_its_moves(crm):
    case = await new_case(crm)
    await do(crm, case, "caseOpen(id: $id)")
    made = await crm.gql('mutation { userCreate(input: {name: "Ada", email: "a@example.org"}) { user { id } } }')
    ada = made["userCreate"]["user"]["id"]
    own = await crm.token_for(user_id=from_global(ada)[1], reach=Reach.OWN)
    before, crm.client.headers["authorization"] = crm.client.headers["authorization"], f"Bearer {own}"
    assert await crm.gql(MOVES, id=case) == {"case": None}
    assert (await crm.ask("{ transitions { totalCount } }"))["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    crm.client.headers["authorization"] = before
    text = "mutation($id: ID!, $o: ID!) { caseUpdate(id: $id, input: {ownerId: $o}) { errors { message } } }"
    await crm.gql(text, id=case, o=ada)
    crm.client.headers["authorization"] = f"Bearer {own}"
    assert (await crm.gql(MOVES, id=case))["case"]["transitions"]["totalCount"] == 1


async def test_moves_made_before_the_history_was_kept_are_found_again(database_url):
    async with open_crm(database_url) as crm:
        clock = crm.crm.clock = Clock()
        case = await new_case(crm)
        clock.on(hours=1, microseconds=1)
        await do(crm, case, "caseOpen(id: $id)")
        clock.on(minutes=1)
        await do(crm, case, 'caseHold(id: $id, input: {reason: "no parts"})')
        before = await crm.gql(MOVES, id=case)
        assert before["case"]["transitions"]["totalCount"] == 2
    await migrate(database_url, [CORE], to=("core", "0011_webhooks"), losing=True)
    assert (await migrate(database_url, [CORE])).differences == []
    async with open_crm(database_url) as crm:
        assert await crm.gql(MOVES, id=case) == before
