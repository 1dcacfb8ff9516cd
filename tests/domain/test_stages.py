"""The stages of a pipeline: what one may say of the others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmcore.domain.deals import Deal, Pipeline, Stage, move_deal
from crmcore.errors import Invalid, Policy, Refusals
from crmcore.kit.ids import new_id, to_global
from crmcore.records import Create, Delete, Update, write
from tests.domain.conftest import made, refusal


def named(*stages):
    return [to_global("stage", key) for key in stages]


async def test_the_stages_that_may_follow_are_of_the_same_pipeline(ctx, stages, read):
    async def follow(listed):
        await write(ctx, [Update(Stage, stages["new"], {"allowed_next": listed})])

    other = await made(ctx, Pipeline, name="Other")
    elsewhere = await made(ctx, Stage, pipeline_id=other, name="s", position=1)
    await write(ctx, [Delete(Stage, stages["hold"])])
    for listed in (
        named(elsewhere),
        named(new_id()),
        named(stages["hold"]),
        [str(stages["offer"])],
        [7],
        "x",
        {"a": 1},
    ):
        wrong = await refusal(follow(listed))
        assert (type(wrong), wrong.path) == (Invalid, ("allowedNext",)), listed
    await follow(named(stages["offer"], stages["lost"], stages["offer"]))
    assert (await read(Stage, stages["new"]))["allowed_next"] == named(stages["offer"], stages["lost"])
    await follow([])
    assert (await read(Stage, stages["new"]))["allowed_next"] == []
    wrong = await refusal(follow(None))
    assert (type(wrong), wrong.path) == (Invalid, ("allowedNext",))


async def test_a_new_pipeline_names_its_stages_in_one_command(ctx, read):
    pipeline, first, second = new_id(), new_id(), new_id()
    await write(
        ctx,
        [
            Create(Pipeline, {"name": "P"}, id=pipeline),
            *(
                Create(
                    Stage, {"pipeline_id": pipeline, "name": name, "position": 1, "allowed_next": named(after)}, id=key
                )
                for name, key, after in (("a", first, second), ("b", second, first))
            ),
        ],
    )
    assert (await read(Stage, first))["allowed_next"] == named(second)


@pytest.mark.parametrize("count", [1, 50])
async def test_many_stages_take_as_many_statements_as_one(ctx, stages, count):
    given = {"pipeline_id": stages["pipeline"], "position": 9, "allowed_next": named(stages["won"])}
    with ctx.db.counting() as taken:
        await write(ctx, [Create(Stage, {**given, "name": f"{i}"}) for i in range(count)])
    assert len(taken) == 4, "references, stages, uniques, stages with facts"


async def test_a_stage_in_which_deals_stand_keeps_its_type_and_pipeline(ctx, stages, read):
    async def turn(**values):
        await write(ctx, [Update(Stage, stages["offer"], values)])

    deal = await made(ctx, Deal, name="d", stage_id=stages["offer"])
    other = await made(ctx, Pipeline, name="Other")
    for values, path in (({"type": "ON_HOLD"}, "type"), ({"pipeline_id": other}, "pipelineId")):
        wrong = await refusal(turn(**values))
        assert (type(wrong), wrong.path) == (Policy, (path,))
    await turn(name="quote", type="OPEN", probability=60)
    await move_deal(ctx, deal, stage_id=stages["new"])
    await turn(type="ON_HOLD")
    assert (await read(Stage, stages["offer"]))["type"] == "ON_HOLD"
    await write(ctx, [Delete(Deal, deal)])
    await write(ctx, [Update(Stage, stages["new"], {"type": "ON_HOLD"})])


async def test_the_deals_of_a_pipeline_keep_where_to_end(ctx, stages):
    def turn(name, kind):
        return Update(Stage, stages[name], {"type": kind})

    await write(ctx, [turn("won", "LOST")])
    await write(ctx, [turn("won", "WON")])
    await made(ctx, Deal, name="d")
    for name, kind in (("won", "LOST"), ("lost", "ON_HOLD")):
        last = await refusal(write(ctx, [turn(name, kind)]))
        assert (type(last), last.path) == (Policy, ("type",))
    await write(ctx, [turn("won", "LOST"), turn("hold", "WON")])
    more = {"pipeline_id": stages["pipeline"], "name": "signed", "position": 9, "type": "WON"}
    await write(ctx, [Create(Stage, more), turn("hold", "ON_HOLD")])


async def test_a_stage_asks_for_what_a_deal_must_have_to_enter(ctx, stages, customer):
    async def ask(stage, listed):
        await write(ctx, [Update(Stage, stages[stage], {"required_fields": listed})])

    for listed in (["colour"], ["amount", "stageId"], [7], "amount", ["nameFolded"], None):
        wrong = await refusal(ask("offer", listed))
        assert (type(wrong), wrong.path) == (Invalid, ("requiredFields",)), listed
    await ask("offer", ["amount", "customerId", "source"])
    deal = await made(ctx, Deal, name="d", source=" ")
    inside = await made(ctx, Deal, name="e")
    for command in (
        move_deal(ctx, deal, stage_id=stages["offer"]),
        made(ctx, Deal, name="f", stage_id=stages["offer"]),
    ):
        with pytest.raises(Refusals) as caught:
            await command
        assert [(type(r), r.path) for r in caught.value.refusals] == [
            (Invalid, ("amount",)), (Invalid, ("customerId",)), (Invalid, ("source",)),
        ]  # fmt: skip
    await write(ctx, [Update(Deal, deal, {"source": "fair"})])
    await move_deal(ctx, deal, stage_id=stages["offer"], amount=Decimal(5), currency="EUR", customer_id=customer)
    await write(ctx, [Update(Deal, deal, {"source": None})])
    await ask("won", ["amount", "source"])
    with pytest.raises(Refusals) as caught:
        await move_deal(ctx, inside, stage_id=stages["won"])
    assert [r.path for r in caught.value.refusals] == [("amount",), ("customerId",), ("source",)]
