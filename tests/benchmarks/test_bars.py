"""The table of bars says what was measured, and what falls short."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks import bars, report
from benchmarks.measure import Turn, summary
from benchmarks.postgres import spent


@pytest.mark.parametrize(
    "bar, value, verdict",
    [
        (bars.CPU, 1.25, "GOOD"),
        (bars.CPU, 1.3, "MET"),
        (bars.CPU, 1.51, "MISSED"),
        (bars.PEER, 3.0, "GOOD"),
        (bars.PEER, 1.5, "MET"),
        (bars.PEER, 1.4, "MISSED"),
        (bars.CPU, None, "NOT MEASURED"),
    ],
)
def test_a_verdict(bar: bars.Bar, value: float | None, verdict: str):
    assert bar.verdict(value) == verdict


def test_every_bar_has_a_line_and_the_conclusion_names_what_falls_short():
    rows = [_row("Q1", "floor", 1.0, 900.0), _row("Q1", "crmcore", 1.6, 600.0), _row("Q1", "postgraphile", 3.0, 200.0)]
    lines = {(line.bar.about, line.what): line for line in bars.judged(rows, memory=44.0)}
    assert len(lines) == 31
    assert lines[bars.CPU.about, "Q1"].verdict == "MISSED"
    assert (lines[bars.PEER.about, "Q1"].value, lines[bars.PEER.about, "Q1"].verdict) == (3.0, "GOOD")
    assert lines[bars.MEMORY.about, "crmcore"].verdict == "GOOD"
    said = report.conclusion(list(lines.values()))
    assert said.startswith("These bars fall short: CPU of worker and PostgreSQL, over the floor's (Q1). Not measured: ")


def _row(what: str, name: str, ratio: float, rps: float) -> dict[str, Any]:
    return {"what": what, "name": name, "database": "postgres", "ratio": ratio, "rounds": {8: [rps, rps]}}


def test_the_summary_compares_within_a_round():
    turns = [
        Turn("Q1", name, "postgres", 8, cpu, 1.0, 100.0, 2.0)
        for name, cpu in [("floor", 1.0), ("crmcore", 2.0), ("crmcore", 5.0), ("floor", 3.0)]
    ]
    floor, product = summary(turns)
    assert floor["ratio"] == 1.0
    assert (product["ratio_low"], product["ratio"], product["ratio_high"]) == (1.5, 1.5, 1.5)


def test_a_process_that_ends_takes_no_time_away():
    assert spent({1: 5.0, 2: 7.0}, {2: 8.0, 3: 0.5}) == 1.5


def test_the_result_is_put_between_the_marks(tmp_path: Path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n")
    report.into(page, "new")
    assert page.read_text() == f"before\n{report.MARKS[0]}\nnew\n{report.MARKS[1]}\nafter\n"
