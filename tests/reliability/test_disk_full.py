"""No room on the disk: writes are refused, reads go on, nothing is corrupt, and with room again all is as before."""

from __future__ import annotations

import pytest

from crmcore.kit.sql import Sql
from crmcore.platform.database import Database
from crmcore.platform.sqlite import SqliteDatabase
from tests.fixtures import TestCrm

CREATE = """mutation($name: String!) { customerCreate(input: {name: $name, kind: PERSON}) {
  customer { id } errors { code message } } }"""


async def room(db: Database, pages: int) -> None:
    """How large SQLite's file may grow: beyond it the answer is that of a full disk."""
    assert isinstance(db, SqliteDatabase)
    async with db.transaction() as tx:
        await tx.fetch(Sql(f"PRAGMA max_page_count = {pages}"))


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_full_disk_refuses_writes_and_harms_nothing(crm: TestCrm):
    db = crm.crm.db
    [row] = await db.fetch(Sql("SELECT page_count AS n FROM pragma_page_count"))
    await room(db, row["n"] + 3)
    refused, done = 0, 0
    for step in range(400):
        answer = await crm.ask(CREATE, name=f"{step} " + "x" * 200)
        if "errors" in answer:
            refused += 1
            assert answer["errors"][0]["extensions"]["code"] == "STORAGE_FULL"
            assert (await crm.gql("{ customers { totalCount } }"))["customers"]["totalCount"] == done
        else:
            done += 1
        if refused > 5:
            break
    assert refused > 5
    await room(db, 1_000_000)
    assert (await crm.gql(CREATE, name="Room"))["customerCreate"]["errors"] == []
    [row] = await db.fetch(Sql("SELECT (SELECT count(*) FROM customer) AS n, (SELECT count(*) FROM event) AS told, "
                               "(SELECT integrity_check FROM pragma_integrity_check) AS sound"))  # fmt: skip
    assert (row["n"], row["told"], row["sound"]) == (done + 1, done + 1, "ok")
