"""The commands that plugins add: `crmcore <id> <name> --option ...`."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Final

import typer

from crmcore.cli.opening import opened, run
from crmcore.cli.output import Json, fail, print_json
from crmcore.errors import CrmError
from crmcore.kit import times
from crmcore.platform.access import ActorKind
from crmcore.platform.database import DatabaseError
from crmcore.plugins import Plugins
from crmcore.plugins.commands import Command, Option
from crmcore.plugins.contribution import Contribution
from crmcore.plugins.crm import crm_in
from crmcore.settings import Settings, load

log = logging.getLogger("crmcore.plugins")


def plugin_commands(settings: Settings) -> dict[str, Any]:
    """The commands of the plugins that load, a group for each plugin."""
    plugins = Plugins.discover(settings)
    titles = {listed.id: listed.title for listed in plugins.listing()}
    found = [share for share in plugins.contributions() if share.commands]
    return {share.plugin: typer.main.get_command(_group(share, titles[share.plugin])) for share in found}


def _group(share: Contribution, title: str) -> typer.Typer:
    group = typer.Typer(help=f"{title}: a plugin.", no_args_is_help=True, add_completion=False)
    group.callback()(lambda: None)  # so that one command alone has its name, too
    for command in share.commands:
        group.command(command.name, help=command.help)(_runs(share.plugin, command))
    return group


def _runs(plugin: str, command: Command) -> Callable[..., None]:
    """The function that typer reads: its parameters are the command's options."""

    def runs(ctx: typer.Context, *, as_json: bool, **options: Any) -> None:
        settings = load(**ctx.obj)

        async def work() -> Any:
            async with opened(settings, ActorKind.SYSTEM, "command line") as (app, context):
                if plugin not in {share.plugin for share in app.plugins.contributions()}:
                    fail(f"The plugin {plugin} is not in use: crmcore plugin info {plugin} says why.")
                crm = crm_in(app.backing, plugin, context.tenant_id)
                crm.ctx.operation = f"command {plugin} {command.name}"
                return await _called(plugin, command, crm, options)

        answer = run(work())
        if as_json or not isinstance(answer, str | None):
            print_json(answer)
        elif answer is not None:
            print(answer)

    parameters = [inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)]
    parameters += [_parameter(option) for option in command.options()]
    parameters.append(inspect.Parameter("as_json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Json))
    runs.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks for first
    runs.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return runs


async def _called(plugin: str, command: Command, crm: Any, options: dict[str, Any]) -> Any:
    try:
        return await command.run(crm, **options)
    except (CrmError, DatabaseError):
        raise
    except Exception as error:  # whatever it raises is said in one line
        log.debug("the command %s of plugin %s failed", command.name, plugin, exc_info=True)
        fail(f"The plugin {plugin} failed: {type(error).__name__}: {error}")


def _parameter(option: Option) -> inspect.Parameter:
    kind: Any = option.kind
    declared = typer.Option(parser=_PARSERS[kind]) if kind in _PARSERS else typer.Option()
    kind = list[kind] if option.many else kind
    if not option.required and not option.many and option.default is None:
        kind = kind | None
    default = option.default
    if option.required:
        default = inspect.Parameter.empty
    elif option.many and default is None:
        default = []
    return inspect.Parameter(
        option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, declared]
    )


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError(text) from None


_PARSERS: Final[dict[Any, Callable[[Any], Any]]] = {
    date: lambda given: given if isinstance(given, date) else date.fromisoformat(given),
    datetime: lambda given: given if isinstance(given, datetime) else times.from_text(given),
    Decimal: lambda given: given if isinstance(given, Decimal) else _decimal(given),
}
