"""A trading company's real data comes in by files, and the API answers what its owner asks, one request each.

The figures were computed from the files themselves (data/SOURCES.md).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.command_line import MAPPINGS, asked
from tests.fixtures import TestCrm
from tests.stories.conftest import Imported, real_data


def counts(report) -> dict[str, tuple[int, int, int, int]]:
    return {kind: tuple(tally.values()) for kind, tally in report["records"].items()}


def test_everything_comes_in(northwind: Imported):
    assert {name: counts(report) for name, report in northwind.reports.items()} == {
        "employees": {"User": (9, 0, 0, 0)},
        "customers": {
            "Customer": (91, 0, 0, 0),
            "Contact": (91, 0, 0, 0),
            "ContactLink": (91, 0, 0, 0),
            "Address": (91, 0, 0, 0),
            "ContactPoint": (160, 0, 0, 0),  # 91 telephones, 69 faxes
        },
        "products": {"Product": (77, 0, 0, 0)},
        "orders": {"Order": (830, 0, 0, 0)},
        "order_details": {"OrderLine": (2155, 0, 0, 0)},
    }
    assert [report["refused"] for report in northwind.reports.values()] == [0] * 5
    assert northwind.reports["orders"]["unusedColumns"][:2] == ["required_date", "ship_via"]


def test_coming_again_changes_nothing(northwind: Imported, tmp_path: Path):
    for name in ("customers", "order_details"):
        file = shutil.copy(real_data("northwind") / f"{name}.csv", tmp_path)
        again = asked(northwind.url, "import", file, "--map", MAPPINGS / "northwind" / f"{name}.toml")
        first = counts(northwind.reports[name])
        assert counts(again) == {kind: (0, 0, created, 0) for kind, (created, *_) in first.items()}


async def test_versions_do_not_step_for_nothing(traders: TestCrm):
    found = await traders.gql("{ orderLines(where: {version: {gt: 1}}) { totalCount } orderLineAggregate { count } }")
    assert found == {"orderLines": {"totalCount": 0}, "orderLineAggregate": [{"count": 2155}]}


async def test_the_customer_with_most_orders(traders: TestCrm):
    found = await traders.gql("""{
      orderAggregate(groupBy: [{field: CUSTOMER}], orderBy: [{count: true, direction: DESC}], first: 1) {
        count
        keys { field record { ... on Customer { name externalRefs { system externalId } } } }
      }
    }""")
    customer = {"name": "Save-a-lot Markets", "externalRefs": [{"system": "northwind", "externalId": "SAVEA"}]}
    assert found == {"orderAggregate": [{"count": 31, "keys": [{"field": "customer", "record": customer}]}]}


async def test_the_customer_with_most_revenue(traders: TestCrm):
    found = await traders.gql("""{
      orderAggregate(
        groupBy: [{field: CUSTOMER}, {field: CURRENCY}], orderBy: [{sum: TOTAL, direction: DESC}], first: 1
      ) {
        sum { total { amount currencyCode } }
        keys { field value record { ... on Customer { name externalRefs { externalId } } } }
      }
    }""")
    [best] = found["orderAggregate"]
    assert best["sum"]["total"] == [{"amount": "110277.3050", "currencyCode": "USD"}]
    assert best["keys"][0]["record"] == {"name": "QUICK-Stop", "externalRefs": [{"externalId": "QUICK"}]}
    assert best["keys"][1] == {"field": "currency", "value": "USD", "record": None}


async def test_revenue_of_all_and_by_year(traders: TestCrm):
    found = await traders.gql("""{
      all: orderAggregate { count sum { total { amount currencyCode } } }
      lines: orderLineAggregate { count sum { total { amount currencyCode } } }
      y1996: orders(where: {placedAt: {lt: "1997-01-01T00:00:00Z"}}) { totalCount }
      y1998: orders(where: {placedAt: {gte: "1998-01-01T00:00:00Z"}}) { totalCount }
      idle: customers(where: {orders: {none: {}}}, orderBy: [{field: NAME}]) { nodes { externalRefs { externalId } } }
      open: orders(where: {status: {eq: CONFIRMED}}) { totalCount }
    }""")
    total = [{"amount": "1265793.0395", "currencyCode": "USD"}]
    assert found["all"] == [{"count": 830, "sum": {"total": total}}]
    assert found["lines"] == [{"count": 2155, "sum": {"total": total}}]
    assert (found["y1996"]["totalCount"], found["y1998"]["totalCount"]) == (152, 270)
    assert [node["externalRefs"][0]["externalId"] for node in found["idle"]["nodes"]] == ["FISSA", "PARIS"]
    assert found["open"]["totalCount"] == 21


async def test_orders_by_employee(traders: TestCrm):
    found = await traders.gql("""{
      orderAggregate(groupBy: [{field: USER}]) {
        count keys { record { ... on User { externalRefs { externalId } } } }
      }
    }""")
    by_employee = {
        int(group["keys"][0]["record"]["externalRefs"][0]["externalId"]): group["count"]
        for group in found["orderAggregate"]
    }
    assert [by_employee[number] for number in range(1, 10)] == [123, 96, 127, 156, 42, 67, 72, 104, 43]


async def test_the_page_of_one_customer(traders: TestCrm):
    found = await traders.gql(PAGE, system="northwind", externalId="QUICK")
    page = found["customerByExternalRef"]
    assert page["name"] == "QUICK-Stop"
    assert page["addresses"]["nodes"] == [{"lines": "Taucherstraße 10", "city": "Cunewalde", "country": "Germany"}]
    [contact] = page["contactLinks"]["nodes"]
    assert contact == {"isPrimary": True, "contact": {"name": "Horst Kloss", "title": "Accounting Manager"}}
    assert [point["type"] for point in page["contactPoints"]["nodes"]] == ["PHONE"]
    assert page["orders"]["totalCount"] == 28
    assert page["orders"]["nodes"][0]["lines"]["totalCount"] == 5
    assert page["deals"]["nodes"] == page["cases"]["nodes"] == page["interactions"]["nodes"] == []
    assert page["lastOrderAt"] == "1998-04-14T00:00:00.000000+00:00"


PAGE = """query($system: String!, $externalId: String!) {
  customerByExternalRef(system: $system, externalId: $externalId) {
    id name kind industry lifecycleStage lastOrderAt owner { name } team { name }
    addresses { nodes { lines city country } }
    contactPoints(orderBy: [{field: TYPE}]) { nodes { type value } }
    contactLinks(orderBy: [{field: IS_PRIMARY, direction: DESC}]) { nodes { isPrimary contact { name title } } }
    deals(where: {stage: {type: {eq: OPEN}}}) { totalCount nodes { name amount { amount currencyCode } stage { name } } }
    cases(where: {status: {notIn: [CLOSED, REJECTED]}}) { nodes { number subject status } }
    interactions(orderBy: [{field: AT, direction: DESC}], first: 10) { nodes { at kind subject } }
    touchpoints(where: {status: {in: [PLANNED, DUE]}}, orderBy: [{field: PLANNED_ON}], first: 3) { nodes { plannedOn } }
    orders(orderBy: [{field: PLACED_AT, direction: DESC}], first: 5) {
      totalCount
      nodes { number placedAt total { amount } lines { totalCount nodes { product { name } quantity total { amount } } } }
    }
  }
}"""
