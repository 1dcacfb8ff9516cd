"""For who writes plugins: a new one, one under work, one that is looked over."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from crmcore.app import Composition, compose
from crmcore.cli.output import Json, print_json
from crmcore.errors import ConfigError
from crmcore.platform import migrate as runner
from crmcore.plugins import Plugins, PluginState
from crmcore.plugins.projects import found_in
from crmcore.schema.contributed import contributed
from crmcore.schema.printing import print_schema

_ID = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)


def new_plugin(
    id: Annotated[str, typer.Argument(metavar="ID", help="Begins its tables, types and fields: loyalty.")],
    with_: Annotated[
        str, typer.Option("--with", help="What it has: models, graphql, webhook, job, settings.")
    ] = "models,graphql,webhook,job,settings",
    into: Annotated[Path, typer.Option("--into", help="The folder in which its folder is made.")] = Path(),
    as_json: Json = False,
) -> None:
    """Write the project of a new plugin, which passes its own tests."""
    from crmcore.cli.scaffold import FEATURES, write_plugin

    features = [word.strip() for word in with_.split(",") if word.strip()]
    if unknown := [word for word in features if word not in FEATURES]:
        raise ConfigError(f"--with names {', '.join(unknown)}; there are {', '.join(FEATURES)}.")
    if not _ID.fullmatch(id) or not 3 <= len(id) <= 31 or id in {"core", "crmcore"}:
        raise ConfigError(f"{id!r} is no id: use 3 to 31 lower-case letters, digits and single underscores.")
    folder = into / f"crmcore-{id.replace('_', '-')}"
    if folder.exists():
        raise ConfigError(f"{folder} is there already.")
    written = write_plugin(folder, id, features)
    parts = asyncio.run(composed_from(folder))
    if "models" in features and (made := asyncio.run(runner.make_migration(parts.apps, id, "initial"))):
        written.append(made)
    print_contribution(folder, parts)
    written.append(folder / "contribution.graphql")
    if as_json:
        print_json({"id": id, "folder": str(folder), "files": sorted(str(path) for path in written)})
    else:
        print(f"{folder}: {len(written)} files. Next:\n  cd {folder}\n  pip install -e '.[test]'\n  pytest")


async def composed_from(path: Path) -> Composition:
    """The core and the plugin of a project or folder. ConfigError with the reasons if it does not load."""
    parts = await compose(Plugins(found_in(path)))
    listing = parts.plugins.listing()
    if not listing:
        raise ConfigError(f"{path} holds no plugin: no pyproject.toml with entry points of crmcore, and no package.")
    if bad := [f"{p.id} ({p.state}): {problem}" for p in listing for problem in p.problems]:
        raise ConfigError("\n".join(bad))
    assert all(p.state == PluginState.LOADED for p in listing)
    return parts


def print_contribution(folder: Path, parts: Composition) -> str:
    """Write what the plugin adds to the graph into its contribution.graphql; the text."""
    text = contribution_of(parts)
    (folder / "contribution.graphql").write_text(text)
    return text


def contribution_of(parts: Composition) -> str:
    """What the plugins add to the graph of the core, printed."""
    core = asyncio.run(compose(Plugins()))
    return contributed(print_schema(core.schema), print_schema(parts.schema))


def package_of(path: Path, id: str) -> Path:
    """The folder of the package of a plugin at this path."""
    cls = next(candidate.load() for candidate in found_in(path) if candidate.id == id)
    return Path(str(sys.modules[cls.__module__].__file__)).parent
