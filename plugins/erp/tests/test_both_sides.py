"""Both sides change: fields have owners, conflicts are decided by people, what is deleted on one side is not lost on the other."""

from __future__ import annotations

from typing import Any

from conftest import Opened, look, won, work
from trytond import Erp

from crmcore.testing import TestCrm, key_of

CONFLICTS = """{ erpConflicts(where: {state: {eq: OPEN}}) {
  nodes { id fields recordType record { ... on Customer { id } } binding { state externalKey } } } }"""
RESOLVE = """mutation($id: ID!, $ours: [String!], $theirs: [String!]) {
  erpConflictResolve(id: $id, input: {ours: $ours, theirs: $theirs}) { erpConflict { state resolution } errors { code message path } } }"""
ITEMS = """{ erpSyncItems(where: {outcome: {eq: FAILED}}) {
  nodes { id kind direction code error attempts record { ... on Customer { id } ... on Order { id } } } } }"""
REPLAY = "mutation($id: ID!) { erpSyncItemReplay(id: $id) { erpSyncItem { outcome } errors { code message } } }"
ACTIVE = "{ products(where: {isActive: {eq: true}}) { totalCount } }"
SET = """mutation($set: JSON!) { pluginSettingsUpdate(plugin: "erp", input: {values: $set}) { errors { message } } }"""
SEEN = "query($id: ID!) { customer(id: $id) { name taxId contactPoints { nodes { value } } } }"


async def change(crm: TestCrm, customer: str, **values: Any) -> None:
    document = "mutation($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { errors { message } } }"
    assert (await crm.gql(document, id=customer, input=values))["customerUpdate"]["errors"] == []
    await work(crm)


async def open_conflicts(crm: TestCrm) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = (await crm.gql(CONFLICTS))["erpConflicts"]["nodes"]
    return nodes


def party(erp: Erp, customer: str) -> dict[str, Any]:
    fields = ("name", "active", "identifiers.code", "contact_mechanisms.value", "addresses.city", "addresses.active")
    found = erp.find("party.party", [["code", "=", f"CRM-{key_of(customer)}"]], *fields)
    return found[0] if found else {}


async def test_each_field_follows_its_owner_and_people_decide_the_rest(exchange: Opened, erp: Erp):
    crm = await exchange(erp)
    customer = await crm.create(
        "customer", name="Alfreds", taxId="DE1",
        addresses=[{"type": "BILLING", "lines": "Obere Str. 57", "city": "Berlin"}],
        contactPoints=[{"type": "EMAIL", "value": "maria@example.com"}],
    )  # fmt: skip
    await work(crm)
    assert (await look(crm))["changed"] == 2  # the two products: what we sent does not come back as news
    there = party(erp, customer)

    # changed there only: taken over; ours by right: put back there; the address that a colleague added there stays
    email = erp.find("party.contact_mechanism", [["party", "=", there["id"]]], "id")[0]["id"]
    erp.put(
        "party.party",
        there["id"],
        name="Alfreds AG",
        contact_mechanisms=[["write", [email], {"value": "x@example.com"}]],
    )
    erp.make("party.address", party=there["id"], city="Bonn")
    run = await look(crm)
    assert [(i["kind"], i["outcome"]) for i in run["items"]["nodes"]] == [("PARTY", "UPDATED")]
    seen = (await crm.gql(SEEN, id=customer))["customer"]
    assert (seen["name"], seen["contactPoints"]["nodes"]) == ("Alfreds AG", [{"value": "maria@example.com"}])
    there = party(erp, customer)
    assert [one["value"] for one in there["contact_mechanisms"]] == ["maria@example.com"]
    address = (await crm.gql("query($id: ID!) { customer(id: $id) { addresses { nodes { id } } } }", id=customer))[
        "customer"
    ]["addresses"]["nodes"][0]
    await change(
        crm, customer, addresses={"create": [{"type": "SHIPPING", "city": "Köln"}], "delete": [{"id": address["id"]}]}
    )
    assert {(one["city"], one["active"]) for one in party(erp, customer)["addresses"]} == {
        ("Berlin", 0), ("Bonn", 1), ("Köln", 1),
    }  # fmt: skip
    assert (await look(crm))["changed"] == 0

    # changed on both sides: nobody is overwritten
    erp.put(
        "party.party",
        there["id"],
        name="There",
        identifiers=[["write", [there["identifiers"][0]["id"]], {"code": "DE3"}]],
    )
    await change(crm, customer, name="Here", taxId="DE2")
    [found] = await open_conflicts(crm)
    assert found["fields"] == [
        {"field": "name", "base": "Alfreds AG", "ours": "Here", "theirs": "There"},
        {"field": "tax_id", "base": "DE1", "ours": "DE2", "theirs": "DE3"},
    ]
    assert (found["record"], party(erp, customer)["name"]) == ({"id": customer}, "There")
    for ours, theirs, path in ((["nme"], [], "ours"), (["name"], ["name"], "theirs"), (["name"], [], "ours")):
        [error] = (await crm.gql(RESOLVE, id=found["id"], ours=ours, theirs=theirs))["erpConflictResolve"]["errors"]
        assert (error["code"], error["path"]) == ("VALIDATION", ["input", path])
    decided = (await crm.gql(RESOLVE, id=found["id"], ours=["name"], theirs=["tax_id"]))["erpConflictResolve"]
    assert decided == {
        "erpConflict": {"state": "RESOLVED", "resolution": {"name": "OURS", "tax_id": "THEIRS"}}, "errors": [],
    }  # fmt: skip
    await work(crm)
    seen = (await crm.gql(SEEN, id=customer))["customer"]
    there = party(erp, customer)
    assert (seen["name"], seen["taxId"], there["name"], there["identifiers"][0]["code"]) == (
        "Here",
        "DE3",
        "Here",
        "DE3",
    )
    assert (await open_conflicts(crm), (await look(crm))["changed"]) == ([], 0)
    again = (await crm.gql(RESOLVE, id=found["id"], ours=["name"], theirs=["tax_id"]))["erpConflictResolve"]["errors"]
    assert [error["code"] for error in again] == ["STATE"]

    # deleted there: the customer stays, and can be made there anew; deleted here: put out of use there
    erp.delete("party.party", there["id"])
    assert [(i["kind"], i["outcome"]) for i in (await look(crm))["items"]["nodes"]] == [("PARTY", "CONFLICT")]
    [found] = await open_conflicts(crm)
    assert (found["binding"]["state"], found["fields"][0]["theirs"]) == ("GONE", "deleted")
    assert (await crm.gql(RESOLVE, id=found["id"], ours=["existence"]))["erpConflictResolve"]["errors"] == []
    await work(crm)
    assert party(erp, customer)["name"] == "Here"
    for verb, active in (("Delete", 0), ("Restore", 1)):
        document = f"mutation($id: ID!) {{ customer{verb}(id: $id) {{ errors {{ message }} }} }}"
        assert (await crm.gql(document, id=customer))[f"customer{verb}"]["errors"] == []
        await work(crm)
        assert party(erp, customer)["active"] == active, verb


async def test_what_fails_is_listed_and_replayed_and_what_the_erp_forbids_is_refused_here(exchange: Opened, erp: Erp):
    crm = await exchange(erp, customers="ORDERING")
    await look(crm)
    customer = await crm.create("customer", name="Nowhere & Sons")
    assert await won(crm, customer, "100") == []
    await work(crm)
    [failed] = (await crm.gql(ITEMS))["erpSyncItems"]["nodes"]
    assert (failed["kind"], failed["code"], failed["attempts"]) == ("ORDER", "REFUSED", 1)
    assert "no address" in failed["error"]
    await crm.create("address", customerId=customer, city="Berlin")
    assert (await crm.gql(REPLAY, id=failed["id"]))["erpSyncItemReplay"] == {
        "erpSyncItem": {"outcome": "PENDING"},
        "errors": [],
    }
    await work(crm)
    assert (await crm.gql(ITEMS))["erpSyncItems"]["nodes"] == []
    [sale] = erp.find("sale.sale", [], "state", "untaxed_amount", "party")
    assert (sale["state"], sale["untaxed_amount"]["decimal"]) == ("quotation", "100.00")

    # the limit is the ERP's; what was won since it was asked counts; who sees only their own customers is held to it too
    erp.put("party.party", sale["party"], credit_limit_amount="250.00")
    await look(crm)
    assert await won(crm, customer, "200") == []
    user = await crm.create("user", name="Ann", email="ann@example.com")
    ann = await crm.caller(user=user, sees="OWN")
    for caller, amount in ((crm, "60"), (ann, "60")):
        owner = {"owner": user} if caller is ann else {}
        [error] = await won(crm, customer, amount, by=caller, **owner)
        assert (error["code"], error["path"]) == ("PLUGIN", ["input", "amount"])
        assert "would owe 260.00 USD, and the ERP's credit limit is 250.00" in error["message"]
    assert await won(crm, customer, "50") == []
    [refused] = (
        await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code message } } }", id=customer)
    )["customerDelete"]["errors"]
    assert (refused["code"], "orders under way in the ERP" in refused["message"]) == ("POLICY", True)

    # what is deleted there is no longer sold; but that most of it is gone is hardly true, unless the ERP says so
    await work(crm)
    new = {"default_uom": 1, "sale_uom": 1, "type": "goods", "salable": True, "list_price": "1.00"}
    made = [erp.make("product.template", name="X", code=f"X{n}", products=[["create", [{}]]], **new) for n in range(7)]
    assert (await look(crm))["failed"] == 0
    for template in made:
        erp.delete("product.template", template)
    for anew in (False, True):
        run = await look(crm, anew=anew)
        assert run["state"] == "FAILED"
        assert "7 of 9 records of kind PRODUCT are missing" in run["error"]
        assert (await crm.gql(ACTIVE))["products"]["totalCount"] == 9
    assert (await crm.gql(SET, set={"deletions_percent": 80}))["pluginSettingsUpdate"]["errors"] == []
    assert (await look(crm))["state"] == "DONE"
    assert (await crm.gql(ACTIVE))["products"]["totalCount"] == 2
