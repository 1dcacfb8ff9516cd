"""Undoing an import after others were at its records, and after a worker died at it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crmcore.importing.jobs import Work
from tests.fixtures import TestCrm
from tests.importing.test_jobs import SEEN, Killed, bring, customers, fetched


async def test_undo_leaves_over_what_others_have_taken_away(crm: TestCrm):
    done = await bring(crm, "name\nDeleted\nKept\nMerged\nPurged\nUndone\nGone\n")
    ids = {name: row["id"] for name, row in (await customers(crm)).items()}
    merge = {"survivorId": ids["Kept"], "otherIds": [ids["Merged"]]}
    for text, given in (
        ("mutation($id: ID!) { did: customerDelete(id: $id) { errors { message } } }", {"id": ids["Deleted"]}),
        ("mutation($id: ID!) { did: customerPurge(id: $id) { errors { message } } }", {"id": ids["Purged"]}),
        ("mutation($in: CustomerMergeInput!) { did: customerMerge(input: $in) { errors { message } } }", {"in": merge}),
    ):
        assert (await crm.gql(text, **given))["did"]["errors"] == []
    await crm.gql("mutation($id: ID!) { importUndo(id: $id) { errors { code } } }", id=done["id"])
    await crm.crm.run_jobs()
    undone = (await crm.gql(SEEN, id=done["id"]))["import"]
    assert (undone["state"], undone["undone"], undone["kept"]) == ("UNDONE", 3, 3)
    left = {line.split(",")[1]: line.split(",")[2] for line in (await fetched(crm, undone["leftovers"])).splitlines()}
    assert left == {
        "id": "because",
        ids["Deleted"]: "it has been deleted since",
        ids["Merged"]: "it has been merged into another since",
        ids["Purged"]: "it has been deleted for good since",
    }


async def test_an_undo_that_is_begun_again_counts_what_it_had_undone(crm: TestCrm, monkeypatch: pytest.MonkeyPatch):
    done = await bring(crm, "name\nAlba\nBora\n")
    finish, calls = Work.finish, 0

    async def dying(self: Any, *given: Any, **values: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Killed
        await finish(self, *given, **values)

    monkeypatch.setattr(Work, "finish", dying)
    await crm.gql("mutation($id: ID!) { importUndo(id: $id) { errors { code } } }", id=done["id"])
    now = crm.crm.clock()
    for minutes in (0, 5):
        crm.crm.clock = lambda now=now, minutes=minutes: now + timedelta(minutes=minutes)
        await crm.crm.run_jobs()
    undone = (await crm.gql(SEEN, id=done["id"]))["import"]
    assert (undone["state"], undone["undone"], undone["kept"], calls) == ("UNDONE", 2, 0, 2)
