"""The floor stays equal to the product: else the benchmark would measure two different things."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from benchmarks import operations, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, PRODUCT, started
from benchmarks.stage import admit, fill
from crmcore.platform.access import Reach
from tests.databases import Databases


@pytest.fixture
def database_url() -> Iterator[str]:
    databases = Databases("postgres")
    url = databases.migrated()
    yield url
    databases.drop(url)


def test_all_contestants_answer_alike(database_url: str):
    """Whatever the caller may see."""
    ids = asyncio.run(fill(database_url, Size(60)))
    with started(FLOOR, database_url) as floor, started(PRODUCT, database_url) as product:
        for reach in Reach:
            stage = asyncio.run(admit(database_url, ids, reach))
            compared = verify.agree([floor, product], stage.ids, stage.token, count=5, only=operations.ALL)
            assert compared == 5 * len(operations.ALL)


def test_a_difference_is_found():
    before = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": None}]}
    assert list(verify.differences(before, before)) == []
    after = {"nodes": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}
    assert list(verify.differences(before, after)) == ["$.nodes[1].name: None and 'b'"]
    assert list(verify.differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == ["$: keys ['a', 'b'] and ['b', 'a']"]
    assert list(verify.differences(1, True)) == ["$: 1 and True"]
