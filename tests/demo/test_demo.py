"""The generated company: as large as promised, the same for the same seed, sound on both databases."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from crmcore.demo import a_year
from crmcore.records import Create, Update
from tests.command_line import asked, crmcore
from tests.fixtures import open_crm

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def year():
    """The whole company, not written anywhere."""
    return [*a_year(1, TODAY, 1.0).commands(2000)]


def created(commands, kind: str) -> list[Create]:
    return [c for command in commands for c in command.changes if isinstance(c, Create) and c.model.__name__ == kind]


async def test_it_is_as_large_as_promised(graph, year):
    made = Counter(c.model.__name__ for command in year for c in command.changes if isinstance(c, Create))
    assert made["Customer"] == 2000
    assert made["Contact"] >= 4000
    assert made["Deal"] == 3000
    assert made["Order"] == 6000
    assert made["Case"] == 2000
    assert made["CarePlan"] == 500
    assert made["Interaction"] >= 30_000
    assert made["Pipeline"] == 2


async def test_the_same_seed_gives_the_same_company(graph, year):
    again = [*a_year(1, TODAY, 1.0).commands(2000)]
    assert [(command.at, command.changes) for command in again] == [(c.at, c.changes) for c in year]
    other = [*a_year(2, TODAY, 0.02).commands(2000)]
    assert created(other, "Customer")[0].id != created(year, "Customer")[0].id


async def test_everything_has_happened_in_the_year_before(graph, year):
    days = [command.at for command in year]
    assert days == sorted(days)
    assert datetime(2025, 11, 22, tzinfo=UTC) <= days[0] < days[-1] < datetime(2026, 11, 22, tzinfo=UTC)
    assert all(c.values["at"] < datetime(2026, 11, 22, tzinfo=UTC) for c in created(year, "Interaction"))
    planned = [c.values["planned_on"] for c in created(year, "Touchpoint")]
    assert min(planned) < TODAY < max(planned)


async def test_it_is_believable(graph, year):
    customers = [c.values for c in created(year, "Customer")]
    names = "".join(c["name"] for c in customers)
    assert any("\u4e00" <= character <= "\u9fff" for character in names)
    assert {"ü", "é", "ł", "Å", "ã", "ş"} <= set(names)
    assert len({c["name"] for c in customers if c["kind"] == "ORGANIZATION"}) == sum(
        c["kind"] == "ORGANIZATION" for c in customers
    )
    assert 60 <= sum(c["parent_id"] is not None for c in customers if "parent_id" in c) <= 300
    weight = {c.id: c.values["importance"] for c in created(year, "Customer")}
    orders = Counter(c.values["customer_id"] for c in created(year, "Order"))
    share = {grade: [orders[key] for key, own in weight.items() if own == grade] for grade in "AC"}
    assert sum(share["A"]) / len(share["A"]) > 5 * sum(share["C"]) / len(share["C"])
    amounts = sorted(c.values["amount"] for c in created(year, "Deal"))
    middle = amounts[len(amounts) // 2]
    assert Decimal(2000) < middle < sum(amounts) / len(amounts) < amounts[-1]
    stages = Counter(len(s) for s in _moves(year).values())
    assert stages[1] > 100
    assert stages[4] > 100
    won = {c.values["deal_id"] for c in created(year, "Order")} - {None}
    assert len(won) > 800


def _moves(commands) -> dict:
    """The stages that each deal entered."""
    found: dict = {c.id: [c.values["stage_id"]] for c in created(commands, "Deal")}
    for command in commands:
        for change in command.changes:
            if isinstance(change, Update) and "stage_id" in change.values:
                found[change.id].append(change.values["stage_id"])
    return found


async def test_no_command_changes_a_record_twice(year):
    for command in year:
        ids = [change.id for change in command.changes]
        assert len(ids) == len(set(ids))
        assert len(ids) <= 2000


def test_it_fills_a_database_once(database_url: str):
    made = asked(database_url, "demo", "--scale", "0.02", "--today", "2026-11-22")
    assert made["already"] is False
    assert (made["made"]["Customer"], made["made"]["Deal"], made["made"]["Interaction"]) == (40, 60, 600)
    assert asked(database_url, "demo", "--scale", "0.02") == {"already": True, "made": {}}
    assert "there already" in crmcore(database_url, "demo").stdout


async def test_what_is_in_the_database_is_sound(database_url: str):
    asked(database_url, "demo", "--scale", "0.02", "--today", "2026-11-22")
    async with open_crm(database_url) as crm:
        found = await crm.gql("""{
          customers { totalCount }
          deals(first: 200) { nodes {
            createdAt openedOn closedAt probability stage { type } customer { id } amount { amount } lostReason
            transitions(orderBy: [{field: AT}]) { nodes { at secondsInFrom } }
          } }
          orders(first: 200) { nodes {
            number total { amount currencyCode } lines(first: 50) { nodes { total { amount currencyCode } } }
          } }
          cases(first: 200) { nodes { number status createdAt firstResponseAt resolvedAt closedAt } }
          behind: customers(where: {interactions: {some: {}}, lastInteractionAt: {isNull: true}}) { totalCount }
          touchpointAggregate(groupBy: [{field: STATUS}]) { keys { value } count }
          all: customers(first: 100) { nodes { id } }
        }""")
    assert found["customers"]["totalCount"] == 40
    for deal in found["deals"]["nodes"]:
        moments = [t["at"] for t in deal["transitions"]["nodes"]]
        assert moments[0][:10] == deal["openedOn"]
        assert moments == sorted(set(moments))
        assert (deal["closedAt"] is not None) == (deal["stage"]["type"] in {"WON", "LOST"})
        assert deal["customer"]
    for order in found["orders"]["nodes"]:
        assert order["total"]["amount"] == f"{sum(Decimal(x['total']['amount']) for x in order['lines']['nodes']):.4f}"
        assert {x["total"]["currencyCode"] for x in order["lines"]["nodes"]} == {order["total"]["currencyCode"]}
    for case in found["cases"]["nodes"]:
        steps = [case[name] for name in ("createdAt", "firstResponseAt", "resolvedAt", "closedAt")]
        assert [s for s in steps if s] == sorted(s for s in steps if s)
    assert found["behind"]["totalCount"] <= 3  # only notes among ourselves
    assert {group["keys"][0]["value"] for group in found["touchpointAggregate"]} >= {"DONE", "PLANNED"}
    expected = {f"customer_{c.id}" for c in created([*a_year(1, TODAY, 0.02).commands(2000)], "Customer")}
    assert {node["id"] for node in found["all"]["nodes"]} == expected
