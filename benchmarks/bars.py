"""The bars: what has to be reached, what would be good, and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks import operations
from benchmarks.contestants import NAIVE, POSTGRAPHILE, PRODUCT


@dataclass(frozen=True, slots=True)
class Bar:
    """`most` is the largest value that meets the bar, or with `upwards` the smallest."""

    about: str
    bar: float
    good: float
    unit: str = "x"
    upwards: bool = False

    def verdict(self, value: float | None) -> str:
        if value is None:
            return "NOT MEASURED"
        sign = -1 if self.upwards else 1
        if sign * value <= sign * self.good:
            return "GOOD"
        return "MET" if sign * value <= sign * self.bar else "MISSED"


CPU: Final = Bar("CPU of worker and PostgreSQL, over the floor's", 1.5, 1.25)
CREATE: Final = Bar(CPU.about, 2.0, 1.5)
PEER: Final = Bar("requests per second, over PostGraphile's", 1.5, 3.0, upwards=True)
USUAL: Final = Bar("requests per second, over strawberry + tortoise + data loaders'", 10, 20, upwards=True)
STATEMENTS: Final = Bar("SQL statements per root field", 1, 1, unit="")
MEMORY: Final = Bar("memory of a worker after load", 60, 45, unit="MB")
PAGE: Final = Bar("CPU of a page of 500 rows, over one of 20", 12, 10)
DEPTH: Final = Bar("CPU of a page at 90 % depth, over the first page", 3, 1.5)
TABLE: Final = Bar("CPU of the first page of many customers, over few", 1.3, 1.1)
IMPORT: Final = Bar("CPU of an import, over a script's written by hand for that file", 3.0, 2.0)
JOBS: Final = Bar("small jobs per second that one worker runs", 1000, 2000, unit="", upwards=True)
SQLITE: Final = Bar("CPU on SQLite, over its own floor's", 1.5, 1.25)


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of the table of bars."""

    bar: Bar
    what: str
    value: float | None

    @property
    def verdict(self) -> str:
        return self.bar.verdict(self.value)


def judged(
    rows: Sequence[dict[str, Any]],
    memory: float | None,
    imports: Sequence[dict[str, Any]] = (),
    jobs: Mapping[str, float] | None = None,
) -> Iterator[Judged]:
    """Every bar with what was measured for it."""
    found = {(row["database"], row["what"], row["name"]): row for row in rows}

    def ratio(what: str, name: str = PRODUCT, database: str = "postgres") -> float | None:
        row = found.get((database, what, name))
        return None if row is None else float(row["ratio"])

    def faster(what: str, than: str) -> float | None:
        mine, other = found.get(("postgres", what, PRODUCT)), found.get(("postgres", what, than))
        return None if mine is None or other is None else _faster(mine["rounds"], other["rounds"])

    for operation in operations.READS:
        yield Judged(CPU, operation, ratio(operation))
    for operation in operations.READS:
        yield Judged(CPU, f"{operation} own", ratio(f"{operation} own"))
    yield Judged(CREATE, "M1", ratio("M1"))
    for operation in operations.ALL:
        yield Judged(PEER, operation, faster(operation, POSTGRAPHILE))
    for operation in operations.READS[1:]:
        yield Judged(USUAL, operation, faster(operation, NAIVE))
    said = [row["statements"]["statements"] - 1 for row in rows if row["name"] == PRODUCT and "statements" in row
            and row["what"] in operations.READS]  # fmt: skip
    yield Judged(STATEMENTS, "Q1 to Q4, the token's apart", max(said) if said else None)
    yield Judged(MEMORY, PRODUCT, memory)
    for bar, what in ((PAGE, "page"), (DEPTH, "depth by name"), (DEPTH, "depth by time"), (TABLE, "table")):
        measured = [row for row in rows if row["what"] == what]
        yield Judged(bar, what, measured[-1]["ratio"] if measured else None)
    for operation in operations.READS:
        yield Judged(SQLITE, operation, ratio(operation, database="sqlite"))
    brought_in = {line["database"]: float(line["ratio"]) for line in imports}
    for database in ("postgres", "sqlite"):
        yield Judged(IMPORT, database, brought_in.get(database))
    for what in ("that do nothing", "that write a row"):
        yield Judged(JOBS, what, (jobs or {}).get(what))


def _faster(mine: Mapping[int, Sequence[float]], other: Mapping[int, Sequence[float]]) -> float:
    """Requests per second over another's in the same round, the median; at the load where that is least."""
    return min(median(m / o for m, o in zip(mine[load], other[load])) for load in mine.keys() & other.keys())
