"""`crmcore plugin trace`: which hooks and functions of plugins are called, and how long each takes."""

from __future__ import annotations

from typing import Annotated

import orjson
import typer

from crmcore.cli.opening import opened, run
from crmcore.cli.output import Json, print_json, table
from crmcore.errors import ConfigError
from crmcore.platform.access import ActorKind
from crmcore.plugins.tally import Called
from crmcore.schema.running import Request
from crmcore.settings import load


def trace(
    ctx: typer.Context,
    query: Annotated[str, typer.Option(help="A GraphQL document to run.")] = "",
    variables: Annotated[str, typer.Option(help="Its variables, as JSON.")] = "{}",
    jobs: Annotated[bool, typer.Option("--jobs", help="Run the jobs that are due.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Tell the events that wait.")] = False,
    as_json: Json = False,
) -> None:
    """Do something, and list the calls into plugins that it took, with their milliseconds and faults."""
    if not (query or jobs or events):
        raise ConfigError("Say what to do: --query '{ customers { nodes { name } } }', --jobs or --events.")
    try:
        given = orjson.loads(variables)
    except ValueError as error:
        raise ConfigError(f"--variables is no JSON: {error}.") from error
    seen: list[Called] = []

    async def work() -> None:
        async with opened(load(**ctx.obj), ActorKind.SYSTEM, "trace") as (crm, context):
            crm.host.watch(seen.append)
            if query:
                await crm.runner.run(context, Request(query, given))
            if events:
                await crm.run_events()
            if jobs:
                await crm.run_jobs()

    run(work())
    if as_json:
        print_json([
            {"plugin": c.plugin, "hook": c.hook, "milliseconds": round(c.milliseconds, 3), "fault": c.fault or None}
            for c in seen
        ])  # fmt: skip
    else:
        rows = [(c.plugin, c.hook, f"{c.milliseconds:.2f}", c.fault) for c in seen]
        table(f"{len(rows)} calls into plugins", ("plugin", "hook", "ms", "fault"), rows)
