"""Who is measured: one worker process each, uvicorn with httptools, on a free port of 127.0.0.1."""

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
    """A running worker."""

    name: str
    port: int
    pid: int

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
            yield Contestant(name, int(port), process.pid)
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


def application(name: str, database_url: str) -> Any:
    """The ASGI application of a contestant."""
    if name == FLOOR:
        from benchmarks.floor import create_floor

        return create_floor(database_url, CONNECTIONS)
    from crmcore.app import create_app
    from crmcore.settings import load

    return create_app(load(
        database_url=database_url, database_connections=CONNECTIONS, page_max=500, plugins_enabled=False,
        log_level="warning",
    ))  # fmt: skip


def main(name: str, database_url: str) -> None:
    """The worker process: prints its port, serves until it is ended."""
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        application(name, database_url), http="httptools", loop="uvloop", log_level="warning", access_log=False
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
