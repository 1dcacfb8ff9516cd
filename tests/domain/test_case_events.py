"""What happened to a case stays with it."""

from __future__ import annotations

from typing import Any

import pytest

from crmcore.domain.cases import (
    Case,
    CaseEvent,
    hold_case,
    merge_case,
    open_case,
    reject_case,
    reopen_case,
    resolve_case,
    wait_case,
)
from crmcore.domain.people import User
from crmcore.kit.sql import Sql
from crmcore.migrations import CORE
from crmcore.platform.database import connect
from crmcore.platform.migrate import migrate
from crmcore.records import Create, Delete, Restore, Update, select, write
from tests.domain.conftest import NOW, made, refusal


@pytest.fixture
async def case(ctx, customer):
    return await made(ctx, Case, customer_id=customer, subject="It hums")


async def course(ctx, case) -> list[tuple[Any, ...]]:
    """Its events in the order in which they were written."""
    async with ctx.db.transaction() as tx:
        rows = await select(ctx, tx, CaseEvent, ("case_id",), [case])
    rows = sorted(rows, key=lambda row: row["id"])
    return [(r["kind"], r["from_status"], r["to_status"], r["reason"]) for r in rows]


async def test_every_move_leaves_an_event_with_its_reason(ctx, case, facts):
    await open_case(ctx, case)
    await wait_case(ctx, case, third_party=True, reason="parts")
    await open_case(ctx, case)
    await hold_case(ctx, case)
    await resolve_case(ctx, case, resolution="Tightened")
    await reopen_case(ctx, case, reason="Hums again")
    assert await course(ctx, case) == [
        ("CREATED", None, "NEW", None),
        ("MOVED", "NEW", "OPEN", None),
        ("MOVED", "OPEN", "WAITING_THIRD_PARTY", "parts"),
        ("MOVED", "WAITING_THIRD_PARTY", "OPEN", None),
        ("MOVED", "OPEN", "ON_HOLD", None),
        ("MOVED", "ON_HOLD", "RESOLVED", "Tightened"),
        ("MOVED", "RESOLVED", "OPEN", "Hums again"),
    ]
    assert [f[0] for f in await facts()].count("case_event.created") == 7


async def test_a_merged_and_a_rejected_case_say_how_they_ended(ctx, case, customer):
    other, none = [await made(ctx, Case, customer_id=customer, subject=f"{n}") for n in range(2)]
    await merge_case(ctx, other, into_id=case)
    await reject_case(ctx, none, reason="Spam")
    assert (await course(ctx, other))[-1] == ("MOVED", "NEW", "MERGED", None)
    assert (await course(ctx, none))[-1] == ("MOVED", "NEW", "REJECTED", "Spam")
    assert len(await course(ctx, case)) == 1, "nothing happened to the one that goes on"


async def test_a_refused_move_leaves_nothing(ctx, case):
    await refusal(resolve_case(ctx, case, resolution="x"))
    assert [kind for kind, *_ in await course(ctx, case)] == ["CREATED"]


async def test_another_assignee_and_other_changes(ctx, case):
    ann = await made(ctx, User, name="Ann", email="ann@example.org")
    await write(ctx, [Update(Case, case, {"owner_id": ann, "subject": "It hums, still"})])
    await write(ctx, [Update(Case, case, {"subject": "It hums"})])
    await write(ctx, [Update(Case, case, {"owner_id": None})])
    async with ctx.db.transaction() as tx:
        rows = await select(ctx, tx, CaseEvent, ("case_id",), [case])
    assigned = [r for r in rows if r["kind"] == "ASSIGNED"]
    assert [(r["assignee_id"], r["from_status"], r["to_status"], r["at"]) for r in assigned] == [(ann, None, None, NOW)]
    assert len(rows) == 2


async def test_they_go_and_come_back_with_their_case(ctx, case):
    await write(ctx, [Delete(Case, case)])
    assert await course(ctx, case) == []
    await write(ctx, [Restore(Case, case)])
    assert await course(ctx, case) == [("CREATED", None, "NEW", None)]


async def test_many_cases_take_no_more_statements_than_one(ctx, customer):
    counts = []
    for many in (1, 100):
        new = [Create(Case, {"customer_id": customer, "subject": f"{n}"}) for n in range(many)]
        with ctx.db.counting() as seen:
            written = await write(ctx, new)
        moves = [Update(Case, w.id, {"status": "OPEN"}, moves=True) for w in written]
        with ctx.db.counting() as seen_moving:
            await write(ctx, moves)
        counts.append((len(seen), len(seen_moving)))
    assert counts[0] == counts[1]


async def test_a_database_in_use_gets_them_from_what_was_kept(ctx, case, database_url, customer):
    """The migration makes them of the facts: what happened before it reads as what happens after it."""
    ann = await made(ctx, User, name="Ann", email="ann@example.org")
    gone = await made(ctx, Case, customer_id=customer, subject="Gone")
    await open_case(ctx, case)
    await wait_case(ctx, case, reason="an answer")
    await write(ctx, [Update(Case, case, {"owner_id": ann, "subject": "It hums, still"})])
    await resolve_case(ctx, case, resolution="Tightened")
    await write(ctx, [Delete(Case, gone)])
    everything = Sql(
        "SELECT case_id, kind, from_status, to_status, assignee_id, at, reason, created_at, created_by_kind, "
        "deleted_at, deletion_id FROM case_event ORDER BY case_id, at, kind, reason, to_status"
    )
    kept = [tuple(row.values()) for row in await rows(database_url, everything)]
    assert len(kept) == 6
    await migrate(database_url, [CORE], to=("core", "0001_initial"), losing=True)
    assert (await migrate(database_url, [CORE])).differences == []
    assert [tuple(row.values()) for row in await rows(database_url, everything)] == kept


async def rows(url: str, tree: Sql) -> list[dict[str, Any]]:
    db = await connect(url, connections=2)
    try:
        return [{name: row[name] for name in row.keys()} for row in await db.fetch(tree)]  # noqa: SIM118  a driver's row, not a dict
    finally:
        await db.close()
