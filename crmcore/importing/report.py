"""What became of an import, for people and for scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmcore.importing.source import Line


@dataclass(slots=True)
class Tally:
    """How many records of one kind were created, changed, left as they were, or refused with their row."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0

    def add(self, other: Tally) -> None:
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        self.refused += other.refused


@dataclass(slots=True)
class Settled:
    """What one transaction of an import settles.

    position  the last line of the file that has been looked at
    rows      how many rows were looked at; those that wait for another row count once
    waiting   lines that name a record which a later line may make, and what they miss
    arrived   lines that had waited, and are now saved, refused, or waiting again
    """

    position: int = 0
    rows: int = 0
    saved: int = 0
    left_out: int = 0
    refused: list[tuple[Line, str]] = field(default_factory=list)
    waiting: list[tuple[Line, str]] = field(default_factory=list)
    arrived: list[int] = field(default_factory=list)
    tallies: dict[str, Tally] = field(default_factory=dict)

    def tally(self, kind: str) -> Tally:
        return self.tallies.setdefault(kind, Tally())


@dataclass(slots=True)
class Reason:
    """Why rows were refused: how many, and the first one's line."""

    text: str
    rows: int
    first_line: int


@dataclass(slots=True)
class Report:
    """Counts of one import. `aliases` counts by column, text and what it was taken for."""

    file: Path
    encoding: str
    dry_run: bool
    rows: int = 0
    saved: int = 0
    refused: int = 0
    left_out: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)
    aliases: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    reasons: dict[str, Reason] = field(default_factory=dict)
    refused_file: Path | None = None
    unused_columns: tuple[str, ...] = ()
    seconds: float = 0.0

    def tally(self, kind: str) -> Tally:
        return self.tallies.setdefault(kind, Tally())

    def add(self, settled: Settled) -> None:
        """Count what has been settled."""
        self.rows += settled.rows
        self.saved += settled.saved
        self.left_out += settled.left_out
        for kind, tally in settled.tallies.items():
            self.tally(kind).add(tally)
        for line, reason in settled.refused:
            self.refused += 1
            known = self.reasons.setdefault(reason, Reason(reason, 0, line.number))
            known.rows += 1
            known.first_line = min(known.first_line, line.number)

    def as_json(self) -> Mapping[str, Any]:
        """The report for scripts."""
        return {
            "file": str(self.file),
            "encoding": self.encoding.removesuffix("-sig"),
            "dryRun": self.dry_run,
            "rows": self.rows,
            "saved": self.saved,
            "refused": self.refused,
            "leftOut": self.left_out,
            "records": {
                kind: {"created": t.created, "updated": t.updated, "unchanged": t.unchanged, "refused": t.refused}
                for kind, t in self.tallies.items()
            },
            "aliases": [
                {"column": column, "value": value, "meaning": meaning, "rows": rows}
                for (column, value, meaning), rows in sorted(self.aliases.items())
            ],
            "reasons": [
                {"reason": r.text, "rows": r.rows, "firstLine": r.first_line}
                for r in sorted(self.reasons.values(), key=lambda r: (-r.rows, r.first_line))
            ],
            "refusedFile": str(self.refused_file) if self.refused_file else None,
            "unusedColumns": list(self.unused_columns),
            "seconds": round(self.seconds, 3),
        }
