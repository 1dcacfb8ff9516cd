"""The stages of a pipeline: what one may say of the others."""

from __future__ import annotations

import pytest

from crmcore.domain.deals import Pipeline, Stage
from crmcore.errors import Invalid
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
    for listed in ([], None):
        await follow(listed)
        assert (await read(Stage, stages["new"]))["allowed_next"] == listed


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
    assert len(taken) == 5, "references, stages, uniques, stages, facts"
