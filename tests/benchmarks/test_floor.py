"""The floor stays equal to the product: else the benchmark would measure two different things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks import operations, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, NAIVE, PRODUCT, started
from benchmarks.stage import admit, fill
from crmcore.platform.access import Reach
from tests.databases import Databases


@pytest.fixture
def urls() -> Iterator[list[str]]:
    """A migrated database of each kind, PostgreSQL first."""
    made = [(databases, databases.migrated()) for databases in map(Databases, ("postgres", "sqlite"))]
    yield [url for _, url in made]
    for databases, url in made:
        databases.drop(url)


def test_all_contestants_answer_alike(urls: list[str]):
    """Whatever the caller may see, on both databases."""
    url, *beside = urls
    ids = asyncio.run(fill(url, Size(60), beside))
    with ExitStack() as stack:
        contestants = [stack.enter_context(started(name, each)) for each in urls for name in (FLOOR, PRODUCT)]
        naive = stack.enter_context(started(NAIVE, url))
        stages = [asyncio.run(admit(url, ids, reach, beside)) for reach in Reach]
        for stage in stages:
            compared = verify.agree(contestants, stage.ids, stage.token, count=5, only=operations.READS)
            assert compared == 5 * 3 * len(operations.READS)
        whole = stages[0]  # the only reach that the usual server knows
        assert verify.agree([contestants[0], naive], whole.ids, whole.token, count=5, only=operations.READS) == 20
        for stage in stages:
            assert verify.agree(contestants[:2], stage.ids, stage.token, count=5, only=["M1"]) == 5


def test_a_difference_is_found():
    before = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": None}]}
    assert list(verify.differences(before, before)) == []
    after = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    assert list(verify.differences(before, after)) == ["$.nodes[1].name: None and 'b'"]
    assert list(verify.differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["$: keys ['a', 'b'] and ['b', 'a']"]
    assert list(verify.differences(1, True)) == ["$: 1 and True"]
