"""A mutation that is cut off at any await: it is done whole or not at all, and the next one goes through."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from crmcore.kit.sql import Sql
from tests.fixtures import TestCrm

MOVE = """mutation($id: ID!, $stage: ID!) {
  dealMove(id: $id, input: {stageId: $stage}) { deal { id version stage { name } } errors { code message } } }"""
MOST_STEPS = 400


async def steps_until_cut(work: asyncio.Task[Any], steps: int) -> bool:
    """Let the loop turn so often, then cut the task off; whether it was done before."""
    for _ in range(steps):
        if work.done():
            return True
        await asyncio.sleep(0)
    work.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await work
    return False


async def facts(crm: TestCrm) -> tuple[int, int, int]:
    """The deal's version, how many transitions it has, how many events tell of its moves."""
    [row] = await crm.crm.db.fetch(
        Sql("SELECT (SELECT version FROM deal) AS version, (SELECT count(*) FROM stage_transition) AS trail, "
            "(SELECT count(*) FROM event WHERE type = 'deal.stage_changed') AS told")
    )  # fmt: skip
    return row["version"], row["trail"], row["told"]


async def deal_with_stages(crm: TestCrm) -> tuple[str, list[str]]:
    made = await crm.gql("""mutation { pipelineCreate(input: {name: "P"}) { pipeline { id } errors { message } } }""")
    pipeline = made["pipelineCreate"]["pipeline"]["id"]
    create = """mutation($p: ID!, $n: String!, $k: Int!) { stageCreate(input: {pipelineId: $p, name: $n, type: OPEN,
      position: $k, probability: 10}) { stage { id } errors { message } } }"""
    stages = []
    for n in range(2):
        made = await crm.gql(create, p=pipeline, n=f"S{n}", k=n)
        assert made["stageCreate"]["errors"] == []
        stages.append(made["stageCreate"]["stage"]["id"])
    deal = await crm.gql(
        """mutation($p: ID!) { dealCreate(input: {name: "D", pipelineId: $p}) { deal { id } errors { message } } }""",
        p=pipeline,
    )
    return deal["dealCreate"]["deal"]["id"], stages


@pytest.mark.timeout(180)
async def test_a_move_that_is_cut_off_at_any_await(crm: TestCrm):
    deal, stages = await deal_with_stages(crm)
    there, steps, cut = await facts(crm), 0, 0
    while True:
        target = stages[1 - there[2] % 2]
        work = asyncio.create_task(crm.ask(MOVE, id=deal, stage=target))
        whole = await steps_until_cut(work, steps)
        now = await facts(crm)
        moved = tuple(after - before for before, after in zip(there, now, strict=True))
        assert moved in {(0, 0, 0), (1, 1, 1)}, (steps, moved)
        assert moved == (1, 1, 1) or not whole
        there = now
        if whole:
            break
        steps, cut = steps + 1, cut + 1
        assert steps < MOST_STEPS
    assert cut > 10
    target = stages[1 - there[2] % 2]
    answer = await crm.gql(MOVE, id=deal, stage=target)
    assert answer["dealMove"]["errors"] == []
