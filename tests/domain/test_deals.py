"""Deals in their pipelines."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from crmcore.domain.deals import Deal, Pipeline, Stage, StageTransition, move_deal
from crmcore.errors import Conflict, Invalid, NotFound, Refusals, WrongState
from crmcore.kit.ids import new_id, to_global
from crmcore.kit.sql import Sql
from crmcore.records import Create, Update, select, write
from tests.domain.conftest import NOW, made, refusal


async def trail(ctx, deal):
    async with ctx.db.transaction() as tx:
        rows = await select(ctx, tx, StageTransition, ("deal_id",), [deal])
    return [(r["from_stage_id"], r["to_stage_id"], r["at"], r["seconds_in_from"], r["reason"]) for r in rows]


async def test_a_new_deal_begins_in_the_default_pipeline(ctx, stages, read, facts):
    deal = await made(ctx, Deal, name="d")
    row = await read(Deal, deal)
    assert (row["pipeline_id"], row["stage_id"]) == (stages["pipeline"], stages["new"])
    assert (row["probability"], row["stage_entered_at"], row["closed_at"]) == (10, NOW, None)
    assert await trail(ctx, deal) == [(None, stages["new"], NOW, None, None)]
    assert [f[0] for f in await facts()][-2:] == ["deal.created", "stage_transition.created"]


async def test_without_a_default_pipeline_one_must_be_named(ctx):
    missing = await refusal(made(ctx, Deal, name="d"))
    assert (type(missing), missing.path) == (Invalid, ("pipelineId",))


async def test_a_whole_pipeline_with_its_deal_in_one_command(ctx, read):
    pipeline, stage = new_id(), new_id()
    *_, deal = await write(
        ctx,
        [
            Create(Pipeline, {"name": "P", "is_default": True}, id=pipeline),
            Create(Stage, {"pipeline_id": pipeline, "name": "s", "position": 1, "probability": 7}, id=stage),
            Create(Deal, {"name": "d"}),
        ],
    )
    row = await read(Deal, deal.id)
    assert (row["pipeline_id"], row["stage_id"], row["probability"]) == (pipeline, stage, 7)


async def test_the_stage_belongs_to_the_pipeline(ctx, stages, read):
    other = await made(ctx, Pipeline, name="Other")
    wrong = await refusal(made(ctx, Deal, name="d", pipeline_id=other, stage_id=stages["new"]))
    assert (type(wrong), wrong.path) == (Invalid, ("stageId",))
    assert (await refusal(made(ctx, Deal, name="d", pipeline_id=other))).path == ("stageId",)
    deal = await made(ctx, Deal, name="d", stage_id=stages["offer"], probability=33)
    row = await read(Deal, deal)
    assert (row["pipeline_id"], row["probability"]) == (stages["pipeline"], 33)


async def test_a_deal_moves_and_leaves_a_trail(ctx, stages, read, facts):
    deal = await made(ctx, Deal, name="d")
    later = NOW + timedelta(hours=2)
    ctx.clock = lambda: later
    assert await move_deal(ctx, deal, stage_id=stages["offer"], reason="asked for it") == deal
    row = await read(Deal, deal)
    assert (row["stage_id"], row["probability"], row["stage_entered_at"], row["version"]) == (
        stages["offer"], 50, later, 2,
    )  # fmt: skip
    assert (await trail(ctx, deal))[1:] == [(stages["new"], stages["offer"], later, 7200, "asked for it")]
    told = [f for f in await facts() if f[1] == deal and f[0] != "deal.created"]
    assert [f[0] for f in told] == ["deal.updated", "deal.stage_changed"]
    assert told[0][3]["notes"] == {"reason": "asked for it"}


async def test_a_deal_is_won_with_amount_and_customer(ctx, stages, customer, read, facts):
    deal = await made(ctx, Deal, name="d")
    with pytest.raises(Refusals) as caught:
        await move_deal(ctx, deal, stage_id=stages["won"])
    assert [(type(r), r.path) for r in caught.value.refusals] == [(Invalid, ("amount",)), (Invalid, ("customerId",))]
    assert (await read(Deal, deal))["version"] == 1
    assert len(await trail(ctx, deal)) == 1
    await write(ctx, [Update(Deal, deal, {"customer_id": customer})])
    await move_deal(ctx, deal, stage_id=stages["won"], amount=Decimal("12.5"), currency="EUR")
    row = await read(Deal, deal)
    assert (row["amount"], row["currency"], row["probability"], row["closed_at"]) == (Decimal("12.5"), "EUR", 100, NOW)
    assert [f[0] for f in await facts()][-4:] == [
        "deal.updated", "deal.stage_changed", "deal.won", "stage_transition.created",
    ]  # fmt: skip
    emptied = await refusal(write(ctx, [Update(Deal, deal, {"amount": None})]))
    assert emptied.path == ("amount",)


async def test_a_deal_is_lost_with_a_reason_and_reopened_with_one(ctx, stages, read, facts):
    deal = await made(ctx, Deal, name="d")
    assert (await refusal(move_deal(ctx, deal, stage_id=stages["lost"], lost_reason=" "))).path == ("lostReason",)
    await move_deal(ctx, deal, stage_id=stages["lost"], lost_reason="price", lost_to_competitor="Foo")
    row = await read(Deal, deal)
    assert (row["lost_reason"], row["lost_to_competitor"], row["closed_at"], row["probability"]) == (
        "price",
        "Foo",
        NOW,
        0,
    )
    assert "deal.lost" in [f[0] for f in await facts()]
    assert (await refusal(move_deal(ctx, deal, stage_id=stages["new"]))).path == ("reason",)
    await move_deal(ctx, deal, stage_id=stages["new"], reason="they called")
    row = await read(Deal, deal)
    assert (row["lost_reason"], row["lost_to_competitor"], row["closed_at"], row["probability"]) == (
        None,
        None,
        None,
        10,
    )


async def test_a_wrong_move_lists_the_right_ones(ctx, stages, read):
    deal = await made(ctx, Deal, name="d", stage_id=stages["hold"])
    wrong = await refusal(move_deal(ctx, deal, stage_id=stages["lost"], lost_reason="x"))
    assert (type(wrong), wrong.path) == (WrongState, ("stageId",))
    allowed = [to_global("stage", stages[name]) for name in ("new", "offer")]
    assert wrong.details == {"current": to_global("stage", stages["hold"]), "allowed": allowed}
    assert f"new ({allowed[0]}), offer ({allowed[1]})" in wrong.message
    assert (await read(Deal, deal))["version"] == 1


async def test_a_stage_may_narrow_what_follows(ctx, stages):
    await write(ctx, [Update(Stage, stages["new"], {"allowed_next": [to_global("stage", stages["offer"])]})])
    deal = await made(ctx, Deal, name="d")
    wrong = await refusal(move_deal(ctx, deal, stage_id=stages["hold"]))
    assert wrong.details["allowed"] == [to_global("stage", stages["offer"])]
    await write(ctx, [Update(Stage, stages["new"], {"allowed_next": [to_global("stage", stages["hold"])]})])
    await move_deal(ctx, deal, stage_id=stages["hold"])
    await write(ctx, [Update(Stage, stages["hold"], {"allowed_next": [to_global("stage", stages["hold"])]})])
    wrong = await refusal(move_deal(ctx, deal, stage_id=stages["new"]))
    assert (type(wrong), wrong.details["allowed"]) == (WrongState, [])
    await write(ctx, [Update(Stage, stages["hold"], {"allowed_next": []})])
    await move_deal(ctx, deal, stage_id=stages["new"])


async def test_what_is_not_there(ctx, stages):
    deal = await made(ctx, Deal, name="d")
    assert (await refusal(move_deal(ctx, new_id(), stage_id=stages["offer"]))).path == ("id",)
    missing = await refusal(move_deal(ctx, deal, stage_id=new_id()))
    assert (type(missing), missing.path) == (NotFound, ("stageId",))
    stale = await refusal(move_deal(ctx, deal, stage_id=stages["offer"], expected_version=5))
    assert (type(stale), stale.details["current_version"]) == (Conflict, 1)


async def test_an_update_does_not_move(ctx, stages, read):
    deal = await made(ctx, Deal, name="d")
    assert (await refusal(write(ctx, [Update(Deal, deal, {"stage_id": stages["offer"]})]))).path == ("stageId",)
    await write(ctx, [Update(Deal, deal, {"stage_id": stages["new"], "name": "e"})])
    assert (await read(Deal, deal))["name"] == "e"
    assert len(await trail(ctx, deal)) == 1


async def test_history_is_taken_in_with_the_same_guards(ctx, stages, customer, read, facts):
    then = NOW - timedelta(days=90)
    values = {"name": "d", "stage_id": stages["won"], "closed_at": then}
    with pytest.raises(Refusals) as caught:
        await made(ctx, Deal, **values)
    assert [r.path for r in caught.value.refusals] == [("amount",), ("customerId",)]
    deal = await made(ctx, Deal, **values, customer_id=customer, amount=Decimal(5), currency="USD")
    row = await read(Deal, deal)
    assert (row["closed_at"], row["stage_entered_at"], row["probability"]) == (then, then, 100)
    assert [f[0] for f in await facts() if f[1] == deal] == ["deal.created", "deal.won"]
    early = await refusal(made(ctx, Deal, name="d", closed_at=then))
    assert early.path == ("closedAt",)


async def test_a_thousand_deals_take_as_many_statements_as_one(ctx, stages, customer):
    def deals(count):
        return [
            Create(Deal, {"name": f"{i}", "customer_id": customer, "stage_id": stages["new"]}) for i in range(count)
        ]

    with ctx.db.counting() as one:
        await write(ctx, deals(1))
    with ctx.db.counting() as many:
        await write(ctx, deals(1000))
    assert len(one) == len(many)
    assert len(one) == 2, "references with stages, then deal, transition and facts together"
    rows = await ctx.db.fetch(Sql("SELECT count(*) AS n FROM stage_transition"))
    assert rows[0]["n"] == 1001


async def test_one_default_pipeline_per_kind(ctx, stages, read):
    other = await made(ctx, Pipeline, name="Other", is_default=True)
    renewal = await made(ctx, Pipeline, name="Renewal", kind="RENEWAL", is_default=True)
    found = [(await read(Pipeline, key))["is_default"] for key in (stages["pipeline"], other, renewal)]
    assert found == [False, True, True]
