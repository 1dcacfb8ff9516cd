"""Parts that are written with their record: several levels, one transaction, all rules, and paths that lead to the fault."""

from __future__ import annotations

from typing import Any

from tests.fixtures import Answer, TestCrm

ERRORS = "errors { __typename code message path }"
CUSTOMER = f"""customer {{ id version
  contactPoints(orderBy: [{{field: CREATED_AT}}, {{field: ID}}]) {{ nodes {{ id version type value normalized }} }}
  addresses {{ nodes {{ city }} }}
  orders {{ nodes {{ id total {{ amount }} lines {{ nodes {{ id position total {{ amount }} }} }} }} }}
  carePlans {{ nodes {{ name touchpoints {{ nodes {{ plannedOn customer {{ id }} }} }} }} }}
}} outcome {ERRORS}"""
CREATE = f"mutation($input: CustomerCreateInput!) {{ done: customerCreate(input: $input) {{ {CUSTOMER} }} }}"
UPDATE = f"mutation($id: ID!, $input: CustomerUpdateInput!) {{ done: customerUpdate(id: $id, input: $input) {{ {CUSTOMER} }} }}"
EMAIL = {"type": "EMAIL", "value": "Ann@Example.com"}
PHONE = {"type": "PHONE", "value": "+49 30 1234567"}


async def create(crm: TestCrm, **given: Any) -> Answer:
    done: Answer = (await crm.gql(CREATE, input={"name": "Acme", **given}))["done"]
    return done


async def update(crm: TestCrm, id_: str, **given: Any) -> Answer:
    done: Answer = (await crm.gql(UPDATE, id=id_, input=given))["done"]
    return done


def points(done: Answer) -> list[Answer]:
    found: list[Answer] = done["customer"]["contactPoints"]["nodes"]
    return found


async def count(crm: TestCrm, what: str) -> int:
    found: int = (await crm.gql(f"{{ {what} {{ totalCount }} }}"))[what]["totalCount"]
    return found


async def test_parts_are_made_with_their_record_on_several_levels(crm: TestCrm):
    line = {"quantity": "2", "unitPrice": {"amount": "10", "currencyCode": "EUR"}}
    done = await create(
        crm,
        contactPoints=[EMAIL, PHONE],
        addresses=[{"city": "Ulm"}],
        orders=[{"currency": "EUR", "lines": [line, {**line, "discount": "0.5"}]}],
        carePlans=[{"name": "First year", "startsOn": "2026-01-01", "touchpoints": [{"plannedOn": "2026-02-01"}]}],
    )
    assert done["errors"] == []
    assert done["outcome"] == "CREATED"
    customer = done["customer"]
    assert [(p["type"], p["normalized"]) for p in points(done)] == [
        ("EMAIL", "ann@example.com"),
        ("PHONE", "+49301234567"),
    ]
    assert customer["addresses"]["nodes"] == [{"city": "Ulm"}]
    [order] = customer["orders"]["nodes"]
    assert order["total"]["amount"] == "30.0000"
    assert {(n["position"], n["total"]["amount"]) for n in order["lines"]["nodes"]} == {(1, "20.0000"), (2, "10.0000")}
    [plan] = customer["carePlans"]["nodes"]
    assert plan["touchpoints"]["nodes"] == [{"plannedOn": "2026-02-01", "customer": {"id": customer["id"]}}]


async def test_as_many_statements_for_many_parts_as_for_one(crm: TestCrm):
    await create(crm, contactPoints=[EMAIL])
    with crm.crm.db.counting() as one:
        await create(crm, contactPoints=[EMAIL])
    with crm.crm.db.counting() as many:
        await create(crm, contactPoints=[{"type": "EMAIL", "value": f"a{n}@b.cd"} for n in range(100)])
    assert len(one) == len(many)


async def test_a_part_that_is_refused_takes_all_with_it_and_is_named(crm: TestCrm):
    line = {"quantity": "2", "discount": "2", "unitPrice": {"amount": "10", "currencyCode": "EUR"}}
    done = await create(
        crm,
        contactPoints=[EMAIL, PHONE, {"type": "EMAIL", "value": "nobody"}],
        orders=[{"currency": "EUR", "lines": [line]}],
    )
    assert (done["customer"], done["outcome"]) == (None, "REFUSED")
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("VALIDATION", ["input", "contactPoints", "2", "value"]),
        ("VALIDATION", ["input", "orders", "0", "lines", "0", "discount"]),
    ]  # fmt: skip
    for what in ("customers", "contactPoints", "orders", "orderLines"):
        assert await count(crm, what) == 0


async def test_a_part_belongs_to_the_record_it_is_given_with(crm: TestCrm):
    other = await create(crm)
    done = await create(crm, contactPoints=[{**EMAIL, "customerId": other["customer"]["id"]}])
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("VALIDATION", ["input", "contactPoints", "0", "customerId"])
    ]
    contact = (await crm.gql('mutation { contactCreate(input: {lastName: "Ann"}) { contact { id } } }'))[
        "contactCreate"
    ]["contact"]
    done = await create(crm, contactPoints=[{**EMAIL, "contactId": contact["id"]}])
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("VALIDATION", ["input", "contactPoints", "0", "contactId"])
    ]


async def test_parts_are_created_changed_and_deleted_with_an_update(crm: TestCrm):
    done = await create(crm, contactPoints=[EMAIL, PHONE])
    email, phone = points(done)
    done = await update(
        crm,
        done["customer"]["id"],
        contactPoints={
            "create": [{"type": "FAX", "value": "030 99"}],
            "update": [{"id": email["id"], "input": {"value": "bea@example.com"}, "expectedVersion": 1}],
            "delete": [{"id": phone["id"]}],
        },
    )
    assert done["errors"] == []
    assert (done["outcome"], done["customer"]["version"]) == ("UPDATED", 1)  # the customer itself is as it was
    assert [(p["type"], p["value"], p["version"]) for p in points(done)] == [
        ("EMAIL", "bea@example.com", 2),
        ("FAX", "030 99", 1),
    ]
    assert (await update(crm, done["customer"]["id"], contactPoints={"update": []}))["outcome"] == "UNCHANGED"


async def test_an_update_does_not_reach_the_parts_of_others(crm: TestCrm):
    mine, other = await create(crm, contactPoints=[EMAIL]), await create(crm, contactPoints=[PHONE])
    [strange] = points(other)
    for given, path in (
        ({"update": [{"id": strange["id"], "input": {"label": "x"}}]}, ["update", "0", "id"]),
        ({"delete": [{"id": strange["id"]}]}, ["delete", "0", "id"]),
    ):
        done = await update(crm, mine["customer"]["id"], name="Changed", contactPoints=given)
        assert [(e["code"], e["path"]) for e in done["errors"]] == [("NOT_FOUND", ["input", "contactPoints", *path])]
    mail = {"update": [{"id": points(mine)[0]["id"], "input": {"value": "nobody"}, "expectedVersion": 7}]}
    done = await update(crm, mine["customer"]["id"], contactPoints=mail)
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("CONFLICT", ["input", "contactPoints", "update", "0", "expectedVersion"]),
    ]  # fmt: skip
    assert (await crm.gql("{ customers { nodes { name } } }"))["customers"]["nodes"] == [{"name": "Acme"}] * 2


async def test_in_a_batch_an_item_stands_or_falls_with_its_parts(crm: TestCrm):
    items = [
        {"name": "One", "contactPoints": [EMAIL]},
        {"name": "Two", "contactPoints": [EMAIL, {"type": "EMAIL", "value": "x"}]},
    ]
    done = (
        await crm.gql(
            f"""mutation($items: [CustomerCreateInput!]!) {{ done: customersCreate(items: $items, mode: PARTIAL) {{
          results {{ outcome customer {{ name contactPoints {{ totalCount }} }} {ERRORS} }} }} }}""",
            items=items,
        )
    )["done"]
    one, two = done["results"]
    assert one == {"outcome": "CREATED", "customer": {"name": "One", "contactPoints": {"totalCount": 1}}, "errors": []}
    assert (two["outcome"], two["customer"]) == ("REFUSED", None)
    assert [e["path"] for e in two["errors"]] == [["items", "1", "contactPoints", "1", "value"]]
    assert await count(crm, "contactPoints") == 1


async def test_a_contact_comes_with_its_link(crm: TestCrm):
    customer = (await create(crm))["customer"]["id"]
    done = await crm.gql(
        """mutation($c: ID!) { contactCreate(input: {lastName: "Ann", customerLinks: [{customerId: $c, isPrimary: true}],
             contactPoints: [{type: EMAIL, value: "ann@example.com"}]}) {
             contact { customers { nodes { id } } contactPoints { totalCount } } errors { message } } }""",
        c=customer,
    )
    assert done["contactCreate"] == {
        "contact": {"customers": {"nodes": [{"id": customer}]}, "contactPoints": {"totalCount": 1}}, "errors": [],
    }  # fmt: skip


async def test_a_part_is_deleted_once(crm: TestCrm):
    mine = await create(crm, contactPoints=[EMAIL])
    point = {"id": points(mine)[0]["id"]}
    done = await update(crm, mine["customer"]["id"], contactPoints={"delete": [point, point]})
    assert [(e["code"], e["path"]) for e in done["errors"]] == [
        ("NOT_FOUND", ["input", "contactPoints", "delete", "1", "id"]),
    ]  # fmt: skip
    assert await count(crm, "contactPoints") == 1
