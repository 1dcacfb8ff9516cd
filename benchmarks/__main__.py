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
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--data", type=Path, help="folder of the PostgreSQL data; default: a temporary one")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    only = options.only.split(",")
    folder = options.data or Path(tempfile.mkdtemp(prefix="crmcore-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(postgres.running(folder))
            stage = _prepared(server, options)
            contestants = [stack.enter_context(started(c, stage.url)) for c in options.contestants.split(",")]
            compared = verify.agree(contestants, stage.ids, stage.token, count=options.verify, only=only)
            print(f"{compared} answers compared: all agree", file=sys.stderr)
            if not options.only_verify:
                _measure(server, stage, contestants, options, only)
    except verify.Disagreement as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


def _prepared(server: postgres.Server, options: argparse.Namespace) -> Stage:
    async def work() -> Stage:
        size = Size(int(float(options.size.rstrip("x")) * Size().customers))
        url = await server.create_database("benchmark")
        return await admit(url, await fill(url, size), Reach(options.policy.upper()))

    began = time.perf_counter()
    stage = asyncio.run(work())
    print(f"data ready in {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return stage


def _measure(
    server: postgres.Server, stage: Stage, contestants: list[Contestant], options: argparse.Namespace, only: list[str]
) -> None:
    loads = tuple(int(c) for c in options.connections.split(","))
    plan = measure.Plan(rounds=options.rounds, count=options.count, connections=loads)
    turns: list[measure.Turn] = []
    with measure.generator() as load:
        for turn in measure.measured(load, server, contestants, stage.ids, stage.token, plan, only):
            turns.append(turn)
            print(f"\r{turn.operation} {len(turns)} windows", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = measure.summary(turns)
    _count(server, stage, contestants, rows)
    print(report.table(rows))
    if options.json:
        setting = {"size": options.size, "policy": options.policy, "rounds": plan.rounds, "count": plan.count}
        report.write(options.json, setting, rows, measure.raw(turns))


def _count(server: postgres.Server, stage: Stage, contestants: list[Contestant], rows: list[dict[str, Any]]) -> None:
    by_name = {c.name: c for c in contestants}
    for row in rows:
        asked = by_name[row["contestant"]]
        row["statements"] = measure.statements(server, asked, row["operation"], stage.ids, stage.token)


if __name__ == "__main__":
    sys.exit(main())
