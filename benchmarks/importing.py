"""A file comes in: the product's import against a script written by hand for that file and those tables.

Each runs in a process of its own on a fresh database; what is compared is the CPU time of the process and of
PostgreSQL. Then the rows are counted: both must have written the same number into every table.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.company import FORMS, INDUSTRIES, WORDS
from benchmarks.floor.importing import TABLES
from benchmarks.postgres import Server, cpu_seconds
from crmcore.cli.opening import opened, run
from crmcore.importing import import_file
from crmcore.kit.sql import Sql, ident
from crmcore.migrations import CORE
from crmcore.platform.access import ActorKind
from crmcore.platform.database import connect
from crmcore.platform.migrate import migrate
from crmcore.settings import load

MAPPING = """
system = "erp"

[[record]]
type = "Customer"
key = "number"
fields.name = "company"
fields.industry = "industry"

[[record]]
type = "ContactPoint"
name = "email"
key = "{number}:email"
fields.customer = { record = "customer" }
fields.type = { value = "EMAIL" }
fields.value = "email"

[[record]]
type = "ContactPoint"
name = "phone"
key = "{number}:phone"
fields.customer = { record = "customer" }
fields.type = { value = "PHONE" }
fields.value = "phone"
"""
HANDS, PRODUCT = "by hand", "crmcore"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run: seconds of CPU of the process and of PostgreSQL, seconds by the clock, statements of the product."""

    name: str
    database: str
    process: float
    postgres: float
    clock: float
    statements: int | None

    @property
    def total(self) -> float:
        return self.process + self.postgres


def write_file(folder: Path, rows: int) -> tuple[Path, Path]:
    """The file of customers, and its mapping."""
    dice, data, mapping = random.Random(1), folder / "import.csv", folder / "import.toml"
    mapping.write_text(MAPPING)
    with data.open("w", encoding="utf-8") as text:
        text.write("number,company,industry,email,phone\n")
        for n in range(rows):
            word, form = dice.choice(WORDS), dice.choice(FORMS)
            text.write(f"C{n},{word} {form} {n},{dice.choice(INDUSTRIES)},info@firm{n}.example,+49 30 {1000000 + n}\n")
    return data, mapping


def measured(server: Server, folder: Path, rows: int, rounds: int, databases: tuple[str, ...]) -> Iterator[Measured]:
    """Every run, those who are compared in turns."""
    data, mapping = write_file(folder, rows)
    for number in range(rounds):
        for database in databases:
            counts = {}
            for name in (HANDS, PRODUCT):
                url = _fresh(server, folder, database)
                yield _run(server, name, database, url, data, mapping)
                counts[name] = asyncio.run(_counts(url))
            if counts[HANDS] != counts[PRODUCT] or counts[HANDS]["customer"] != rows:
                raise RuntimeError(f"Not the same rows on {database}, round {number}: {counts}")


def summary(runs: list[Measured], rows: int) -> list[dict[str, Any]]:
    """A line for each database: medians, and how many times the hand-written script's CPU the product takes."""
    lines = []
    for database in dict.fromkeys(r.database for r in runs):
        hands, ours = ([r for r in runs if r.database == database and r.name == n] for n in (HANDS, PRODUCT))
        lines.append({
            "database": database,
            "rows": rows,
            "hands_s": median(r.total for r in hands),
            "ours_s": median(r.total for r in ours),
            "ratio": median(o.total / h.total for o, h in zip(ours, hands)),
            "ratio_clock": median(o.clock / h.clock for o, h in zip(ours, hands)),
            "statements": ours[0].statements,
        })  # fmt: skip
    return lines


def _fresh(server: Server, folder: Path, database: str) -> str:
    if database == "sqlite":
        for old in folder.glob("import.db*"):
            old.unlink()
        url = f"sqlite:///{folder / 'import.db'}"
    else:
        url = asyncio.run(server.create_database("import"))
    asyncio.run(migrate(url, [CORE]))
    return url


def _run(server: Server, name: str, database: str, url: str, data: Path, mapping: Path) -> Measured:
    command = [
        sys.executable,
        "-m",
        "benchmarks.floor.importing" if name == HANDS else "benchmarks.importing",
        url,
        data,
    ]
    before, mine, began = _server_seconds(server), _children(), time.perf_counter()
    done = subprocess.run([*command, *([] if name == HANDS else [mapping])], check=True, stdout=subprocess.PIPE)
    clock = time.perf_counter() - began
    statements = int(done.stdout) if done.stdout else None
    return Measured(name, database, _children() - mine, _server_seconds(server) - before, clock, statements)


def _children() -> float:
    """CPU of the processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _server_seconds(server: Server) -> float:
    """CPU of PostgreSQL, the connections that have ended included: their postmaster was told."""
    postmaster, *living = server.pids()
    ended = Path(f"/proc/{postmaster}/stat").read_text().rpartition(")")[2].split()[13:15]
    return sum(map(int, ended)) / os.sysconf("SC_CLK_TCK") + sum(cpu_seconds([postmaster, *living]).values())


async def _counts(url: str) -> dict[str, int]:
    db = await connect(url, connections=2)
    try:
        return {t: (await db.fetch(Sql(f"SELECT count(*) AS n FROM {ident(t)}")))[0]["n"] for t in TABLES}
    finally:
        await db.close()


async def bring_in(url: str, data: Path, mapping: Path) -> None:
    """The product's turn; says how many statements it took."""
    async with opened(load(database_url=url), ActorKind.IMPORT, data.name) as (crm, context):
        with crm.db.counting() as seen:
            report = await import_file(context, crm.registry, data, mapping)
    if report.refused:
        raise RuntimeError(f"Rows were refused: {report.as_json()}")
    print(len(seen))


if __name__ == "__main__":
    run(bring_in(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
