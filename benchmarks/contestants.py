"""Who is measured: one worker process each, on a free port of 127.0.0.1."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from benchmarks import operations, postgraphile, worker
from benchmarks.speech import GraphQL, Routes
from crmcore.platform.database import dialect_of

FLOOR: Final = "floor"
PRODUCT: Final = "crmcore"
NAIVE: Final = "naive"
POSTGRAPHILE: Final = "postgraphile"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a contestant is started and spoken to.

    `cold` times the usual warm-up is what it needs before its first window; `share` of the usual number of requests is
    asked in a window, at the `loads` named (none: all). `operations` are those that it can do.
    """

    name: str
    speech: GraphQL
    command: tuple[str, ...] = worker.COMMAND
    cold: int = 1
    share: float = 1.0
    loads: frozenset[int] = frozenset()
    operations: tuple[str, ...] = operations.ALL


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind(FLOOR, Routes()),
        Kind(PRODUCT, GraphQL()),
        Kind(POSTGRAPHILE, postgraphile.Postgraphile(), postgraphile.COMMAND, cold=25),
        Kind(NAIVE, GraphQL(), operations=operations.READS, share=0.2, loads=frozenset({8, 1})),
    )
}


@dataclass(frozen=True, slots=True)
class Contestant:
    """A running worker. `database` is postgres or sqlite."""

    kind: Kind
    database: str
    port: int
    pid: int

    @property
    def label(self) -> str:
        return f"{self.kind.name} on {self.database}"

    def ask(self, operation: str, variables: dict[str, Any], token: str) -> Any:
        """The parsed answer of the operation's root."""
        speech = self.kind.speech
        return speech.answer(operation, self.send(speech.path(operation), speech.body(operation, variables), token))

    def send(self, path: str, body: str, token: str) -> Any:
        """The parsed response. RuntimeError for a refusal."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        request = Request(f"http://127.0.0.1:{self.port}{path}", body.encode(), headers)
        try:
            with urlopen(request, timeout=30) as response:
                answer = json.load(response)
        except HTTPError as error:
            raise RuntimeError(f"{self.label} {path}: HTTP {error.code} {error.read()[:500]!r}") from error
        if path == "/graphql" and answer.get("errors"):
            raise RuntimeError(f"{self.label}: {answer['errors']}")
        return answer


@contextmanager
def started(name: str, database_url: str) -> Iterator[Contestant]:
    """The worker, listening; ended at the end."""
    kind = KINDS[name]
    command = [*kind.command, name, database_url]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise RuntimeError(f"The worker of {name} did not start.")
            _wait(int(port), process)
            yield Contestant(kind, dialect_of(database_url), int(port), process.pid)
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[str]) -> None:
    """Until it answers; connections wait in the socket's queue until then."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/livez", timeout=60):
            return
    except HTTPError:
        return  # not everybody has such a path, which is an answer too
    except OSError as error:
        raise RuntimeError(f"The worker does not answer (exit code {process.poll()}): {error}") from error
