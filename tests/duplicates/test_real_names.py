"""How many duplicates are found, and how many that are none, among real companies that somebody entered twice."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Final

import pytest

from crmcore.domain.customers import ContactPoint, Customer
from crmcore.kit.ids import new_id
from crmcore.kit.sql import Sql
from crmcore.records import Create, write
from tests.duplicates.test_finding import propose
from tests.fixtures import TestCrm

DATA: Final = next((p / "shared" / "data" for p in Path(__file__).parents if (p / "shared" / "data").exists()), None)
SOURCES: Final = (("northwind/customers.csv", "company_name"), ("crm_opportunities/accounts.csv", "account"))
FORMS: Final = ("GmbH", "Inc.", "Ltd", "S.A.", "LLC", "Co., Ltd.", "AG")


def _names() -> list[tuple[str, str]]:
    """Name and phone of every company."""
    found = []
    for file, column in SOURCES:
        assert DATA is not None
        with (DATA / file).open(encoding="utf-8") as handle:
            found += [(row[column], row.get("phone") or "") for row in csv.DictReader(handle)]
    return sorted(set(found))


def _again(name: str, chance: random.Random) -> str:
    """The name as somebody else writes it: another legal form, a typing error, other spaces, another order."""
    words = name.split()
    match chance.randrange(5):
        case 0:
            return f"{name} {chance.choice(FORMS)}"
        case 1:
            at = chance.randrange(1, max(2, len(name) - 1))
            return name[:at] + name[at + 1 :]
        case 2:
            at = chance.randrange(1, max(2, len(name) - 1))
            return name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
        case 3:
            return name.upper().replace("-", " ").replace("'", "")
        case _:
            return " ".join(reversed(words))


@pytest.mark.skipif(DATA is None, reason="the real data is not here: no shared/data in a folder above")
async def test_companies_that_were_entered_twice(crm: TestCrm):
    """Half of the twins have the phone number too, written nationally."""
    ctx, chance = crm.context, random.Random(7)
    truth: set[frozenset[str]] = set()
    changes = []
    for name, phone in _names():
        one, other = new_id(), new_id()
        truth.add(frozenset((str(one), str(other))))
        changes += [
            Create(Customer, {"name": name}, id=one),
            Create(Customer, {"name": _again(name, chance)}, id=other),
        ]
        if phone and chance.random() < 0.5:
            point = {"type": "PHONE", "value": phone}
            changes += [Create(ContactPoint, {**point, "customer_id": key}) for key in (one, other)]
    await write(ctx, changes)
    await propose(crm)
    rows = await ctx.db.fetch(Sql("SELECT first_id, second_id FROM duplicate_pair WHERE deleted_at IS NULL"))
    proposed = {frozenset((str(row["first_id"]), str(row["second_id"]))) for row in rows}
    right = len(truth & proposed)
    precision, recall = right / len(proposed), right / len(truth)
    print(f"{len(truth)} twins, {len(proposed)} proposed: precision {precision:.3f}, recall {recall:.3f}")
    assert precision >= 0.95
    assert recall >= 0.85
