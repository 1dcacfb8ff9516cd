"""Bringing data in: demo and import."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from crmcore.cli.opening import opened, run
from crmcore.cli.output import Json, print_json, progress, table
from crmcore.demo import fill
from crmcore.importing import import_file
from crmcore.kit import times
from crmcore.platform.access import ActorKind
from crmcore.platform.database import refresh_statistics
from crmcore.settings import load


def demo(
    ctx: typer.Context,
    seed: Annotated[int, typer.Option(help="Another number, another company.")] = 1,
    scale: Annotated[float, typer.Option(help="1 is 2,000 customers.")] = 1.0,
    today: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day after its year.")] = None,
    as_json: Json = False,
) -> None:
    """Fill the database with a believable company and a year of its work."""
    settings = load(**ctx.obj)
    day: date = (today or times.now()).date()

    async def work() -> Any:
        async with opened(settings, ActorKind.SYSTEM, "demo", alone=True) as (_, context):
            with progress("Filling", as_json) as (bar, task):
                return await fill(context, seed=seed, today=day, scale=scale, progress=lambda done, all_of: bar.update(
                    task, completed=done, total=all_of
                ))  # fmt: skip

    filled = run(work())
    if as_json:
        print_json({"already": filled.already, "made": filled.made})
    elif filled.already:
        print("The company is there already; nothing was changed.")
    else:
        table("Made", ("record", "number"), [(name, f"{n:,}") for name, n in filled.made.items()])


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file.")],
    mapping: Annotated[Path, typer.Option("--map", exists=True, dir_okay=False, help="What its columns are (TOML).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Do everything, then undo it.")] = False,
    as_json: Json = False,
) -> None:
    """Bring a CSV file in. It may be run again: what is there already stays as it is. docs/import.md says more."""
    settings = load(**ctx.obj)

    async def work() -> Any:
        async with opened(settings, ActorKind.IMPORT, file.name, alone=True) as (crm, context):
            with progress(file.name, as_json) as (bar, task):
                report = await import_file(
                    context, crm.registry, file, mapping, dry_run=dry_run,
                    progress=lambda rows, all_of: bar.update(task, completed=rows, total=all_of),
                )  # fmt: skip
            await refresh_statistics(context.db)
            return report

    report = run(work())
    if as_json:
        print_json(report.as_json())
        return
    counts = [
        (k, *(f"{n:,}" for n in (t.created, t.updated, t.unchanged, t.refused))) for k, t in report.tallies.items()
    ]
    title = f"{report.rows:,} rows, {report.saved:,} saved, {report.refused:,} refused"
    table(title + (" (dry run: nothing was kept)" if dry_run else ""),
           ("record", "created", "updated", "unchanged", "refused"), counts)  # fmt: skip
    if report.aliases:
        table("Aliases", ("column", "value", "taken for", "rows"),
               [(*key, f"{n:,}") for key, n in sorted(report.aliases.items())])  # fmt: skip
    if report.reasons:
        worst = sorted(report.reasons.values(), key=lambda r: (-r.rows, r.first_line))
        table(
            "Refused", ("rows", "first line", "because"), [(str(r.rows), str(r.first_line), r.text) for r in worst[:20]]
        )
        print(f"The refused rows are in {report.refused_file}: correct them there and import that file.")
