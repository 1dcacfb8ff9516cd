"""The command line. Each command translates its arguments, makes one call and prints what came of it.

A mistake of the user ends with one line that says what to do and the exit code 1 (2 for a wrong command or a
declaration that does not fit, 3 for plugins that fail a strict start); `--json` puts the result on stdout for a script,
and nothing else there.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from crmcore import __version__
from crmcore.app import Misdeclared
from crmcore.cli import checking, data, developing, listing, plugins, server, serving_anew, tracing, working
from crmcore.cli.contributed import plugin_commands
from crmcore.cli.output import fail
from crmcore.errors import CrmError
from crmcore.platform.database import DatabaseError
from crmcore.plugins import PluginsFailed
from crmcore.settings import load


class Commands(typer.core.TyperGroup):
    """All commands, those of plugins after our own: what crmcore refuses on purpose becomes one line instead of a
    traceback."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return super().get_command(ctx, cmd_name) or self._of_plugins(ctx).get(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        try:
            return [*super().list_commands(ctx), *sorted(self._of_plugins(ctx))]
        except CrmError:  # help is to be had even where the settings are wrong; a command says what it is
            return super().list_commands(ctx)

    def _of_plugins(self, ctx: Any) -> dict[str, Any]:
        if "plugins" not in ctx.meta:
            ctx.meta["plugins"] = plugin_commands(load(**(ctx.obj or {})))
        found: dict[str, Any] = ctx.meta["plugins"]
        return found

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except PluginsFailed as error:
            fail(error.message, code=3)
        except CrmError as error:
            fail(error.message)
        except Misdeclared as error:
            fail(str(error), code=2)
        except DatabaseError as error:
            fail(f"The database does not work: {error}. crmcore doctor looks closer.")


def main() -> None:
    """The program `crmcore`."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _settings(
    ctx: typer.Context,
    database: Annotated[str | None, typer.Option(help="The database: sqlite:///file.db or postgresql://...")] = None,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    ctx.obj = {"database_url": database}


def _group(help_text: str, **commands: Any) -> typer.Typer:
    group = typer.Typer(help=help_text, no_args_is_help=True)
    for name, command in commands.items():
        group.command(name)(command)
    return group


def _program() -> typer.Typer:
    program = typer.Typer(
        name="crmcore",
        cls=Commands,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        callback=_settings,
        help="A headless CRM: one GraphQL API that plugins extend. Settings come from CRMCORE_... or crmcore.toml.",
    )
    program.command()(server.serve)
    program.command()(working.worker)
    program.command()(server.migrate)
    program.command()(data.demo)
    program.command("import")(data.import_)
    program.command()(server.doctor)
    program.add_typer(_group("API tokens.", create=listing.create_token), name="token")
    program.add_typer(_group("The GraphQL schema.", export=listing.export_schema), name="schema")
    program.add_typer(
        _group(
            "Plugins: what is installed, and its life in this database.",
            list=plugins.list_plugins,
            info=plugins.info,
            plan=plugins.plan,
            enable=plugins.enable,
            disable=plugins.disable,
            purge=plugins.purge_plugin,
            makemigrations=plugins.make_migrations,
            new=developing.new_plugin,
            check=checking.check_plugin,
            dev=serving_anew.dev,
            trace=tracing.trace,
        ),
        name="plugin",
    )
    program.add_typer(_group("For developers: migrations.", make=server.make_migration), name="migration")
    return program


app = _program()
