"""The generated mutations over HTTP, and the exact form of every refusal that a front-end meets."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.fixtures import Answer, TestCrm

ERRORS = """errors {
  __typename code message path ... on DuplicateError { existing } ... on ConflictError { currentVersion changedFields }
}"""
CREATE = f"""mutation($input: CustomerCreateInput!) {{
  customerCreate(input: $input) {{ customer {{ id version name }} {ERRORS} }} }}"""
UPDATE = f"""mutation($id: ID!, $input: CustomerUpdateInput!, $v: Int) {{
  customerUpdate(id: $id, input: $input, expectedVersion: $v) {{
    customer {{ id version name industry annualRevenue {{ amount currencyCode }} externalRefs {{ system externalId }} }}
    {ERRORS} }} }}"""


async def create(crm: TestCrm, **given: object) -> Answer:
    payload: Answer = (await crm.gql(CREATE, input={"name": "Acme", **given}))["customerCreate"]
    return payload


async def made(crm: TestCrm, **given: object) -> str:
    payload = await create(crm, **given)
    assert payload["errors"] == []
    id_: str = payload["customer"]["id"]
    return id_


async def update(crm: TestCrm, id_: str, v: int | None = None, **given: object) -> Answer:
    payload: Answer = (await crm.gql(UPDATE, id=id_, input=given, v=v))["customerUpdate"]
    return payload


async def test_a_client_may_choose_the_id(crm: TestCrm):
    bare, whole = uuid4(), uuid4()
    assert await made(crm, id=str(bare).upper()) == f"customer_{bare}"
    assert await made(crm, id=f"customer_{whole}") == f"customer_{whole}"
    assert await made(crm, id=None) != f"customer_{whole}"


async def test_an_id_that_is_taken_is_a_duplicate(crm: TestCrm):
    id_ = await made(crm)
    payload = await create(crm, id=id_)
    assert payload["customer"] is None
    [error] = payload["errors"]
    assert (error["code"], error["path"]) == ("DUPLICATE", ["input", "id"])


async def test_absent_is_unchanged_and_null_clears(crm: TestCrm):
    refs = [{"system": "erp", "externalId": "4711"}]
    id_ = await made(crm, industry="Steel", annualRevenue={"amount": "12.5", "currencyCode": "EUR"}, externalRefs=refs)
    unchanged = await update(crm, id_, name="Acme AG")
    assert unchanged == {
        "customer": {
            "id": id_, "version": 2, "name": "Acme AG", "industry": "Steel",
            "annualRevenue": {"amount": "12.5000", "currencyCode": "EUR"}, "externalRefs": refs,
        },
        "errors": [],
    }  # fmt: skip
    cleared = await update(crm, id_, industry=None, annualRevenue=None, externalRefs=None)
    assert cleared["customer"] == {
        "id": id_, "version": 3, "name": "Acme AG", "industry": None, "annualRevenue": None, "externalRefs": [],
    }  # fmt: skip


async def test_a_value_against_a_rule_names_its_input(crm: TestCrm):
    assert await create(crm, timeZone="Mars/Olympus") == {
        "customer": None,
        "errors": [
            {
                "__typename": "ValidationError",
                "code": "VALIDATION",
                "message": "timeZone 'Mars/Olympus' is unknown: use an IANA name, like Europe/Berlin.",
                "path": ["input", "timeZone"],
            }
        ],
    }


async def test_a_missing_value_is_refused_before_anything_runs(crm: TestCrm):
    response = await crm.post(CREATE, {"input": {}}, headers={"accept": "application/graphql-response+json"})
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "'name'" in error["message"]
    assert "data" not in response.json()


async def test_null_where_a_value_is_needed_is_a_refusal(crm: TestCrm):
    id_ = await made(crm)
    payload = await update(crm, id_, name=None)
    [error] = payload["errors"]
    assert (error["__typename"], error["path"]) == ("ValidationError", ["input", "name"])


async def test_an_unknown_id_is_not_found(crm: TestCrm):
    payload = await update(crm, f"customer_{uuid4()}", name="Nobody")
    assert payload["customer"] is None
    [error] = payload["errors"]
    assert (error["__typename"], error["code"], error["path"]) == ("NotFoundError", "NOT_FOUND", ["id"])


async def test_a_reference_to_nothing_is_not_found_at_its_input(crm: TestCrm):
    payload = await create(crm, parentId=f"customer_{uuid4()}")
    [error] = payload["errors"]
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "parentId"])


@pytest.mark.parametrize(
    "id_", ["x", "", "customer_", "customer_1", "deal_0198f3a2-7c1e-7000-8000-000000000000", "0" * 5000]
)
async def test_a_malformed_id_is_bad_input(crm: TestCrm, id_: str):
    answer = await crm.ask(UPDATE, id=id_, input={"name": "x"})
    [error] = answer["errors"]
    assert error["path"] == ["customerUpdate"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == ["id"]
    assert len(error["message"]) < 200
    assert answer["data"] == {"customerUpdate": None}


async def test_a_unique_value_that_is_taken_names_its_holder(crm: TestCrm):
    id_ = await made(crm, taxId="DE1")
    payload = await create(crm, taxId="DE1")
    assert payload["customer"] is None
    [error] = payload["errors"]
    assert error["message"]
    assert {k: v for k, v in error.items() if k != "message"} == {
        "__typename": "DuplicateError", "code": "DUPLICATE", "path": ["input", "taxId"], "existing": id_,
    }  # fmt: skip


async def test_a_version_that_is_not_the_current_one_is_a_conflict(crm: TestCrm):
    id_ = await made(crm)
    await update(crm, id_, 1, industry="Steel")
    payload = await update(crm, id_, 1, name="Other")
    assert payload["customer"] is None
    [error] = payload["errors"]
    assert error["message"]
    assert {k: v for k, v in error.items() if k != "message"} == {
        "__typename": "ConflictError", "code": "CONFLICT", "path": ["expectedVersion"], "currentVersion": 2,
        "changedFields": ["industry"],
    }  # fmt: skip


async def test_a_currency_against_a_rule_is_named_as_the_money_s(crm: TestCrm):
    payload = await create(crm, annualRevenue={"amount": "1", "currencyCode": "euros"})
    [error] = payload["errors"]
    assert error["code"] == "VALIDATION"
    assert error["path"] == ["input", "annualRevenue", "currencyCode"]


async def test_delete_and_restore(crm: TestCrm):
    id_ = await made(crm)
    verb = "mutation($id: ID!) {{ customer{}(id: $id) {{ customer {{ id deletedAt version }} {} }} }}"
    gone = (await crm.gql(verb.format("Delete", ERRORS), id=id_))["customerDelete"]
    assert gone["errors"] == []
    assert gone["customer"]["id"] == id_
    assert gone["customer"]["version"] == 2
    assert gone["customer"]["deletedAt"] is not None
    assert (await crm.gql("query($id: ID!) { customer(id: $id) { id } }", id=id_)) == {"customer": None}
    lists = "{ customers { totalCount } bin: customers(deleted: true) { totalCount nodes { id } } }"
    assert await crm.gql(lists) == {"customers": {"totalCount": 0}, "bin": {"totalCount": 1, "nodes": [{"id": id_}]}}
    back = (await crm.gql(verb.format("Restore", ERRORS), id=id_))["customerRestore"]
    assert back == {"customer": {"id": id_, "deletedAt": None, "version": 3}, "errors": []}


async def test_mutations_of_one_document_run_in_order_and_fail_alone(crm: TestCrm):
    id_ = f"customer_{uuid4()}"
    data = await crm.gql(
        """mutation($id: ID!) {
          a: customerCreate(input: {id: $id, name: "One"}) { ...P }
          b: customerUpdate(id: $id, input: {name: "Two"}, expectedVersion: 1) { ...P }
          c: customerUpdate(id: $id, input: {name: "Three"}, expectedVersion: 1) { ...P }
          d: customerUpdate(id: $id, input: {name: "Four"}) { ...P }
        } fragment P on CustomerPayload { customer { version name } errors { code } }""",
        id=id_,
    )
    assert data == {
        "a": {"customer": {"version": 1, "name": "One"}, "errors": []},
        "b": {"customer": {"version": 2, "name": "Two"}, "errors": []},
        "c": {"customer": None, "errors": [{"code": "CONFLICT"}]},
        "d": {"customer": {"version": 3, "name": "Four"}, "errors": []},
    }


async def test_the_payload_reads_any_depth_of_the_new_record(crm: TestCrm):
    parent = await made(crm, name="Holding")
    data = await crm.gql(
        """mutation($p: ID!) { customerCreate(input: {name: "Sub", parentId: $p}) {
          customer { parent { id children(where: {name: {eq: "Sub"}}) {
            totalCount nodes { name parent { name } } } } } } }""",
        p=parent,
    )
    children = {"totalCount": 1, "nodes": [{"name": "Sub", "parent": {"name": "Holding"}}]}
    assert data == {"customerCreate": {"customer": {"parent": {"id": parent, "children": children}}}}


async def test_text_that_cannot_be_stored_is_bad_input(crm: TestCrm):
    response = await crm.post(CREATE, {"input": {"name": "a\0b"}})
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["argument"] == ["input", "name"]
    response = await crm.post('mutation { customerCreate(input: {name: "a\\u0000b"}) { errors { code } } }')
    [error] = response.json()["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(
    "field, value, said",
    [
        ("birthDate", "2026-02-30", "Date is not in the calendar"),
        ("birthDate", "2026-11-22T00:00:00Z", "Date must be written like"),
        ("verifiedAt", "2026-11-22T09:30:00", "with an offset"),
        ("verifiedAt", "0001-01-01T00:00:00+14:00", "out of range"),
        ("annualRevenue", {"amount": "NaN", "currencyCode": "EUR"}, "Decimal must be"),
        ("annualRevenue", {"amount": 1.5, "currencyCode": "EUR"}, "Decimal must be"),
        ("annualRevenue", {"amount": "1.23456", "currencyCode": "EUR"}, "more than 4 decimal places"),
        ("annualRevenue", {"amount": "9" * 30, "currencyCode": "EUR"}, "too large"),
        ("employees", 2**31, "32-bit"),
        ("kind", "ROBOT", "ROBOT"),
        ("nobody", 1, "nobody"),
    ],
)
async def test_a_malformed_value_says_what_it_should_be(crm: TestCrm, field: str, value: object, said: str):
    response = await crm.post(CREATE, {"input": {"name": "x", field: value}})
    [error] = response.json()["errors"]
    assert said in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_refusal_names_an_argument_that_the_mutation_takes(crm: TestCrm):
    """What a move or a restore meets in the record itself is at its id: there is no such input to correct."""
    customer = await made(crm, taxId="DE 1")
    case = (await crm.gql(
        """mutation($c: ID!) { caseCreate(input: {customerId: $c, subject: "Late"}) { case { id } errors { code } } }""",
        c=customer,
    ))["caseCreate"]["case"]["id"]  # fmt: skip
    moved = await crm.gql("mutation($id: ID!) { caseClose(id: $id) { errors { code path } } }", id=case)
    assert moved["caseClose"]["errors"] == [{"code": "STATE", "path": ["id"]}]
    await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { code } } }", id=customer)
    await made(crm, taxId="DE 1")
    restored = await crm.gql("mutation($id: ID!) { customerRestore(id: $id) { errors { code path } } }", id=customer)
    assert restored["customerRestore"]["errors"] == [{"code": "DUPLICATE", "path": ["id"]}]
