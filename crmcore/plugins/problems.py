"""What a plugin says is not well with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SEVERITIES: Final = {
    "WARNING": "It works, but somebody should look.",
    "ERROR": "Something of it does not work.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not well. `key` names it for programs and stays the same; the message is for people."""

    key: str
    message: str
    severity: Literal["WARNING", "ERROR"] = "WARNING"


class NotReady(Exception):
    """Raised by `crm_lifespan`: the plugin cannot begin yet. It is tried again after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float = 30) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


__all__ = ["SEVERITIES", "NotReady", "Problem"]
