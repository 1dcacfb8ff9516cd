"""Jobs run inside the server, by the command line, and through a database that goes away."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from crmcore.kit.sql import Sql
from crmcore.platform.jobs import JobKind, JobRun, enqueue
from tests.command_line import asked
from tests.fixtures import open_crm
from tests.jobs.conftest import Bench
from tests.jobs.test_worker import states, until


async def test_the_server_runs_jobs(database_url: str):
    done = asyncio.Event()

    async def run(job: JobRun):
        assert job.ctx.graph is not None
        done.set()

    async with open_crm(database_url, worker=True) as crm:
        kind = crm.crm.jobs["test"] = JobKind("test", run)
        async with crm.crm.db.transaction() as tx:
            await enqueue(crm.context, tx, kind, {})
        async with asyncio.timeout(10):
            await done.wait()


def test_what_is_due_is_run_by_a_command(database_url: str):
    assert asked(database_url, "worker", "--once") == {"jobs": 0}


async def test_a_worker_process_ends_well(database_url: str):
    words = ["-m", "crmcore.cli", "--database", database_url, "worker"]
    environment = {**os.environ, "CRMCORE_PLUGINS_ENABLED": "false"}
    child = await asyncio.create_subprocess_exec(
        sys.executable, *words, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert child.stdout is not None
    try:
        async with asyncio.timeout(60):
            assert (await child.stdout.readline()).startswith(b"crmcore runs jobs")
            child.send_signal(signal.SIGTERM)
            _, said = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert (child.returncode, said) == (0, b"")


async def test_a_worker_outlives_its_connections(bench: Bench):
    if bench.db.dialect == "sqlite":
        return  # there is no connection that another could end

    @bench.kind(pause=0.001, attempts=100)
    async def kind(run: JobRun):
        async with run.ctx.db.transaction() as tx:
            await tx.fetch(Sql("SELECT pg_sleep(0.01)"))

    for _ in range(40):
        await bench.enqueue(kind)
    async with bench.working(lease=3):
        for _ in range(5):
            await asyncio.sleep(0.05)
            async with bench.db.transaction() as tx:
                await tx.execute(
                    Sql(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )

        async def all_done() -> bool:
            bench.later(seconds=1)
            return set(await states(bench)) == {"DONE"}

        await until(all_done, 60)
