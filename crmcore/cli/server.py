"""Running an installation: serve, migrate, doctor."""

from __future__ import annotations

import asyncio
import platform
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from starlette.applications import Starlette

from crmcore import __version__
from crmcore.app import create_app
from crmcore.cli.opening import parts_for, parts_of, run
from crmcore.cli.output import Json, err, print_json, table
from crmcore.errors import ConfigError
from crmcore.http.protocol import Server, server_config
from crmcore.platform import migrate as runner
from crmcore.platform.checkup import Finding, examine
from crmcore.platform.database import DatabaseError, connect, dialect_of
from crmcore.platform.sqlite import file_of
from crmcore.plugins import PluginState
from crmcore.settings import Settings, load


def serve(
    ctx: typer.Context,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve the API and the console."""
    settings = load(**ctx.obj, host=host, port=port)

    async def work() -> None:
        web = create_app(settings)
        async with web.router.lifespan_context(web):
            with listening(settings) as listener:
                print(f"crmcore {__version__} on http://{settings.host}:{listener.getsockname()[1]}", flush=True)
                await serving(web, settings, listener)

    run(work())


async def serving(web: Starlette, settings: Settings, listener: socket.socket) -> None:
    """Serve an app that is open, until a signal ends it."""
    config = server_config(web, settings)
    config.lifespan = "off"  # opened by the caller, so that what is wrong with the database is said in one line
    await _Server(config).serve(sockets=[listener])


class _Server(Server):
    """Ends on a signal and does not raise it again, so that the app's own end follows: the database is closed well."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if sys.platform == "win32":
            with super().capture_signals():
                yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)


def migrate(
    ctx: typer.Context,
    to: Annotated[
        str | None, typer.Option(help="One app's migration: core.0002_name, or core.zero to undo all.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Undo migrations even where tables with rows go.")] = False,
    as_json: Json = False,
) -> None:
    """Bring the database to the newest schema. A plugin whose migrations fail is left as it was; the others are not."""
    from crmcore.platform import migrate as runner

    settings = load(**ctx.obj)
    label, _, name = (to or "").partition(".")
    target = (label, None if name == "zero" else name) if to else None
    if to and not name:
        raise ConfigError(f"--to names an app and its migration, such as core.0001_initial, not {to!r}.")

    async def work() -> runner.Report:
        parts = await parts_for(settings)
        tell = None if as_json else lambda step: err.print(f"{'undoing' if step.back else 'applying'} {step.key}")
        url, apart = settings.database_url, target is None
        return await runner.migrate(url, parts.apps, to=target, losing=yes, apart=apart, progress=tell)

    report = run(work())
    if as_json:
        print_json({
            "applied": [str(key) for key in report.applied], "reverted": [str(key) for key in report.reverted],
            "backup": str(report.backup) if report.backup else None, "differences": report.differences,
            "failures": report.failures,
        })  # fmt: skip
    else:
        done = (
            f"{len(report.applied)} applied, {len(report.reverted)} undone."
            if report.applied or report.reverted
            else ""
        )
        if done or not report.failures:
            print(done or "The database is up to date.")
        if report.backup and report.reverted:
            print(f"The database as it was is in {report.backup}.")
        for difference in report.differences:
            err.print(f"[yellow]not as the models say:[/] {escape(difference)}")
        for app, why in report.failures.items():
            err.print(f"[red]plugin {app} is left as it was:[/] {escape(why)}", soft_wrap=True)
    raise typer.Exit(1 if report.differences or report.failures else 0)


def make_migration(
    ctx: typer.Context,
    label: Annotated[str, typer.Argument(metavar="APP", help="core, or a plugin's id.")],
    name: Annotated[str, typer.Argument(help="What it does, in a word or two.")] = "",
) -> None:
    """Write the next migration of an app from its models."""
    from crmcore.platform import migrate as runner

    async def work() -> Path | None:
        return await runner.make_migration((await parts_of(load(**ctx.obj))).apps, label, name)

    made = run(work())
    print(made or "The models say nothing that the migrations do not.")


def doctor(ctx: typer.Context, as_json: Json = False) -> None:
    """Look at the installation and say what is wrong and what to do. Exit code 1 if anything is."""
    from crmcore.platform.checkup import Finding

    settings = load(**ctx.obj)

    async def work() -> list[Finding]:
        try:
            parts = await parts_for(settings)
        except (ConfigError, DatabaseError):  # what is wrong with the database is found below
            parts = await parts_of(settings)
        found = [
            Finding("crmcore", True, __version__), Finding("Python", True, platform.python_version()),
            Finding("database", True, _without_password(settings.database_url)),
        ]  # fmt: skip
        try:
            if dialect_of(settings.database_url) == "sqlite" and not file_of(settings.database_url).exists():
                raise ConfigError("There is no such file yet: run crmcore migrate.")
            db = await connect(settings.database_url)
        except ConfigError as error:
            found[-1] = Finding("database", False, found[-1].found, error.message)
        else:
            try:
                found += await examine(db, parts.apps)
            finally:
                await db.close()
        for plugin in parts.plugins.listing():
            problems = "; ".join(plugin.problems)
            well = not problems or plugin.state == PluginState.DISABLED
            found.append(Finding(f"plugin {plugin.id}", well, f"{plugin.version} {plugin.state}", problems))
        secret = "from CRMCORE_SECRET" if settings.secret.get_secret_value() else "one kept in the database"
        return [*found, Finding("secret", True, secret)]

    found = run(work())
    if as_json:
        print_json([{"name": f.name, "ok": f.well, "found": f.found, "advice": f.advice} for f in found])
    else:
        rows = [("[green]✓[/]" if f.well else "[red]✗[/]", f.name, escape(f.found), "" if f.well else escape(f.advice))
                for f in found]  # fmt: skip
        table("", ("", "", "found", "advice"), rows, markup=True)
    raise typer.Exit(0 if all(f.well for f in found) else 1)


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket to serve on. ConfigError if somebody else has the port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
            listener.listen(2048)  # before the address is told: who connects at once waits, and is not refused
        except OSError as error:
            raise ConfigError(
                f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another with --port."
            ) from error
        yield listener


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, slashes, user = head.partition("://")
    return f"{scheme}{slashes}{user.partition(':')[0]}@{tail}" if at else url
