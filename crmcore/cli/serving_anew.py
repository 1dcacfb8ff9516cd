"""`crmcore plugin dev`: serves with a plugin that is being written, and anew after every change of it.

The program imports crmcore once and never the plugin. For each turn it forks: the child imports the plugin, brings the
database up to date and serves on the socket that is there all the time, so that a client who comes in between waits
and is not refused.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from crmcore.app import Crm, compose, create_app
from crmcore.cli.opening import run
from crmcore.cli.server import listening, serving
from crmcore.errors import ConfigError, CrmError
from crmcore.platform import identity
from crmcore.platform import migrate as runner
from crmcore.plugins import Plugins
from crmcore.plugins.discovery import installed
from crmcore.plugins.projects import found_in
from crmcore.settings import Settings, load

_WATCHED = {".py", ".toml", ".html", ".txt", ".json", ".mjml", ".sql"}
_EVERY = 0.1


def dev(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The plugin's project, or the folder that holds its package.")] = Path(),
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve with a plugin that is being written, and anew when a file of it is saved. Its migrations are applied."""
    if not hasattr(os, "fork"):
        raise ConfigError("crmcore plugin dev needs an operating system that forks, such as Linux or macOS.")
    given = load(**ctx.obj, port=port)
    settings = given
    if {found.id for found in found_in(path)} - {found.id for found in installed()}:
        settings = given.model_copy(update={"plugin_paths": [*given.plugin_paths, path.resolve()]})
    with listening(settings) as listener:
        first = True
        while True:
            seen = _state(path)
            child = os.fork()
            if child == 0:
                os._exit(_turn(settings, listener, first))
            first = False
            try:
                _until_changed(path, seen)
            finally:
                _stop(child)
            print("changed: again", flush=True)


def _turn(settings: Settings, listener: socket.socket, first: bool) -> int:
    """What a child does; its exit code. A mistake is printed, and the next change tries again."""
    began = time.perf_counter()

    async def work() -> None:
        await runner.migrate(settings.database_url, (await compose(Plugins.discover(settings))).apps)
        web = create_app(settings)
        async with web.router.lifespan_context(web):
            crm: Crm = web.state.crm
            for plugin in crm.plugins.listing():
                print(
                    f"  {plugin.id} {plugin.version} {plugin.state} {'; '.join(plugin.problems)}".rstrip(), flush=True
                )
            place = f"http://{settings.host}:{listener.getsockname()[1]}"
            print(f"serving on {place} after {time.perf_counter() - began:.2f} s", flush=True)
            if first:
                print(f"  the console: {place}/console/#token={await _token(crm)}", flush=True)
            await serving(web, settings, listener)

    try:
        run(work())
    except (CrmError, OSError, TypeError, ValueError) as error:
        print(f"error: {error}\nwaiting for a change", flush=True)
        return 1
    return 0


async def _token(crm: Crm) -> str:
    async with crm.db.transaction() as tx:
        tenant = await identity.find_tenant(crm.db)
        assert tenant is not None
        return (await identity.create_token(tx, tenant, "plugin dev")).text


def _state(path: Path) -> dict[Path, int]:
    """When each file was changed."""
    found = {}
    for file in _files(path):
        try:
            found[file] = file.stat().st_mtime_ns
        except OSError:  # an editor has just taken it away
            continue
    return found


def _files(path: Path) -> Iterator[Path]:
    for file in path.rglob("*"):
        if file.suffix in _WATCHED and not any(part.startswith(".") or part == "__pycache__" for part in file.parts):
            yield file


def _until_changed(path: Path, seen: dict[Path, int]) -> None:
    def leave(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        while _state(path) == seen:
            time.sleep(_EVERY)
    except KeyboardInterrupt:
        raise typer.Exit from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(child: int) -> None:
    """End a turn: well if it can in a moment, else at once."""
    if os.waitpid(child, os.WNOHANG)[0]:
        return
    os.kill(child, signal.SIGTERM)
    until = time.monotonic() + 1
    while time.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
