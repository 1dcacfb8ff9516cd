"""The one object that plugins are given: what it does, for whom, and where its bounds are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from crmcore.domain.people import Team
from crmcore.errors import Invalid, Refusals
from crmcore.platform.identity import create_tenant
from crmcore.platform.outbound import HostRefused, matches
from crmcore.plugins import Create, Crm, GiveUp, GraphQLFailed, Job, JobRun, Manifest, Plugins, crm_of, hookimpl
from crmcore.plugins.crm import crm_in
from crmcore.plugins.discovery import Candidate
from tests.fixtures import TestCrm, open_crm

CREATE = "mutation($n: String!) { customerCreate(input: {name: $n}) { customer { id } errors { message } } }"
NAMES = "{ customers(orderBy: [{field: NAME}]) { nodes { name } } }"
ran: list[tuple[Any, ...]] = []


async def note(crm: Crm, run: JobRun) -> dict[str, int]:
    ran.append((crm.tenant_id, crm.ctx.actor.name, run.ctx.actor.kind.value, dict(run.payload), run.attempt))
    if run.payload.get("fail") and run.attempt == 1:
        raise RuntimeError("once")
    if run.payload.get("stop"):
        raise GiveUp("no use")
    async with crm.transaction() as tx:
        await crm.store.put("noted", run.payload.get("n", 0))
        await run.finish(tx, {"n": 1})
    return {}


class Busy:
    meta = Manifest(
        id="busy", title="Busy", description="Works.", api=">=0.1,<1", version="1.0",
        outbound_hosts=["127.0.0.1", "*.example.test"],
    )  # fmt: skip

    @hookimpl
    def crm_jobs(self) -> list[Job]:
        return [Job("note", note, attempts=3, pause=5), Job("daily", note, cron="0 6 * * *")]


def busy() -> Plugins:
    return Plugins([Candidate("busy", "test", lambda: Busy)])


async def names(crm: Crm) -> list[str]:
    return [node["name"] for node in (await crm.gql(NAMES))["customers"]["nodes"]]


async def jobs(crm: TestCrm) -> list[tuple[Any, ...]]:
    data = await crm.gql('{ jobs(where: {kind: {eq: "busy.note"}}) { nodes { state attempts error result } } }')
    return [tuple(node.values()) for node in data["jobs"]["nodes"]]


async def test_it_reads_and_writes_as_the_plugin(database_url: str):
    async with open_crm(database_url, busy()) as opened:
        crm = crm_in(opened.crm.backing, "busy", opened.tenant)
        made = await crm.gql(CREATE, n="By the graph")
        assert made["customerCreate"]["errors"] == []
        with pytest.raises(GraphQLFailed, match="nonsense") as failed:
            await crm.gql("{ nonsense }")
        assert failed.value.errors[0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
        [written] = await crm.write([Create(Team, {"name": "Sales"})])
        assert written.version == 1
        with pytest.raises(Refusals):
            await crm.write([Create(Team, {})])
        entries = await opened.gql(
            '{ auditEntries(where: {recordType: {eq: "team"}}) { nodes { actor { kind id } operation } } }'
        )
        [entry] = entries["auditEntries"]["nodes"]
        assert entry["actor"]["kind"] == "PLUGIN"
        assert entry["operation"] == "plugin busy"

        # What is done in a transaction lasts together: records, the graph's mutations, values and jobs.
        async def all_of_it(*, fail: bool) -> None:
            async with crm.transaction():
                await crm.gql(CREATE, n="In a transaction")
                await crm.write([Create(Team, {"name": "Service"})])
                await crm.store.put("cursor", {"at": 7})
                await crm.enqueue("note", {"n": 1})
                assert "In a transaction" in await names(crm), "it sees what it wrote"
                assert await crm.store.get("cursor") == {"at": 7}
                if fail:
                    raise RuntimeError("undo")

        with pytest.raises(RuntimeError, match="undo"):
            await all_of_it(fail=True)
        assert await names(crm) == ["By the graph"]
        assert (await crm.store.get("cursor", "none"), await jobs(opened)) == ("none", [])
        await all_of_it(fail=False)
        assert await names(crm) == ["By the graph", "In a transaction"]
        assert (await crm.store.get("cursor"), len(await jobs(opened))) == ({"at": 7}, 1)

        # In a function that the graph calls it acts as the caller.
        assert crm_of(opened.context, "busy").ctx.actor.kind == "API_KEY"
        assert crm_of(opened.context, "busy").of(opened.tenant).ctx.actor.kind == "PLUGIN"
        assert (crm.has("busy"), crm.has("email")) == (True, False)

        # Values stand by plugin and tenant.
        async with opened.crm.db.transaction() as tx:
            other = crm.of(await create_tenant(tx, "other", "Other"))
        assert set(await crm.tenants()) == {crm.tenant_id, other.tenant_id}
        assert await other.store.get("cursor") is None
        assert await names(other) == []
        await other.store.put("a/2", None)
        await other.store.put("a/1", [1])
        await other.store.put("b", "x")
        await other.store.put("b", "ü")
        assert list((await other.store.items("a/")).items()) == [("a/1", [1]), ("a/2", None)]
        assert await other.store.delete("b")
        assert not await other.store.delete("b")
        for key, value in (("", 1), ("k" * 201, 1), ("k", object()), ("k", "x" * 1_000_001)):
            with pytest.raises(Invalid):
                await other.store.put(key, value)

        # A token says which tenant it is of, for this plugin alone.
        sealed = other.seal({"id": 5})
        found = await crm.unseal(sealed)
        assert found is not None
        assert (found[0].tenant_id, found[1]) == (other.tenant_id, {"id": 5})
        assert await crm_in(opened.crm.backing, "email", opened.tenant).unseal(sealed) is None
        with pytest.raises(ValueError, match="put ids into it"):
            crm.seal({"text": "x" * 5000})


async def test_jobs_of_a_plugin_run_as_it_and_wait_while_it_is_away(database_url: str):
    ran.clear()
    clock = [datetime(2026, 11, 23, 5, 0, tzinfo=UTC)]
    async with open_crm(database_url, busy(), clock=lambda: clock[0]) as opened:
        crm = crm_of(opened.context, "busy")
        await crm.enqueue("note", {"fail": True, "n": 3})
        await crm.enqueue("note", {"stop": True})
        first = await crm.enqueue("note", {"n": 9}, run_at=clock[0] + timedelta(days=1), unique_key="k")
        assert await crm.enqueue("note", {"n": 10}, unique_key="k") == first
        with pytest.raises(ValueError, match="has no job 'other'"):
            await crm.enqueue("other", {})
        await opened.run_jobs()
        assert sorted(job[0] for job in await jobs(opened)) == ["DEAD", "READY", "READY"]
        assert "RuntimeError: once" in str(await jobs(opened)), "operators see why"
        clock[0] += timedelta(seconds=10)
        await opened.run_jobs()
        assert ("DONE", 2, None, {"n": 1}) in await jobs(opened)
        assert await crm.store.get("noted") == 3
        assert {(actor, asked) for _, actor, asked, _, _ in ran} == {("busy", "API_KEY")}
        clock[0] += timedelta(hours=2)
        await opened.run_jobs()
        assert (await opened.gql('{ jobs(where: {kind: {eq: "busy.daily"}}) { nodes { state } } }'))["jobs"][
            "nodes"
        ] == [{"state": "DONE"}]
    clock[0] += timedelta(days=2)
    async with open_crm(database_url, clock=lambda: clock[0]) as away:
        await away.run_jobs()
        assert sorted(job[0] for job in await jobs(away)) == ["DEAD", "DONE", "READY"], "it waits, and is listed"
    async with open_crm(database_url, busy(), clock=lambda: clock[0]) as back:
        await back.run_jobs()
        assert sorted(job[0] for job in await jobs(back)) == ["DEAD", "DONE", "DONE"]


@asynccontextmanager
async def world() -> AsyncIterator[tuple[str, list[str]]]:
    """A server on this machine that answers, redirects and dawdles."""
    seen: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split()[1]
        seen.append(head)
        if path == "/away":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://localhost:1/\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", seen


async def test_the_world_outside_is_reached_where_the_manifest_says(database_url: str):
    async with world() as (url, seen):
        async with open_crm(database_url, busy()) as opened:
            crm = crm_in(opened.crm.backing, "busy", opened.tenant)
            with pytest.raises(HostRefused):  # the manifest names it, but it is none of the public internet
                await crm.http.get(url)
            assert seen == []
        async with open_crm(database_url, busy(), webhook_allow=["127.0.0.0/8"]) as opened:
            crm = crm_in(opened.crm.backing, "busy", opened.tenant)
            assert (await crm.http.get(url, params={"a": "1"})).text == "ok"
            assert "(busy)" in seen[0], "it says which plugin it is"
            with pytest.raises(HostRefused, match="outbound_hosts"):
                await crm.http.get("http://elsewhere.test/")
            assert (await crm.http.get(f"{url}/away")).status_code == 302
            with pytest.raises(HostRefused, match="localhost"):  # each hop is looked at
                await crm.http.get(f"{url}/away", follow_redirects=True)

            async def rebound(host: str, port: int) -> list[str]:
                return ["10.0.0.1"]

            opened.crm.backing.guard._look_up = rebound
            with pytest.raises(HostRefused, match="public internet"):  # whatever the name resolves to by now
                await crm.http.get("https://api.example.test/")
            async with crm.http as client:
                assert (await client.get(url)).status_code == 200
            assert (await crm.http.get(url)).status_code == 200
            opened.crm.backing.mocked["api.example.test"] = httpx.MockTransport(lambda request: httpx.Response(204))
            assert (await crm.http.get("https://api.example.test/")).status_code == 204
    assert matches("API.example.com.", ["*.example.com"])
    assert not matches("example.com", ["*.example.com"])


async def test_what_it_begins_is_looked_after(database_url: str):
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.set()

    async def breaks() -> None:
        raise RuntimeError("a loose end")

    async with open_crm(database_url, busy()) as opened:
        crm = crm_in(opened.crm.backing, "busy", opened.tenant)
        assert await crm.in_thread(threading.get_ident) != threading.get_ident()
        async with crm.transaction():
            task = crm.spawn(forever())  # it is not in the transaction
        await crm.spawn(breaks())
        await asyncio.sleep(0)
        [plugin] = (await opened.gql("{ plugins { id statistics { hook faults lastFault } } }"))["plugins"]
        assert {"hook": "spawn", "faults": 1, "lastFault": "RuntimeError: a loose end"} in plugin["statistics"]
        assert not task.done()
    assert ended.is_set()
    assert task.cancelled()
