"""The measurement: those who are compared take turns; CPU time is read before and after each turn."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contestants import Contestant
from benchmarks.postgres import Server, cpu_seconds, spent


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is asked: `count` requests in a window, `rounds` windows of each, over these numbers of connections.

    CPU is taken from the first number; latency is that of one connection.
    """

    rounds: int = 5
    count: int = 400
    warm: int = 60
    connections: tuple[int, ...] = (8, 32, 1)
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One of those that are compared. `bodies` makes a round's requests; `share` of the plan's count is asked."""

    what: str
    name: str
    contestant: Contestant
    token: str
    path: str
    bodies: Callable[[int], list[str]]
    share: float = 1.0
    loads: frozenset[int] = field(default=frozenset())

    def takes(self, connections: int) -> bool:
        return not self.loads or connections in self.loads


@dataclass(frozen=True, slots=True)
class Turn:
    """One window. Milliseconds of CPU per request, of the worker and of all PostgreSQL processes."""

    what: str
    name: str
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


def measured(load: Generator, server: Server, group: Sequence[Asked], plan: Plan) -> Iterator[Turn]:
    """Every turn of those that are compared with each other; who begins changes from round to round."""
    warmed: set[str] = set()
    for connections in plan.connections:
        for number in range(plan.rounds):
            for asked in group if number % 2 == 0 else reversed(group):
                if asked.takes(connections):
                    more = 1 if asked.name in warmed else asked.contestant.kind.cold
                    yield _turn(load, server, asked, number, connections, plan, more)
                    warmed.add(asked.name)


def _turn(
    load: Generator, server: Server, asked: Asked, number: int, connections: int, plan: Plan, more: int
) -> Turn:  # fmt: skip
    contestant, share = asked.contestant, asked.share / (4 if connections == 1 else 1)
    load.warmed({
        "port": contestant.port, "path": asked.path, "token": asked.token, "connections": connections,
        "bodies": asked.bodies(number), "warm": int(plan.warm * asked.share * more) + 10,
        "count": max(int(plan.count * share), 20), "seconds": plan.seconds,
    })  # fmt: skip
    before, workers = _database(server, contestant), cpu_seconds([contestant.pid])
    result = load.go()
    worker = spent(workers, cpu_seconds([contestant.pid]))
    postgres = spent(before, _database(server, contestant))
    n = result["requests"]
    return Turn(
        asked.what, asked.name, contestant.database, connections, worker / n * 1e3, postgres / n * 1e3,
        n / result["seconds"], result["p50"] * 1e3,
    )  # fmt: skip


def _database(server: Server, contestant: Contestant) -> dict[int, float]:
    return cpu_seconds(server.pids()) if contestant.database == "postgres" else {}


def statements(server: Server, asked: Asked) -> dict[str, int]:
    """What the server's log says of one request: statements, and the transaction control among them."""
    server.configure("log_statement", "all")
    try:
        *before, last = asked.bodies(5)[:11]
        for body in before:  # prepared and planned by now on every connection that will be used
            asked.contestant.send(asked.path, body, asked.token)
        already = len(_logged(server))
        asked.contestant.send(asked.path, last, asked.token)
        said = _logged(server)[already:]
    finally:
        server.configure("log_statement", "none")
    control = sum(any(word in line for word in _CONTROL) for line in said)
    return {"statements": len(said) - control, "control": control}


_CONTROL = ("BEGIN", "begin", "COMMIT", "commit", "SAVEPOINT", "set_config(", "SET LOCAL")


def _logged(server: Server) -> list[str]:
    lines = server.log.read_text(errors="replace").splitlines()
    return [line for line in lines if line.startswith(("LOG:  execute", "LOG:  statement"))]


def summary(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    """One row for each of a group that was compared: medians over the rounds, and CPU over the first one's.

    CPU is that of the first number of connections, where nobody waits for long.
    """
    loads = list(dict.fromkeys(t.connections for t in turns))
    first = _of(turns, turns[0].name, loads[0])
    return [_row(turns, name, loads, first) for name in dict.fromkeys(t.name for t in turns)]


def _of(turns: Sequence[Turn], name: str, connections: int) -> list[Turn]:
    return [t for t in turns if (t.name, t.connections) == (name, connections)]


def _row(turns: Sequence[Turn], name: str, loads: Sequence[int], first: Sequence[Turn]) -> dict[str, Any]:
    mine = _of(turns, name, loads[0])
    ratios = sorted(m.total_ms / f.total_ms for m, f in zip(mine, first))
    by_load = {c: found for c in loads if (found := _of(turns, name, c))}
    return {
        "what": mine[0].what,
        "name": name,
        "database": mine[0].database,
        "worker_ms": median(t.worker_ms for t in mine),
        "postgres_ms": median(t.postgres_ms for t in mine),
        "total_ms": median(t.total_ms for t in mine),
        "ratio": median(ratios),
        "ratio_low": ratios[0],
        "ratio_high": ratios[-1],
        "rps": {c: median(t.rps for t in found) for c, found in by_load.items() if c > 1},
        "rounds": {c: [t.rps for t in found] for c, found in by_load.items() if c > 1},
        "p50_ms": {c: median(t.p50_ms for t in found) for c, found in by_load.items()},
    }


def raw(turns: Sequence[Turn]) -> list[dict[str, Any]]:
    return [asdict(t) for t in turns]
