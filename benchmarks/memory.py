"""How much memory a process holds."""

from __future__ import annotations

from pathlib import Path


def megabytes(pid: int) -> float:
    """Its proportional set size: what is its own, and its share of what it shares with other processes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("The kernel does not say.")
