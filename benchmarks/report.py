"""The result: a table for people, JSON for everything else."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import operations

HEAD = (
    "operation", "database", "contestant", "worker ms", "PostgreSQL ms", "total ms", "x floor", "(lowest-highest)",
    "rps", "p50 ms", "statements",
)  # fmt: skip


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [HEAD, tuple("---" for _ in HEAD), *(_cells(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    counted = row.get("statements")
    said = f"{counted['statements']}" + (f" + {counted['control']}" if counted["control"] else "") if counted else ""
    return (
        f"{row['operation']} {operations.WHAT[row['operation']]}",
        row["database"],
        row["contestant"],
        f"{row['worker_ms']:.3f}",
        f"{row['postgres_ms']:.3f}",
        f"{row['total_ms']:.3f}",
        f"{row['ratio']:.2f}",
        f"{row['ratio_low']:.2f}-{row['ratio_high']:.2f}",
        " / ".join(f"{rps:.0f} ({c})" for c, rps in row["rps"].items()),
        f"{row['p50_ms']:.2f}",
        said,
    )


def write(path: Path, setting: dict[str, Any], rows: Sequence[dict[str, Any]], turns: Sequence[dict[str, Any]]) -> None:
    """Everything, the single windows too."""
    where = {"python": platform.python_version(), "machine": platform.machine()}
    whole = {"setting": {**setting, **where}, "result": list(rows), "windows": list(turns)}
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n")
