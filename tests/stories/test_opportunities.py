"""A sales team's real data, with its misspellings and gaps, comes in by files; the API answers one request each.

The figures were computed from the files themselves (data/SOURCES.md).
"""

from __future__ import annotations

from decimal import Decimal

from tests.fixtures import TestCrm
from tests.stories.conftest import Imported
from tests.stories.test_northwind import PAGE, counts


def test_everything_comes_in_and_aliases_are_counted(opportunities: Imported):
    reports = opportunities.reports
    assert {name: counts(report) for name, report in reports.items()} == {
        "sales_teams": {"Team": (9, 0, 0, 0), "User": (35, 0, 0, 0)},
        "accounts": {"Customer": (85, 0, 0, 0), "Address": (85, 0, 0, 0)},
        "products": {"Product": (7, 0, 0, 0)},
        "sales_pipeline": {"Pipeline": (1, 0, 0, 0), "Stage": (4, 0, 0, 0), "Deal": (8800, 0, 0, 0)},
    }
    assert reports["accounts"]["aliases"] == [
        {"column": "sector", "value": "technolgy", "meaning": "technology", "rows": 12}
    ]
    assert reports["sales_pipeline"]["aliases"] == [
        {"column": "product", "value": "GTXPro", "meaning": "GTX Pro", "rows": 1480}
    ]


async def test_accounts_and_their_hierarchy(sellers: TestCrm):
    found = await sellers.gql("""{
      customers { totalCount }
      children: customers(where: {parentId: {isNull: false}}) { totalCount }
      later: customers(where: {name: {eq: "Cheers"}}) {
        nodes { parent { name } annualRevenue { amount currencyCode } foundedYear employees industry }
      }
      sectors: customerAggregate(where: {industry: {eq: "technology"}}) { count }
      agents: users(where: {team: {parent: {name: {in: ["Central", "East", "West"]}}}}) { totalCount }
    }""")
    assert found["customers"]["totalCount"] == 85
    assert found["children"]["totalCount"] == 15
    assert found["sectors"] == [{"count": 12}]
    assert found["agents"]["totalCount"] == 35
    [cheers] = found["later"]["nodes"]
    assert cheers["parent"] == {"name": "Massive Dynamic"}  # 38 lines after its subsidiary
    assert cheers["annualRevenue"] == {"amount": "4269900000.0000", "currencyCode": "USD"}


async def test_deals_won_of_those_closed(sellers: TestCrm):
    found = await sellers.gql("""{
      dealAggregate(groupBy: [{stage: {field: TYPE}}]) { keys { field value } count }
    }""")
    by_type = {group["keys"][0]["value"]: group["count"] for group in found["dealAggregate"]}
    assert by_type == {"OPEN": 2089, "WON": 4238, "LOST": 2473}
    won, closed = by_type["WON"], by_type["WON"] + by_type["LOST"]
    assert (won, closed) == (4238, 6711)
    assert round(Decimal(100 * won) / closed, 2) == Decimal("63.15")


async def test_the_value_of_what_was_won(sellers: TestCrm):
    found = await sellers.gql("""{
      dealAggregate(where: {stage: {type: {eq: WON}}}) {
        count sum { amount { amount currencyCode } } avg { amount { amount } }
      }
      open: deals(where: {customerId: {isNull: true}}) { totalCount }
    }""")
    [won] = found["dealAggregate"]
    assert won["count"] == 4238
    assert won["sum"]["amount"] == [{"amount": "10005534.0000", "currencyCode": "USD"}]
    assert won["avg"]["amount"][0]["amount"].startswith("2360.9")
    assert found["open"]["totalCount"] == 1425


async def test_revenue_by_region(sellers: TestCrm):
    found = await sellers.gql("""{
      dealAggregate(
        where: {stage: {type: {eq: WON}}}
        groupBy: [{owner: {team: {field: PARENT}}}, {field: CURRENCY}]
        orderBy: [{sum: AMOUNT, direction: DESC}]
      ) {
        keys { field record { ... on Team { name } } }
        sum { amount { amount } }
      }
    }""")
    regions = [
        (group["keys"][0]["record"]["name"], group["sum"]["amount"][0]["amount"]) for group in found["dealAggregate"]
    ]
    assert regions == [("West", "3568647.0000"), ("Central", "3346293.0000"), ("East", "3090594.0000")]
    assert found["dealAggregate"][0]["keys"][0]["field"] == "owner.team.parent"


async def test_the_best_seller(sellers: TestCrm):
    found = await sellers.gql("""{
      dealAggregate(
        where: {stage: {type: {eq: WON}}}
        groupBy: [{field: OWNER}, {field: CURRENCY}], orderBy: [{sum: AMOUNT, direction: DESC}], first: 1
      ) { keys { record { ... on User { name } } } sum { amount { amount } } }
    }""")
    [best] = found["dealAggregate"]
    assert best["keys"][0]["record"] == {"name": "Darcel Schlecht"}
    assert best["sum"]["amount"] == [{"amount": "1153214.0000"}]


async def test_a_deal_closed_when_the_file_says_so(sellers: TestCrm):
    found = await sellers.gql("""{
      dealByExternalRef(system: "crm", externalId: "1C1I7A6R") {
        name openedOn closedAt probability stage { name } owner { name } customer { name } amount { amount }
        transitions { nodes { at toStage { name } } }
      }
    }""")
    assert found["dealByExternalRef"] == {
        "name": "GTX Plus Basic for Cancity",
        "openedOn": "2016-10-20",
        "closedAt": "2017-03-01T00:00:00.000000+00:00",
        "probability": 100,
        "stage": {"name": "Won"},
        "owner": {"name": "Moses Frase"},
        "customer": {"name": "Cancity"},
        "amount": {"amount": "1054.0000"},
        "transitions": {"nodes": [{"at": "2017-03-01T00:00:00.000000+00:00", "toStage": {"name": "Won"}}]},
    }


async def test_the_page_of_one_customer(sellers: TestCrm):
    found = await sellers.gql(PAGE, system="crm", externalId="Hottechi")
    page = found["customerByExternalRef"]
    assert page["industry"] == "technology"
    assert page["deals"]["totalCount"] == 7  # 5 engaging, 2 prospecting; 111 won and 82 lost are not open
    assert page["addresses"]["nodes"] == [{"lines": None, "city": None, "country": "Korea"}]
