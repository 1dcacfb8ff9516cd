"""One odd row of a file costs the others nothing."""

from __future__ import annotations

import csv
import io
import json

import pytest

from tests.fixtures import TestCrm
from tests.importing.test_jobs import bring, customers, fetched

NO_TEXT = "the row holds a character that is no text: NUL, or half of a surrogate pair"


async def refused(crm: TestCrm, data: str, name: str, saved: list[str]) -> list[list[str]]:
    """The file of refused rows, after these customers were saved and one row was refused."""
    done = await bring(crm, data, name)
    assert (done["state"], done["saved"], done["refused"], done["error"]) == ("DONE", len(saved), 1, None)
    assert list(await customers(crm)) == saved
    return list(csv.reader(io.StringIO(await fetched(crm, done["errors"]))))


@pytest.mark.parametrize(
    "data, name",
    [
        ("name,taxId\na\0b,1\nok,2\n", "a.csv"),
        ('{"name": "a\\u0000b", "taxId": 1}\n{"name": "ok"}\n', "a.jsonl"),
        ('{"name": "a\\ud800b", "taxId": 1}\n{"name": "ok"}\n', "a.jsonl"),
    ],
)
async def test_a_character_that_no_database_holds_refuses_its_row(crm: TestCrm, data: str, name: str):
    header, row = await refused(crm, data, name, ["ok"])
    assert header == ["name", "taxId", "refused_because"]
    assert row == ["a\ufffdb", "1", NO_TEXT]


async def test_so_it_does_in_names_of_columns_and_in_what_is_no_json(crm: TestCrm):
    data = '{"name": "ok", "x\\ud800": 1}\n{"name": "a\0b"}\n'
    header, row = await refused(crm, data, "a.jsonl", ["ok"])
    assert header == ["name", "x\ufffd", "refused_because"]
    assert row[0] == '{"name": "a\ufffdb"}'
    assert "not JSON" in row[1]


async def test_an_object_where_other_lines_have_a_value(crm: TestCrm):
    lines = [{"name": "OK1", "employees": 5}, {"name": {"a": 1}, "employees": 1}, {"name": "OK2"}]
    header, row = await refused(crm, "\n".join(map(json.dumps, lines)), "a.jsonl", ["OK1", "OK2"])
    assert header == ["name", "employees", "refused_because"]
    assert row == [json.dumps(lines[1]), "name is an object, in other lines it is a value"]


async def test_a_value_where_other_lines_have_an_object(crm: TestCrm):
    revenue = {"amount": 1, "currencyCode": "EUR"}
    lines = [{"name": "Odd", "annualRevenue": 7}, {"name": "OK1", "annualRevenue": revenue}]
    lines += [{"name": "OK2", "annualRevenue": revenue}, {"name": "OK3", "annualRevenue": None}]
    header, row = await refused(crm, "\n".join(map(json.dumps, lines)), "a.jsonl", ["OK1", "OK2", "OK3"])
    assert header == ["name", "annualRevenue.amount", "annualRevenue.currencyCode", "refused_because"]
    assert row == [json.dumps(lines[0]), "annualRevenue is a value, in other lines it is an object"]
