"""Running jobs apart from the server."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer

from crmcore.app import Crm
from crmcore.cli.opening import run
from crmcore.cli.output import Json, print_json
from crmcore.platform.jobs import Worker
from crmcore.settings import load


def worker(
    ctx: typer.Context,
    jobs: Annotated[int | None, typer.Option(help="How many jobs it runs at the same time.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end.")] = False,
    as_json: Json = False,
) -> None:
    """Run jobs: beside a server that does so too, or instead of it; as many workers as are wanted."""
    settings = load(**ctx.obj, worker_jobs=jobs)

    async def work() -> int | None:
        async with Crm.open(settings) as crm:
            if once:
                return await crm.run_jobs()
            print("crmcore runs jobs", flush=True)
            await until_signalled(crm.worker())
            return None

    ran = run(work())
    if as_json:
        print_json({"jobs": ran})
    elif once:
        print(f"{ran:,} jobs were run.")


async def until_signalled(worker: Worker) -> None:
    """Let it work until the process is told to end; its jobs may finish. Told once more, the process ends at once."""
    loop = asyncio.get_running_loop()
    signals = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM)

    def stop() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
        worker.stop()

    for number in signals:
        loop.add_signal_handler(number, stop)
    await worker.run()
