"""What a fragile plugin answers for a record, by its version: a value, null, a failure, or a list with a hole in it."""

from __future__ import annotations

from typing import Any


def code(version: int) -> str | None:
    """2 has none, 3 fails."""
    if version == 3:
        raise ValueError("version 3 breaks it")
    return None if version == 2 else f"code {version}"


def parts(version: int) -> list[Any] | None:
    """2 has a null where none may be, 3 has no list."""
    return {1: ["a", "b"], 2: ["a", None]}.get(version)
