"""The measurement: for each operation, the contestants take turns; CPU time is read before and after each turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import operations
from benchmarks.company import Ids
from benchmarks.contestants import Contestant
from benchmarks.postgres import Server, cpu_seconds


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked. `count` requests in a window, `rounds` windows of each contestant."""

    rounds: int = 5
    count: int = 400
    warm: int = 60
    connections: tuple[int, ...] = (8, 32)
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Turn:
    """One contestant's window. Milliseconds of CPU per request, of the worker and of all PostgreSQL processes."""

    operation: str
    contestant: str
    database: str
    connections: int
    worker_ms: float
    postgres_ms: float
    rps: float
    p50_ms: float

    @property
    def total_ms(self) -> float:
        return self.worker_ms + self.postgres_ms


class Generator:
    """The load generator's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def _say(self, line: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline() or "null")

    def warmed(self, job: dict[str, Any]) -> None:
        if self._say(json.dumps(job)) != "ready":
            raise RuntimeError("The load generator stopped.")

    def go(self) -> dict[str, Any]:
        result = self._say("go")
        if result is None or result["failed"]:
            raise RuntimeError(f"Requests failed: {result and result['failed']}")
        return dict(result)


@contextmanager
def generator() -> Iterator[Generator]:
    command = [sys.executable, "-m", "benchmarks.load"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Generator(process)
        finally:
            process.terminate()


def measured(
    load: Generator, server: Server, contestants: Sequence[Contestant], ids: Ids, token: str, plan: Plan,
    only: Sequence[str],
) -> Iterator[Turn]:  # fmt: skip
    """Every turn. Operations that write come last, so that reads find the same rows in every round."""
    for operation in sorted(only, key=operations.ALL.index):
        for connections in (*plan.connections, 1):
            for number in range(plan.rounds):
                asked = operations.variables(operation, ids, 200, seed=100 + number)
                turns = contestants if number % 2 == 0 else list(reversed(contestants))
                for contestant in turns:
                    yield _turn(load, server, contestant, operation, asked, token, connections, plan)


def _turn(
    load: Generator, server: Server, contestant: Contestant, operation: str, asked: list[dict[str, Any]], token: str,
    connections: int, plan: Plan,
) -> Turn:  # fmt: skip
    load.warmed({
        "port": contestant.port, "path": contestant.path(operation), "token": token, "connections": connections,
        "bodies": [contestant.body(operation, v) for v in asked], "warm": plan.warm,
        "count": plan.count if connections > 1 else max(plan.count // 4, 20), "seconds": plan.seconds,
    })  # fmt: skip
    processes = server.pids() if contestant.database == "postgres" else []
    worker, postgres = cpu_seconds([contestant.pid]), cpu_seconds(processes)
    result = load.go()
    worker, postgres = cpu_seconds([contestant.pid]) - worker, cpu_seconds(processes) - postgres
    n = result["requests"]
    return Turn(
        operation, contestant.name, contestant.database, connections, worker / n * 1e3, postgres / n * 1e3,
        n / result["seconds"], result["p50"] * 1e3,
    )  # fmt: skip


def statements(server: Server, contestant: Contestant, operation: str, ids: Ids, token: str) -> dict[str, int]:
    """What the server's log says of one request: statements, and the transaction control among them."""
    server.configure("log_statement", "all")
    try:
        asked = operations.variables(operation, ids, 12, seed=5)
        for v in asked[:10]:  # prepared and planned by now on every connection that will be used
            contestant.ask(operation, v, token)
        before = len(_logged(server))
        contestant.ask(operation, asked[11], token)
        said = _logged(server)[before:]
    finally:
        server.configure("log_statement", "none")
    control = sum(any(word in line for word in ("BEGIN", "COMMIT", "SAVEPOINT")) for line in said)
    return {"statements": len(said) - control, "control": control}


def _logged(server: Server) -> list[str]:
    lines = server.log.read_text(errors="replace").splitlines()
    return [line for line in lines if line.startswith(("LOG:  execute", "LOG:  statement"))]


def summary(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """One row for each operation and contestant: medians over the rounds, and ratios to the first contestant's.

    All turns are of one database. CPU is that of the smallest number of connections above one, where nobody waits
    for long.
    """
    rows = []
    first = turns[0].contestant
    loads = sorted({t.connections for t in turns} - {1})
    for operation in dict.fromkeys(t.operation for t in turns):
        for contestant in dict.fromkeys(t.contestant for t in turns):

            def of(connections: int, name: str = contestant, asked: str = operation) -> list[Turn]:
                return [t for t in turns if (t.operation, t.contestant, t.connections) == (asked, name, connections)]

            mine, floor = of(loads[0]), of(loads[0], first)
            ratios = sorted(m.total_ms / f.total_ms for m, f in zip(mine, floor))
            rows.append({
                "operation": operation,
                "contestant": contestant,
                "database": turns[0].database,
                "worker_ms": median(t.worker_ms for t in mine),
                "postgres_ms": median(t.postgres_ms for t in mine),
                "total_ms": median(t.total_ms for t in mine),
                "ratio": median(ratios),
                "ratio_low": ratios[0],
                "ratio_high": ratios[-1],
                "rps": {str(c): median(t.rps for t in of(c)) for c in loads},
                "p50_ms": median(t.p50_ms for t in of(1)),
            })  # fmt: skip
    return rows


def raw(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    return [asdict(t) for t in turns]
