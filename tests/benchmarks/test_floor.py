"""The floor stays equal to the product: else the benchmark would measure two different things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks import operations, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, PRODUCT, started
from benchmarks.stage import Stage, prepare
from crmcore.platform.access import Reach
from tests.databases import Databases


@pytest.fixture(params=[Reach.TENANT, Reach.TEAM, Reach.OWN])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    databases = Databases("postgres")
    url = databases.migrated()
    yield asyncio.run(prepare(url, Size(60), request.param))
    databases.drop(url)


def test_all_contestants_answer_alike(stage: Stage):
    with started(FLOOR, stage.url) as floor, started(PRODUCT, stage.url) as product:
        compared = verify.agree([floor, product], stage.ids, stage.token, count=8, only=operations.ALL)
    assert compared == 8 * len(operations.ALL)


def test_a_difference_is_found():
    before = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": None}]}
    assert list(verify.differences(before, before)) == []
    after = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    assert list(verify.differences(before, after)) == ["$.nodes[1].name: None and 'b'"]
    assert list(verify.differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["$: keys ['a', 'b'] and ['b', 'a']"]
    assert list(verify.differences(1, True)) == ["$: 1 and True"]
