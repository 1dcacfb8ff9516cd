"""What an installation has: tokens, the schema, plugins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from crmcore.cli.opening import opened, parts_of, run
from crmcore.cli.output import Json, err, print_json
from crmcore.errors import ConfigError
from crmcore.platform import identity
from crmcore.platform.access import ActorKind
from crmcore.schema.apps import rights_of
from crmcore.schema.printing import print_schema
from crmcore.settings import load


def create_token(
    ctx: typer.Context,
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    user: Annotated[str | None, typer.Option(help="The email address of the user as whom it acts.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="All that it may do: customer:read, deal:write, ...")] = None,
    as_json: Json = False,
) -> None:
    """Make an API token. It is shown this once and kept nowhere."""
    from crmcore.platform import identity

    async def work() -> identity.NewToken:
        opening = opened(load(**ctx.obj), ActorKind.SYSTEM, "command line")
        async with opening as (crm, context), crm.db.transaction() as tx:
            user_id = await identity.find_user(tx, context.tenant_id, user) if user else None
            if user and user_id is None:
                raise ConfigError(f"There is no active user with the email address {user}.")
            scopes = rights_of(crm.registry, crm.plugins.listing(), scope) if scope else None
            return await identity.create_token(tx, context.tenant_id, name, user_id=user_id, scopes=scopes)

    made = run(work())
    if as_json:
        print_json({"id": str(made.id), "name": name, "token": made.text})
    else:
        err.print("Keep it safe: it is shown this once.")
        print(made.text)


def export_schema(
    ctx: typer.Context,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; stdout unless given.")] = None,
    core: Annotated[bool, typer.Option("--core", help="Without plugins.")] = False,
) -> None:
    """Print the GraphQL schema as the server has it, plugins included."""
    settings = load(**ctx.obj, plugins_enabled=False if core else None)
    text = print_schema(run(parts_of(settings)).schema)
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot write {output}: {error.strerror}.") from error
