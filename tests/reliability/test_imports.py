"""Imports beside everything else, in processes of their own: nobody sees a locked database, nothing is lost or doubled.

CRMCORE_IMPORT_ROWS makes the files longer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx

from crmcore.platform.database import connect
from crmcore.platform.identity import create_token, find_tenant
from tests.reliability.process import ROOT, Process, serving

ROWS = int(os.environ.get("CRMCORE_IMPORT_ROWS", "300"))
MAPPING = """
system = "{name}"
[[record]]
type = "Customer"
key = "id"
fields.name = "name"
[[record]]
type = "ContactPoint"
key = "{{id}}:mail"
fields.customer = {{ record = "customer" }}
fields.type = {{ value = "EMAIL" }}
fields.value = "mail"
"""
CREATE = """mutation($n: String!) { customerCreate(input: {name: $n}) { customer { name } errors { code message } } }"""
START = """mutation($i: ImportStartInput!) { importStart(input: $i) { import { id } errors { message } } }"""
SEEN = "query($id: ID!) { import(id: $id) { state rows saved created refused error } }"


async def token_for(url: str) -> str:
    db = await connect(url, connections=2)
    try:
        tenant = await find_tenant(db)
        assert tenant is not None
        async with db.transaction() as tx:
            return (await create_token(tx, tenant, "test")).text
    finally:
        await db.close()


async def command_line(url: str, folder: Path, name: str) -> tuple[int, str, str]:
    """`crmcore import`, in a process of its own: how it ended, and all that it said."""
    data, mapping = folder / f"{name}.csv", folder / f"{name}.toml"
    data.write_text("id,name,mail\n" + "".join(f"{n},{name} {n},m{n}@{name}.example\n" for n in range(ROWS)))
    mapping.write_text(MAPPING.format(name=name))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "CRMCORE_PLUGINS_ENABLED": "false"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "crmcore.cli", "--database", url, "import", str(data), "--map", str(mapping), "--json",
        env=environment, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, told = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode(), told.decode()


async def test_a_server_and_three_imports_at_once(database_url: str, tmp_path: Path):
    token = await token_for(database_url)
    async with serving(database_url) as (_, address):
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:
            over = asyncio.Event()
            made: list[str] = []

            async def writing(who: int) -> None:
                while not over.is_set():
                    name = f"Client {who} {len(made)}"
                    answer = (await client.post("/graphql", json={"query": CREATE, "variables": {"n": name}})).json()
                    assert "errors" not in answer, answer
                    assert answer["data"]["customerCreate"]["errors"] == []
                    made.append(name)
                    await asyncio.sleep(0.02)

            clients = [asyncio.create_task(writing(who)) for who in range(2)]
            names = ("alba", "bora", "cora")
            done = await asyncio.gather(*(command_line(database_url, tmp_path, name) for name in names))
            over.set()
            await asyncio.gather(*clients)
            for code, said, told in done:
                assert code == 0, told
                assert "locked" not in said + told
                report = json.loads(said)
                assert (report["saved"], report["refused"]) == (ROWS, 0)
            asked = "{ customers { totalCount } contactPoints { totalCount } }"
            found = (await client.post("/graphql", json={"query": asked})).json()["data"]
            assert found["customers"]["totalCount"] == 3 * ROWS + len(made)
            assert found["contactPoints"]["totalCount"] == 3 * ROWS
            assert made


async def test_an_import_goes_on_when_its_worker_is_killed(database_url: str):
    token = await token_for(database_url)
    environment = {"CRMCORE_JOB_LEASE_SECONDS": "3", "CRMCORE_WORKER": "false"}
    rows = max(2000, ROWS)
    async with serving(database_url, **environment) as (_, address):
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=60) as client:

            async def ask(query: str, **variables: object) -> dict[str, dict[str, object]]:
                answer = (await client.post("/graphql", json={"query": query, "variables": variables})).json()
                assert "errors" not in answer, answer
                found: dict[str, dict[str, object]] = answer["data"]
                return found

            data = "externalId,name\n" + "".join(f"{n},Customer {n}\n" for n in range(rows))
            sent = await client.post("/files", params={"name": "a.csv"}, content=data.encode())
            given = {"file": sent.json()["file"]["id"], "as": "CUSTOMER"}
            started = (await ask(START, i=given))["importStart"]
            key = started["import"]["id"]  # type: ignore[index]
            worker = Process(database_url, ["worker"], "crmcore ", environment)
            await worker.start()
            async with asyncio.timeout(60):
                while not 0 < int((await ask(SEEN, id=key))["import"]["rows"]) < rows:  # type: ignore[call-overload]
                    await asyncio.sleep(0.01)
            await worker.kill()
            left = (await ask(SEEN, id=key))["import"]
            assert left["state"] == "RUNNING"
            await worker.start()
            async with asyncio.timeout(60):
                while (await ask(SEEN, id=key))["import"]["state"] == "RUNNING":
                    await asyncio.sleep(0.1)
            await worker.kill()
            done = (await ask(SEEN, id=key))["import"]
            assert done == {"state": "DONE", "rows": rows, "saved": rows, "created": rows, "refused": 0, "error": None}
            found = await ask("{ customers { totalCount } }")
            assert found["customers"]["totalCount"] == rows
