"""docs/import.md is true: its example comes in, and every key has its line."""

from __future__ import annotations

import re
from pathlib import Path

from crmcore.importing import reading
from tests.command_line import asked
from tests.fixtures import TestCrm

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
