"""docs/import.md is true: its example comes in, and every key has its line."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.importing import reading
from tests.command_line import asked
from tests.fixtures import TestCrm

EXPORT = (Path(__file__).parents[2] / "docs" / "export.md").read_text(encoding="utf-8")
PAGE = (Path(__file__).parents[2] / "docs" / "import.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return found


async def test_the_example_comes_in(crm: TestCrm, database_url: str, tmp_path: Path):
    data, mapping = tmp_path / "customers.csv", tmp_path / "customers.toml"
    data.write_text(block("csv"), encoding="utf-8")
    mapping.write_text(block("toml"), encoding="utf-8")
    report = asked(database_url, "import", data, "--map", mapping)
    assert (report["saved"], report["refused"]) == (2, 0)
    assert [(alias["meaning"], alias["rows"]) for alias in report["aliases"]] == [("technology", 1)]
    found = await crm.gql("""{
      customerByExternalRef(system: "erp", externalId: "17") {
        createdBy { kind } parent { name } contacts { nodes { name } } annualRevenue { amount }
      }
    }""")
    assert found["customerByExternalRef"] == {
        "createdBy": {"kind": "IMPORT"},
        "parent": {"name": "Weiß Holding"},
        "contacts": {"nodes": [{"name": "Jürgen Weiß"}]},
        "annualRevenue": {"amount": "12500000.0000"},
    }


def test_every_key_has_its_line():
    tables = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    described = [
        {key for line in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", line)}
        for table in tables
    ]
    assert described == [reading.FILE_KEYS, reading.RECORD_KEYS, reading.FIELD_KEYS]


async def test_what_the_pages_show_of_the_api_works(crm: TestCrm):
    user = 'mutation { userCreate(input: {name: "Uma", email: "uma@example.com"}) { errors { message } } }'
    assert (await crm.gql(user))["userCreate"]["errors"] == []
    data = "company,vat,turnover,seller\nAlba,DE1,12.5,uma@example.com\n,DE2,,\n"
    sent = await crm.client.post("/files", params={"name": "people.csv"}, content=data.encode())
    begin, see = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)
    begun = (await crm.gql(begin, file=sent.json()["file"]["id"]))["importStart"]
    assert begun["errors"] == []
    await crm.crm.run_jobs()
    seen = (await crm.gql(see, id=begun["import"]["id"]))["import"]
    assert (seen["state"], seen["created"], seen["refused"]) == ("DONE", 1, 1)
    begin, see = re.findall(r"```graphql\n(.*?)```", EXPORT, re.DOTALL)
    begun = (await crm.gql(begin))["exportStart"]
    assert begun["errors"] == []
    await crm.crm.run_jobs()
    seen = (await crm.gql(see, id=begun["export"]["id"]))["export"]
    assert (seen["state"], seen["rows"]) == ("DONE", 1)
    exported = (await crm.client.get(seen["file"]["downloadUrl"])).content.decode("utf-8-sig")
    assert exported.splitlines()[1].split(",", 1)[1] == 'Alba,uma@example.com,12.5000,EUR,"{""nodes"":[]}"'
