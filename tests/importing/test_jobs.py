"""Imports over the API: a file is sent, a worker brings it in, and all of it can be seen, called off and undone."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
import xlsxwriter

from crmcore.importing import keeping
from crmcore.kit.sql import Sql
from tests.fixtures import TestCrm

START = """mutation($input: ImportStartInput!) {
  importStart(input: $input) { import { id state } errors { code path message } }
}"""
SEEN = """query($id: ID!) { import(id: $id) {
  state lines position rows saved refused leftOut created updated unchanged error undone kept
  errors { id } leftovers { id } createdBy { kind }
} }"""
CUSTOMERS = "{ customers(orderBy: {field: NAME}) { nodes { id name industry employees version } } }"
DEFINITION = """
system = "erp"
[[record]]
type = "Customer"
key = "id"
fields.name = "name"
fields.parent = { ref = "parent" }
[[record]]
type = "ContactPoint"
key = "{id}:mail"
when = "mail"
fields.customer = { record = "customer" }
fields.type = { value = "EMAIL" }
fields.value = "mail"
"""


async def send(crm: TestCrm, data: bytes | str, name: str = "data.csv") -> str:
    content = data.encode() if isinstance(data, str) else data
    sent = await crm.client.post("/files", params={"name": name}, content=content)
    assert sent.status_code == 201, sent.text
    return str(sent.json()["file"]["id"])


async def start(crm: TestCrm, data: bytes | str, name: str = "data.csv", **given: Any) -> dict[str, Any]:
    given = {"as": "CUSTOMER", **given}
    if given["as"] is None:
        del given["as"]
    answer = await crm.gql(START, input={"file": await send(crm, data, name), **given})
    found: dict[str, Any] = answer["importStart"]
    return found


async def bring(crm: TestCrm, data: bytes | str, name: str = "data.csv", **given: Any) -> dict[str, Any]:
    """The whole import, done."""
    started = await start(crm, data, name, **given)
    assert started["errors"] == []
    await crm.crm.run_jobs()
    return {"id": started["import"]["id"], **(await crm.gql(SEEN, id=started["import"]["id"]))["import"]}


async def fetched(crm: TestCrm, file: dict[str, str] | None) -> str:
    assert file is not None
    return (await crm.client.get(f"/files/{file['id']}")).content.decode("utf-8-sig")


async def customers(crm: TestCrm) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in (await crm.gql(CUSTOMERS))["customers"]["nodes"]}


async def test_columns_called_like_fields_need_no_mapping(crm: TestCrm):
    data = "Name,Industry,Employees,Note\nAlba,metal,12,x\nBora,,many,y\nCora,wood,,z\n"
    done = await bring(crm, data)
    counts = ("DONE", 4, 3, 2, 1, 2, 0)
    assert tuple(done[k] for k in ("state", "position", "rows", "saved", "refused", "created", "updated")) == counts
    rows = await customers(crm)
    assert [(n, r["industry"], r["employees"]) for n, r in rows.items()] == [
        ("Alba", "metal", 12),
        ("Cora", "wood", None),
    ]
    errors = await fetched(crm, done["errors"])
    because = "customer.employees: 'many' is not a number"
    assert errors.splitlines() == ["Name,Industry,Employees,Note,refused_because", f"Bora,,many,y,{because}"]
    by = await crm.gql("{ customers { nodes { createdBy { kind } } } }")
    assert {n["createdBy"]["kind"] for n in by["customers"]["nodes"]} == {"IMPORT"}


async def test_modes(crm: TestCrm):
    await bring(crm, "taxId,name\n1,Alba\n2,Bora\n")
    mapping = [{"column": "tax", "field": "taxId"}, {"column": "name", "field": "name"}]
    data = "tax,name\n2,Bora 2\n3,Cora\n"
    updated = await bring(crm, data, mode="UPDATE", matchOn="taxId", mapping=mapping)
    assert (updated["updated"], updated["created"], updated["refused"]) == (1, 0, 1)
    assert "there is no Customer with the taxId '3'" in await fetched(crm, updated["errors"])
    upserted = await bring(crm, data, mode="UPSERT", matchOn="taxId", mapping=mapping)
    assert (upserted["updated"], upserted["unchanged"], upserted["created"], upserted["refused"]) == (0, 1, 1, 0)
    created = await bring(crm, data, mode="CREATE", matchOn="taxId", mapping=mapping)
    assert (created["saved"], created["refused"]) == (0, 2)
    assert list(await customers(crm)) == ["Alba", "Bora 2", "Cora"]


async def test_records_of_other_records(crm: TestCrm):
    await bring(crm, "externalId,name\nA,Alba\n", system="erp")
    user = 'mutation { userCreate(input: {name: "Uma", email: "uma@example.com"}) { user { id } errors { message } } }'
    await crm.gql(user)
    data = "name,amount.amount,amount.currencyCode,customer.externalId,owner.email\nDeal,12.50,EUR,A,uma@example.com\n"
    data += "Lost,1,EUR,B,uma@example.com\n"
    pipeline = """mutation { pipelineCreate(input: {name: "Sales", kind: SALES, isDefault: true}) {
      pipeline { id } errors { message } } }"""
    key = (await crm.gql(pipeline))["pipelineCreate"]["pipeline"]["id"]
    stage = """mutation($p: ID!) { stageCreate(input: {pipelineId: $p, name: "New", position: 1, type: OPEN, probability: 10})
      { errors { message } } }"""
    assert (await crm.gql(stage, p=key))["stageCreate"]["errors"] == []
    done = await bring(crm, data, **{"as": "DEAL", "system": "erp"})
    assert (done["created"], done["refused"]) == (1, 1), await fetched(crm, done["errors"])
    deals = await crm.gql("{ deals { nodes { name amount { amount } customer { name } owner { name } } } }")
    [deal] = deals["deals"]["nodes"]
    assert deal == {
        "name": "Deal",
        "amount": {"amount": "12.5000"},
        "customer": {"name": "Alba"},
        "owner": {"name": "Uma"},
    }


def workbook(rows: list[list[Any]], sheet: str = "Sheet1") -> bytes:
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True})
    page = book.add_worksheet(sheet)
    for number, row in enumerate(rows):
        page.write_row(number, 0, row)
    book.close()
    return held.getvalue()


async def test_json_lines_and_workbooks(crm: TestCrm):
    lines = [
        {
            "name": "Alba",
            "employees": 7,
            "roles": ["CUSTOMER", "PARTNER"],
            "annualRevenue": {"amount": 0.1, "currencyCode": "EUR"},
        },
        {"name": "Bora", "isKeyAccount": True},
    ]
    text = "\n".join(map(json.dumps, lines)) + "\n[1]\n{broken\n"
    done = await bring(crm, text, "data.jsonl")
    assert (done["created"], done["refused"]) == (2, 2)
    asked = (
        "{ customers(orderBy: {field: NAME}) { nodes { name employees roles isKeyAccount annualRevenue { amount } } } }"
    )
    first, second = (await crm.gql(asked))["customers"]["nodes"]
    assert first == {"name": "Alba", "employees": 7, "roles": ["CUSTOMER", "PARTNER"], "isKeyAccount": False,
                     "annualRevenue": {"amount": "0.1000"}}  # fmt: skip
    assert (second["name"], second["isKeyAccount"]) == ("Bora", True)
    # what a line says nothing of stays as it is; null is an empty value
    changed = '{"name": "Alba", "employees": null}\n{"name": "Bora", "roles": ["DEALER"]}\n'
    done = await bring(crm, changed, "data.jsonl", mode="UPSERT", matchOn="name")
    first, second = (await crm.gql(asked))["customers"]["nodes"]
    assert (first["employees"], first["roles"]) == (None, ["CUSTOMER", "PARTNER"])
    assert second["roles"] == ["DEALER"]
    done = await bring(crm, workbook([["name", "employees", ""], ["Xara", 12.0, ""], [], ["Yara", "-"]]), "data.xlsx")
    assert (done["created"], done["refused"]) == (1, 1)
    assert (await customers(crm))["Xara"]["employees"] == 12


@pytest.mark.parametrize(
    "data, name, given, sentence",
    [
        (b"", "a.csv", {}, "is empty"),
        (b"\xff\xfe\x81", "a.csv", {}, "is neither UTF-8"),
        (b'name\n"Alba\n', "a.csv", {}, "Is a quotation mark missing?"),
        (b"a,b\n1,2\n", "a.csv", {}, "No column is called like a field of Customer"),
        (b"name,name\n1,2\n", "a.csv", {}, "two columns named 'name'"),
        (b"", "a.jsonl", {}, "is empty"),
        (b"\xff", "a.jsonl", {}, "is not UTF-8"),
        (b"PK\x03\x04 no", "a.xlsx", {}, "is no XLSX workbook"),
        (b"\xd0\xcf\x11\xe0", "a.xls", {}, "of the old form"),
        (workbook([["name"], ["x"]], "Kunden"), "a.xlsx", {"sheet": "Kundn"}, "did you mean 'Kunden'?"),
        (b"id,name\n", "a.csv", {"mapping": [{"column": "nam", "field": "name"}]}, "has no column 'nam'"),
        (b"name\n", "a.csv", {"mode": "UPSERT"}, "Say by matchOn"),
    ],
)
async def test_files_that_cannot_be_used_fail_whole(
    crm: TestCrm, data: bytes, name: str, given: dict[str, Any], sentence: str
):
    done = await bring(crm, data, name, **given)
    assert done["state"] == "FAILED"
    assert sentence in done["error"]
    assert await customers(crm) == {}


async def test_dirty_files(crm: TestCrm):
    data = "\ufeffname,industry\nAlba,x\n" + "B" * 400 + ",x\nCora\n\n,\nDora,x,y\n'=SUM(A1),'-\nMüller,中文\n"
    done = await bring(crm, data.encode())
    assert (done["created"], done["refused"], done["rows"]) == (3, 3, 6)
    assert list(await customers(crm)) == ["=SUM(A1)", "Alba", "Müller"]
    done = await bring(crm, "name\n张伟\n".encode("gb18030"))
    assert (done["created"], done["error"]) == (1, None)


@pytest.mark.parametrize(
    "given, path",
    [
        ({"as": None}, ["input", "as"]),
        ({"mapping": [{"column": "a", "field": "nme"}]}, ["input", "mapping"]),
        ({"mapping": [{"column": "a", "field": "lastOrderAt"}]}, ["input", "mapping"]),
        ({"mapping": [{"field": "name"}]}, ["input", "mapping"]),
        ({"as": None, "definition": "sytem = 1"}, ["input", "definition"]),
        ({"as": None, "definition": DEFINITION.replace("[", 'encoding = "utf-99"\n[', 1)}, ["input", "definition"]),
        ({"encoding": "utf-99"}, ["input", "encoding"]),
        ({"encoding": "base64"}, ["input", "encoding"]),
        ({"timeZone": "Mars/Olympus"}, ["input", "timeZone"]),
        ({"delimiter": "||"}, ["input", "delimiter"]),
        ({"delimiter": "\n", "mapping": [{"column": "a", "field": "name"}]}, ["input", "delimiter"]),
        ({"as": "STAGE_TRANSITION"}, ["input", "as"]),
        ({"file": "file_0198f3a2-0000-7000-8000-000000000000"}, ["input", "file"]),
    ],
)
async def test_what_is_wrong_is_said_at_once(crm: TestCrm, given: dict[str, Any], path: list[str]):
    started = await start(crm, "a\n1\n", **given)
    assert started["import"] is None
    assert [error["path"] for error in started["errors"]] == [path]
    assert await crm.crm.run_jobs() == 0


async def test_a_dry_run_saves_nothing(crm: TestCrm):
    before = (await crm.gql('{ auditEntries(where: {type: {eq: "customer.created"}}) { totalCount } }'))["auditEntries"]
    done = await bring(crm, "name,employees\nAlba,1\nBora,x\n", dryRun=True)
    assert (done["state"], done["created"], done["refused"]) == ("DONE", 1, 1)
    assert "Bora" in await fetched(crm, done["errors"])
    assert await customers(crm) == {}
    after = (await crm.gql('{ auditEntries(where: {type: {eq: "customer.created"}}) { totalCount } }'))["auditEntries"]
    assert before == after
    undo = await crm.gql("mutation($id: ID!) { importUndo(id: $id) { errors { code } } }", id=done["id"])
    assert undo["importUndo"]["errors"] == [{"code": "STATE"}]


class Killed(Exception):
    pass


async def test_a_worker_that_dies_leaves_nothing_double(crm: TestCrm, monkeypatch: pytest.MonkeyPatch):
    """Broken off at every transaction in turn, and begun again: what was settled stays settled, exactly once."""
    lines = [f"{n},Customer {n:03},{n + 40 if n < 80 and n % 7 == 0 else ''},m{n}@example.com" for n in range(120)]
    lines[50] = "50,,,broken@example.com"
    lines[60] = "3,Customer 3 again,,"
    lines[70] = "70,Customer 070,9999,"
    data = "\n".join(["id,name,parent,mail", *lines])
    started = await start(crm, data, **{"as": None, "definition": DEFINITION})
    monkeypatch.setattr("crmcore.importing.jobs.CHUNK", 20)
    settle, calls = keeping.KeptJournal.settle, 0

    async def dying(self: Any, tx: Any, settled: Any) -> None:
        nonlocal calls
        calls += 1
        await settle(self, tx, settled)
        if calls % 3 == 1:
            raise Killed

    async def dead(self: Any, settled: Any) -> None:
        if calls == 5:
            raise Killed
        await committed(self, settled)

    committed = keeping.KeptJournal.committed
    monkeypatch.setattr(keeping.KeptJournal, "settle", dying)
    monkeypatch.setattr(keeping.KeptJournal, "committed", dead)
    now = crm.crm.clock()
    crm.crm.clock = lambda: now
    for _ in range(12):
        await crm.crm.run_jobs()
        now += timedelta(minutes=5)
    done = (await crm.gql(SEEN, id=started["import"]["id"]))["import"]
    assert (done["state"], done["rows"], done["saved"], done["refused"]) == ("DONE", 120, 117, 3)
    assert (done["created"], done["unchanged"]) == (117 + 117, 0)
    found = await crm.gql("{ customers { totalCount } contactPoints { totalCount } }")
    assert (found["customers"]["totalCount"], found["contactPoints"]["totalCount"]) == (117, 117)
    errors = (await fetched(crm, done["errors"])).splitlines()
    assert [line.split(",")[0] for line in errors[1:]] == ["50", "3", "70"]
    parents = await crm.gql("{ customers(where: {parentId: {isNull: false}}) { totalCount } }")
    assert parents["customers"]["totalCount"] == 11


async def test_an_import_that_is_called_off_stops(crm: TestCrm, monkeypatch: pytest.MonkeyPatch):
    started = await start(crm, "name\n" + "\n".join(f"Customer {n:02}" for n in range(50)))
    key = started["import"]["id"]
    monkeypatch.setattr("crmcore.importing.jobs.CHUNK", 10)
    committed = keeping.KeptJournal.committed

    async def then_cancelled(self: Any, settled: Any) -> None:
        await committed(self, settled)
        if self.now["position"] == 21:
            answer = await crm.gql("mutation($id: ID!) { importCancel(id: $id) { errors { code } } }", id=key)
            assert answer["importCancel"]["errors"] == []

    monkeypatch.setattr(keeping.KeptJournal, "committed", then_cancelled)
    await crm.crm.run_jobs()
    done = (await crm.gql(SEEN, id=key))["import"]
    assert (done["state"], done["saved"]) == ("CANCELLED", 20)
    assert len(await customers(crm)) == 20
    again = await crm.gql("mutation($id: ID!) { importCancel(id: $id) { errors { code } } }", id=key)
    assert again["importCancel"]["errors"] == [{"code": "STATE"}]


async def test_undo(crm: TestCrm):
    await bring(crm, "taxId,name,industry\n1,Alba,metal\n2,Bora,wood\n3,Cora,wood\n")
    data = "taxId,name,industry\n1,Alba,glass\n2,Bora 2,glass\n3,Cora,wood\n4,Dora,glass\n5,Emma,glass\n"
    done = await bring(crm, data, mode="UPSERT", matchOn="taxId")
    assert (done["created"], done["updated"], done["unchanged"]) == (2, 2, 1)
    rows = await customers(crm)
    change = (
        "mutation($id: ID!, $i: CustomerUpdateInput!) { customerUpdate(id: $id, input: $i) { errors { message } } }"
    )
    await crm.gql(change, id=rows["Bora 2"]["id"], i={"industry": "stone"})
    undo = await crm.gql(
        "mutation($id: ID!) { importUndo(id: $id) { import { state } errors { code } } }", id=done["id"]
    )
    assert undo["importUndo"] == {"import": {"state": "UNDOING"}, "errors": []}
    await crm.crm.run_jobs()
    undone = (await crm.gql(SEEN, id=done["id"]))["import"]
    assert (undone["state"], undone["undone"], undone["kept"]) == ("UNDONE", 3, 1)
    assert "changed since: industry" in await fetched(crm, undone["leftovers"])
    now = {name: row["industry"] for name, row in (await customers(crm)).items()}
    assert now == {"Alba": "metal", "Bora": "stone", "Cora": "wood"}


async def test_undo_takes_families_and_leaves_what_is_needed(crm: TestCrm):
    rows = "id,name,parent,mail\n1,Alba,2,a@example.com\n2,Bora,,b@example.com\n3,Cora,,c@example.com\n"
    done = await bring(crm, rows, **{"as": None, "definition": DEFINITION})
    assert done["created"] == 6
    cora = (await customers(crm))["Cora"]["id"]
    child = """mutation($c: ID!) { customerCreate(input: {name: "Dora", parentId: $c}) { errors { message } } }"""
    assert (await crm.gql(child, c=cora))["customerCreate"]["errors"] == []
    await crm.gql("mutation($id: ID!) { importUndo(id: $id) { errors { code } } }", id=done["id"])
    await crm.crm.run_jobs()
    undone = (await crm.gql(SEEN, id=done["id"]))["import"]
    assert (undone["state"], undone["undone"], undone["kept"]) == ("UNDONE", 5, 1)
    assert "Customer" in await fetched(crm, undone["leftovers"])
    assert list(await customers(crm)) == ["Cora", "Dora"]


CANCEL_JOB = "mutation($id: ID!) { jobCancel(id: $id) { job { state } errors { code } } }"
RETRY_JOB = "mutation($id: ID!) { jobRetry(id: $id) { job { state } errors { code } } }"


async def job_of(crm: TestCrm, kind: str = "import.run") -> str:
    jobs = await crm.gql("query($kind: String!) { jobs(where: {kind: {eq: $kind}}) { nodes { id } } }", kind=kind)
    [job] = jobs["jobs"]["nodes"]
    return str(job["id"])


async def test_an_import_whose_job_is_called_off_is_cancelled(crm: TestCrm):
    key = (await start(crm, "taxId,name\n1,Alba\n"))["import"]["id"]
    cancelled = {"job": {"state": "CANCELLED"}, "errors": []}
    assert (await crm.gql(CANCEL_JOB, id=await job_of(crm)))["jobCancel"] == cancelled
    asked = "query($id: ID!) { import(id: $id) { state error finishedAt } }"
    done = (await crm.gql(asked, id=key))["import"]
    assert (done["state"], done["error"], done["finishedAt"] is None) == ("CANCELLED", None, False)
    undo = "mutation($id: ID!) { importUndo(id: $id) { import { state } errors { code } } }"
    assert (await crm.gql(undo, id=key))["importUndo"]["import"] == {"state": "UNDOING"}
    assert (await crm.gql(CANCEL_JOB, id=await job_of(crm, "import.undo")))["jobCancel"] == cancelled
    assert (await crm.gql(asked, id=key))["import"]["state"] == "CANCELLED"
    assert await crm.crm.run_jobs() == 0


async def test_an_import_whose_job_dies_fails_and_goes_on_when_it_is_run_again(
    crm: TestCrm, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("crmcore.importing.jobs.CHUNK", 2)
    committed = keeping.KeptJournal.committed

    async def broken(self: Any, settled: Any) -> None:
        raise ValueError("nobody expected this")

    key = (await start(crm, "taxId,name\n1,Alba\n2,Bora\n3,Cora\n"))["import"]["id"]
    async with crm.crm.db.transaction() as tx:
        await tx.execute(Sql("UPDATE job SET max_attempts = 1"))
    monkeypatch.setattr(keeping.KeptJournal, "committed", broken)
    await crm.crm.run_jobs()
    dead = (await crm.gql(SEEN, id=key))["import"]
    assert (dead["state"], dead["saved"]) == ("FAILED", 2)
    assert dead["error"] == "Its job failed for good. ValueError: nobody expected this"
    monkeypatch.setattr(keeping.KeptJournal, "committed", committed)
    assert (await crm.gql(RETRY_JOB, id=await job_of(crm)))["jobRetry"]["errors"] == []
    await crm.crm.run_jobs()
    done = (await crm.gql(SEEN, id=key))["import"]
    assert (done["state"], done["saved"], done["error"]) == ("DONE", 3, None)
    assert list(await customers(crm)) == ["Alba", "Bora", "Cora"]
