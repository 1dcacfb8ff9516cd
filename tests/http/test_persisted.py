"""Persisted documents, and what strangers' documents can do to a server: nothing that lasts."""

from __future__ import annotations

import gc
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from crmcore.errors import ConfigError
from tests.fixtures import TestCrm, open_crm

OURS = "query Ours($n: Int) { customers(first: $n) { nodes { id name } } }"
IDS = {"a" * 64: OURS, "b" * 64: "{ deals { totalCount } }"}


@pytest.fixture(params=["plain", "apollo"])
def manifest(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    operations = [{"id": id_, "name": "Ours", "type": "query", "body": body} for id_, body in IDS.items()]
    apollo = {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}
    path = tmp_path / "persisted.json"
    path.write_text(json.dumps(IDS if request.param == "plain" else apollo))
    return path


async def statistics(crm: TestCrm) -> dict[str, Any]:
    response = await crm.client.get("/statistics")
    assert response.status_code == 200
    return response.json()


async def by_id(crm: TestCrm, id_: str, **body: Any) -> Any:
    return (await crm.client.post("/graphql", json={"documentId": id_, **body})).json()


async def test_a_document_is_asked_for_by_its_id(database_url: str, manifest: Path):
    async with open_crm(database_url, persisted_documents=manifest) as crm:
        expected = {"data": {"customers": {"nodes": []}}}
        assert await by_id(crm, "sha256:" + "a" * 64, variables={"n": 1}) == expected
        assert await by_id(crm, "a" * 64) == expected
        asked = await crm.client.get("/graphql", params={"documentId": "b" * 64})
        assert asked.json() == {"data": {"deals": {"totalCount": 0}}}
        [error] = (await by_id(crm, "sha256:" + "c" * 64))["errors"]
        assert error["extensions"]["code"] == "PERSISTED_DOCUMENT_NOT_FOUND"
        assert "Send its text as query" in error["message"]


async def test_strangers_cannot_push_out_what_is_persisted(database_url: str, manifest: Path):
    async with open_crm(database_url, persisted_documents=manifest, plan_cache_size=20) as crm:
        await by_id(crm, "a" * 64)
        before = (await statistics(crm))["plans"]["misses"]
        for n in range(100):
            await crm.ask(f"{{ a{n}: customers {{ totalCount }} }}")
        found = await statistics(crm)
        assert found["documents"] | {"tokens": 0} == {
            "hits": 1, "misses": 100, "refused": 0, "dropped": 80, "documents": 20, "tokens": 0, "persisted": 2,
        }  # fmt: skip
        assert found["plans"]["documents"] == 20
        assert (found["plans"]["plans"], found["plans"]["persisted_plans"]) == (20, 1)
        assert found["plans"]["persisted"] == 1
        assert found["plans"]["misses"] == before + 100
        await by_id(crm, "a" * 64)
        assert (await statistics(crm))["plans"]["misses"] == before + 100


async def test_memory_does_not_grow_with_documents(crm: TestCrm):
    """Large documents, all different, valid and not: what is kept reaches its bound and stays there."""
    documents, plans = crm.crm.runner.documents, crm.crm.engine.plans
    fields = " ".join(f"f{n}: name" for n in range(25)) + " name" * 190

    async def flood(begin: int, end: int) -> int:
        for n in range(begin, end):
            await crm.ask(
                f'{{ x{n}: customers(first: 1) {{ nodes {{ {fields} }} }} nothing{n % 2 or ""}: node(id: "a_{n}") {{ id }} }}'
            )
            await crm.ask(f"{{ broken{n} }}")
        crm.seen.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    documents._size = 20  # 2,000 tokens in all: six of these documents
    tracemalloc.start()
    try:
        first = await flood(0, 20)
        later = await flood(20, 60)
    finally:
        tracemalloc.stop()
    assert documents.statistics.tokens <= 2000
    assert plans.statistics.documents <= 20
    assert later - first < 1_000_000, f"{later - first} bytes more after twice as many documents"


async def test_a_manifest_that_is_none_stops_the_server(database_url: str, tmp_path: Path):
    path = tmp_path / "persisted.json"
    for text, said in (
        ("[1]", "it must be"),
        ("{", "cannot be read"),
        ('{"x": "{ nothing }"}', "document x is refused"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=said):
            async with open_crm(database_url, persisted_documents=path):
                pass


async def test_statistics_need_a_token(crm: TestCrm):
    response = await crm.client.get("/statistics", headers={"authorization": ""})
    assert response.status_code == 401
