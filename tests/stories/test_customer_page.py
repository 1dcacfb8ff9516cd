"""Everything about one customer on one page: what the front desk opens when the telephone rings. One request, one
statement, whatever there is to show."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures import TestCrm
from tests.stories.test_northwind import PAGE


async def make(crm: TestCrm, mutation: str, **values: Any) -> str:
    """A new record by its mutation; its id."""
    kind = mutation.removesuffix("Create")
    name = kind[0].upper() + kind[1:]
    text = f"mutation($input: {name}CreateInput!) {{ {mutation}(input: $input) {{ {kind} {{ id }} errors {{ message }} }} }}"
    answer = (await crm.gql(text, input=values))[mutation]
    assert answer["errors"] == []
    return str(answer[kind]["id"])


@pytest.fixture
async def customer(crm: TestCrm) -> str:
    """A customer with more of everything than the page shows."""
    boss = await make(crm, "userCreate", name="Petra Lang", email="petra@example.com")
    key = await make(
        crm, "customerCreate", name="QUICK-Stop", ownerId=boss, externalRefs=[{"system": "shop", "externalId": "Q1"}]
    )
    await make(crm, "addressCreate", customerId=key, type="BILLING", city="Cunewalde", country="Germany")
    await make(crm, "contactPointCreate", customerId=key, type="PHONE", value="0372-035188")
    for number, name in enumerate(("Horst", "Ute")):
        contact = await make(crm, "contactCreate", firstName=name, lastName="Kloss")
        await make(crm, "contactLinkCreate", customerId=key, contactId=contact, isPrimary=number == 1)
    pipeline = await make(crm, "pipelineCreate", name="Sales", isDefault=True)
    stages = {
        kind: await make(crm, "stageCreate", pipelineId=pipeline, name=kind.title(), position=place, type=kind)
        for place, kind in enumerate(("OPEN", "WON", "LOST"), 1)
    }
    money = {"amount": "1200.50", "currencyCode": "EUR"}
    for name, stage, more in (("Fish", "OPEN", {}), ("Cheese", "WON", {}), ("Wine", "LOST", {"lostReason": "Price"})):
        await make(crm, "dealCreate", name=name, customerId=key, stageId=stages[stage], amount=money, **more)
    for subject, status in (("Late", "OPEN"), ("Broken", "CLOSED"), ("Question", "NEW")):
        await make(crm, "caseCreate", subject=subject, customerId=key, status=status)
    for day in range(1, 15):
        await make(
            crm, "interactionCreate", customerId=key, kind="CALL", direction="IN", subject=f"Call {day}",
            at=f"2026-03-{day:02}T10:00:00Z",
        )  # fmt: skip
    plan = await make(crm, "carePlanCreate", customerId=key, name="2026", startsOn="2026-01-01")
    for month in (9, 5, 7, 3):
        await make(crm, "touchpointCreate", carePlanId=plan, plannedOn=f"2026-{month:02}-01")
    product = await make(crm, "productCreate", sku="C1", name="Chai")
    for day in range(1, 8):
        order = await make(
            crm, "orderCreate", customerId=key, currency="EUR", status="PLACED", placedAt=f"2026-02-{day:02}T00:00:00Z"
        )
        price = {"amount": "2.50", "currencyCode": "EUR"}
        await make(crm, "orderLineCreate", orderId=order, productId=product, quantity=str(day), unitPrice=price)
    return key


async def test_the_page_of_a_customer_with_everything(crm: TestCrm, customer: str):
    found = await crm.gql(PAGE, system="shop", externalId="Q1")
    page = found["customerByExternalRef"]
    assert page["id"] == customer
    assert page["owner"] == {"name": "Petra Lang"}
    assert page["lastOrderAt"] == "2026-02-07T00:00:00.000000+00:00"
    assert [link["contact"]["name"] for link in page["contactLinks"]["nodes"]] == ["Ute Kloss", "Horst Kloss"]
    open_deal = {"name": "Fish", "amount": {"amount": "1200.5000", "currencyCode": "EUR"}, "stage": {"name": "Open"}}
    assert page["deals"] == {"totalCount": 1, "nodes": [open_deal]}
    assert sorted(case["subject"] for case in page["cases"]["nodes"]) == ["Late", "Question"]
    assert [talk["subject"] for talk in page["interactions"]["nodes"]] == [f"Call {day}" for day in range(14, 4, -1)]
    assert [touch["plannedOn"] for touch in page["touchpoints"]["nodes"]] == ["2026-03-01", "2026-05-01", "2026-07-01"]
    assert page["orders"]["totalCount"] == 7
    assert [order["total"]["amount"] for order in page["orders"]["nodes"]] == [
        f"{day * 2.5:.4f}" for day in range(7, 2, -1)
    ]
    assert page["orders"]["nodes"][0]["lines"]["nodes"][0]["product"] == {"name": "Chai"}


async def test_the_page_takes_one_statement(crm: TestCrm, customer: str):
    with crm.crm.db.counting() as statements:
        await crm.gql(PAGE, system="shop", externalId="Q1")
    assert len(statements) == 2, statements  # the token and the page
