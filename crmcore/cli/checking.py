"""`crmcore plugin check`: whether a plugin loads, and how good it is on the quality scale."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from crmcore.app import Composition
from crmcore.cli.developing import composed_from, contribution_of, package_of
from crmcore.cli.output import Json, print_json, table
from crmcore.cli.quality import LEVELS, Line, Looked, hooks_of, look_over
from crmcore.errors import ConfigError
from crmcore.migrations import CORE
from crmcore.platform import migrate as runner
from crmcore.platform.migrate.make import changes
from crmcore.plugins import Manifest, specs


def check_plugin(
    path: Annotated[Path, typer.Argument(help="The plugin's project, or the folder that holds its package.")] = Path(),
    anew: Annotated[bool, typer.Option("--print", help="Write its contribution.graphql anew first.")] = False,
    as_json: Json = False,
) -> None:
    """Say whether a plugin loads, which level of the quality scale it has, and what is missing for the next.

    Exit code 1 if it does not load or is below bronze.
    """
    try:
        parts = asyncio.run(composed_from(path))
    except ConfigError as refused:
        if not as_json:
            raise
        print_json({"plugins": [], "problems": refused.message.splitlines()})
        raise typer.Exit(1) from refused
    added = contribution_of(parts)
    if anew:
        (path / "contribution.graphql").write_text(added)
    looked = [_looked(path, parts, meta, added) for meta in parts.plugins.manifests().values()]
    found = [(plugin, *look_over(plugin)) for plugin in looked]
    if as_json:
        print_json({"plugins": [_said(plugin, level, lines) for plugin, level, lines in found], "problems": []})
    else:
        for plugin, level, lines in found:
            _show(plugin, level, lines)
    raise typer.Exit(0 if all(level for _, level, _ in found) else 1)


def _looked(path: Path, parts: Composition, meta: Manifest, added: str) -> Looked:
    hooks = hooks_of(parts, meta.id, [name for name in vars(specs) if name.startswith("crm_")])
    return Looked(path, package_of(path, meta.id), meta, hooks, added, asyncio.run(_undone(parts, meta.id)))


async def _undone(parts: Composition, id: str) -> list[str]:
    """What is wrong with the migrations, tried on an SQLite database of its own."""
    if not any(app.label == id for app in parts.apps):
        return []
    if await changes(parts.apps, id):
        return [f"the models say more than the migrations: crmcore migration make {id}"]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/check.db"
        try:
            await runner.migrate(url, [CORE])
            report = await runner.migrate(url, parts.apps)
            await runner.migrate(url, parts.apps, to=(id, None), losing=True)
            again = await runner.migrate(url, parts.apps)
        except Exception as error:  # noqa: BLE001 - a migration may fail in any way, and that is the finding
            return [f"{type(error).__name__}: {error}"]
    return [*report.differences, *again.differences]


def _said(plugin: Looked, level: str | None, lines: list[Line]) -> dict[str, Any]:
    checks = [
        {"name": line.asked.name, "level": line.asked.level, "asks": line.asked.asks, "done": line.done,
         "missing": list(line.missing), "exempt": line.exempt or None}
        for line in lines
    ]  # fmt: skip
    return {"id": plugin.meta.id, "version": plugin.meta.version, "quality": level, "checks": checks}


def _show(plugin: Looked, level: str | None, lines: list[Line]) -> None:
    rows = []
    for line in lines:
        mark = "[green]✓[/]" if not line.missing else "[yellow]-[/]" if line.exempt else "[red]✗[/]"
        advice = line.exempt or " ".join(line.missing)
        rows.append((mark, line.asked.level, line.asked.name, escape(advice or line.asked.asks)))
    table(
        f"{plugin.meta.id} {plugin.meta.version}: {level or f'below {LEVELS[0]}'}", ("", "", "", ""), rows, markup=True
    )
