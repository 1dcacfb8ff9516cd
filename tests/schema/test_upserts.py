"""Upserts over HTTP: what is found, what is done with it, and that two at once make one record."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.fixtures import Answer, TestCrm

ERRORS = "errors { __typename code message path ... on DuplicateError { existing } }"
FIELDS = """customer { id version name industry taxId externalRefs { system externalId }
  contactPoints(orderBy: [{field: CREATED_AT}, {field: ID}]) { nodes { id version value label } }
  addresses { nodes { city } } orders { nodes { id lines { totalCount } } } }"""
TAKES = "matchOn: $matchOn, onConflict: $onConflict, ifDeleted: $ifDeleted"
GIVEN = "$matchOn: [CustomerMatchKey!]!, $onConflict: OnConflict, $ifDeleted: IfDeleted"
ONE = f"mutation($input: CustomerCreateInput!, {GIVEN}) {{ done: customerUpsert(input: $input, {TAKES}) {{ {FIELDS} outcome {ERRORS} }} }}"
MANY = f"""mutation($items: [CustomerCreateInput!]!, $mode: BatchMode, {GIVEN}) {{
  done: customersUpsert(items: $items, mode: $mode, {TAKES}) {{ results {{ {FIELDS} outcome {ERRORS} }} errors {{ code path }} }} }}"""
EMAIL = {"type": "EMAIL", "value": "ann@example.com"}


async def upsert(crm: TestCrm, on: str | list[str], given: Answer, **how: Any) -> Answer:
    done: Answer = (await crm.gql(ONE, input={"name": "Acme", **given}, matchOn=on, **how))["done"]
    return done


async def upserts(crm: TestCrm, on: str | list[str], items: list[Answer], **how: Any) -> Answer:
    done: Answer = (await crm.gql(MANY, items=[{"name": "Acme", **item} for item in items], matchOn=on, **how))["done"]
    return done


async def delete(crm: TestCrm, id_: str) -> None:
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }", id=id_)


async def count(crm: TestCrm) -> int:
    found: int = (await crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"]
    return found


def refs(external: str) -> list[Answer]:
    return [{"system": "erp", "externalId": external}]


def said(done: Answer) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["path"]) for error in done["errors"]]


@pytest.mark.parametrize(
    "on, key",
    [
        ("TAX_ID", {"taxId": "DE1"}),
        ("EXTERNAL_REF", {"externalRefs": refs("1")}),
        ("EMAIL", {"contactPoints": [EMAIL]}),
        ("PHONE", {"contactPoints": [{"type": "MOBILE", "value": "+49 30 12345"}]}),
        ("ID", {"id": "0198f3a2-7c1e-7000-8000-000000000000"}),
    ],
)
async def test_by_each_key_it_creates_then_changes_then_leaves_as_it_is(crm: TestCrm, on: str, key: Answer):
    first = await upsert(crm, on, {"industry": "Steel", **key})
    assert (first["outcome"], first["errors"]) == ("CREATED", [])
    second = await upsert(crm, on, {"name": "Acme AG", **key})
    assert second["outcome"] == "UPDATED"
    assert second["customer"] == {**first["customer"], "name": "Acme AG", "version": 2}  # what is left out stays
    third = await upsert(crm, on, {"name": "Acme AG", **key})
    assert (third["outcome"], third["customer"]) == ("UNCHANGED", second["customer"])
    assert (await upsert(crm, on, {"name": "x", **key}, onConflict="SKIP"))["customer"] == second["customer"]
    assert (await upsert(crm, on, {"name": "x", **key}, onConflict="SKIP"))["outcome"] == "SKIPPED"
    failed = await upsert(crm, on, {"name": "x", **key}, onConflict="FAIL")
    assert (failed["customer"], failed["outcome"]) == (None, "REFUSED")
    [error] = failed["errors"]
    assert (error["code"], error["existing"]) == ("DUPLICATE", first["customer"]["id"])
    assert await count(crm) == 1


async def test_an_email_is_the_same_however_it_is_written(crm: TestCrm):
    first = await upsert(crm, "EMAIL", {"contactPoints": [EMAIL]})
    done = await upsert(
        crm, "EMAIL", {"contactPoints": [{"type": "EMAIL", "value": " Ann@EXAMPLE.com", "label": "office"}]}
    )
    assert (done["outcome"], done["customer"]["id"]) == ("UPDATED", first["customer"]["id"])
    [point] = done["customer"]["contactPoints"]["nodes"]
    assert (point["label"], point["version"]) == ("office", 2)


async def test_what_is_deleted_is_not_brought_back_unless_asked(crm: TestCrm):
    first = await upsert(crm, "TAX_ID", {"taxId": "DE1", "contactPoints": [EMAIL]})
    await delete(crm, first["customer"]["id"])
    for on in ("TAX_ID", "EMAIL"):
        failed = await upsert(crm, on, {"taxId": "DE1", "contactPoints": [EMAIL]})
        assert failed["outcome"] == "REFUSED"
        assert failed["errors"][0]["existing"] == first["customer"]["id"]
    back = await upsert(crm, "TAX_ID", {"name": "Back", "taxId": "DE1", "contactPoints": [EMAIL]}, ifDeleted="RESTORE")
    assert (back["outcome"], back["errors"]) == ("RESTORED", [])
    assert back["customer"]["id"] == first["customer"]["id"]
    assert back["customer"]["name"] == "Back"
    assert len(back["customer"]["contactPoints"]["nodes"]) == 1
    await delete(crm, first["customer"]["id"])
    new = await upsert(crm, "TAX_ID", {"taxId": "DE1"}, ifDeleted="CREATE_NEW")
    assert new["outcome"] == "CREATED"
    assert new["customer"]["id"] != first["customer"]["id"]
    await delete(crm, new["customer"]["id"])
    both = await upsert(crm, "TAX_ID", {"taxId": "DE1"}, ifDeleted="RESTORE")
    assert [e["code"] for e in both["errors"]] == ["DUPLICATE"]
    assert all(each["customer"]["id"] in both["errors"][0]["message"] for each in (first, new))


async def test_a_refused_change_of_a_restored_record_leaves_it_deleted(crm: TestCrm):
    made = await upserts(crm, "TAX_ID", [{"taxId": "A"}, {"taxId": "B"}])
    for result in made["results"]:
        await delete(crm, result["customer"]["id"])
    items = [{"taxId": "A", "employees": -1}, {"taxId": "B", "name": "B"}, {"taxId": "C", "name": "C"}]
    done = await upserts(crm, "TAX_ID", items, ifDeleted="RESTORE", mode="PARTIAL")
    assert [r["outcome"] for r in done["results"]] == ["REFUSED", "RESTORED", "CREATED"]
    assert said(done) == [("VALIDATION", ["items", "0", "employees"])]
    assert await count(crm) == 2
    assert [r["outcome"] for r in (await upserts(crm, "TAX_ID", items, ifDeleted="RESTORE"))["results"]] == [
        "REFUSED",
        "NOT_DONE",
        "NOT_DONE",
    ]
    assert await count(crm) == 2


async def test_several_that_match_are_named(crm: TestCrm):
    one = await upsert(crm, "TAX_ID", {"taxId": "DE1"})
    two = await upsert(crm, "EMAIL", {"contactPoints": [EMAIL]})
    done = await upsert(crm, ["TAX_ID", "EMAIL"], {"taxId": "DE1", "contactPoints": [EMAIL]})
    [error] = done["errors"]
    assert error["code"] == "DUPLICATE"
    assert all(each["customer"]["id"] in error["message"] for each in (one, two))


async def test_an_item_says_by_what_it_is_found(crm: TestCrm):
    assert said(await upsert(crm, "TAX_ID", {})) == [("VALIDATION", [])]
    done = await upserts(crm, "TAX_ID", [{"taxId": "A"}, {}], mode="PARTIAL")
    assert said(done) == [("VALIDATION", ["items", "1"])]
    assert said(await upsert(crm, [], {"taxId": "A"})) == [("VALIDATION", ["matchOn"])]
    bad = await upsert(crm, "EMAIL", {"contactPoints": [{"type": "EMAIL", "value": "nobody"}]})
    assert said(bad)[0] == ("VALIDATION", ["input", "contactPoints", "0", "value"]) or said(bad) == [("VALIDATION", [])]


async def test_another_id_than_the_record_has_is_refused(crm: TestCrm):
    await upsert(crm, "TAX_ID", {"taxId": "A"})
    done = await upsert(crm, "TAX_ID", {"taxId": "A", "id": "0198f3a2-7c1e-7000-8000-000000000000"})
    assert said(done) == [("VALIDATION", ["input", "id"])]


async def test_of_two_items_with_one_key_the_second_changes_what_the_first_made(crm: TestCrm):
    items = [
        {"taxId": "A", "industry": "Steel"},
        {"taxId": "B"},
        {"taxId": "A", "name": "Two"},
        {"taxId": "A", "name": "Two"},
    ]
    done = await upserts(crm, "TAX_ID", items)
    assert [r["outcome"] for r in done["results"]] == ["CREATED", "CREATED", "UPDATED", "UNCHANGED"]
    first, _, third, fourth = (r["customer"] for r in done["results"])
    assert first == third == fourth
    assert (third["name"], third["industry"], third["version"]) == ("Two", "Steel", 2)
    items = [{"taxId": "C", "employees": -1}, {"taxId": "C", "name": "Two"}]
    done = await upserts(crm, "TAX_ID", items, mode="PARTIAL")
    assert [r["outcome"] for r in done["results"]] == ["REFUSED", "CREATED"]


async def test_the_parts_that_are_there_are_not_made_again(crm: TestCrm):
    line = {"quantity": "2", "unitPrice": {"amount": "10", "currencyCode": "EUR"}}
    given: Answer = {
        "externalRefs": refs("1"),
        "contactPoints": [EMAIL, {"type": "PHONE", "value": "030 123"}],
        "addresses": [{"city": "Ulm"}, {"city": "Bonn"}],
        "orders": [{"number": "O-1", "currency": "EUR", "lines": [line, {**line, "externalRefs": refs("line 2")}]}],
    }
    first = await upsert(crm, "EXTERNAL_REF", given)
    assert first["outcome"] == "CREATED"
    again = await upsert(crm, "EXTERNAL_REF", given)
    assert (again["outcome"], again["customer"]) == ("UNCHANGED", first["customer"])
    order = {
        **given["orders"][0],
        "lines": [{**line, "quantity": "3", "externalRefs": refs("line 2")}, {**line, "quantity": "7"}],
    }
    more = {"externalRefs": refs("1"), "addresses": [{"city": "Köln"}], "orders": [order]}
    done = await upsert(crm, "EXTERNAL_REF", more)
    assert (done["outcome"], done["errors"]) == ("UPDATED", [])
    assert {n["city"] for n in done["customer"]["addresses"]["nodes"]} == {"Ulm", "Bonn", "Köln"}
    assert [n["lines"] for n in done["customer"]["orders"]["nodes"]] == [{"totalCount": 3}]
    bad = {
        "externalRefs": refs("1"),
        "orders": [{**order, "currency": "USD", "lines": [{**line, "discount": "3", "externalRefs": refs("line 2")}]}],
    }
    assert said(await upsert(crm, "EXTERNAL_REF", bad)) == [
        ("VALIDATION", ["input", "orders", "0", "currency"]),
        ("VALIDATION", ["input", "orders", "0", "lines", "0", "discount"]),
    ]  # fmt: skip


async def test_twenty_at_once_make_one_record(crm: TestCrm):
    for on, key in (
        ("TAX_ID", {"taxId": "DE1"}),
        ("EMAIL", {"contactPoints": [EMAIL]}),
        ("EXTERNAL_REF", {"externalRefs": refs("9")}),
    ):
        before = await count(crm)
        done = await asyncio.gather(*(upsert(crm, on, {"name": f"n{n}", **key}) for n in range(20)))
        assert [each["errors"] for each in done] == [[]] * 20
        assert sorted(each["outcome"] for each in done) == ["CREATED"] + ["UPDATED"] * 19
        assert len({each["customer"]["id"] for each in done}) == 1
        assert await count(crm) == before + 1


async def test_batches_that_cross_do_not_embrace(crm: TestCrm):
    items = [{"taxId": f"{n}", "contactPoints": [{"type": "EMAIL", "value": f"a{n}@b.cd"}]} for n in range(40)]
    done = await asyncio.gather(*(upserts(crm, ["EMAIL", "TAX_ID"], items[:: 1 - 2 * (n % 2)]) for n in range(6)))
    assert [each["errors"] for each in done] == [[]] * 6
    assert await count(crm) == 40


@pytest.mark.parametrize("mode", ["ALL_OR_NOTHING", "PARTIAL"])
async def test_a_thousand_take_as_many_statements_as_one(crm: TestCrm, mode: str):
    def item(n: int, name: str) -> Answer:
        mail = {"type": "EMAIL", "value": f"a{n}@b.cd", "label": name}
        return {"name": name, "taxId": f"{n}", "externalRefs": refs(f"{n}"), "contactPoints": [mail]}

    for name in ("made", "changed", "changed"):
        seen = []
        for numbers in (range(1000, 1001), range(1000)):
            with crm.crm.db.counting() as statements:
                done = await upserts(
                    crm, ["EMAIL", "TAX_ID", "EXTERNAL_REF"], [item(n, name) for n in numbers], mode=mode
                )
            assert done["errors"] == []
            seen.append(len(statements))
        assert seen[0] == seen[1]


async def test_external_ids_of_other_systems_stay(crm: TestCrm):
    def of(**systems: str) -> list[Answer]:
        return [{"system": system, "externalId": external} for system, external in systems.items()]

    first = await upsert(crm, "TAX_ID", {"taxId": "DE1", "externalRefs": of(erp="1", shop="2")})
    key = first["customer"]["id"]
    done = await upsert(crm, "TAX_ID", {"taxId": "DE1", "externalRefs": of(erp="9", web="3")})
    assert (done["outcome"], done["customer"]["externalRefs"]) == ("UPDATED", of(erp="9", shop="2", web="3"))
    again = await upserts(crm, "EXTERNAL_REF", [{"externalRefs": of(web="3")}, {"externalRefs": of(shop="2")}])
    assert [result["outcome"] for result in again["results"]] == ["UNCHANGED"] * 2
    mixed = await upserts(
        crm, "ID", [{"id": key, "externalRefs": of(erp="7")}, {"id": key, "externalRefs": of(web="8")}]
    )
    assert mixed["results"][1]["customer"]["externalRefs"] == of(erp="7", shop="2", web="8")
    await crm.gql(
        "mutation($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { errors { code } } }",
        id=key,
        input={"externalRefs": of(erp="5")},
    )
    left = await upsert(crm, "ID", {"id": key}, onConflict="SKIP")
    assert left["customer"]["externalRefs"] == of(erp="5")
