"""How an import works: a constant number of statements for a chunk, and nothing lost when it is broken off."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from crmcore.importing import import_file
from tests.fixtures import TestCrm

MAPPING = """
system = "erp"

[[record]]
type = "Customer"
key = "id"
fields.name = "name"
fields.parent = { ref = "parent" }

[[record]]
type = "Contact"
key = "id"
fields.name = "person"

[[record]]
type = "ContactLink"
key = "id"
fields.customer = { record = "customer" }
fields.contact = { record = "contact" }
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    file = tmp_path / "mapping.toml"
    file.write_text(MAPPING)
    return file


def rows(tmp_path: Path, count: int) -> Path:
    file = tmp_path / f"{count}.csv"
    lines = [f"{n},Customer {n},,Person {n}" for n in range(count)]
    file.write_text("\n".join(["id,name,parent,person", *lines]))
    return file


async def test_a_chunk_takes_a_constant_number_of_statements(crm: TestCrm, mapping: Path, tmp_path: Path):
    counted = []
    for count in (10, 400):
        with crm.crm.db.counting() as seen:
            await import_file(crm.context, crm.crm.registry, rows(tmp_path, count), mapping, dry_run=True)
        counted.append(len(seen))
    assert counted[0] == counted[1] < 30, Counter(seen)
    await import_file(crm.context, crm.crm.registry, rows(tmp_path, 400), mapping)
    with crm.crm.db.counting() as seen:
        report = await import_file(crm.context, crm.crm.registry, rows(tmp_path, 400), mapping)
    assert report.tally("Customer").unchanged == 400
    assert len(seen) <= 6, seen


async def test_parents_may_come_in_a_later_chunk(crm: TestCrm, mapping: Path, tmp_path: Path):
    file = tmp_path / "later.csv"
    lines = [f"{n},Customer {n},{n + 1 if n < 19 else ''},Person {n}" for n in range(20)]
    file.write_text("\n".join(["id,name,parent,person", *lines]))
    report = await import_file(crm.context, crm.crm.registry, file, mapping, chunk_rows=3)
    assert (report.saved, report.refused) == (20, 0)
    found = await crm.gql("{ customers(where: {parentId: {isNull: false}, version: {eq: 1}}) { totalCount } }")
    assert found["customers"]["totalCount"] == 19


class BrokenOff(Exception):
    pass


async def test_an_import_that_was_broken_off_goes_on(crm: TestCrm, mapping: Path, tmp_path: Path):
    def stop(done: int, _all_of: int) -> None:
        if done >= 20:
            raise BrokenOff

    file = rows(tmp_path, 50)
    with pytest.raises(BrokenOff):
        await import_file(crm.context, crm.crm.registry, file, mapping, chunk_rows=10, progress=stop)
    report = await import_file(crm.context, crm.crm.registry, file, mapping, chunk_rows=10)
    tally = report.tally("Customer")
    assert (tally.created, tally.unchanged) == (30, 20)


async def test_only_some_rows(crm: TestCrm, mapping: Path, tmp_path: Path):
    mapping.write_text('only = { person = ["Person 1", "Person 2"] }\n' + MAPPING)
    report = await import_file(crm.context, crm.crm.registry, rows(tmp_path, 5), mapping)
    assert (report.rows, report.saved, report.left_out) == (5, 2, 3)


async def test_a_record_deleted_here_comes_back_as_a_new_one(crm: TestCrm, mapping: Path, tmp_path: Path):
    file = rows(tmp_path, 1)
    await import_file(crm.context, crm.crm.registry, file, mapping)
    found = await crm.gql('{ customerByExternalRef(system: "erp", externalId: "0") { id } }')
    first = found["customerByExternalRef"]["id"]
    deleted = await crm.gql("mutation($id: ID!) { customerDelete(id: $id) { errors { message } } }", id=first)
    assert deleted["customerDelete"]["errors"] == []
    report = await import_file(crm.context, crm.crm.registry, file, mapping)
    assert report.tally("Customer").created == 1
    found = await crm.gql('{ customerByExternalRef(system: "erp", externalId: "0") { id } }')
    assert found["customerByExternalRef"]["id"] != first


async def test_an_ambiguous_text_refuses_its_row(crm: TestCrm, mapping: Path, tmp_path: Path):
    await import_file(crm.context, crm.crm.registry, rows(tmp_path, 1), mapping)
    mapping.write_text(
        'system = "other"\n[[record]]\ntype = "Case"\nkey = "id"\nfields.subject = "name"\n'
        'fields.customer = { column = "parent", by = "name" }\n'
    )
    created = await crm.gql('mutation { customerCreate(input: {name: "customer 0"}) { errors { message } } }')
    assert created["customerCreate"]["errors"] == []
    file = tmp_path / "cases.csv"
    file.write_text("id,name,parent,person\n1,Help,CUSTOMER 0,\n2,Help,Customer 1,\n")
    report = await import_file(crm.context, crm.crm.registry, file, mapping)
    assert sorted(report.reasons) == [
        "case: there is more than one customer 'CUSTOMER 0'",
        "case: there is no customer 'Customer 1'",
    ]
