"""`crmcore plugin`: what is installed beside the core, and its life in a database."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from crmcore.app import compose
from crmcore.cli.opening import looking, run
from crmcore.cli.output import Json, err, print_json, table
from crmcore.errors import ConfigError
from crmcore.kit import times
from crmcore.migrations import CORE
from crmcore.platform import migrate as runner
from crmcore.platform.database import Database
from crmcore.platform.identity import find_tenant
from crmcore.platform.secrets import signing_key
from crmcore.plugins import Listed, Manifest, Plugins, lifecycle
from crmcore.plugins.overview import described, needing
from crmcore.plugins.planning import Plan, plan_of
from crmcore.plugins.purging import Purged, purge
from crmcore.plugins.tenant_settings import TenantSettings
from crmcore.schema.contributed import contributed
from crmcore.schema.printing import print_schema
from crmcore.settings import Settings, environment, load

Plugin = Annotated[str, typer.Argument(metavar="ID", help="The plugin's id.")]
_RESTART = "Servers and workers that run see it when they are started again."


def list_plugins(ctx: typer.Context, as_json: Json = False) -> None:
    """List the plugins, and why one is not loaded; NEEDS_SETTINGS is said for the default tenant."""
    listed = run(_surveyed(load(**ctx.obj)))
    if as_json:
        print_json([_as_json(p) for p in listed])
    else:
        rows = [(p.id, p.version, str(p.state), p.title, "; ".join(p.problems)) for p in listed]
        table(f"{len(rows)} plugins", ("id", "version", "state", "title", "problems"), rows)


def info(ctx: typer.Context, plugin: Plugin, as_json: Json = False) -> None:
    """Tell everything about one plugin: its state, what it asks for, its settings, its tables and migrations."""

    async def work() -> dict[str, Any]:
        settings = load(**ctx.obj)
        async with looking(settings) as db:
            plugins = await _settled(settings, db)
            listed = await _for_default_tenant(settings, db, plugins, _listed(plugins, plugin))
            return {**_as_json(listed), **await _more(settings, db, plugins, plugin)}

    told = run(work())
    if as_json:
        print_json(told)
    else:
        told["settings"] = list((told.get("settings") or {}).get("properties", {}))
        table("", ("", ""), [(name, _text(value)) for name, value in told.items()])


def enable(ctx: typer.Context, plugin: Plugin, as_json: Json = False) -> None:
    """Switch a plugin on, from the next start on."""
    _switch(ctx, plugin, on=True, as_json=as_json)


def disable(ctx: typer.Context, plugin: Plugin, as_json: Json = False) -> None:
    """Switch a plugin off, from the next start on. Its tables and settings stay."""
    _switch(ctx, plugin, on=False, as_json=as_json)


def purge_plugin(
    ctx: typer.Context,
    plugin: Plugin,
    drop_data: Annotated[
        bool | None,
        typer.Option("--drop-data/--keep-data", help="Whether its tables, settings and stored values go too."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Drop its tables even where they hold rows.")] = False,
    as_json: Json = False,
) -> None:
    """Take a plugin out of the database; stop the servers first. Nothing of the core is touched.

    It is switched off, and its jobs go. With --keep-data everything else waits for it to be enabled again; with
    --drop-data it is as if it had never been there.
    """
    if drop_data is None:
        raise ConfigError("Say what becomes of its data: --keep-data or --drop-data.")
    settings, drop = load(**ctx.obj), drop_data

    async def work() -> Purged:
        async with looking(settings) as db:
            known = _there(db)
            plugins = await _read(settings, known, plugin)
            with _quiet():
                every = Plugins.discover(settings.model_copy(update={"plugins_disable": []}), strict=False)
            return await purge(known, plugins, every, CORE, plugin, times.now(), drop=drop, losing=yes)

    done = run(work())
    if as_json:
        print_json({"id": done.plugin, "reverted": done.migrations, "rows": done.rows})
        return
    print(f"{plugin} is switched off. {'Its data are gone.' if drop else 'Its data wait for it.'} {_RESTART}")
    if done.migrations or done.rows:
        rows = [(f"migration {name}", "undone") for name in done.migrations]
        table("", ("what", "rows"), [*rows, *((name, f"{count:,}") for name, count in done.rows.items())])


def plan(ctx: typer.Context, plugin: Plugin, as_json: Json = False) -> None:
    """Tell what a plugin would bring before it does: to the graph, to the database, and what it asks for.

    Exit code 1 if what its migrations do loses data.
    """
    settings = load(**ctx.obj)

    async def work() -> Plan:
        async with looking(settings) as db:
            with _quiet():
                return await plan_of(settings, _there(db), CORE, plugin, _added)

    told = run(work())
    if as_json:
        print_json(asdict(told))
    else:
        _print_plan(told)
    raise typer.Exit(1 if told.destructive else 0)


def make_migrations(
    ctx: typer.Context,
    plugin: Plugin,
    name: Annotated[str, typer.Argument(help="What it does, in a word or two.")] = "",
    as_json: Json = False,
) -> None:
    """For its developer: write the plugin's next migration from its models."""
    settings = load(**ctx.obj)

    async def work() -> Path | None:
        with _quiet():
            plugins = Plugins.discover(settings, strict=False)
        app = plugins.app_of(plugin)
        if app is None:
            listed = _listed(plugins, plugin)
            why = "; ".join(listed.problems) or "its manifest names no models."
            raise ConfigError(f"No migrations can be made for {plugin}: {why}")
        others = [s.app for s in plugins.contributions() if s.app is not None and s.plugin != plugin]
        return await runner.make_migration([CORE, *others, app], plugin, name)

    made = run(work())
    if as_json:
        print_json({"file": str(made) if made else None})
    else:
        print(made or "The models say nothing that the migrations do not.")


# ---------------------------------------------------------------- what they share


async def _surveyed(settings: Settings) -> list[Listed]:
    async with looking(settings) as db:
        plugins = await _settled(settings, db)
        return [await _for_default_tenant(settings, db, plugins, each) for each in plugins.listing()]


async def _for_default_tenant(settings: Settings, db: Database | None, plugins: Plugins, listed: Listed) -> Listed:
    """NEEDS_SETTINGS where the default tenant lacks some."""
    declared = plugins.settings()
    if db is None or listed.id not in declared or not await runner.has_table(db, "plugin_setting"):
        return listed
    if (tenant := await find_tenant(db)) is None:
        return listed
    secret = await signing_key(db, settings.secret.get_secret_value())
    held = TenantSettings(db, secret, declared, settings.plugins, environment())
    return needing(listed, await held.of(tenant, listed.id))


async def _settled(settings: Settings, db: Database | None) -> Plugins:
    """The plugins as a start would find them now."""
    off = {} if db is None else await lifecycle.switched_off(db)
    with _quiet():
        plugins = Plugins.discover(settings, off, strict=False)
        await compose(plugins)
    if db is not None:
        await lifecycle.settle(db, plugins, CORE)
    return plugins


async def _read(settings: Settings, db: Database, keep: str) -> Plugins:
    """The plugins that are switched on, and this one in any case."""
    off = await lifecycle.switched_off(db)
    off.pop(keep, None)
    with _quiet():
        return Plugins.discover(settings, off, strict=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Why a plugin does not load is told by what the command prints, not by the log too."""
    log = logging.getLogger("crmcore.plugins")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


async def _added(without: Settings, with_it: Settings) -> str:
    """What the second app has in its graph beyond the first."""
    one, other = [print_schema((await compose(Plugins.discover(s, strict=False))).schema) for s in (without, with_it)]
    return contributed(one, other)


def _switch(ctx: typer.Context, plugin: str, *, on: bool, as_json: bool) -> None:
    settings = load(**ctx.obj)

    async def work() -> tuple[Listed | None, list[str]]:
        async with looking(settings) as db:
            known = _there(db)
            plugins = await _read(settings, known, plugin)
            await lifecycle.enable(known, plugins, plugin, times.now(), on=on)
            leaning = [] if on else plugins.requiring(plugin)
            return next((p for p in plugins.listing() if p.id == plugin), None), leaning

    listed, leaning = run(work())
    if as_json:
        print_json({"id": plugin, "enabled": on, "requiredBy": leaning})
        return
    print(f"{plugin} is switched {'on' if on else 'off'}. {_RESTART}")
    if leaning:
        print(f"Without it these do not load either: {', '.join(leaning)}.")
    if on and listed is not None and listed.problems:
        err.print(f"[yellow]But as it is, it would not load:[/] {escape('; '.join(listed.problems))}", soft_wrap=True)
    elif on:
        print("Run crmcore migrate before that.")


def _there(db: Database | None) -> Database:
    if db is None:
        raise ConfigError("There is no database yet: run crmcore migrate.")
    return db


def _listed(plugins: Plugins, plugin: str) -> Listed:
    listed = plugins.listing()
    for one in listed:
        if one.id == plugin:
            return one
    there = ", ".join(p.id for p in listed) or "none"
    raise ConfigError(f"There is no plugin {plugin!r}. There are: {there}.")


def _as_json(p: Listed) -> dict[str, Any]:
    return {name: getattr(p, name) for name in ("id", "title", "version", "state", "source", "problems")}


async def _more(settings: Settings, db: Database | None, plugins: Plugins, plugin: str) -> dict[str, Any]:
    meta: Manifest | None = plugins.manifest(plugin)
    told: dict[str, Any] = described(meta) if meta else {}
    if db is None:
        return told
    row = (await lifecycle.known(db)).get(plugin)
    told["applied"] = await lifecycle.migrations_of(db, plugin)
    if row is not None:
        told |= {
            "firstSeenAt": row.first_seen_at.isoformat(),
            "versionAt": row.version_at.isoformat(),
            "previousVersion": row.previous_version,
        }
    return told


def _print_plan(told: Plan) -> None:
    print(f"# {told.plugin} {told.version}\n")
    for name, asked in told.asks.items():
        print(f"{name}: {', '.join(asked)}")
    print(f"\n# The graph\n\n{told.graph.rstrip() or '(nothing)'}\n\n# The database\n")
    for step in told.database:
        mark = "  !! loses data" if step.destructive else ""
        print(f"-- {step.migration}: {step.does}{mark}")
        for text in step.sql:
            print(text)
    if not told.database:
        print("-- No migration waits.")
    for problem in told.problems:
        err.print(f"[yellow]{escape(problem)}[/]", soft_wrap=True)


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(map(_text, value))
    return "" if value is None else str(value)
