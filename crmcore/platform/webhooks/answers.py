"""How an attempt went."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt went. `code` is None without an answer, `problem` says why it failed; `body` is its beginning."""

    code: int | None
    problem: str | None
    duration_ms: int
    body: str = ""
    retry_after: str = ""

    @property
    def taken(self) -> bool:
        """Whether the receiver took the message."""
        return self.problem is None
