"""The floor stays equal to the product: else the benchmark would measure two different things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from benchmarks import operations, postgraphile, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, NAIVE, POSTGRAPHILE, PRODUCT, started
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


@pytest.mark.timeout(300)
def test_all_contestants_answer_alike(urls: list[str]):
    """Whatever the caller may see, on both databases; those who know only whole tenants, for one of those."""
    url, *beside = urls
    ids = asyncio.run(fill(url, Size(60), beside))
    stages = [asyncio.run(admit(url, ids, reach, beside)) for reach in Reach]
    whole = stages[0]
    with ExitStack() as stack:
        ours = [stack.enter_context(started(name, each)) for each in urls for name in (FLOOR, PRODUCT)]
        others = [stack.enter_context(started(NAIVE, url))]
        if not postgraphile.missing():
            others.append(stack.enter_context(started(POSTGRAPHILE, asyncio.run(postgraphile.prepare(whole)))))
        for stage in stages:
            compared = verify.agree(ours, stage.ids, stage.token, count=5, only=operations.READS)
            assert compared == 5 * 3 * len(operations.READS)
        for other in others:
            here = [ours[0], other]
            assert verify.agree(here, whole.ids, whole.token, count=5, only=other.kind.operations) >= 20
        for stage in stages:
            assert verify.agree(ours[:2], stage.ids, stage.token, count=5, only=["M1"]) == 5


def test_a_difference_is_found():
    before = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": None}]}
    assert list(verify.differences(before, before)) == []
    after = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    assert list(verify.differences(before, after)) == ["$.nodes[1].name: None and 'b'"]
    assert list(verify.differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["$: keys ['a', 'b'] and ['b', 'a']"]
    assert list(verify.differences(1, True)) == ["$: 1 and True"]
