"""The app of examples/thanks-app, as its partner would run it: installed by its manifest, told by webhook, writing back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from crmcore.platform.database import connect
from crmcore.platform.identity import create_token, find_tenant
from tests.reliability.process import free_port, serving

APP = Path(__file__).parents[2] / "examples" / "thanks-app"
TYPESCRIPT = APP / "node_modules" / "typescript" / "bin" / "tsc"

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not TYPESCRIPT.exists(),
    reason="the sample app is not built: run `make example`, which needs node and npm",
)

MOVE = """mutation($id: ID!, $s: ID!) { dealMove(id: $id, input: {stageId: $s, amount: "100", currency: "EUR"}) {
  errors { message path } } }"""
THANKED = """{ customers { nodes { name customFields(keys: ["thanks_won"]) { ... on CustomNumber { number } } } }
  tasks(orderBy: [{field: SUBJECT}]) { nodes { subject createdBy { kind } } } }"""


async def node(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        "node", *arguments, cwd=APP, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )


def test_it_is_short():
    assert len((APP / "app.ts").read_text().splitlines()) < 100


async def test_it_hears_reads_and_writes(database_url: str, tmp_path: Path):
    compiled = await node(str(TYPESCRIPT), "--outDir", str(tmp_path))
    said, _ = await compiled.communicate()
    assert compiled.returncode == 0, said.decode()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    program, port = str(tmp_path / "app.js"), str(free_port())
    db = await connect(database_url)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            admin = (await create_token(tx, tenant, "administrator")).text
    finally:
        await db.close()
    async with serving(database_url, CRMCORE_WEBHOOK_ALLOW='["127.0.0.1/32"]') as (_, address):
        where = {"CRM_URL": f"{address}/graphql"}
        installed = await node(program, "install", f"http://127.0.0.1:{port}", CRM_TOKEN=admin, **where)
        told = json.loads((await installed.communicate())[0])
        running = await node(program, CRM_TOKEN=told["token"], CRM_SECRET=told["secret"], PORT=port, **where)
        try:
            assert running.stdout is not None
            await running.stdout.readline()
            headers = {"authorization": f"Bearer {admin}"}
            async with httpx.AsyncClient(base_url=address, headers=headers, timeout=30) as client:
                await _sell(client, ["Ada", "Bo", "Ada"])
                async with asyncio.timeout(30):
                    while (found := await _ask(client, THANKED))["tasks"]["nodes"] != _tasks("Ada", "Ada", "Bo"):
                        await asyncio.sleep(0.1)
            won = {one["name"]: one["customFields"][0]["number"] for one in found["customers"]["nodes"]}
            assert won == {"Ada": 2, "Bo": 1}
            async with httpx.AsyncClient() as stranger:
                forged = await stranger.post(f"http://127.0.0.1:{port}", json={"data": {"customer": {"id": "x"}}})
            assert forged.status_code == 401
        finally:
            running.kill()
            await running.wait()


def _tasks(*names: str) -> list[dict[str, Any]]:
    return [{"subject": f"Say thanks to {name}", "createdBy": {"kind": "API_KEY"}} for name in names]


async def _sell(client: httpx.AsyncClient, names: list[str]) -> None:
    """A won deal for each of these."""
    ids: dict[str, str] = {}
    for name in names:
        if name not in ids:
            create = f'mutation {{ customerCreate(input: {{name: "{name}"}}) {{ customer {{ id }} }} }}'
            made = await _ask(client, create)
            ids[name] = made["customerCreate"]["customer"]["id"]
    await _ask(
        client,
        """mutation { pipelineCreate(input: {name: "Sales", stages: [{name: "Open", type: OPEN, position: 1},
      {name: "Won", type: WON, position: 2}, {name: "Lost", type: LOST, position: 3}]}) { errors { message path } } }""",
    )
    found = await _ask(client, "{ stages { nodes { id type pipeline { id } } } }")
    stages = {one["type"]: one for one in found["stages"]["nodes"]}
    for name in names:
        deal = {"name": f"for {name}", "customerId": ids[name], "pipelineId": stages["OPEN"]["pipeline"]["id"]}
        create = "mutation($d: DealCreateInput!) { dealCreate(input: $d) { deal { id } errors { message path } } }"
        made = await _ask(client, create, d=deal)
        moved = await _ask(
            client,
            MOVE,
            id=made["dealCreate"]["deal"]["id"], s=stages["WON"]["id"],
        )  # fmt: skip
        assert moved["dealMove"]["errors"] == []


async def _ask(client: httpx.AsyncClient, query: str, **variables: Any) -> dict[str, Any]:
    answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data
