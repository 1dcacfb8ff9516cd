"""Running jobs and sending webhooks apart from the server."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Annotated

import typer

from crmcore.app import Crm
from crmcore.cli.opening import run
from crmcore.cli.output import Json, print_json
from crmcore.settings import load


def worker(
    ctx: typer.Context,
    jobs: Annotated[int | None, typer.Option(help="How many jobs it runs at the same time.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Run what is due now, then end.")] = False,
    as_json: Json = False,
) -> None:
    """Run jobs, send webhooks, tell plugins: beside a server that does so too, or alone; as many as are wanted."""
    settings = load(**ctx.obj, worker_jobs=jobs)

    async def work() -> int | None:
        async with Crm.open(settings) as crm:
            if once:
                await crm.run_events()
                return await crm.run_jobs()
            end = told_to_end()
            async with crm.working():
                print("crmcore runs jobs and sends webhooks", flush=True)
                await end.wait()
            return None

    ran = run(work())
    if as_json:
        print_json({"jobs": ran})
    elif once:
        print(f"{ran:,} jobs were run.")


def told_to_end() -> asyncio.Event:
    """What is set when the process is told to end, from now on. Told once more, it ends at once."""
    loop = asyncio.get_running_loop()
    signals = () if sys.platform == "win32" else (signal.SIGINT, signal.SIGTERM)
    told = asyncio.Event()

    def tell() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
        told.set()

    for number in signals:
        loop.add_signal_handler(number, tell)
    return told
