"""Who is measured: one worker process each, on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from benchmarks import operations

FLOOR: Final = "floor"
PRODUCT: Final = "crmcore"
CONNECTIONS: Final = 10


@dataclass(frozen=True, slots=True)
class Contestant:
    """A running worker. `database` is postgres or sqlite."""

    name: str
    database: str
    port: int
    pid: int

    @property
    def label(self) -> str:
        return f"{self.name} on {self.database}"

    def path(self, operation: str) -> str:
        return f"/{operation}" if self.name == FLOOR else "/graphql"

    def body(self, operation: str, variables: dict[str, Any]) -> str:
        if self.name == FLOOR:
            return json.dumps(variables)
        return json.dumps({"query": operations.document(operation), "variables": variables})

    def ask(self, operation: str, variables: dict[str, Any], token: str) -> Any:
        """The parsed answer of the operation's root. RuntimeError for a refusal."""
        request = Request(
            f"http://127.0.0.1:{self.port}{self.path(operation)}",
            self.body(operation, variables).encode(),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urlopen(request, timeout=30) as response:
                answer = json.load(response)
        except HTTPError as error:
            raise RuntimeError(f"{self.name} {operation}: HTTP {error.code} {error.read()[:500]!r}") from error
        if self.name == FLOOR:
            return answer
        if answer.get("errors"):
            raise RuntimeError(f"{self.name} {operation}: {answer['errors']}")
        return answer["data"][operations.ROOTS[operation]]


@contextmanager
def started(name: str, database_url: str) -> Iterator[Contestant]:
    """The worker, listening; ended at the end."""
    command = [sys.executable, "-m", "benchmarks.contestants", name, database_url]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"The worker of {name} did not start.")
            _wait(int(port), process)
            database = "sqlite" if database_url.startswith("sqlite:") else "postgres"
            yield Contestant(name, database, int(port), process.pid)
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[str]) -> None:
    """Until it answers; connections wait in the socket's queue until then."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/livez", timeout=60):
            return
    except HTTPError:
        return  # the floor has no such path, which is an answer too
    except OSError as error:
        raise RuntimeError(f"The worker does not answer (exit code {process.poll()}): {error}") from error


def _config(name: str, database_url: str) -> Any:
    """How a contestant is served: crmcore as `crmcore serve` does it, with every guard of the door."""
    import uvicorn

    if name == FLOOR:
        from benchmarks.floor import create_floor

        app = create_floor(database_url, CONNECTIONS)
        return uvicorn.Config(app, http="httptools", loop="uvloop", log_level="warning", access_log=False)
    from crmcore.app import create_app
    from crmcore.http.protocol import server_config
    from crmcore.settings import load

    settings = load(
        database_url=database_url, database_connections=CONNECTIONS, page_max=500, plugins_enabled=False,
        log_level="warning",
    )  # fmt: skip
    return server_config(create_app(settings), settings, loop="uvloop")


def main(name: str, database_url: str) -> None:
    """The worker process: prints its port, serves until it is ended."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(_config(name, database_url)).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
