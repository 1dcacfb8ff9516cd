"""The result: tables for people, JSON for everything else."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks import operations
from benchmarks.bars import Judged

HEAD = (
    "operation", "database", "contestant", "worker ms", "PostgreSQL ms", "total ms", "x first", "(lowest-highest)",
    "rps", "p50 ms", "statements",
)  # fmt: skip


def measured(rows: Sequence[dict[str, Any]]) -> str:
    """What was measured, as a Markdown table."""
    return _table(HEAD, [_cells(row) for row in rows])


def imports(lines: Sequence[dict[str, Any]]) -> str:
    """What the imports took, as a Markdown table; empty where there were none."""
    if not lines:
        return ""
    cells = [
        (
            line["database"], f"{line['rows']:,}", f"{line['hands_s']:.1f}", f"{line['ours_s']:.1f}",
            f"{line['ratio']:.2f}", f"{line['ratio_clock']:.2f}", f"{line['statements']:,}",
        )
        for line in lines
    ]  # fmt: skip
    head = ("import", "rows", "by hand CPU s", "crmcore CPU s", "x by hand", "x by the clock", "statements")
    return _table(head, cells)


def bars(lines: Sequence[Judged]) -> str:
    """The bars and their verdicts as a Markdown table, and a sentence."""
    cells = [
        (j.bar.about, j.what, _number(j.value, j.bar.unit), _number(j.bar.bar, j.bar.unit),
         _number(j.bar.good, j.bar.unit), j.verdict)
        for j in lines
    ]  # fmt: skip
    return _table(("bar", "of", "measured", "bar", "good", "verdict"), cells) + "\n\n" + conclusion(lines)


def conclusion(lines: Sequence[Judged]) -> str:
    """Which bars fall short, and which nothing is known of."""

    def named(verdict: str) -> str:
        found: dict[str, list[str]] = {}
        for line in lines:
            if line.verdict == verdict:
                found.setdefault(line.bar.about, []).append(line.what)
        return "; ".join(f"{about} ({', '.join(what)})" for about, what in found.items())

    short, unmeasured = named("MISSED"), named("NOT MEASURED")
    said = f"These bars fall short: {short}." if short else "No bar falls short."
    return said + (f" Not measured: {unmeasured}." if unmeasured else "")


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    said = f"{value:g}" if value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{said} {unit}".strip()


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---" for _ in head], *lines))


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counted = row.get("statements")
    said = f"{counted['statements']}" + (f" + {counted['control']}" if counted["control"] else "") if counted else ""
    return (
        f"{row['what']} {operations.WHAT.get(row['what'], '')}".strip(),
        row["database"],
        row["name"],
        f"{row['worker_ms']:.3f}",
        f"{row['postgres_ms']:.3f}",
        f"{row['total_ms']:.3f}",
        f"{row['ratio']:.2f}",
        f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}",
        " / ".join(f"{rps:.0f} ({c})" for c, rps in row["rps"].items()),
        " / ".join(f"{ms:.2f} ({c})" for c, ms in row["p50_ms"].items() if c == 1),
        said,
    )


def machine() -> dict[str, str]:
    """Where it was measured."""
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "python": platform.python_version(),
        "processor": model[0].partition(": ")[2] if model else platform.machine(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "kernel": platform.release(),
    }


def described(setting: dict[str, Any]) -> str:
    """When, where and how it was measured."""
    where = machine()
    return (
        f"{date.today():%d %B %Y}: {where['cores']} cores ({where['processor']}), {where['memory']}, Linux "
        f"{where['kernel']}, Python {where['python']}; size {setting['size']}, {setting['large']:,} customers in the "
        f"large table, {setting['rounds']} rounds of {setting['count']} requests."
    )


def to_json(setting: dict[str, Any], rows: Sequence[dict[str, Any]], lines: Sequence[Judged],
            turns: Sequence[dict[str, Any]], imports: Sequence[dict[str, Any]] = ()) -> str:  # fmt: skip
    """Everything, the single windows too."""
    verdicts = [{"bar": j.bar.about, "of": j.what, "measured": j.value, "verdict": j.verdict} for j in lines]
    whole = {"setting": setting, "machine": machine(), "bars": verdicts, "result": list(rows), "windows": list(turns),
             "imports": list(imports)}  # fmt: skip
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


MARKS = ("<!-- result: begin -->", "<!-- result: end -->")


def into(page: Path, text: str) -> None:
    """Put the result between the marks of a Markdown page."""
    before, _, rest = page.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    page.write_text(f"{before}{MARKS[0]}\n{text}\n{MARKS[1]}{after}")
