"""`python -m benchmarks`: prepare a database, check that the answers agree, measure, print the table."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import measure, operations, postgres, report, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, PRODUCT, Contestant, started
from benchmarks.stage import Stage, admit, fill
from crmcore.platform.access import Reach


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", default="1x", help="times 5,000 customers: 1x (default), 10x, 0.1x")
    parser.add_argument("--policy", default="tenant", choices=("tenant", "team", "own"), help="what the caller may see")
    parser.add_argument("--only", default=",".join(operations.ALL), help="operations, such as Q1,Q4")
    parser.add_argument("--rounds", type=int, default=5, help="windows of each contestant")
    parser.add_argument("--count", type=int, default=400, help="requests in a window")
    parser.add_argument("--connections", default="8,32", help="loads; CPU is taken from the first")
    parser.add_argument("--verify", type=int, default=20, help="requests of each operation whose answers are compared")
    parser.add_argument("--only-verify", action="store_true", help="compare the answers, measure nothing")
    parser.add_argument("--contestants", default=f"{FLOOR},{PRODUCT}", help="the first is what others are measured by")
    parser.add_argument("--databases", default="postgres,sqlite", help="one of them, or both")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--data", type=Path, help="folder of the PostgreSQL data; default: a temporary one")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    folder = options.data or Path(tempfile.mkdtemp(prefix="crmcore-bench-"))
    try:
        with postgres.running(folder) as server:
            Run(server, folder, options).all()
    except verify.Disagreement as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class Run:
    """One benchmark from its data to its table."""

    def __init__(self, server: postgres.Server, folder: Path, options: argparse.Namespace) -> None:
        self.server = server
        self.folder = folder
        self.options = options
        self.only = options.only.split(",")
        loads = tuple(int(c) for c in options.connections.split(","))
        self.plan = measure.Plan(rounds=options.rounds, count=options.count, connections=loads)
        self.turns: list[measure.Turn] = []

    def all(self) -> None:
        stage = self._prepared()
        with contextlib.ExitStack() as stack:
            databases = self.options.databases.split(",")
            contestants = {
                database: [stack.enter_context(started(c, stage.urls[database])) for c in self._names()]
                for database in databases
            }
            everybody = [c for database in databases for c in contestants[database]]
            compared = verify.agree(everybody, stage.ids, stage.token, count=self.options.verify, only=self.only)
            print(f"{compared} answers compared: all agree", file=sys.stderr)
            if self.options.only_verify:
                return
            rows = [row for group in contestants.values() for row in self._measured(stage, group)]
        print(report.table(rows))
        if self.options.json:
            setting = {n: getattr(self.options, n) for n in ("size", "policy", "rounds", "count")}
            report.write(self.options.json, setting, rows, measure.raw(self.turns))

    def _names(self) -> list[str]:
        return list(self.options.contestants.split(","))

    def _prepared(self) -> Stage:
        async def work() -> Stage:
            size = Size(int(float(self.options.size.rstrip("x")) * Size().customers))
            file = self.folder / "benchmark.db"
            for old in self.folder.glob("benchmark.db*"):
                old.unlink()
            beside = [f"sqlite:///{file}"] if "sqlite" in self.options.databases else []
            url = await self.server.create_database("benchmark")
            return await admit(url, await fill(url, size, beside), Reach(self.options.policy.upper()), beside)

        began = time.perf_counter()
        stage = asyncio.run(work())
        print(f"data ready in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        return stage

    def _measured(self, stage: Stage, contestants: list[Contestant]) -> list[dict[str, Any]]:
        """The contestants on one database; the first is what the others are measured by."""
        turns: list[measure.Turn] = []
        only = [o for o in self.only if o in operations.READS] if contestants[0].database == "sqlite" else self.only
        with measure.generator() as load:
            for turn in measure.measured(load, self.server, contestants, stage.ids, stage.token, self.plan, only):
                turns.append(turn)
                print(f"\r{turn.database} {turn.operation} {len(turns)} windows", end="", file=sys.stderr, flush=True)
        print(file=sys.stderr)
        self.turns += turns
        rows = measure.summary(turns)
        by_name = {c.name: c for c in contestants}
        for row in rows:
            if row["database"] == "postgres":
                asked = by_name[row["contestant"]]
                row["statements"] = measure.statements(self.server, asked, row["operation"], stage.ids, stage.token)
        return rows


if __name__ == "__main__":
    sys.exit(main())
