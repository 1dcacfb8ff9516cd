"""`python -m benchmarks`: prepare the databases, check that the answers agree, measure, print the tables."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import bars, importing, jobs, large, measure, operations, postgraphile, postgres, report, suite, verify
from benchmarks.company import Size
from benchmarks.contestants import FLOOR, KINDS, POSTGRAPHILE, PRODUCT, Contestant, started
from benchmarks.memory import megabytes
from benchmarks.stage import Stage, admit, fill
from crmcore.platform.access import Reach

T = TypeVar("T")
PARTS = ("tenant", "own", "sqlite", "page", "large", "import", "jobs")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--size", default="1x", help="times 5,000 customers: 1x (default), 10x, 0.1x")
    parser.add_argument("--large", type=int, default=500_000, help="customers of the large table")
    parser.add_argument("--jobs", type=int, default=20_000, help="jobs of each kind that a worker runs")
    parser.add_argument("--import-rows", type=int, default=100_000, help="rows of the file that is brought in")
    parser.add_argument("--parts", default=",".join(PARTS), help="of the whole, such as tenant,sqlite; also: team")
    parser.add_argument("--only", default=",".join(operations.ALL), help="operations, such as Q1,Q4")
    parser.add_argument("--contestants", default=",".join(KINDS), help="on PostgreSQL")
    parser.add_argument("--rounds", type=int, default=5, help="windows of each contestant")
    parser.add_argument("--count", type=int, default=400, help="requests in a window")
    parser.add_argument("--connections", default="8,32,1", help="loads; CPU is taken from the first")
    parser.add_argument("--verify", type=int, default=20, help="requests of each operation whose answers are compared")
    parser.add_argument("--only-verify", action="store_true", help="compare the answers, measure nothing")
    parser.add_argument("--json", type=Path, help="where to write everything that was measured")
    parser.add_argument("--write", type=Path, help="a Markdown page with marks, between which the tables are put")
    parser.add_argument("--data", type=Path, help="folder of the PostgreSQL data; default: a temporary one")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    folder = options.data or Path(tempfile.mkdtemp(prefix="crmcore-bench-"))
    try:
        with postgres.running(folder) as server, measure.generator() as load:
            Run(server, load, folder, options).all()
    except verify.Disagreement as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        if options.data is None:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class Run:
    """One benchmark from its data to its tables."""

    def __init__(
        self, server: postgres.Server, load: measure.Generator, folder: Path, options: argparse.Namespace
    ) -> None:
        self.server = server
        self.load = load
        self.folder = folder
        self.options = options
        self.parts = options.parts.split(",")
        self.only = [o for o in operations.ALL if o in options.only.split(",")]
        loads = tuple(int(c) for c in options.connections.split(","))
        self.plan = measure.Plan(rounds=options.rounds, count=options.count, connections=loads)
        self.brief = measure.Plan(rounds=options.rounds, count=options.count, connections=loads[:1])
        self.rows: list[dict[str, Any]] = []
        self.turns: list[measure.Turn] = []
        self.memory: float | None = None
        self.imports: list[dict[str, Any]] = []
        self.jobs: dict[str, float] = {}

    def all(self) -> None:
        stages = _timed("data", self._prepared)
        tenant = stages[Reach.TENANT]
        with started(PRODUCT, tenant.urls["postgres"]) as product:
            with contextlib.ExitStack() as stack:
                self._contests(stack, product, stages)
            if self.options.only_verify:
                return
            if "page" in self.parts:
                self._measured(suite.page(product, tenant), self.brief)
            self.memory = megabytes(product.pid)
            if "large" in self.parts:
                self._large(product, tenant)
        if "import" in self.parts:
            self._imported()
        if "jobs" in self.parts:
            self._worked()
        self._report()

    # ------------------------------------------------------------ the parts

    def _contests(self, stack: contextlib.ExitStack, product: Contestant, stages: Mapping[Reach, Stage]) -> None:
        """Contestants on the same operations: after all answers have been compared."""
        tenant = stages[Reach.TENANT]
        all_here = list(self._here(stack, product, tenant))
        ours = [c for c in all_here if c.kind.name in {FLOOR, PRODUCT}]
        files = [stack.enter_context(started(n, url)) for url in tenant.files for n in (FLOOR, PRODUCT)]
        self._agreed(all_here, ours, files, stages)
        if self.options.only_verify:
            return
        reads = [o for o in self.only if o in operations.READS]
        for reach, stage in stages.items():
            if reach is not Reach.TENANT:
                self._each(reads, partial(_narrowed, ours, stage, reach), self.brief)
        if files:
            self._each(reads, lambda o: suite.operation(o, files, tenant), self.brief)
        if "tenant" in self.parts:
            self._each(self.only, lambda o: suite.operation(o, all_here, tenant), self.plan, count=True)

    def _here(self, stack: contextlib.ExitStack, product: Contestant, stage: Stage) -> Iterator[Contestant]:
        """The contestants on PostgreSQL."""
        for name in self.options.contestants.split(","):
            url = stage.urls["postgres"]
            if name == POSTGRAPHILE:
                if reason := postgraphile.missing():
                    print(f"\n*** {name} DOES NOT TAKE PART: {reason} ***\n", file=sys.stderr)
                    continue
                url = asyncio.run(postgraphile.prepare(stage))
            yield product if name == PRODUCT else stack.enter_context(started(name, url))

    def _agreed(
        self, all_here: list[Contestant], ours: list[Contestant], files: list[Contestant], stages: Mapping[Reach, Stage]
    ) -> None:
        """What writes comes last: the databases part there."""
        compared = 0
        for only in (operations.READS, operations.WRITES):
            asked = [o for o in self.only if o in only]
            for reach, stage in stages.items():
                here = [*(all_here if reach is Reach.TENANT else ours), *(files if only is operations.READS else ())]
                compared += verify.agree(here, stage.ids, stage.token, count=self.options.verify, only=asked)
        print(f"{compared} answers compared: all agree", file=sys.stderr)

    def _large(self, product: Contestant, tenant: Stage) -> None:
        """Pages of a table with very many customers."""

        async def work() -> Stage:
            return await large.fill(await self.server.create_database("large"), self.options.large)

        stage = _timed(f"{self.options.large:,} customers", work)
        with started(PRODUCT, stage.urls["postgres"]) as many:
            self._measured(suite.table(product, tenant, many, stage), self.brief)
            for group in suite.depth(many, stage, self.options.large):
                self._measured(group, self.brief)

    def _imported(self) -> None:
        """A file comes in, on fresh databases and beside nobody."""
        runs = []
        for run in importing.measured(self.server, self.folder, self.options.import_rows, 1, ("postgres", "sqlite")):
            print(f"import {run.name} ({run.database}): {run.total:.1f} s of CPU", file=sys.stderr)
            runs.append(run)
        self.imports = importing.summary(runs, self.options.import_rows)

    def _worked(self) -> None:
        """A worker runs jobs, beside nobody."""

        async def work() -> dict[str, float]:
            return await jobs.rates(await self.server.create_database("jobs"), self.options.jobs)

        self.jobs = _timed(f"{self.options.jobs:,} jobs of each kind", work)

    # ------------------------------------------------------------ the steps

    async def _prepared(self) -> dict[Reach, Stage]:
        """Databases with data, and a token of each reach that is asked for."""
        size = Size(int(float(self.options.size.rstrip("x")) * Size().customers))
        for old in self.folder.glob("benchmark.db*"):
            old.unlink()
        beside = [f"sqlite:///{self.folder / 'benchmark.db'}"] if "sqlite" in self.parts else []
        url = await self.server.create_database("benchmark")
        ids = await fill(url, size, beside)
        asked = [r for r in Reach if r is Reach.TENANT or r.value.lower() in self.parts]
        return {reach: await admit(url, ids, reach, beside) for reach in asked}

    def _each(
        self,
        only: Iterable[str],
        group: Callable[[str], list[measure.Asked]],
        plan: measure.Plan,
        *,
        count: bool = False,
    ) -> None:
        for operation in only:
            self._measured(group(operation), plan, count=count)

    def _measured(self, group: Sequence[measure.Asked], plan: measure.Plan, *, count: bool = False) -> None:
        print(f"{group[0].what}: {', '.join(a.name for a in group)} ({group[0].contestant.database})", file=sys.stderr)
        turns = list(measure.measured(self.load, self.server, group, plan))
        self.turns += turns
        rows = measure.summary(turns)
        if count:
            for row, asked in zip(rows, group):
                row["statements"] = measure.statements(self.server, asked)
        self.rows += rows

    def _report(self) -> None:
        lines = list(bars.judged(self.rows, self.memory, self.imports, self.jobs))
        text = "\n\n".join(filter(None, (report.bars(lines), report.measured(self.rows), report.imports(self.imports))))
        print(text)
        setting = {n: getattr(self.options, n) for n in ("size", "large", "parts", "rounds", "count", "connections")}
        if self.options.json:
            self.options.json.write_text(
                report.to_json(setting, self.rows, lines, measure.raw(self.turns), self.imports)
            )
        if self.options.write:
            report.into(self.options.write, f"{report.described(setting)}\n\n{text}")


def _narrowed(ours: Sequence[Contestant], stage: Stage, reach: Reach, name: str) -> Any:
    """An operation by a caller who does not see the whole tenant."""
    return suite.operation(name, ours, stage, f"{name} {reach.value.lower()}")


def _timed(what: str, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    began = time.perf_counter()
    done = asyncio.run(work())
    print(f"{what} ready in {time.perf_counter() - began:.1f} s", file=sys.stderr)
    return done


if __name__ == "__main__":
    sys.exit(main())
